"""``balance``: no contiguous map is better, and no better one is missed."""

from __future__ import annotations

import array
import copy
import ctypes
import math
import pickle
import random
import re
from collections import UserDict
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import accumulate, combinations_with_replacement, pairwise, product
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import devicemap
from devicemap import DeviceMap, InfeasibleError, balance


class Problem(NamedTuple):
    """What balance is asked."""

    costs: Sequence[Any]
    devices: int
    speeds: Sequence[Any] | None = None
    sizes: Sequence[Any] | None = None
    max_memory: Sequence[Any] | None = None
    allow_idle: bool = False

    def solve(self) -> DeviceMap[int]:
        return balance(
            self.costs,
            range(self.devices),
            speeds=self.speeds,
            sizes=self.costs if self.sizes is None and self.max_memory is not None else self.sizes,
            max_memory=self.max_memory,
            allow_idle=self.allow_idle,
        )

    def bottleneck(self, boundaries: Sequence[int]) -> Fraction | None:
        """The largest load in exact fractions; None if the map is against the rules."""
        sizes = self.costs if self.sizes is None else self.sizes
        largest = Fraction(0)
        for device, (start, end) in enumerate(pairwise(boundaries)):
            limit = None if self.max_memory is None else self.max_memory[device]
            if limit is not None and sum(map(Fraction, sizes[start:end])) > Fraction(limit):
                return None
            if start == end and not self.allow_idle and len(self.costs) >= self.devices:
                return None
            speed = 1 if self.speeds is None else self.speeds[device]
            largest = max(largest, sum(map(Fraction, self.costs[start:end])) / Fraction(speed))
        return largest

    def best(self) -> Fraction | None:
        """The smallest bottleneck of all maps there are."""
        cuts = combinations_with_replacement(range(len(self.costs) + 1), self.devices - 1)
        found = [self.bottleneck((0, *cut, len(self.costs))) for cut in cuts]
        return min((bottleneck for bottleneck in found if bottleneck is not None), default=None)

    def check(self) -> None:
        """Let balance answer as the brute force does."""
        best = self.best()
        if best is None:
            with pytest.raises(InfeasibleError):
                self.solve()
            return
        device_map = self.solve()
        assert list(device_map) == list(range(self.devices))
        devicemap.assert_device_map(device_map, len(self.costs))
        assert self.bottleneck(device_map.boundaries) == best, device_map
        if self.allow_idle and len(self.costs) >= self.devices and 0 in device_map.counts:
            assert self._replace(allow_idle=False).best() != best, "left out for nothing"


def test_all_small_cases_against_brute_force() -> None:
    """Each of some costs, limits and speeds in each place, with zeros and ties."""
    for n in range(7):
        costs_of_n = list(product([0, 1, 3], repeat=n)) if n < 6 else [(0, 1, 3, 3, 1, 0), (2, 0, 0, 5, 1, 1)]
        for costs in costs_of_n:
            for devices in range(1, 5):
                Problem(costs, devices).check()


def test_all_cases_of_eight_blocks_against_brute_force() -> None:
    for n, devices in product((7, 8), range(2, 5)):
        for costs in product([0, 2], repeat=n):
            Problem(costs, devices).check()


def test_a_bottleneck_that_only_a_later_run_needs() -> None:
    """The first map that is found has less, but not with a block on each device."""
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
# Not so small that exact sums would take more than the 127 bits that there are.
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
def test_hypothesis_finds_no_better_map(problem: Problem) -> None:
    problem.check()


class Even:
    """By its definition, where a problem's cuts may lie within a bottleneck, and the taut string through that room."""

    def __init__(self, problem: Problem, bottleneck: Fraction, each: bool) -> None:
        self.problem, self.each, self.blocks = problem, each, len(problem.costs)
        self.sums = [0, *accumulate(problem.costs)]
        self.sizes = [0, *accumulate(problem.costs if problem.sizes is None else problem.sizes)]
        self.speeds = problem.speeds or [1] * problem.devices
        self.caps = [bottleneck * speed for speed in self.speeds]
        # Where each device can start, so that those from it on hold the rest; the last one is nobody.
        self.starts = [{self.blocks}]
        for device in reversed(range(problem.devices)):
            ends = self.starts[0]
            self.starts.insert(0, {b for b in range(self.blocks + 1) if ends & self.ends(device, b)})
        low = high = 0
        self.at, self.windows = [0], [(0, 0)]
        for device, speed in enumerate(self.speeds):
            low = min(b for b in self.starts[device + 1] if b >= low + each)
            high = max(b for b in self.starts[device + 1] if b <= max(self.ends(device, high), default=high))
            self.at.append(self.at[-1] + speed)
            self.windows.append((self.sums[low], self.sums[high]))
        self.heights: list[Any] = [window[0] for window in self.windows]
        self.pull(0, problem.devices)

    def ends(self, device: int, start: int) -> set[int]:
        """Where a run of a device from there can end."""
        limit = None if self.problem.max_memory is None else self.problem.max_memory[device]
        return {
            end
            for end in range(start + self.each, self.blocks + 1)
            if self.sums[end] - self.sums[start] <= self.caps[device]
            and (limit is None or self.sizes[end] - self.sizes[start] <= limit)
        }

    def pull(self, first: int, last: int) -> None:
        """Bend the string around the window that a straight line would miss by most."""
        slope = Fraction(self.heights[last] - self.heights[first]) / (self.at[last] - self.at[first])
        misses = []
        for between in range(first + 1, last):
            straight = self.heights[first] + slope * (self.at[between] - self.at[first])
            self.heights[between] = min(max(straight, self.windows[between][0]), self.windows[between][1])
            misses.append((abs(straight - self.heights[between]), between))
        miss, bend = max(misses, default=(0, 0))
        if miss:
            self.pull(first, bend)
            self.pull(bend, last)

    def check(self, boundaries: Sequence[int]) -> None:
        """Each cut is as near to the string as it can be, and among blocks that cost nothing where they are even."""
        devices = self.problem.devices
        for device in range(1, devices):
            room = self.starts[device] & self.ends(device - 1, boundaries[device - 1])
            cut = boundaries[device]
            assert cut in room
            far = min(abs(self.sums[b] - self.heights[device]) for b in room)
            assert abs(self.sums[cut] - self.heights[device]) <= far + Fraction(1, 2**30)
            even = self.blocks // devices * device - -(self.blocks % devices * device) // devices
            assert abs(cut - even) == min(abs(b - even) for b in room if self.sums[b] == self.sums[cut])


