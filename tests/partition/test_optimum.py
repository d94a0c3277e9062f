"""``balance``: the bottleneck is the smallest possible one."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import accumulate, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicemap import InfeasibleError, balance
from tests.oracles.partition import Greedy, Problem, certify, check_by_dynamic_programming

pytestmark = pytest.mark.oracle


def test_all_small_problems_against_brute_force() -> None:
    for n in range(7):
        costs_of_n = list(product([0, 1, 3], repeat=n)) if n < 6 else [(0, 1, 3, 3, 1, 0), (2, 0, 0, 5, 1, 1)]
        for costs in costs_of_n:
            for devices in range(1, 5):
                Problem(costs, devices).check()


def test_all_problems_of_eight_blocks_against_brute_force() -> None:
    for n, devices in product((7, 8), range(2, 5)):
        for costs in product([0, 2], repeat=n):
            Problem(costs, devices).check()


def test_a_bottleneck_that_is_smaller_with_an_idle_device() -> None:
    """The relaxed problem, in which devices may be idle, has a smaller bottleneck."""
    Problem((1, 16, 0, 1, 5, 4), 4, speeds=(4, 1, 1, 3)).check()


def test_all_small_limits_and_speeds_against_brute_force() -> None:
    for costs in product([0, 1, 4], repeat=4):
        for limits in product([None, 1, 4], repeat=2):
            for speeds in ((1, 1), (1, 2), (3, 1)):
                for allow_idle in (False, True):
                    Problem(costs, 2, speeds, None, limits, allow_idle).check()
                    Problem((1, 2, 0, 2), 2, speeds, costs, limits, allow_idle).check()


small = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 30))
large = st.one_of(st.integers(0, 2**62), st.integers(0, 2**120))
binary = st.integers(0, 200).map(lambda number: number / 16)

# Floats of magnitudes whose sums are exact in 127 bits.
decimal = st.floats(0, 100).filter(lambda cost: cost == 0 or cost > 1e-9)
any_float = st.floats(0, 1e300)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    blocks, devices = draw(st.integers(0, 8)), draw(st.integers(1, 4))
    amount = draw(st.sampled_from([small, small, large, binary, decimal, st.one_of(small, decimal)]))
    costs = draw(st.lists(amount, min_size=blocks, max_size=blocks))
    speed = draw(st.sampled_from([st.integers(1, 5), st.floats(0.1, 10), st.integers(1, 2**60)]))
    speeds = draw(st.none() | st.lists(speed, min_size=devices, max_size=devices))
    size = draw(st.sampled_from([small, small, large, small.map(float), st.floats(0, 1e30).map(math.floor).map(float)]))
    sizes = draw(st.none() | st.lists(size, min_size=blocks, max_size=blocks))
    if sizes is None:
        return Problem(costs, devices, speeds, None, None, draw(st.booleans()))
    total = sum(map(Fraction, sizes))
    limit = st.none() | st.fractions(0, 1, max_denominator=6).map(lambda part: int(total * part))
    max_memory = draw(st.none() | st.lists(limit, min_size=devices, max_size=devices))
    return Problem(costs, devices, speeds, sizes, max_memory, draw(st.booleans()))


@given(problems())
def test_random_small_problems_against_brute_force(problem: Problem) -> None:
    problem.check()


@given(st.lists(any_float, max_size=7), st.integers(1, 4))
def test_floats_of_any_magnitude_are_balanced_up_to_rounding(costs: list[float], devices: int) -> None:
    problem = Problem(costs, devices)
    best, bottleneck = problem.best(), problem.bottleneck(problem.solve().boundaries)
    assert best is not None
    assert bottleneck is not None
    assert bottleneck <= best * (1 + Fraction(1, 2**60))


@st.composite
def larger_problems(draw: st.DrawFn) -> Problem:
    blocks, devices = draw(st.integers(5, 30)), draw(st.integers(2, 8))
    costs = draw(st.lists(small, min_size=blocks, max_size=blocks))
    sizes = draw(st.none() | st.lists(small, min_size=blocks, max_size=blocks))
    speeds = draw(st.none() | st.lists(st.integers(1, 9), min_size=devices, max_size=devices))
    limit = st.none() | st.integers(0, 2 * sum(costs if sizes is None else sizes) // devices + 1)
    max_memory = draw(st.none() | st.lists(limit, min_size=devices, max_size=devices))
    return Problem(costs, devices, speeds, sizes, max_memory, draw(st.booleans()))


@given(larger_problems())
def test_random_problems_against_dynamic_programming(problem: Problem) -> None:
    check_by_dynamic_programming(problem)


@pytest.mark.parametrize("seed", range(40))
def test_random_problems_with_many_devices_against_dynamic_programming(seed: int) -> None:
    """With so many devices, a probe may stop before the first device."""
    rng = random.Random(seed)
    blocks, devices = rng.randrange(60, 160), rng.randrange(33, 80)
    costs = [rng.choice([0, 1, rng.randrange(30), rng.randrange(300)]) for _ in range(blocks)]
    speeds = rng.choice([None, [rng.choice([1, 2, rng.randrange(1, 1000)]) for _ in range(devices)]])
    limits = [rng.choice([None, rng.randrange(sum(costs) // 8)]) for _ in range(devices)]
    check_by_dynamic_programming(Problem(costs, devices, speeds, None, rng.choice([None, limits]), rng.random() < 0.5))


MILLION = 1_000_000


def costs_of_a_million(kind: str) -> list[int]:
    rng = random.Random(kind)
    if kind == "one huge":
        costs = [rng.randrange(1, 1000) for _ in range(MILLION)]
        costs[rng.randrange(MILLION)] = 10**9
        return costs
    if kind == "mostly zero":
        return [rng.choice([0] * 50 + [7, 11]) for _ in range(MILLION)]
    if kind == "exponential":
        return [int(rng.expovariate(1) * 2**40) for _ in range(MILLION)]
    return [rng.randrange(1, 1000) for _ in range(MILLION)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uniform", "one huge", "mostly zero", "exponential"])
def test_bottlenecks_of_a_million_blocks_are_certified(kind: str) -> None:
    costs = costs_of_a_million(kind)
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
    problem = Problem(costs, 8)
    boundaries = balance([float(cost) for cost in costs], range(8)).boundaries
    sums = [Fraction(0), *accumulate(costs)]
    bottleneck = max(sums[end] - sums[start] for start, end in pairwise(boundaries))
    greedy = Greedy(problem)
    assert greedy.is_feasible(Fraction(bottleneck))
    assert not greedy.is_feasible(bottleneck - Fraction(1, 2**60))


def test_hard_problems_terminate() -> None:
    """Each of these took minutes, or did not terminate, in an earlier version."""
    assert balance([2.0**68, 2**128 - 1], [0]).counts == (2,)
    assert balance([2**128 - 1, 0, 0, 0], [0, 1]).counts == (2, 2)
    n = 30_000
    zigzag = [10**12 + (1 if block % 2 else -1) * int(4e11 * (1 - block / n)) for block in range(n)]
    assert balance(zigzag, range(n)).counts == (1,) * n
    rng = random.Random(0)
    speeds = [2 ** rng.randrange(101) for _ in range(30)]
    assert 0 not in balance([rng.randrange(10**6) for _ in range(3_000)], range(30), speeds=speeds).counts
    speeds = [2 ** rng.randrange(60) for _ in range(200)]
    assert 0 not in balance([rng.random() for _ in range(3_000)], range(200), speeds=speeds).counts
    gaps = balance([1] * n, range(101), sizes=[1, 100] * (n // 2), max_memory=[*[None, 50] * 50, None])
    assert gaps.counts[1::2] == (1,) * 50
    # So many loads lie between two adjacent floats that guesses in floats do not divide them.
    nearly_equal = [2**90 + rng.randrange(2**30) for _ in range(100_000)]
    speeds = [rng.choice([1, 10**6]) for _ in range(1_000)]
    assert 0 not in balance(nearly_equal, range(1_000), speeds=speeds).counts
    rng = random.Random(5)
    costs = [rng.choice([rng.getrandbits(60), 2.0 ** rng.randrange(60), 1]) for _ in range(1_040)]
    speeds = [rng.choice([1, 10, 100, 1000, 10**6]) for _ in range(1_000)]
    limits = [rng.choice([None, 2.0 ** rng.randrange(50, 67), 0]) for _ in range(1_000)]
    with pytest.raises(InfeasibleError, match="device 0 has"):
        balance(costs, range(1_000), speeds=speeds, sizes=costs, max_memory=limits)
