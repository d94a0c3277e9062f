"""Tests that the bottleneck of the result of ``balance`` is the smallest possible one."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import accumulate, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicemap import InfeasibleError, balance
from tests.oracles.partition import GreedyProbe, Problem, certify, check_by_dynamic_programming

pytestmark = pytest.mark.oracle


def test_all_problems_of_up_to_five_blocks_against_brute_force() -> None:
    for num_blocks in range(6):
        for costs in product([0, 1, 3], repeat=num_blocks):
            for num_devices in range(1, 5):
                Problem(costs, num_devices).check()


def test_two_problems_of_six_blocks_against_brute_force() -> None:
    for costs, num_devices in product([(0, 1, 3, 3, 1, 0), (2, 0, 0, 5, 1, 1)], range(1, 5)):
        Problem(costs, num_devices).check()


def test_all_problems_of_seven_and_eight_blocks_with_two_costs_against_brute_force() -> None:
    for num_blocks, num_devices in product((7, 8), range(2, 5)):
        for costs in product([0, 2], repeat=num_blocks):
            Problem(costs, num_devices).check()


def test_a_problem_whose_bottleneck_would_be_smaller_with_an_idle_device_against_brute_force() -> None:
    Problem((1, 16, 0, 1, 5, 4), 4, speeds=(4, 1, 1, 3)).check()


def test_small_problems_with_limits_and_speeds_against_brute_force() -> None:
    for costs in product([0, 1, 4], repeat=4):
        for limits in product([None, 1, 4], repeat=2):
            for speeds in ((1, 1), (1, 2), (3, 1)):
                for allow_idle in (False, True):
                    Problem(costs, 2, speeds, None, limits, allow_idle).check()
                    Problem((1, 2, 0, 2), 2, speeds, costs, limits, allow_idle).check()


small_ints = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 30))
large_ints = st.one_of(st.integers(0, 2**62), st.integers(0, 2**120))
sixteenths = st.integers(0, 200).map(lambda number: number / 16)
# Floats whose magnitudes differ so little that balance sums them exactly.
similar_floats = st.floats(0, 100).filter(lambda cost: cost == 0 or cost > 1e-9)
integral_floats = st.floats(0, 1e30).map(math.floor).map(float)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draw a problem that is small enough for brute force."""
    num_blocks, num_devices = draw(st.integers(0, 8)), draw(st.integers(1, 4))
    mixed = st.one_of(small_ints, similar_floats)
    cost = draw(st.sampled_from([small_ints, small_ints, large_ints, sixteenths, similar_floats, mixed]))
    costs = draw(st.lists(cost, min_size=num_blocks, max_size=num_blocks))
    speed = draw(st.sampled_from([st.integers(1, 5), st.floats(0.1, 10), st.integers(1, 2**60)]))
    speeds = draw(st.none() | st.lists(speed, min_size=num_devices, max_size=num_devices))
    size = draw(st.sampled_from([small_ints, small_ints, large_ints, small_ints.map(float), integral_floats]))
    sizes = draw(st.none() | st.lists(size, min_size=num_blocks, max_size=num_blocks))
    if sizes is None:
        return Problem(costs, num_devices, speeds, None, None, draw(st.booleans()))
    total = sum(map(Fraction, sizes))
    limit = st.none() | st.fractions(0, 1, max_denominator=6).map(lambda part: int(total * part))
    max_memory = draw(st.none() | st.lists(limit, min_size=num_devices, max_size=num_devices))
    return Problem(costs, num_devices, speeds, sizes, max_memory, draw(st.booleans()))


@given(problems())
def test_random_small_problems_against_brute_force(problem: Problem) -> None:
    problem.check()


@given(st.lists(st.floats(0, 1e300), max_size=7), st.integers(1, 4))
def test_floats_of_any_magnitude_are_balanced_up_to_rounding(costs: list[float], num_devices: int) -> None:
    problem = Problem(costs, num_devices)
    min_bottleneck, bottleneck = problem.min_bottleneck(), problem.bottleneck(problem.solve().boundaries)
    assert min_bottleneck is not None
    assert bottleneck is not None
    assert bottleneck <= min_bottleneck * (1 + Fraction(1, 2**60))


