"""Slow reference implementations of ``balance``: brute force, dynamic programming, the taut string."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, combinations_with_replacement, pairwise
from typing import Any, NamedTuple

import pytest

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


def check_by_table(problem: Problem) -> None:
    best = best_by_table(problem)
    if best is None:
        with pytest.raises(InfeasibleError):
            problem.solve()
    else:
        assert problem.bottleneck(problem.solve().boundaries) == best


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
