"""A slow reference implementation of ``check`` with dicts and lists."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from devicemap import Report, check


def is_block(item: object) -> bool:
    if isinstance(item, (bool, np.bool_)):
        return False
    try:
        operator.index(item)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


class Findings(NamedTuple):
    """The findings that are compared. Dicts are lists of pairs, so that their order is compared as well."""

    duplicates: list[tuple[int, tuple[Any, ...]]]
    missing: tuple[range, ...]
    extra: list[tuple[int, tuple[Any, ...]]]
    invalid: str
    idle: tuple[Any, ...]
    scattered: tuple[Any, ...]
    unordered: tuple[Any, ...]


def findings(report: Report) -> Findings:
    return Findings(
        list(report.duplicates.items()),
        report.missing,
        list(report.extra.items()),
        repr(report.invalid),
        report.idle,
        report.scattered,
        report.unordered,
    )


def expected(device_map: dict[Any, Iterable[Any]], num_blocks: int) -> Findings:
    """Return the findings of the reference implementation."""
    devices_of: dict[int, list[Any]] = {}
    invalid: dict[Any, list[object]] = {}
    idle, scattered, unordered = [], [], []
    last = None
    for device, value in list(device_map.items()):
        blocks = []
        for item in value:
            if is_block(item):
                blocks.append(operator.index(item))
                devices_of.setdefault(blocks[-1], []).append(device)
            else:
                invalid.setdefault(device, []).append(item)
        if not blocks:
            idle.append(device)
            continue
        if blocks != list(range(blocks[0], blocks[0] + len(blocks))):
            scattered.append(device)
        if last is not None and blocks[0] <= last:
            unordered.append(device)
        last = blocks[-1]
    ends = [-1, *sorted(block for block in devices_of if 0 <= block < num_blocks), num_blocks]
    return Findings(
        [(block, tuple(devices)) for block, devices in devices_of.items() if len(devices) > 1],
        tuple(range(a + 1, b) for a, b in itertools.pairwise(ends) if b - a > 1),
        [(block, tuple(devices)) for block, devices in devices_of.items() if not 0 <= block < num_blocks],
        repr({device: tuple(items) for device, items in invalid.items()}),
        tuple(idle),
        tuple(scattered),
        tuple(unordered),
    )


def assert_findings(create_map: Callable[[], dict[Any, Any]], num_blocks: int) -> Report:
    """Compare a report with the findings of the reference implementation. The map is created anew for each of them."""
    report = check(create_map(), num_blocks)
    assert findings(report) == expected(create_map(), num_blocks)
    assert (report.num_blocks, report.num_devices, report.unknown) == (num_blocks, len(create_map()), ())
    keys = [*report.duplicates, *report.extra, *(end for run in report.missing for end in (run.start, run.stop))]
    assert all(type(block) is int for block in keys)
    assert bool(report) is report.ok
    assert report.ok is not any((report.duplicates, report.missing, report.extra, report.invalid))
    lines = str(report).split("\n")
    assert len(lines) <= 10
    assert all(len(line) <= 170 for line in lines)
    assert (lines[0].startswith("ok: ")) is report.ok
    return report