@st.composite
def problems_with_room(draw: st.DrawFn) -> Problem:
    devices = draw(st.integers(1, 5))
    amount = draw(st.sampled_from([st.integers(0, 1), st.integers(0, 3), st.sampled_from([0, 0, 0, 1, 9])]))
    costs = draw(st.lists(amount, min_size=devices, max_size=16))
    if draw(st.booleans()):
        costs.insert(draw(st.integers(0, len(costs))), 20)
    sizes = draw(st.none() | st.lists(st.integers(0, 4), min_size=len(costs), max_size=len(costs)))
    speeds = draw(st.none() | st.lists(st.integers(1, 4), min_size=devices, max_size=devices))
    limit = st.none() | st.integers(0, 40)
    max_memory = draw(st.none() | st.lists(limit, min_size=devices, max_size=devices))
    return Problem(costs, devices, speeds, sizes, max_memory, draw(st.booleans()))


@settings(max_examples=500, deadline=None)
@given(problems_with_room())
def test_cuts_lie_nearest_to_the_taut_string(problem: Problem) -> None:
    try:
        boundaries = problem.solve().boundaries
    except InfeasibleError:
        return
    bottleneck = problem.bottleneck(boundaries)
    assert bottleneck is not None
    Even(problem, bottleneck, all(end > start for start, end in pairwise(boundaries))).check(boundaries)


@given(st.lists(any_float, max_size=7), st.integers(1, 4))
def test_floats_of_any_magnitude_are_balanced_to_their_rounding(costs: list[float], devices: int) -> None:
    problem = Problem(costs, devices)
    best, found = problem.best(), problem.bottleneck(problem.solve().boundaries)
    assert best is not None
    assert found is not None
    assert found <= best * (1 + Fraction(1, 2**60))


def best_by_table(problem: Problem) -> Fraction | None:
    """The smallest bottleneck by a table of the first blocks on the first devices: any size, in quadratic time."""
    blocks = len(problem.costs)
    sums = [0, *accumulate(problem.costs)]
    sizes = [0, *accumulate(problem.costs if problem.sizes is None else problem.sizes)]
    least = 0 if problem.allow_idle or blocks < problem.devices else 1
    best: list[Fraction | None] = [Fraction(0), *[None] * blocks]
    for device in range(problem.devices):
        speed = 1 if problem.speeds is None else problem.speeds[device]
        limit = None if problem.max_memory is None else problem.max_memory[device]
        row: list[Fraction | None] = [None] * (blocks + 1)
        for end in range(blocks + 1):
            for start in range(end - least + 1):
                before = best[start]
                if before is not None and (limit is None or sizes[end] - sizes[start] <= limit):
                    load = max(before, Fraction(sums[end] - sums[start]) / speed)
                    row[end] = load if row[end] is None else min(load, row[end])  # type: ignore[type-var]
        best = row
    return best[-1]


