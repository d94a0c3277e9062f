"""The inputs: device maps, each with the verdict that it must get."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

# A device's blocks: a list, a range or an int64 array.
DeviceMap: TypeAlias = Mapping[int, Any]

SIZES = (12, 48, 1_000, 16_000, 1_000_000)
DEVICES = 8


@dataclass(frozen=True)
class Fault:
    """The fault that a check must find."""

    kind: Literal["duplicate", "missing", "extra"]
    blocks: list[int]


@dataclass(frozen=True)
class Case:
    """A device map and what there is to find in it."""

    device_map: DeviceMap
    num_blocks: int
    fault: Fault | None = None


def cut(num_blocks: int, devices: int) -> dict[int, range]:
    """The blocks in equal runs, the last one shorter if it does not come out even."""
    size = -(-num_blocks // devices)
    return {d: range(start, min(start + size, num_blocks)) for d, start in enumerate(range(0, num_blocks, size))}


def contiguous(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """One run a device, each int next to the last one in memory."""
    return {device: list(run) for device, run in cut(num_blocks, devices).items()}


def round_robin(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """Block b on device b mod the number of devices: no two blocks of a device follow each other."""
    return {device: list(range(device, num_blocks, devices)) for device in range(devices)}


def shuffled(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """Ints made in order and then dealt out at random, so that each read lands somewhere else in memory."""
    blocks = list(range(num_blocks))
    random.Random(0).shuffle(blocks)
    return {device: blocks[run.start : run.stop] for device, run in cut(num_blocks, devices).items()}


def one_each(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """As many devices as blocks."""
    return {block: [block] for block in range(num_blocks)}


def arrays(num_blocks: int, devices: int) -> DeviceMap:
    """The contiguous map in int64 arrays."""
    return {device: np.arange(run.start, run.stop) for device, run in cut(num_blocks, devices).items()}


def one_duplicate(num_blocks: int, devices: int) -> Case:
    """A block from the middle stands on the last device too."""
    device_map = contiguous(num_blocks, devices)
    device_map[max(device_map)].append(num_blocks // 2)
    return Case(device_map, num_blocks, Fault("duplicate", [num_blocks // 2]))


def one_missing(num_blocks: int, devices: int) -> Case:
    """A block from the middle is on no device."""
    lost = num_blocks // 2
    device_map = {d: [b for b in run if b != lost] for d, run in cut(num_blocks, devices).items()}
    return Case(device_map, num_blocks, Fault("missing", [lost]))


def one_extra(num_blocks: int, devices: int) -> Case:
    """The last device goes one block too far."""
    device_map = contiguous(num_blocks, devices)
    device_map[max(device_map)].append(num_blocks)
    return Case(device_map, num_blocks, Fault("extra", [num_blocks]))


def half_missing(num_blocks: int, devices: int) -> Case:
    """Every other block is on no device: the most runs, and half a million blocks to name."""
    device_map = {d: [b for b in run if b % 2 == 0] for d, run in cut(num_blocks, devices).items()}
    return Case(device_map, num_blocks, Fault("missing", list(range(1, num_blocks, 2))))


GOOD: dict[str, Callable[[int, int], DeviceMap]] = {
    "contiguous": contiguous,
    "round-robin": round_robin,
    "shuffled": shuffled,
    "one block a device": one_each,
    "ranges": cut,
    "int64 arrays": arrays,
}
BAD: dict[str, Callable[[int, int], Case]] = {
    "one duplicate": one_duplicate,
    "one missing": one_missing,
    "one extra": one_extra,
    "half missing": half_missing,
}


def make(kind: str, num_blocks: int, devices: int = DEVICES) -> Case:
    """The map of a kind named in ``GOOD`` or ``BAD``."""
    if kind in BAD:
        return BAD[kind](num_blocks, devices)
    return Case(GOOD[kind](num_blocks, devices), num_blocks)
