"""The contenders: everything that checks or makes a device map, behind the two signatures of the original.

A check raises with the original's text, whichever way it found the fault, so that all do the same work on a bad map.
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
from benches.speed.maps import Case, DeviceMap, Fault

Check: TypeAlias = Callable[[DeviceMap, int], None]
Make: TypeAlias = Callable[[int, range], Any]

ORIGINAL_LIMIT = 16_000
"""The most blocks that the quadratic original is measured with."""


def with_set(device_map: DeviceMap, num_blocks: int) -> None:
    """Pure Python: the set of the blocks beside the set of all there should be."""
    blocks = list(chain.from_iterable(device_map.values()))
    taken, wanted = set(blocks), set(range(num_blocks))
    if len(taken) == len(blocks) and taken == wanted:
        return
    seen: set[int] = set()
    again: dict[int, None] = {}
    if len(taken) < len(blocks):
        for block in blocks:
            if block in seen:
                again[block] = None
            seen.add(block)
    extra = taken - wanted
    _tell(again, sorted(wanted - taken), (block for block in blocks if block in extra) if extra else ())


def with_sort(device_map: DeviceMap, num_blocks: int) -> None:
    """Pure Python: the blocks in order, which must count from 0 up."""
    blocks = sorted(chain.from_iterable(device_map.values()))
    if blocks == list(range(num_blocks)):
        return
    again = dict.fromkeys(block for block, following in pairwise(blocks) if block == following)
    missing: list[int] = []
    expected = 0
    for block in blocks:
        if expected <= block < num_blocks:
            missing.extend(range(expected, block))
            expected = block + 1
    missing.extend(range(expected, num_blocks))
    _tell(again, missing, (block for block in blocks if not 0 <= block < num_blocks))


def with_counter(device_map: DeviceMap, num_blocks: int) -> None:
    """Pure Python: how often each block occurs, by ``collections.Counter``."""
    counts = Counter(chain.from_iterable(device_map.values()))
    again = [block for block, count in counts.items() if count > 1]
    missing = [block for block in range(num_blocks) if block not in counts]
    extra = [block for block in counts.elements() if not 0 <= block < num_blocks] if len(counts) > num_blocks else []
    _tell(again, missing, extra)


def with_numpy(device_map: DeviceMap, num_blocks: int) -> None:
    """numpy: ``fromiter`` for what is not an array yet, then ``bincount``."""
    parts = list(device_map.values())
    if all(isinstance(part, np.ndarray) for part in parts):
        blocks = np.concatenate(parts)
    else:
        blocks = np.fromiter(chain.from_iterable(parts), np.int64, sum(map(len, parts)))
    if len(blocks) == num_blocks and blocks.min(initial=0) >= 0 and blocks.max(initial=0) < num_blocks:
        inside, extra = blocks, blocks[:0]
    else:
        is_inside = (blocks >= 0) & (blocks < num_blocks)
        inside, extra = blocks[is_inside], blocks[~is_inside]
    counts = np.bincount(inside, minlength=num_blocks)
    if len(blocks) == num_blocks and counts.all():
        return
    _tell(np.flatnonzero(counts > 1).tolist(), np.flatnonzero(counts == 0).tolist(), extra.tolist())


CHECKS: dict[str, Check] = {
    "set": with_set,
    "sort": with_sort,
    "Counter": with_counter,
    "numpy": with_numpy,
    "devicemap": devicemap.assert_device_map,
}
"""The checks that can keep up with a million blocks."""


class Original(NamedTuple):
    """The two functions of transformers 4."""

    check: Check
    make: Make


@cache
def original() -> Original | None:
    """transformers' own module, where a version is installed that still has it."""
    # No word about the frameworks that the two functions do not need.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        module = importlib.import_module("transformers.utils.model_parallel_utils")
    except ImportError:
        return None
    return Original(module.assert_device_map, module.get_device_map)


def verdict(check: Check, case: Case) -> str | None:
    """What a check says of a device map: the text that it raises, None if it passes the map."""
    try:
        check(case.device_map, case.num_blocks)
    except (AssertionError, ValueError) as error:
        return str(error)
    return None


def expected(case: Case) -> str | None:
    """What every check must say of a device map."""
    return None if case.fault is None else _text(case.fault.kind) + str(case.fault.blocks)


def _tell(duplicates: Iterable[int], missing: Iterable[int], extra: Iterable[int]) -> None:
    """Raise the first kind of fault there is, in the original's order; all three are found first, as it does."""
    faults = Fault("duplicate", list(duplicates)), Fault("missing", list(missing)), Fault("extra", list(extra))
    for fault in faults:
        if fault.blocks:
            raise ValueError(_text(fault.kind) + str(fault.blocks))


@cache
def _text(kind: str) -> str:
    """The original's words for a fault, taken from the smallest map that has it."""
    smallest = {"duplicate": [0, 0], "missing": [], "extra": [0, 1]}
    try:
        devicemap.assert_device_map({0: smallest[kind]}, 1)
    except devicemap.DeviceMapError as error:
        return str(error).partition("[")[0]
    raise RuntimeError(f"no {kind} block found where there is one")
