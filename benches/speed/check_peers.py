"""The peers of the drop-in: other functions that check or create device maps, with the signatures of the original.

Each check raises an error with the original's text, so that all do the same work on a map with a fault.
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
"""The largest number of blocks with which the quadratic original is measured."""


def with_set(device_map: DeviceMap, num_blocks: int) -> None:
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
    _raise_first(
        duplicates, sorted(model_blocks - assigned), (block for block in blocks if block in extra) if extra else ()
    )


def with_sort(device_map: DeviceMap, num_blocks: int) -> None:
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
    _raise_first(duplicates, missing, (block for block in blocks if not 0 <= block < num_blocks))


def with_counter(device_map: DeviceMap, num_blocks: int) -> None:
    """Check a map by counting its blocks with ``collections.Counter``."""
    counts = Counter(chain.from_iterable(device_map.values()))
    duplicates = [block for block, count in counts.items() if count > 1]
    missing = [block for block in range(num_blocks) if block not in counts]
    extra = [block for block in counts.elements() if not 0 <= block < num_blocks] if len(counts) > num_blocks else []
    _raise_first(duplicates, missing, extra)


def with_numpy(device_map: DeviceMap, num_blocks: int) -> None:
    """Check a map with numpy: ``fromiter``, if its values are not arrays, and ``bincount``."""
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
    _raise_first(np.flatnonzero(counts > 1).tolist(), np.flatnonzero(counts == 0).tolist(), extra.tolist())


CHECKS: dict[str, Check] = {
    "set": with_set,
    "sort": with_sort,
    "Counter": with_counter,
    "numpy": with_numpy,
    "devicemap": devicemap.assert_device_map,
}
"""The checks that take less than seconds for a million blocks."""


class Original(NamedTuple):
    """The two functions of transformers 4."""

    check: Check
    make: Make


@cache
def original() -> Original | None:
    """Return the functions of transformers, if the installed version has them."""
    # The warnings about missing frameworks do not matter here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        module = importlib.import_module("transformers.utils.model_parallel_utils")
    except ImportError:
        return None
    return Original(module.assert_device_map, module.get_device_map)


def error_text(check: Check, case: Case) -> str | None:
    """Return the text of the error that a check raises for a map, or None."""
    try:
        check(case.device_map, case.num_blocks)
    except (AssertionError, ValueError) as error:
        return str(error)
    return None


def expected(case: Case) -> str | None:
    """Return the error text that each check must raise for a map, or None."""
    return None if case.fault is None else _text(case.fault.kind) + str(case.fault.blocks)


def _raise_first(duplicates: Iterable[int], missing: Iterable[int], extra: Iterable[int]) -> None:
    """Raise an error for the first kind of fault in the original's order. All kinds are determined first, as there."""
    faults = Fault("duplicate", list(duplicates)), Fault("missing", list(missing)), Fault("extra", list(extra))
    for fault in faults:
        if fault.blocks:
            raise ValueError(_text(fault.kind) + str(fault.blocks))


@cache
def _text(kind: str) -> str:
    """Return the original's text for a kind of fault, assigned from the error for a small map."""
    smallest = {"duplicate": [0, 0], "missing": [], "extra": [0, 1]}
    try:
        devicemap.assert_device_map({0: smallest[kind]}, 1)
    except devicemap.DeviceMapError as error:
        return str(error).partition("[")[0]
    raise RuntimeError(f"the {kind} block was not found")