@st.composite
def larger_problems(draw: st.DrawFn) -> Problem:
    """Draw a problem that is too large for brute force."""
    num_blocks, num_devices = draw(st.integers(5, 30)), draw(st.integers(2, 8))
    costs = draw(st.lists(small_ints, min_size=num_blocks, max_size=num_blocks))
    sizes = draw(st.none() | st.lists(small_ints, min_size=num_blocks, max_size=num_blocks))
    speeds = draw(st.none() | st.lists(st.integers(1, 9), min_size=num_devices, max_size=num_devices))
    limit = st.none() | st.integers(0, 2 * sum(costs if sizes is None else sizes) // num_devices + 1)
    max_memory = draw(st.none() | st.lists(limit, min_size=num_devices, max_size=num_devices))
    return Problem(costs, num_devices, speeds, sizes, max_memory, draw(st.booleans()))


@given(larger_problems())
def test_random_problems_against_dynamic_programming(problem: Problem) -> None:
    check_by_dynamic_programming(problem)


@pytest.mark.parametrize("seed", range(40))
def test_random_problems_with_many_devices_against_dynamic_programming(seed: int) -> None:
    """With more than 32 devices, a probe can detect that a bottleneck is infeasible before all devices are placed."""
    rng = random.Random(seed)
    num_blocks, num_devices = rng.randrange(60, 160), rng.randrange(33, 80)
    costs = [rng.choice([0, 1, rng.randrange(30), rng.randrange(300)]) for _ in range(num_blocks)]
    speeds = rng.choice([None, [rng.choice([1, 2, rng.randrange(1, 1000)]) for _ in range(num_devices)]])
    limits = [rng.choice([None, rng.randrange(sum(costs) // 8)]) for _ in range(num_devices)]
    max_memory, allow_idle = rng.choice([None, limits]), rng.random() < 0.5
    check_by_dynamic_programming(Problem(costs, num_devices, speeds, None, max_memory, allow_idle))


MILLION = 1_000_000


def random_costs(distribution: str) -> list[int]:
    """Return the costs of a million blocks."""
    rng = random.Random(distribution)
    if distribution == "one huge":
        costs = [rng.randrange(1, 1000) for _ in range(MILLION)]
        costs[rng.randrange(MILLION)] = 10**9
        return costs
    if distribution == "mostly zero":
        return [rng.choice([0] * 50 + [7, 11]) for _ in range(MILLION)]
    if distribution == "exponential":
        return [int(rng.expovariate(1) * 2**40) for _ in range(MILLION)]
    return [rng.randrange(1, 1000) for _ in range(MILLION)]


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["uniform", "one huge", "mostly zero", "exponential"])
def test_bottlenecks_of_a_million_blocks_are_certified(distribution: str) -> None:
    costs = random_costs(distribution)
    certify(Problem(costs, 8))
    certify(Problem(costs, 1000))
    certify(Problem(costs, 8, [1, 2, 3, 4, 4, 3, 2, 1], allow_idle=True))
    limits = [None, sum(costs) // 7, None, None, sum(costs) // 100, None, sum(costs), None]
    sizes = costs[::-1]
    certify(Problem(costs, 8, [1, 2, 3, 4, 4, 3, 2.5, 1], sizes, limits, allow_idle=True))


@pytest.mark.slow
def test_bottlenecks_of_a_million_floats_are_certified() -> None:
    rng = random.Random(0)
    costs = [Fraction(rng.randrange(2**53), 2**60) for _ in range(MILLION)]
    # The costs are multiples of 2**-60, which floats represent exactly.
    boundaries = balance([float(cost) for cost in costs], range(8)).boundaries
    cost_sums = [Fraction(0), *accumulate(costs)]
    bottleneck = max(cost_sums[end] - cost_sums[start] for start, end in pairwise(boundaries))
    probe = GreedyProbe(Problem(costs, 8))
    assert probe.is_feasible(Fraction(bottleneck))
    assert not probe.is_feasible(bottleneck - Fraction(1, 2**60))


# In an earlier version, each of the following problems took minutes or did not terminate.


def test_sums_near_2_to_the_power_of_128_terminate() -> None:
    assert balance([2.0**68, 2**128 - 1], [0]).counts == (2,)
    assert balance([2**128 - 1, 0, 0, 0], [0, 1]).counts == (2, 2)


def test_alternating_costs_on_as_many_devices_as_blocks_terminate() -> None:
    n = 30_000
    costs = [10**12 + (1 if block % 2 else -1) * int(4e11 * (1 - block / n)) for block in range(n)]
    assert balance(costs, range(n)).counts == (1,) * n


def test_speeds_of_very_different_magnitudes_terminate() -> None:
    rng = random.Random(0)
    speeds = [2 ** rng.randrange(101) for _ in range(30)]
    assert 0 not in balance([rng.randrange(10**6) for _ in range(3_000)], range(30), speeds=speeds).counts
    speeds = [2 ** rng.randrange(60) for _ in range(200)]
    assert 0 not in balance([rng.random() for _ in range(3_000)], range(200), speeds=speeds).counts


def test_limits_below_the_size_of_every_second_block_terminate() -> None:
    num_blocks = 30_000
    sizes = [1, 100] * (num_blocks // 2)
    device_map = balance([1] * num_blocks, range(101), sizes=sizes, max_memory=[*[None, 50] * 50, None])
    assert device_map.counts[1::2] == (1,) * 50


def test_loads_that_floats_do_not_distinguish_terminate() -> None:
    rng = random.Random(0)
    nearly_equal = [2**90 + rng.randrange(2**30) for _ in range(100_000)]
    speeds = [rng.choice([1, 10**6]) for _ in range(1_000)]
    assert 0 not in balance(nearly_equal, range(1_000), speeds=speeds).counts


def test_an_infeasible_problem_with_costs_of_very_different_magnitudes_terminates() -> None:
    rng = random.Random(5)
    costs = [rng.choice([rng.getrandbits(60), 2.0 ** rng.randrange(60), 1]) for _ in range(1_040)]
    speeds = [rng.choice([1, 10, 100, 1000, 10**6]) for _ in range(1_000)]
    limits = [rng.choice([None, 2.0 ** rng.randrange(50, 67), 0]) for _ in range(1_000)]
    with pytest.raises(InfeasibleError, match="device 0 has only"):
        balance(costs, range(1_000), speeds=speeds, sizes=costs, max_memory=limits)