@st.composite
def larger_problems(draw: st.DrawFn) -> Problem:
    blocks, devices = draw(st.integers(5, 30)), draw(st.integers(2, 8))
    costs = draw(st.lists(small, min_size=blocks, max_size=blocks))
    sizes = draw(st.none() | st.lists(small, min_size=blocks, max_size=blocks))
    speeds = draw(st.none() | st.lists(st.integers(1, 9), min_size=devices, max_size=devices))
    limit = st.none() | st.integers(0, 2 * sum(costs if sizes is None else sizes) // devices + 1)
    max_memory = draw(st.none() | st.lists(limit, min_size=devices, max_size=devices))
    return Problem(costs, devices, speeds, sizes, max_memory, draw(st.booleans()))


def check_by_table(problem: Problem) -> None:
    best = best_by_table(problem)
    if best is None:
        with pytest.raises(InfeasibleError):
            problem.solve()
    else:
        assert problem.bottleneck(problem.solve().boundaries) == best


@given(larger_problems())
def test_hypothesis_finds_no_better_map_of_more_blocks(problem: Problem) -> None:
    check_by_table(problem)


@pytest.mark.parametrize("seed", range(40))
def test_no_map_on_many_devices_is_better(seed: int) -> None:
    """So many that the search may see before the first device that the rest cannot be held."""
    rng = random.Random(seed)
    blocks, devices = rng.randrange(60, 160), rng.randrange(33, 80)
    costs = [rng.choice([0, 1, rng.randrange(30), rng.randrange(300)]) for _ in range(blocks)]
    speeds = rng.choice([None, [rng.choice([1, 2, rng.randrange(1, 1000)]) for _ in range(devices)]])
    limits = [rng.choice([None, rng.randrange(sum(costs) // 8)]) for _ in range(devices)]
    check_by_table(Problem(costs, devices, speeds, None, rng.choice([None, limits]), rng.random() < 0.5))


class Greedy:
    """An independent test whether a bottleneck can be reached: each device takes all that it can."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.costs = [0, *accumulate(problem.costs)]
        self.sizes = [0, *accumulate(problem.sizes or problem.costs)]

    def reaches(self, bottleneck: Fraction) -> bool:
        """Whether all blocks are taken. Only for maps in which a device may be idle, or may not matter."""
        start = 0
        for device in range(self.problem.devices):
            speed = 1 if self.problem.speeds is None else self.problem.speeds[device]
            limit = None if self.problem.max_memory is None else self.problem.max_memory[device]
            end = _last(self.costs, start, self.costs[start] + bottleneck * Fraction(speed))
            if limit is not None:
                end = min(end, _last(self.sizes, start, self.sizes[start] + Fraction(limit)))
            start = end
        return start == len(self.costs) - 1


def _last(sums: list[Any], start: int, limit: Fraction) -> int:
    low, high = start, len(sums)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sums[middle] <= limit else (low, middle)
    return low


def certify(problem: Problem) -> None:
    """The bottleneck of the answer is reached, and nothing less is."""
    boundaries = problem.solve().boundaries
    sums = [0, *accumulate(problem.costs)]
    sizes = [0, *accumulate(problem.sizes or problem.costs)]
    speeds = problem.speeds or [1] * problem.devices
    limits = problem.max_memory or [None] * problem.devices
    runs = list(zip(pairwise(boundaries), speeds, limits, strict=True))
    for (start, end), _, limit in runs:
        assert limit is None or sizes[end] - sizes[start] <= limit
        assert end > start or problem.allow_idle
    bottleneck = max(Fraction(sums[end] - sums[start]) / Fraction(speed) for (start, end), speed, _ in runs)
    greedy = Greedy(problem)
    assert greedy.reaches(bottleneck)
    # The next smaller load that a device of any speed could have.
    for speed in set(speeds):
        assert not greedy.reaches(bottleneck - Fraction(1, 2**80) / Fraction(speed))


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


@pytest.mark.parametrize("kind", ["uniform", "one huge", "mostly zero", "exponential"])
def test_certified_at_a_million_blocks(kind: str) -> None:
    costs = costs_of_a_million(kind)
    certify(Problem(costs, 8))
    certify(Problem(costs, 1000))
    certify(Problem(costs, 8, [1, 2, 3, 4, 4, 3, 2, 1], allow_idle=True))
    limits = [None, sum(costs) // 7, None, None, sum(costs) // 100, None, sum(costs), None]
    sizes = costs[::-1]
    certify(Problem(costs, 8, [1, 2, 3, 4, 4, 3, 2.5, 1], sizes, limits, allow_idle=True))


def test_floats_certified_at_a_million_blocks() -> None:
    rng = random.Random(0)
    costs = [Fraction(rng.randrange(2**53), 2**60) for _ in range(MILLION)]
    problem = Problem(costs, 8)
    boundaries = balance([float(cost) for cost in costs], range(8)).boundaries
    sums = [Fraction(0), *accumulate(costs)]
    bottleneck = max(sums[end] - sums[start] for start, end in pairwise(boundaries))
    greedy = Greedy(problem)
    assert greedy.reaches(Fraction(bottleneck))
    assert not greedy.reaches(bottleneck - Fraction(1, 2**60))


def loads(costs: Sequence[Any], devices: int, **options: Any) -> list[Any]:
    return list(balance(costs, range(devices), **options).load_per_device(costs).values())


def test_what_others_get_wrong() -> None:
    # DeepSpeed's partition_balanced gives a bottleneck of 10.
    assert max(loads([2, 8, 4, 4], 3)) == 8
    # torchgpipe's solve leaves blocks empty on the one, and never returns on the other.
    assert loads([1, 1, 8, 8], 3) == [2, 8, 8]
    assert loads([1, 1, 1, 1, 8, 8], 5) == [1, 2, 1, 8, 8]
    # The original leaves devices idle.
    assert balance([1] * 5, range(4)).counts == (1, 2, 1, 1)
    assert 0 not in balance([1] * 9, range(8)).counts


def test_an_even_map_of_those_that_reach_the_bottleneck() -> None:
    assert loads([*[1] * 9, 5], 4) == [3, 3, 3, 5]
    assert loads([5, *[1] * 9], 4) == [5, 3, 3, 3]
    assert loads([*[1] * 31, 100], 4) == [10, 11, 10, 100]
    assert balance([0] * 6, range(3)).counts == (2, 2, 2)
    assert balance([0] * 7, range(3)).counts == (3, 2, 2)
    assert balance([0, 0, 5, 0, 0], range(3)).counts == (2, 2, 1)
    assert loads([*[1] * 12, 24], 4, speeds=[1, 2, 3, 1]) == [2, 4, 6, 24]


@given(st.integers(0, 60), st.integers(1, 12))
def test_equal_costs_are_split_evenly(blocks: int, devices: int) -> None:
    counts = balance([3] * blocks, range(devices)).counts
    assert sorted(counts) == sorted(devicemap.split(blocks, range(devices)).counts)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 6), st.integers(1, 8))
def test_no_cut_can_move_a_whole_block_for_a_smaller_bottleneck(costs: list[int], devices: int, times: int) -> None:
    # A scale changes nothing, of ints or of floats.
    boundaries = balance(costs, range(devices)).boundaries
    assert balance([cost * times for cost in costs], range(devices)).boundaries == boundaries
    assert balance([cost / 8 for cost in costs], range(devices)).boundaries == boundaries


def test_hard_cases_are_quick() -> None:
    """Each took minutes, or for ever, in some version; here they only have to end, with the optimum."""
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
    rng = random.Random(5)
    costs = [rng.choice([rng.getrandbits(60), 2.0 ** rng.randrange(60), 1]) for _ in range(1_040)]
    speeds = [rng.choice([1, 10, 100, 1000, 10**6]) for _ in range(1_000)]
    limits = [rng.choice([None, 2.0 ** rng.randrange(50, 67), 0]) for _ in range(1_000)]
    with pytest.raises(InfeasibleError, match="device 0 holds"):
        balance(costs, range(1_000), speeds=speeds, sizes=costs, max_memory=limits)


def test_loads_whatever_the_speeds_are() -> None:
    device_map = balance([1, 1], range(2))
    for speeds in (iter([1, 2]), np.array([1, 2], "f2"), [1, Decimal(2)], [Fraction(1), 2]):
        loads_of = device_map.load_per_device([100_000.0, 200_000], speeds)
        assert loads_of == {0: 100_000.0, 1: 100_000.0}
        assert {type(load) for load in loads_of.values()} == {float}


def test_few_blocks() -> None:
    assert balance([], [0, 1]).counts == (0, 0)
    assert balance([5], range(3)).counts == (1, 0, 0)
    assert balance([5, 7], range(4)).counts == (1, 1, 0, 0)
    speeds = [1, 1, 1, 4]
    assert balance([5, 7, 9], range(4), speeds=speeds).load_per_device([5, 7, 9], speeds)[3] == 4.0
    assert balance([2**127, 1], range(2)).counts == (1, 1)
    assert balance([2**128 - 1], range(1)).counts == (1,)
    assert balance([2**100] * 3, range(2), speeds=[1, 2**100]).counts == (1, 2)


def test_idle_devices_only_where_they_help() -> None:
    costs = [1, 1, 1, 1]
    slow = {"cpu": 1e-9}
    devices = ["gpu", "cpu", "gpu1"]
    assert balance(costs, devices, speeds=slow).counts == (2, 1, 1)
    assert balance(costs, devices, speeds=slow, allow_idle=True).counts == (2, 0, 2)
    assert balance([*[1] * 300, 0.1], devices, speeds=slow, allow_idle=True).counts == (150, 0, 151)
    slow_and_small = balance(costs, devices, speeds=slow, allow_idle=True, sizes=costs, max_memory=[1, 9, 1])
    assert slow_and_small.counts == (1, 2, 1)
    assert balance(costs, devices, allow_idle=True).counts == (1, 2, 1)
    assert balance([0, 5], range(2), allow_idle=True).counts == (1, 1)
    with pytest.raises(
        InfeasibleError,
        match="each device must get a block, but device 'cpu' holds 0 B and the smallest of the blocks 1–2 in its "
        "reach needs 1 B; allow_idle=True lets",
    ):
        balance(costs, devices, sizes=costs, max_memory={"cpu": 0})
    assert balance(costs, devices, sizes=costs, max_memory={"cpu": 0}, allow_idle=True).counts == (2, 0, 2)
    sizes = [30 * 2**30, *[2**30] * 5]
    for blocks, which in ((sizes, "block 0"), (sizes[::-1], "block 5")):
        limits = {devices[0 if blocks is sizes else -1]: "24GiB"}
        with pytest.raises(
            InfeasibleError, match=f"holds 24.0 GiB and {which}, the only one in its reach, needs 30.0 GiB"
        ):
            balance(blocks, devices, sizes=blocks, max_memory=limits)


def test_a_device_that_holds_only_a_later_block_gets_that_one() -> None:
    """The first device must stop early, though it could hold more, since the second can hold but one of the blocks."""
    sizes = [1, 9, 9, 1, 9, 9]
    assert balance(sizes, range(3), sizes=sizes, max_memory=[100, 1, 100]).counts == (3, 1, 2)


KINDS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "floats": lambda costs: [float(cost) for cost in costs],
    "mixed": lambda costs: [float(cost) if cost % 2 else cost for cost in costs],
    "fractions": lambda costs: [Fraction(cost) for cost in costs],
    "decimals": lambda costs: [Decimal(cost) for cost in costs],
    "bools and ints": lambda costs: [True if cost == 1 else cost for cost in costs],
    "generator": lambda costs: (cost for cost in costs),
    "array.array": lambda costs: array.array("H", costs),
    "array.array of floats": lambda costs: array.array("f", costs),
    "memoryview": lambda costs: memoryview(array.array("q", costs)),
    "bytes": bytes,
    "numpy scalars": lambda costs: [np.int16(cost) for cost in costs],
    "numpy float scalars": lambda costs: [np.float32(cost) for cost in costs],
    "numpy of objects": lambda costs: np.array(costs, object),
    "numpy column": lambda costs: np.array([costs, costs]).T[:, 1],
    "numpy reversed": lambda costs: np.array(costs[::-1])[::-1],
    "numpy of another byte order": lambda costs: np.array(costs, ">f8"),
    "numpy of long doubles": lambda costs: np.array(costs, "g"),
    "numpy unaligned": lambda costs: np.array([(0, cost) for cost in costs], "u1,f8")["f1"],
    "numpy read-only": lambda costs: np.frombuffer(np.array(costs, "f4").tobytes(), "f4"),
    "range": lambda costs: range(1, 1 + len(costs)),
    **{f"numpy {letter}": partial(np.array, dtype=letter) for letter in "bBhHiIlLqQefd"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_costs_of_every_kind(kind: str) -> None:
    costs = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8] if kind != "range" else list(range(1, 13))
    expected = balance(costs, range(4))
    assert balance(KINDS[kind](costs), range(4)) == expected
    if kind != "bools and ints":
        assert balance(costs, range(4), sizes=KINDS[kind](costs), max_memory=[40] * 4) == expected
    assert list(expected.load_per_device(KINDS[kind](costs)).values()) == list(expected.load_per_device(costs).values())


@pytest.mark.parametrize("step", [2, -1, -3])
def test_an_array_in_steps_is_read_to_its_end(step: int) -> None:
    costs = np.arange(MILLION)[::step]
    halves = [costs[:1000].sum(), costs[1000:].sum()]
    assert list(DeviceMap.from_counts([1000, len(costs) - 1000], [0, 1]).load_per_device(costs).values()) == halves


@given(st.lists(st.integers(0, 2**16 - 1), max_size=20))
def test_half_floats_are_read_as_numpy_reads_them(bits: list[int]) -> None:
    costs = np.array(bits, "u2").view("f2")
    assume(np.isfinite(costs).all() and not np.signbit(costs).any())
    exact = [Fraction(float(cost)) for cost in costs]
    device_map = balance(costs, range(1))
    assert device_map.load_per_device(costs) == {0: float(sum(exact))}


@pytest.mark.parametrize("value", [0, 1, 2**30 - 1, 2**30, 2**60 - 1, 2**60, 2**63, 2**64 - 1, 2**64, 2**100])
def test_ints_of_every_length_are_read_exactly(value: int) -> None:
    device_map = balance([value, 1, value], range(1))
    assert device_map.load_per_device([value, 1, value]) == {0: 2 * value + 1}
    loads = device_map.load_per_device([value, 0.0, value])
    assert loads == {0: float(2 * value)}
    assert type(loads[0]) is float


SPEEDS: list[Any] = [
    [1, 2, 1],
    (1.0, 2.0, 1.0),
    np.array([1, 2, 1]),
    {"b": 2},
    {"a": 1, "b": 2, "c": None},
    [Fraction(1, 3), Fraction(2, 3), Fraction(1, 3)],
    [2**100, 2**101, 2**100],
    [0.1, 0.2, 0.1],
    iter([1, 2, 1]),
]


@pytest.mark.parametrize("speeds", SPEEDS, ids=str)
def test_speeds_of_every_kind(speeds: Any) -> None:
    assert balance([1] * 8, ["a", "b", "c"], speeds=speeds).counts == (2, 4, 2)


MEMORY: list[Any] = [
    ["1KiB", "2KiB", None],
    {"a": "1KiB", "b": "2.0 KiB"},
    {"a": 1024, "b": 2048.0, "c": None},
    {"a": "1 kib", "b": "2KIB"},
    {"a": "0.001024mb", "b": "2048B", "c": "1tb"},
    [Decimal(1024), Fraction(2048), 2**127 - 1],
    np.array([1024, 2048, 2**40]),
]


@pytest.mark.parametrize("max_memory", MEMORY, ids=str)
def test_memory_of_every_kind(max_memory: Any) -> None:
    sizes = [1024] * 8
    assert balance([1] * 8, ["a", "b", "c"], sizes=sizes, max_memory=max_memory).counts == (1, 2, 5)
    assert balance([1] * 8, ["a", "b", "c"], sizes=np.array(sizes, "f4"), max_memory=max_memory).counts == (1, 2, 5)
    texts = ["1KiB", "1024B", " 1 kib ", "1.024 KB", *sizes[4:]]
    assert balance([1] * 8, ["a", "b", "c"], sizes=texts, max_memory=max_memory).counts == (1, 2, 5)


GIB = 2**30
INFEASIBLE: dict[str, tuple[Problem, str, dict[str, Any]]] = {
    "one block": (
        Problem([1] * 20, 2, None, [GIB] * 17 + [30 * GIB] + [GIB] * 2, ["24GiB", "20GiB"]),
        "block 17 needs 30.0 GiB, no device holds more than 24.0 GiB",
        {"reason": "block", "block": 17, "needed": 30 * GIB, "available": 24 * GIB},
    ),
    "of a kilobyte": (
        Problem([1025], 1, None, None, [1024]),
        "block 0 needs 1,025 B, no device holds more than 1,024 B",
        {"reason": "block", "block": 0, "needed": 1025, "available": 1024},
    ),
    "of floats": (
        Problem([2560.0], 1, None, None, [1024]),
        "block 0 needs 2.5 KiB, no device holds more than 1.0 KiB",
        {"reason": "block", "block": 0, "needed": 2560, "available": 1024},
    ),
    "all blocks": (
        Problem([141 * GIB // 100] * 100, 4, None, None, ["24GiB"] * 4),
        "the blocks need 141.0 GiB, the devices hold 96.0 GiB",
        {"reason": "total", "needed": 141 * GIB // 100 * 100, "available": 96 * GIB},
    ),
    "the order": (
        Problem([1] * 80, 3, None, [GIB] * 58 + [20 * GIB] + [GIB] * 21, [41 * GIB, 18 * GIB, "40.5GiB"]),
        "in this order the devices hold blocks 0–78 only: the next, of 1.0 GiB, is too much",
        {"reason": "order", "block": 79, "needed": GIB, "available": 0},
    ),
    "none in order": (
        Problem([8, 1], 2, None, None, [1, 8]),
        "in this order the devices hold block 0 only: the next, of 1 B, is too much",
        {"reason": "order", "block": 1, "needed": 1, "available": 0},
    ),
    "devices that remain": (
        Problem([8, 5, 1], 4, None, None, [9, 2, 4, 3]),
        "in this order the devices hold block 0 only: the next, of 5 B, is too much; 2 blocks of 6 B are left",
        {"reason": "order", "block": 1, "needed": 5, "available": 4},
    ),
    "several blocks": (
        Problem([10] * 9, 3, None, None, [39, 39, 19]),
        "in this order the devices hold blocks 0–6 only: the next, of 10 B, is too much; 2 blocks of 20 B are left",
        {"reason": "order", "block": 7, "needed": 10, "available": 0},
    ),
    "nothing": (
        Problem([9, 1], 2, None, None, [0, 9]),
        "the blocks need 10 B, the devices hold 9 B",
        {"reason": "total", "needed": 10, "available": 9},
    ),
}


@pytest.mark.parametrize("name", INFEASIBLE)
def test_infeasible_says_why_in_numbers(name: str) -> None:
    problem, text, attributes = INFEASIBLE[name]
    for allow_idle in (False, True):
        with pytest.raises(InfeasibleError) as caught:
            problem._replace(allow_idle=allow_idle).solve()
        error = caught.value
        assert str(error) == text
        assert isinstance(error, ValueError)
        assert_attributes(error, attributes)


def assert_attributes(error: InfeasibleError, attributes: dict[str, Any]) -> None:
    expected = {"reason": None, "block": None, "device": None, "needed": None, "available": None} | attributes
    copies = [copy.copy(error), *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(6))]
    for one in (error, *copies):
        assert {name: getattr(one, name) for name in expected} == expected
        assert str(one) == str(error)


def test_infeasible_names_the_device_that_cannot_get_a_block() -> None:
    with pytest.raises(InfeasibleError) as caught:
        balance([5, 7], ["a", "b"], sizes=[5, 7], max_memory=[1, 99])
    assert_attributes(caught.value, {"reason": "idle", "device": "a", "needed": 5, "available": 1})
    made_by_hand = InfeasibleError("by hand")
    assert (made_by_hand.reason, made_by_hand.needed) == (None, None)


def test_infeasible_names_devices_as_they_let_it() -> None:
    limited: dict[str, Any] = {"sizes": [5, 5], "max_memory": [1, 99]}
    with pytest.raises(InfeasibleError, match=r"device 'x+\.\.\.x+' holds 1 B and block 0, the only") as caught:
        balance([5, 5], ["x" * 10**5, "b"], **limited)
    assert len(str(caught.value)) < 250
    with pytest.raises(InfeasibleError, match="device <Nameless> holds 1 B"):
        balance([5, 5], [Nameless(ValueError), "b"], **limited)
    with pytest.raises(KeyboardInterrupt):
        balance([5, 5], [Nameless(KeyboardInterrupt), "b"], **limited)


class Moody:
    """A number that says which one it is only as a float, or not at all."""

    def __init__(self, value: float | None) -> None:
        self.value = value

    def __index__(self) -> int:
        raise TypeError("no int")

    def __float__(self) -> float:
        if self.value is None:
            raise LookupError("no number today")
        return self.value


class Odd(int):
    """An int whose text and order are its own."""

    def __str__(self) -> str:
        return "\N{EURO SIGN}" * 50

    def __lt__(self, other: object) -> bool:
        raise LookupError("no order")


class Nameless:
    """A device that does not tell its name."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error


def test_numbers_have_code_of_their_own() -> None:
    assert balance([Odd(2), True, 1], [0, 1]).counts == (1, 2)
    assert balance([1], [0]).load_per_device([Moody(2.5)]) == {0: 2.5}
    with pytest.raises(LookupError, match="today"):
        balance([1, Moody(None)], [0])


NAN, INFINITE = float("nan"), float("inf")
TOO_LONG = type("T" * 10**5, (), {})()
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "negative": (lambda: balance([1, -2], [0]), ValueError, "costs[1] must be 0 or more, got -2"),
    "negative float": (lambda: balance([1, 0.5, -2.5], [0]), ValueError, "costs[2] must be 0 or more, got -2.5"),
    "negative in an array": (lambda: balance(np.array([1, -2]), [0]), ValueError, "costs[1] must be 0 or more, got -2"),
    "huge negative": (lambda: balance([-(10**30)], [0]), ValueError, f"costs[0] must be 0 or more, got {-(10**30)}"),
    "too huge to be shown": (lambda: balance([-(10**5000)], [0]), ValueError, "costs[0] must be 0 or more, got <int>"),
    "negative with a text of its own": (
        lambda: balance([Odd(-1)], [0]),
        ValueError,
        "costs[0] must be 0 or more, got -1",
    ),
    "fraction beyond floats": (
        lambda: balance([Fraction(10**400)], [0]),
        ValueError,
        "costs[0] must be within the range of a float, got Fraction(10000000000000000…000000000, 1)",
    ),
    "signaling nan": (
        lambda: balance([Decimal("sNaN")], [0]),
        ValueError,
        "costs[0] must be a number, got Decimal('sNaN')",
    ),
    "nan": (lambda: balance([1.0, NAN], [0]), ValueError, "costs[1] must be a finite number, got nan"),
    "nan in an array": (
        lambda: balance(np.array([1, NAN]), [0]),
        ValueError,
        "costs[1] must be a finite number, got nan",
    ),
    "infinite": (lambda: balance([INFINITE], [0]), ValueError, "costs[0] must be a finite number, got inf"),
    "infinite half": (
        lambda: balance(np.array([1, INFINITE], "e"), [0]),
        ValueError,
        "costs[1] must be a finite number, got inf",
    ),
    "negative half": (
        lambda: balance(np.array([1, -2], "e"), [0]),
        ValueError,
        "costs[1] must be 0 or more, got -2.0",
    ),
    "text": (lambda: balance([1, "2"], [0]), TypeError, "costs[1] must be a number, got '2'"),
    "bytes": (lambda: balance([b"2"], [0]), TypeError, "costs[0] must be a number, got b'2'"),
    "texts of numpy's": (
        lambda: balance(np.array(["1"]), [0]),
        TypeError,
        f"costs[0] must be a number, got {np.str_('1')!r}",
    ),
    "none": (lambda: balance([1, None], [0]), TypeError, "costs[1] must be a number, got None"),
    "a type with a long name": (
        lambda: balance([TOO_LONG], [0]),
        TypeError,
        "costs[0] must be a number, got <tests.test_balance.TTTTTT…",
    ),
    "complex": (lambda: balance([1j], [0]), TypeError, "costs[0] must be a real number, got 1j"),
    "a complex scalar": (
        lambda: balance([np.complex64(1)], [0]),
        TypeError,
        f"costs[0] must be a real number, got {np.complex64(1)!r}",
    ),
    "a complex array": (
        lambda: balance(np.array([1, 1j]), [0]),
        TypeError,
        f"costs[0] must be a real number, got {np.complex128(1)!r}",
    ),
    "an array in a list": (
        lambda: balance([np.array([1, 2])], [0]),
        TypeError,
        "costs[0] must be a number, got array([1, 2])",
    ),
    "a buffer that Python cannot read": (
        lambda: balance(memoryview((ctypes.c_long * 3)(1, 2, 3)), [0]),
        TypeError,
        "costs must be a sequence of numbers, got <memory at 0x",
    ),
    "no sequence": (lambda: balance(5, [0]), TypeError, "costs must be a sequence of numbers, got 5"),  # type: ignore[call-overload]
    "a string": (lambda: balance("123", [0]), TypeError, "costs must be a sequence of numbers, got '123'"),
    "a dict": (
        lambda: balance({0: 1}, [0]),
        TypeError,
        "costs must be a sequence of numbers, got the mapping {0: 1}; write list(costs.values()) if",
    ),
    "a mapping": (
        lambda: balance(MappingProxyType({0: 1}), [0]),
        TypeError,
        "costs must be a sequence of numbers, got the mapping mappingproxy({0: 1}); write",
    ),
    "a mapping of the user's": (
        lambda: balance(UserDict({0: 1}), [0]),
        TypeError,
        "costs must be a sequence of numbers, got the mapping {0: 1}; write list(costs.values()) if",
    ),
    "a set": (lambda: balance({1}, [0]), TypeError, "costs must be a sequence of numbers, got {1}"),
    "a frozen set": (
        lambda: balance(frozenset([1]), [0]),
        TypeError,
        "costs must be a sequence of numbers, got frozenset({1})",
    ),
    "masked values": (
        lambda: balance(np.ma.array([1, 2, 3], mask=[False, True, False]), [0]),
        TypeError,
        "costs must be without masked values, got masked_array(data=[1, --",
    ),
    "two dimensions": (lambda: balance(np.ones((2, 2)), [0]), ValueError, "costs must have one dimension, got 2"),
    "two dimensions of objects": (
        lambda: balance(np.ones((2, 2), object), [0]),
        ValueError,
        "costs must have one dimension, got 2",
    ),
    "no dimension": (lambda: balance(np.array(1), [0]), TypeError, "costs must be a sequence, got array(1)"),
    "beyond 128 bits": (
        lambda: balance([2**127, 2**127], [0]),
        ValueError,
        "costs must add up to less than 2**128",
    ),
    "one beyond": (
        lambda: balance([2**128], [0]),
        ValueError,
        "costs[0] must be less than 2**128, got 340282366920938",
    ),
    "negative size": (
        lambda: balance([1], [0], sizes=[-1]),
        ValueError,
        "sizes[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got -1",
    ),
    "size in an array": (
        lambda: balance([1, 1], [0], sizes=np.array([1, 1.5])),
        ValueError,
        "sizes[1] must be an amount of memory, but 1.5 is not a whole number of bytes; write '1.5GiB' if it is in GiB",
    ),
    "size lost to rounding": (
        lambda: balance(
            [1] * 3, list("abc"), sizes=[1.0, 1 + 2**-52, 1e290], max_memory=[None, 0, None], allow_idle=True
        ),
        ValueError,
        "sizes[1] must be an amount of memory, but 1.0000000000000002 is not a whole number of bytes",
    ),
    "huge size": (
        lambda: balance([1], [0], sizes=[1e290]),
        ValueError,
        "sizes[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got 1e+290",
    ),
    "size of true": (
        lambda: balance([1], [0], sizes=[True]),
        TypeError,
        "sizes[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got True",
    ),
    "sizes beyond 128 bits": (
        lambda: balance([1] * 3, [0], sizes=[2**127 - 1] * 3),
        ValueError,
        "sizes must add up to less than 2**128",
    ),
    "fewer sizes": (
        lambda: balance([1, 2], [0], sizes=[1]),
        ValueError,
        "sizes must have one value per block, as costs has (2), got 1",
    ),
    "memory without sizes": (
        lambda: balance([1] * 32, 2, max_memory=["22GiB"] * 2),
        ValueError,
        "sizes must be given with max_memory, got None; write sizes=costs if the costs are bytes",
    ),
    "no devices": (lambda: balance([1], []), ValueError, "devices must not be empty"),
    "0 devices": (lambda: balance([1], 0), ValueError, "devices must be 1 or more, got 0"),
    "device twice": (lambda: balance([1], [0, 0]), ValueError, "devices must be distinct, got 0 twice"),
    "unhashable device": (lambda: balance([1], [0, []]), TypeError, "devices[1] must be hashable, got []"),
    "speed 0": (
        lambda: balance([1], [0, 1], speeds=[1, 0.0]),
        ValueError,
        "speeds[1] must be greater than 0, got 0",
    ),
    "speed of 0": (
        lambda: balance([1], ["a"], speeds={"a": 0}),
        ValueError,
        "speeds['a'] must be greater than 0, got 0",
    ),
    "negative fraction": (
        lambda: balance([1], [0], speeds=[Fraction(-1, 2)]),
        ValueError,
        "speeds[0] must be greater than 0, got -0.5",
    ),
    "negative speed": (lambda: balance([1], [0], speeds=[-1]), ValueError, "speeds[0] must be greater than 0, got -1"),
    "infinite speed": (
        lambda: balance([1], [0], speeds=[INFINITE]),
        ValueError,
        "speeds[0] must be a finite number, got inf",
    ),
    "fewer speeds": (
        lambda: balance([1], [0, 1], speeds=[1]),
        ValueError,
        "speeds must have one value per device (2), got 1",
    ),
    "a speed": (
        lambda: balance([1], [0], speeds=2),  # type: ignore[call-overload]
        TypeError,
        "speeds must be a sequence of one value per device, or a mapping by device, got 2",
    ),
    "unknown device": (
        lambda: balance([1], [0], speeds={1: 2}),
        ValueError,
        "speeds must be keyed by the devices, got the key 1; the closest device is 0; if 1 is a device, add it to",
    ),
    "far apart": (
        lambda: balance([1], [0, 1], speeds=[1e-300, 1e300]),
        ValueError,
        "speeds must have proportions that fit in 128 bits; round them",
    ),
    "memory that is nan": (
        lambda: balance([1], [0], sizes=[1], max_memory=[NAN]),
        ValueError,
        "max_memory[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got nan",
    ),
    "memory without end": (
        lambda: balance([1], [0], sizes=[1], max_memory=[INFINITE]),
        ValueError,
        "max_memory[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got inf",
    ),
    "one memory": (
        lambda: balance([1], [0], sizes=[1], max_memory="24GiB"),
        TypeError,
        "max_memory must be a sequence of one value per device, or a mapping by device, got '24GiB'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_a_clear_error_that_names_the_place(name: str) -> None:
    call, error, text = WRONG[name]
    with pytest.raises(error, match=re.escape(text.removesuffix("…"))) as caught:
        call()
    assert not isinstance(caught.value, InfeasibleError)
    assert len(str(caught.value)) <= 500
