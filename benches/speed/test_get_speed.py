"""Measure ``get_device_map``, the original, and the creation of a list of the same ints."""

from __future__ import annotations

import pytest

import devicemap
from benches.conftest import Benchmark
from benches.speed import check_peers
from benches.speed.maps import SIZES, contiguous


@pytest.mark.benchmark(max_time=0.5, min_rounds=5)
@pytest.mark.parametrize("peer", ["devicemap", "original", "list(range(n))"])
@pytest.mark.parametrize("devices", ["8 devices", "one block per device"])
@pytest.mark.parametrize("num_blocks", SIZES, ids="{:_}".format)
def test_get(benchmark: Benchmark, num_blocks: int, devices: str, peer: str) -> None:
    """Measure the time to create and delete a device map."""
    names = range(num_blocks if devices == "one block per device" else 8)
    benchmark.group = f"get_device_map, {devices}, {num_blocks:,} blocks"
    benchmark.extra_info.update(job="get", on=devices, num_blocks=num_blocks, peer=peer)
    if peer == "list(range(n))":
        benchmark(lambda n, _: list(range(n)), num_blocks, names)
        return
    original = check_peers.original()
    if peer == "original" and original is None:
        pytest.skip("transformers 4 is not installed")
    make = original.make if peer == "original" and original else devicemap.get_device_map
    assert make(num_blocks, names) == contiguous(num_blocks, len(names))
    benchmark(make, num_blocks, names)
