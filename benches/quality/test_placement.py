"""Measure the placement of real architectures, and test the functions that compute the table."""

from __future__ import annotations

import importlib.metadata
import random
from itertools import combinations_with_replacement, pairwise

import pytest

from benches.quality import balance_peers
from benches.quality.architectures import ARCHITECTURES, Architecture
from benches.quality.placement import DEVICE_COUNTS, Row, load_per_device, measure

for_each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda item: item.name)
for_each_num_devices = pytest.mark.parametrize("num_devices", DEVICE_COUNTS)


def test_optimum_is_the_smallest_bottleneck_of_all_partitions() -> None:
    rng = random.Random(0)
    for _ in range(200):
        costs = [rng.randrange(20) for _ in range(rng.randrange(1, 9))]
        num_devices = rng.randrange(1, 6)
        all_cuts = combinations_with_replacement(range(len(costs) + 1), num_devices - 1)
        all_boundaries = ([0, *cuts, len(costs)] for cuts in all_cuts)
        bottlenecks = (
            max(sum(costs[start:end]) for start, end in pairwise(boundaries)) for boundaries in all_boundaries
        )
        assert balance_peers.optimum(costs, num_devices) == min(bottlenecks)


@for_each_num_devices
@for_each_architecture
def test_recorded_results_are_those_of_accelerate(architecture: Architecture, num_devices: int) -> None:
    accelerate = balance_peers.accelerate()
    if accelerate is None or importlib.metadata.version("accelerate") != balance_peers.ACCELERATE_VERSION:
        pytest.skip(f"accelerate {balance_peers.ACCELERATE_VERSION} is not installed")
    recorded_counts = balance_peers.ACCELERATE_RESULTS[architecture.name][num_devices]
    assert accelerate(architecture, num_devices) == recorded_counts


def test_peers_place_all_parts() -> None:
    costs, num_devices = [5, 1, 1, 1, 1, 9, 2, 2], 3
    for balance in (balance_peers.deepspeed_balanced(), balance_peers.deepspeed_uniform(), balance_peers.torchgpipe()):
        if balance is not None:
            counts = balance(costs, num_devices)
            assert counts is not None
            assert sum(load_per_device(costs, counts, num_devices)) == sum(costs)


def test_torchgpipe_has_no_result_if_it_exceeds_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    balance = balance_peers.torchgpipe()
    if balance is None:
        pytest.skip("torchgpipe is not installed")
    monkeypatch.setattr(balance_peers, "TIMEOUT_SECONDS", 2.0)
    assert balance([1, 1, 1, 1, 8, 8], 5) is None


def test_cells_mark_idle_devices_and_recorded_results() -> None:
    loads = {"devicemap": [4, 4], "accelerate": [0, 8], "torchgpipe": None}
    row = Row("architecture", 2, 4, loads, recorded_peers=["accelerate"])
    assert row.cell("devicemap") == "1.00"
    assert row.cell("accelerate") == "2.00¹ (1 idle)"
    assert row.cell("torchgpipe") == "–"


@for_each_num_devices
@for_each_architecture
def test_placement(architecture: Architecture, num_devices: int, placements: list[Row]) -> None:
    """Measure a row of the table. The result of devicemap must be the optimum."""
    row = measure(architecture, num_devices)
    loads = row.loads["devicemap"]
    assert loads is not None
    assert max(loads) == row.optimum
    placements.append(row)
