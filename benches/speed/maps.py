"""Create the device maps that are measured, each with the fault that a check must find."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

# The blocks of a device are a list, a range or an int64 array.
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
    """A device map and its fault."""

    device_map: DeviceMap
    num_blocks: int
    fault: Fault | None = None


def even_runs(num_blocks: int, devices: int) -> dict[int, range]:
    """Divide the blocks into equal runs, the last of which may be shorter."""
    size = -(-num_blocks // devices)
    return {d: range(start, min(start + size, num_blocks)) for d, start in enumerate(range(0, num_blocks, size))}


def contiguous(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """Create a map with one run per device, whose ints are adjacent in memory."""
    return {device: list(run) for device, run in even_runs(num_blocks, devices).items()}


def round_robin(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """Create a map with block b on device b modulo the number of devices, in which no run is longer than one block."""
    return {device: list(range(device, num_blocks, devices)) for device in range(devices)}


def shuffled(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """Create a map with random blocks on each device, so that reading them accesses memory in random order."""
    blocks = list(range(num_blocks))
    random.Random(0).shuffle(blocks)
    return {device: blocks[run.start : run.stop] for device, run in even_runs(num_blocks, devices).items()}


def one_each(num_blocks: int, devices: int) -> dict[int, list[int]]:
    """Create a map with as many devices as blocks."""
    return {block: [block] for block in range(num_blocks)}


def arrays(num_blocks: int, devices: int) -> DeviceMap:
    """Create a contiguous map of int64 arrays."""
    return {device: np.arange(run.start, run.stop) for device, run in even_runs(num_blocks, devices).items()}


def one_duplicate(num_blocks: int, devices: int) -> Case:
    """Create a map in which the last device also has a block of another device."""
    device_map = contiguous(num_blocks, devices)
    device_map[max(device_map)].append(num_blocks // 2)
    return Case(device_map, num_blocks, Fault("duplicate", [num_blocks // 2]))


def one_missing(num_blocks: int, devices: int) -> Case:
    """Create a map in which one block is missing."""
    lost = num_blocks // 2
    device_map = {d: [b for b in run if b != lost] for d, run in even_runs(num_blocks, devices).items()}
    return Case(device_map, num_blocks, Fault("missing", [lost]))


def one_extra(num_blocks: int, devices: int) -> Case:
    """Create a map in which the last device has one block more than the model."""
    device_map = contiguous(num_blocks, devices)
    device_map[max(device_map)].append(num_blocks)
    return Case(device_map, num_blocks, Fault("extra", [num_blocks]))


def half_missing(num_blocks: int, devices: int) -> Case:
    """Create a map in which every other block is missing."""
    device_map = {d: [b for b in run if b % 2 == 0] for d, run in even_runs(num_blocks, devices).items()}
    return Case(device_map, num_blocks, Fault("missing", list(range(1, num_blocks, 2))))


GOOD: dict[str, Callable[[int, int], DeviceMap]] = {
    "contiguous": contiguous,
    "round-robin": round_robin,
    "shuffled": shuffled,
    "one block per device": one_each,
    "ranges": even_runs,
    "int64 arrays": arrays,
}
BAD: dict[str, Callable[[int, int], Case]] = {
    "one duplicate": one_duplicate,
    "one missing": one_missing,
    "one extra": one_extra,
    "half missing": half_missing,
}


def make(kind: str, num_blocks: int, devices: int = DEVICES) -> Case:
    """Create a map of a kind in ``GOOD`` or ``BAD``."""
    if kind in BAD:
        return BAD[kind](num_blocks, devices)
    return Case(GOOD[kind](num_blocks, devices), num_blocks)
