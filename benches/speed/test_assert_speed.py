"""Measure the time of ``assert_device_map`` and its peers for each kind of map and each number of blocks."""

from __future__ import annotations

import pytest

from benches.conftest import Benchmark
from benches.speed import check_peers
from benches.speed.maps import BLOCK_COUNTS, MAPS_WITH_FAULTS, MAPS_WITHOUT_FAULTS, Case, create_case


@pytest.fixture(scope="module", params=BLOCK_COUNTS, ids="{:_}".format)
def num_blocks(request: pytest.FixtureRequest) -> int:
    """Return the number of blocks."""
    count: int = request.param
    return count


@pytest.fixture(scope="module", params=[*MAPS_WITHOUT_FAULTS, *MAPS_WITH_FAULTS])
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of map."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def case(kind: str, num_blocks: int) -> Case:
    """Create a map, which all implementations check."""
    return create_case(kind, num_blocks)


@pytest.mark.benchmark(max_time=0.5, min_rounds=5)
@pytest.mark.parametrize("implementation", [*check_peers.CHECKS, "original"])
def test_assert_speed(
    benchmark: Benchmark, smoke: bool, kind: str, num_blocks: int, case: Case, implementation: str
) -> None:
    """Measure the time of an implementation on a map. A peer with a wrong result is skipped."""
    check = check_peers.CHECKS.get(implementation) or _original_check(kind, num_blocks, smoke)
    if check_peers.error_message(check, case) != check_peers.expected_message(case):
        fail_or_skip = pytest.fail if implementation == "devicemap" else pytest.skip
        fail_or_skip(f"{implementation} returns a wrong result")
    benchmark.group = f"assert_device_map, {kind}, {num_blocks:,} blocks"
    benchmark.extra_info.update(job="assert", input_kind=kind, num_blocks=num_blocks, implementation=implementation)
    if case.fault is not None:
        # The exception is caught within the timed call.
        benchmark(check_peers.error_message, check, case)
    elif implementation == "original" and num_blocks > 1_000:
        benchmark.pedantic(check, (case.device_map, num_blocks), rounds=1)
    else:
        benchmark(check, case.device_map, num_blocks)


def _original_check(kind: str, num_blocks: int, smoke: bool) -> check_peers.Check:
    """Return the original check, or skip the benchmark if the original is not installed or would take too long."""
    original = check_peers.original()
    if original is None:
        pytest.skip("transformers 4 is not installed")
    # A call takes seconds, whatever the kind of map. Therefore large maps are measured for one kind only.
    limit = check_peers.ORIGINAL_LIMIT if kind == "contiguous" and not smoke else 1_000
    if num_blocks > limit:
        pytest.skip(f"quadratic: measured up to {limit:,} blocks")
    return original.check
