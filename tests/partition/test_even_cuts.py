"""Tests for which of the maps with the smallest bottleneck ``balance`` returns: one with even loads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devicemap
from devicemap import InfeasibleError, balance
from tests.oracles.partition import Problem, TautString
from tests.strategies import MANY_EXAMPLES


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draw a problem with small costs, of which one is sometimes much larger than the others."""
    num_devices = draw(st.integers(1, 5))
    cost = draw(st.sampled_from([st.integers(0, 1), st.integers(0, 3), st.sampled_from([0, 0, 0, 1, 9])]))
    costs = draw(st.lists(cost, min_size=num_devices, max_size=16))
    if draw(st.booleans()):
        costs.insert(draw(st.integers(0, len(costs))), 20)
    sizes = draw(st.none() | st.lists(st.integers(0, 4), min_size=len(costs), max_size=len(costs)))
    speeds = draw(st.none() | st.lists(st.integers(1, 4), min_size=num_devices, max_size=num_devices))
    limit = st.none() | st.integers(0, 40)
    max_memory = draw(st.none() | st.lists(limit, min_size=num_devices, max_size=num_devices))
    return Problem(costs, num_devices, speeds, sizes, max_memory, draw(st.booleans()))


@pytest.mark.oracle
@MANY_EXAMPLES
@given(problems())
def test_cuts_are_as_close_as_possible_to_the_taut_string(problem: Problem) -> None:
    try:
        boundaries = problem.solve().boundaries
    except InfeasibleError:
        return
    bottleneck = problem.bottleneck(boundaries)
    assert bottleneck is not None
    non_empty = all(end > start for start, end in pairwise(boundaries))
    TautString(problem, bottleneck, non_empty).check(boundaries)


def costs_per_device(costs: Sequence[Any], num_devices: int, **options: Any) -> list[Any]:
    """Return the total cost of each device's blocks in the result of ``balance``."""
    return list(balance(costs, range(num_devices), **options).load_per_device(costs).values())


def test_problems_that_other_packages_solve_wrongly() -> None:
    # DeepSpeed's partition_balanced gives a bottleneck of 10.
    assert max(costs_per_device([2, 8, 4, 4], 3)) == 8
    # torchgpipe's solve leaves a device idle in the first problem, and does not terminate in the second.
    assert costs_per_device([1, 1, 8, 8], 3) == [2, 8, 8]
    assert costs_per_device([1, 1, 1, 1, 8, 8], 5) == [1, 2, 1, 8, 8]
    # The original leaves devices idle.
    assert balance([1] * 5, range(4)).counts == (1, 2, 1, 1)
    assert 0 not in balance([1] * 9, range(8)).counts


def test_loads_are_as_even_as_the_smallest_bottleneck_allows() -> None:
    assert costs_per_device([*[1] * 9, 5], 4) == [3, 3, 3, 5]
    assert costs_per_device([5, *[1] * 9], 4) == [5, 3, 3, 3]
    assert costs_per_device([*[1] * 31, 100], 4) == [10, 11, 10, 100]
    assert balance([0] * 6, range(3)).counts == (2, 2, 2)
    assert balance([0] * 7, range(3)).counts == (3, 2, 2)
    assert balance([0, 0, 5, 0, 0], range(3)).counts == (2, 2, 1)
    assert costs_per_device([*[1] * 12, 24], 4, speeds=[1, 2, 3, 1]) == [2, 4, 6, 24]


@given(st.integers(0, 60), st.integers(1, 12))
def test_equal_costs_are_divided_evenly(num_blocks: int, num_devices: int) -> None:
    counts = balance([3] * num_blocks, num_devices).counts
    assert sorted(counts) == sorted(devicemap.split(num_blocks, num_devices).counts)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 6), st.integers(1, 8))
def test_multiplying_all_costs_does_not_change_the_cuts(costs: list[int], num_devices: int, factor: int) -> None:
    boundaries = balance(costs, num_devices).boundaries
    assert balance([cost * factor for cost in costs], num_devices).boundaries == boundaries
    assert balance([cost / 8 for cost in costs], num_devices).boundaries == boundaries


def test_with_fewer_blocks_than_equal_devices_the_first_devices_get_one_block_each() -> None:
    assert balance([], [0, 1]).counts == (0, 0)
    assert balance([5], range(3)).counts == (1, 0, 0)
    assert balance([5, 7], range(4)).counts == (1, 1, 0, 0)


def test_with_fewer_blocks_than_devices_the_fast_device_gets_blocks() -> None:
    speeds = [1, 1, 1, 4]
    assert balance([5, 7, 9], range(4), speeds=speeds).load_per_device([5, 7, 9], speeds)[3] == 4.0


def test_costs_near_2_to_the_power_of_128_are_balanced_exactly() -> None:
    assert balance([2**127, 1], range(2)).counts == (1, 1)
    assert balance([2**128 - 1], range(1)).counts == (1,)
    assert balance([2**100] * 3, range(2), speeds=[1, 2**100]).counts == (1, 2)
