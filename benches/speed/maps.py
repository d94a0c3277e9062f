"""Create the device maps that are measured, each with the fault that a check must find."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

# The blocks of each device are a list, a range or a NumPy int64 array.
DeviceMapLike: TypeAlias = Mapping[int, Any]

BLOCK_COUNTS = (12, 48, 1_000, 16_000, 1_000_000)
NUM_DEVICES = 8


@dataclass(frozen=True)
class Fault:
    """The fault that a check must find."""

    kind: Literal["duplicate", "missing", "extra"]
    blocks: list[int]


@dataclass(frozen=True)
class Case:
    """A device map with the fault that a check must find, or None if the map has no fault."""

    device_map: DeviceMapLike
    num_blocks: int
    fault: Fault | None = None


def equal_runs(num_blocks: int, num_devices: int) -> dict[int, range]:
    """Create a map of ranges of equal length, except that the last one can be shorter."""
    size = -(-num_blocks // num_devices)
    starts = range(0, num_blocks, size)
    return {device: range(start, min(start + size, num_blocks)) for device, start in enumerate(starts)}


def contiguous(num_blocks: int, num_devices: int) -> dict[int, list[int]]:
    """Create a map with one run per device, as lists whose ints are adjacent in memory."""
    return {device: list(run) for device, run in equal_runs(num_blocks, num_devices).items()}


def round_robin(num_blocks: int, num_devices: int) -> dict[int, list[int]]:
    """Create a map with block b on device b modulo the number of devices, in which no run is longer than one block."""
    return {device: list(range(device, num_blocks, num_devices)) for device in range(num_devices)}


def shuffled(num_blocks: int, num_devices: int) -> dict[int, list[int]]:
    """Create a map with random blocks on each device, so that reading them accesses memory in random order."""
    blocks = list(range(num_blocks))
    random.Random(0).shuffle(blocks)
    return {device: blocks[run.start : run.stop] for device, run in equal_runs(num_blocks, num_devices).items()}


def one_block_per_device(num_blocks: int, _num_devices: int) -> dict[int, list[int]]:
    """Create a map with as many devices as blocks."""
    return {block: [block] for block in range(num_blocks)}


def int64_arrays(num_blocks: int, num_devices: int) -> DeviceMapLike:
    """Create a map with one run per device, as NumPy int64 arrays."""
    return {device: np.arange(run.start, run.stop) for device, run in equal_runs(num_blocks, num_devices).items()}


def one_duplicate(num_blocks: int, num_devices: int) -> Case:
    """Create a map in which the middle block is also the last item of the last device."""
    device_map = contiguous(num_blocks, num_devices)
    device_map[max(device_map)].append(num_blocks // 2)
    return Case(device_map, num_blocks, Fault("duplicate", [num_blocks // 2]))


def one_missing(num_blocks: int, num_devices: int) -> Case:
    """Create a map in which one block is missing."""
    missing = num_blocks // 2
    runs = equal_runs(num_blocks, num_devices)
    device_map = {device: [block for block in run if block != missing] for device, run in runs.items()}
    return Case(device_map, num_blocks, Fault("missing", [missing]))


def one_extra(num_blocks: int, num_devices: int) -> Case:
    """Create a map in which the last device has one block more than the model."""
    device_map = contiguous(num_blocks, num_devices)
    device_map[max(device_map)].append(num_blocks)
    return Case(device_map, num_blocks, Fault("extra", [num_blocks]))


def half_missing(num_blocks: int, num_devices: int) -> Case:
    """Create a map in which every other block is missing."""
    runs = equal_runs(num_blocks, num_devices)
    device_map = {device: [block for block in run if block % 2 == 0] for device, run in runs.items()}
    return Case(device_map, num_blocks, Fault("missing", list(range(1, num_blocks, 2))))


MAPS_WITHOUT_FAULTS: dict[str, Callable[[int, int], DeviceMapLike]] = {
    "contiguous": contiguous,
    "round-robin": round_robin,
    "shuffled": shuffled,
    "one block per device": one_block_per_device,
    "ranges": equal_runs,
    "int64 arrays": int64_arrays,
}
MAPS_WITH_FAULTS: dict[str, Callable[[int, int], Case]] = {
    "one duplicate": one_duplicate,
    "one missing": one_missing,
    "one extra": one_extra,
    "half missing": half_missing,
}


def create_case(kind: str, num_blocks: int, num_devices: int = NUM_DEVICES) -> Case:
    """Create a map of one of the kinds in ``MAPS_WITHOUT_FAULTS`` and ``MAPS_WITH_FAULTS``."""
    if kind in MAPS_WITH_FAULTS:
        return MAPS_WITH_FAULTS[kind](num_blocks, num_devices)
    return Case(MAPS_WITHOUT_FAULTS[kind](num_blocks, num_devices), num_blocks)
