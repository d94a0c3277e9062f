"""Measure the time of ``get_device_map``, of the original, and of the creation of a list of the same ints."""

from __future__ import annotations

import pytest

import devicemap
from benches.conftest import Benchmark
from benches.speed import check_peers
from benches.speed.maps import BLOCK_COUNTS, contiguous


@pytest.mark.benchmark(max_time=0.5, min_rounds=5)
@pytest.mark.parametrize("implementation", ["devicemap", "original", "list(range(n))"])
@pytest.mark.parametrize("input_kind", ["8 devices", "one block per device"])
@pytest.mark.parametrize("num_blocks", BLOCK_COUNTS, ids="{:_}".format)
def test_get_speed(benchmark: Benchmark, num_blocks: int, input_kind: str, implementation: str) -> None:
    """Measure the time in which an implementation creates and deletes a device map."""
    devices = range(num_blocks if input_kind == "one block per device" else 8)
    benchmark.group = f"get_device_map, {input_kind}, {num_blocks:,} blocks"
    benchmark.extra_info.update(job="get", input_kind=input_kind, num_blocks=num_blocks, implementation=implementation)
    if implementation == "list(range(n))":
        benchmark(lambda n, _: list(range(n)), num_blocks, devices)
        return
    original = check_peers.original()
    if implementation == "original" and original is None:
        pytest.skip("transformers 4 is not installed")
    create = original.create if implementation == "original" and original else devicemap.get_device_map
    assert create(num_blocks, devices) == contiguous(num_blocks, len(devices))
    benchmark(create, num_blocks, devices)
