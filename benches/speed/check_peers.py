"""The peers of the drop-in: other implementations that check or create device maps, with the original's signatures.

Each check raises an error with the original's message, so that all of them do the same work on a map with a fault.
"""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain, pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

import devicemap
from benches.speed.maps import Case, DeviceMapLike, Fault

Check: TypeAlias = Callable[[DeviceMapLike, int], None]
Create: TypeAlias = Callable[[int, range], Any]

ORIGINAL_LIMIT = 16_000
"""The largest number of blocks for which the original is measured, since its time is quadratic."""


def check_with_set(device_map: DeviceMapLike, num_blocks: int) -> None:
    """Check a map by comparing sets."""
    blocks = list(chain.from_iterable(device_map.values()))
    assigned, model_blocks = set(blocks), set(range(num_blocks))
    if len(assigned) == len(blocks) and assigned == model_blocks:
        return
    seen: set[int] = set()
    duplicates: dict[int, None] = {}
    if len(assigned) < len(blocks):
        for block in blocks:
            if block in seen:
                duplicates[block] = None
            seen.add(block)
    extra = assigned - model_blocks
    _raise_first_fault(
        duplicates, sorted(model_blocks - assigned), (block for block in blocks if block in extra) if extra else ()
    )


def check_with_sort(device_map: DeviceMapLike, num_blocks: int) -> None:
    """Check a map by sorting its blocks."""
    blocks = sorted(chain.from_iterable(device_map.values()))
    if blocks == list(range(num_blocks)):
        return
    duplicates = dict.fromkeys(block for block, following in pairwise(blocks) if block == following)
    missing: list[int] = []
    expected = 0
    for block in blocks:
        if expected <= block < num_blocks:
            missing.extend(range(expected, block))
            expected = block + 1
    missing.extend(range(expected, num_blocks))
    _raise_first_fault(duplicates, missing, (block for block in blocks if not 0 <= block < num_blocks))


def check_with_counter(device_map: DeviceMapLike, num_blocks: int) -> None:
    """Check a map by counting its blocks with ``collections.Counter``."""
    counts = Counter(chain.from_iterable(device_map.values()))
    duplicates = [block for block, count in counts.items() if count > 1]
    missing = [block for block in range(num_blocks) if block not in counts]
    extra = [block for block in counts.elements() if not 0 <= block < num_blocks] if len(counts) > num_blocks else []
    _raise_first_fault(duplicates, missing, extra)


def check_with_numpy(device_map: DeviceMapLike, num_blocks: int) -> None:
    """Check a map with NumPy: with ``fromiter``, unless the values are arrays, and with ``bincount``."""
    values = list(device_map.values())
    if all(isinstance(value, np.ndarray) for value in values):
        blocks = np.concatenate(values)
    else:
        blocks = np.fromiter(chain.from_iterable(values), np.int64, sum(map(len, values)))
    if len(blocks) == num_blocks and blocks.min(initial=0) >= 0 and blocks.max(initial=0) < num_blocks:
        model_blocks, extra = blocks, blocks[:0]
    else:
        is_model_block = (blocks >= 0) & (blocks < num_blocks)
        model_blocks, extra = blocks[is_model_block], blocks[~is_model_block]
    counts = np.bincount(model_blocks, minlength=num_blocks)
    if len(blocks) == num_blocks and counts.all():
        return
    _raise_first_fault(np.flatnonzero(counts > 1).tolist(), np.flatnonzero(counts == 0).tolist(), extra.tolist())


CHECKS: dict[str, Check] = {
    "set": check_with_set,
    "sort": check_with_sort,
    "Counter": check_with_counter,
    "numpy": check_with_numpy,
    "devicemap": devicemap.assert_device_map,
}
"""The implementations that take less than a second for a million blocks."""


class Original(NamedTuple):
    """The two functions of transformers 4."""

    check: Check
    create: Create


@cache
def original() -> Original | None:
    """Return the functions of transformers, or None if the installed version does not have them."""
    # Disables the warnings about missing frameworks.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        module = importlib.import_module("transformers.utils.model_parallel_utils")
    except ImportError:
        return None
    return Original(module.assert_device_map, module.get_device_map)


def error_message(check: Check, case: Case) -> str | None:
    """Return the message of the error that a check raises for a map, or None if it raises none."""
    try:
        check(case.device_map, case.num_blocks)
    except (AssertionError, ValueError) as error:
        return str(error)
    return None


def expected_message(case: Case) -> str | None:
    """Return the message of the error that each check must raise for a map, or None if the map has no fault."""
    return None if case.fault is None else _message_start(case.fault.kind) + str(case.fault.blocks)


def _raise_first_fault(duplicates: Iterable[int], missing: Iterable[int], extra: Iterable[int]) -> None:
    """Raise an error for the first kind of fault that occurs. As in the original, all kinds are determined first."""
    faults = Fault("duplicate", list(duplicates)), Fault("missing", list(missing)), Fault("extra", list(extra))
    for fault in faults:
        if fault.blocks:
            raise ValueError(_message_start(fault.kind) + str(fault.blocks))


@cache
def _message_start(kind: str) -> str:
    """Return the original's message for a kind of fault, up to the list of blocks, from the error for a small map."""
    blocks_with_fault = {"duplicate": [0, 0], "missing": [], "extra": [0, 1]}
    try:
        devicemap.assert_device_map({0: blocks_with_fault[kind]}, 1)
    except devicemap.DeviceMapError as error:
        return str(error).partition("[")[0]
    raise RuntimeError(f"the {kind} block was not found")
