"""Measure the placement of real architectures, and check the functions that the table is computed with."""

from __future__ import annotations

import importlib.metadata
import random
from itertools import combinations, pairwise

import pytest

from benches.quality import balance_peers
from benches.quality.architectures import ARCHITECTURES, Architecture
from benches.quality.placement import DEVICES, Row, loads, measure

each = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)
over = pytest.mark.parametrize("devices", DEVICES)


def test_optimum_is_the_smallest_bottleneck_of_all_partitions() -> None:
    rng = random.Random(0)
    for _ in range(200):
        costs = [rng.randrange(20) for _ in range(rng.randrange(1, 9))]
        devices = rng.randrange(1, 6)
        ends = combinations(range(len(costs) + devices - 1), devices - 1)
        bounds = ([0, *(end - i for i, end in enumerate(cut)), len(costs)] for cut in ends)
        possible = (max(sum(costs[start:end]) for start, end in pairwise(cut)) for cut in bounds)
        assert balance_peers.optimum(costs, devices) == min(possible)


@over
@each
def test_recorded_results_are_those_of_accelerate(architecture: Architecture, devices: int) -> None:
    accelerate = balance_peers.accelerate()
    if accelerate is None or importlib.metadata.version("accelerate") != balance_peers.ACCELERATE_VERSION:
        pytest.skip(f"accelerate {balance_peers.ACCELERATE_VERSION} is not installed")
    assert accelerate(architecture, devices) == balance_peers.ACCELERATE[architecture.name][devices]


def test_peers_place_all_parts() -> None:
    costs, devices = [5, 1, 1, 1, 1, 9, 2, 2], 3
    for balance in (balance_peers.deepspeed_balanced(), balance_peers.deepspeed_uniform(), balance_peers.torchgpipe()):
        if balance is not None:
            counts = balance(costs, devices)
            assert counts is not None
            assert sum(loads(costs, counts, devices)) == sum(costs)


def test_torchgpipe_has_no_result_after_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    balance = balance_peers.torchgpipe()
    if balance is None:
        pytest.skip("torchgpipe is not installed")
    monkeypatch.setattr(balance_peers, "TIMEOUT", 2.0)
    assert balance([1, 1, 1, 1, 8, 8], 5) is None


def test_cells_mark_idle_devices_and_recorded_results() -> None:
    row = Row("any", 2, 4, {"devicemap": [4, 4], "accelerate": [0, 8], "torchgpipe": None}, ["accelerate"])
    assert row.cell("devicemap") == "1.00"
    assert row.cell("accelerate") == "2.00¹ (1 idle)"
    assert row.cell("torchgpipe") == "–"


@over
@each
def test_placement(architecture: Architecture, devices: int, placements: list[Row]) -> None:
    """Measure a row of the table. The result of devicemap must be the optimum."""
    row = measure(architecture, devices)
    loads = row.loads["devicemap"]
    assert loads is not None
    assert max(loads) == row.optimum
    placements.append(row)
