"""A slow reference implementation of ``check``, based on dicts and lists."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from devicemap import Report, check


def is_block(item: object) -> bool:
    """Return whether ``check`` accepts an item as a block: an integer, but not a bool."""
    if isinstance(item, (bool, np.bool_)):
        return False
    try:
        operator.index(item)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


class Findings(NamedTuple):
    """The findings that are compared. Dicts become lists of pairs, so that the order of the keys is compared, too."""

    duplicates: list[tuple[int, tuple[Any, ...]]]
    missing: tuple[range, ...]
    extra: list[tuple[int, tuple[Any, ...]]]
    invalid: str
    idle: tuple[Any, ...]
    scattered: tuple[Any, ...]
    unordered: tuple[Any, ...]


def reported_findings(report: Report) -> Findings:
    """Return the findings of a report."""
    return Findings(
        list(report.duplicates.items()),
        report.missing,
        list(report.extra.items()),
        repr(report.invalid),
        report.idle,
        report.scattered,
        report.unordered,
    )


def expected_findings(device_map: dict[Any, Iterable[Any]], num_blocks: int) -> Findings:
    """Return the findings of the reference implementation."""
    devices_of: dict[int, list[Any]] = {}
    invalid: dict[Any, list[object]] = {}
    idle, scattered, unordered = [], [], []
    last_block = None
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
        if last_block is not None and blocks[0] <= last_block:
            unordered.append(device)
        last_block = blocks[-1]
    # The missing runs lie between these blocks.
    assigned = [-1, *sorted(block for block in devices_of if 0 <= block < num_blocks), num_blocks]
    return Findings(
        [(block, tuple(devices)) for block, devices in devices_of.items() if len(devices) > 1],
        tuple(range(before + 1, after) for before, after in itertools.pairwise(assigned) if after - before > 1),
        [(block, tuple(devices)) for block, devices in devices_of.items() if not 0 <= block < num_blocks],
        repr({device: tuple(items) for device, items in invalid.items()}),
        tuple(idle),
        tuple(scattered),
        tuple(unordered),
    )


def assert_findings(create_map: Callable[[], dict[Any, Any]], num_blocks: int) -> Report:
    """Compare a report with the findings of the reference implementation, and return the report.

    ``create_map`` is called for each use of the map, since some values can be read only once.
    """
    report = check(create_map(), num_blocks)
    assert reported_findings(report) == expected_findings(create_map(), num_blocks)
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
