"""Measure ``assert_device_map`` and its peers on each kind of map, in each size."""

from __future__ import annotations

import pytest

from benches.conftest import Benchmark
from benches.speed import check_peers
from benches.speed.maps import BAD, GOOD, SIZES, Case, make


@pytest.fixture(scope="module", params=SIZES, ids="{:_}".format)
def num_blocks(request: pytest.FixtureRequest) -> int:
    """Return the number of blocks."""
    size: int = request.param
    return size


@pytest.fixture(scope="module", params=[*GOOD, *BAD])
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of map."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def case(kind: str, num_blocks: int) -> Case:
    """Create a map, which all peers check."""
    return make(kind, num_blocks)


@pytest.mark.benchmark(max_time=0.5, min_rounds=5)
@pytest.mark.parametrize("peer", [*check_peers.CHECKS, "original"])
def test_assert(benchmark: Benchmark, smoke: bool, kind: str, num_blocks: int, case: Case, peer: str) -> None:
    """Measure the time of a peer on a map. A peer with a wrong result is not measured."""
    check = check_peers.CHECKS.get(peer) or _original(kind, num_blocks, smoke)
    if check_peers.error_text(check, case) != check_peers.expected(case):
        stop = pytest.fail if peer == "devicemap" else pytest.skip
        stop(f"the result of {peer} is wrong")
    benchmark.group = f"assert_device_map, {kind}, {num_blocks:,} blocks"
    benchmark.extra_info.update(job="assert", on=kind, num_blocks=num_blocks, peer=peer)
    if case.fault is not None:
        # The exception is caught inside the timed call.
        benchmark(check_peers.error_text, check, case)
    elif peer == "original" and num_blocks > 1_000:
        benchmark.pedantic(check, (case.device_map, num_blocks), rounds=1)
    else:
        benchmark(check, case.device_map, num_blocks)


def _original(kind: str, num_blocks: int, smoke: bool) -> check_peers.Check:
    original = check_peers.original()
    if original is None:
        pytest.skip("transformers 4 is not installed")
    # A call takes seconds, and about as long on each kind of map: large maps are measured for one kind only.
    limit = check_peers.ORIGINAL_LIMIT if kind == "contiguous" and not smoke else 1_000
    if num_blocks > limit:
        pytest.skip(f"quadratic: measured up to {limit:,} blocks")
    return original.check
