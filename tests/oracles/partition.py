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
    """The arguments of ``balance``."""

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
        """Return the largest load as an exact fraction, or None if the map violates a constraint."""
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
        """Return the smallest bottleneck of all maps."""
        cuts = combinations_with_replacement(range(len(self.costs) + 1), self.devices - 1)
        bottlenecks = [self.bottleneck((0, *cut, len(self.costs))) for cut in cuts]
        return min((bottleneck for bottleneck in bottlenecks if bottleneck is not None), default=None)

    def check(self) -> None:
        """Compare the result of ``balance`` with brute force."""
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
            assert self._replace(allow_idle=False).best() != best, "an idle device does not help"


class EvenCuts:
    """The possible cuts of a problem within a bottleneck, and the taut string through them, by their definitions."""

    def __init__(self, problem: Problem, bottleneck: Fraction, non_empty: bool) -> None:
        self.problem, self.non_empty, self.blocks = problem, non_empty, len(problem.costs)
        self.sums = [0, *accumulate(problem.costs)]
        self.sizes = [0, *accumulate(problem.costs if problem.sizes is None else problem.sizes)]
        self.speeds = problem.speeds or [1] * problem.devices
        self.capacities = [bottleneck * speed for speed in self.speeds]
        # The possible starts of each device, followed by the end of the last one.
        self.starts = [{self.blocks}]
        for device in reversed(range(problem.devices)):
            ends = self.starts[0]
            self.starts.insert(0, {b for b in range(self.blocks + 1) if ends & self.ends(device, b)})
        low = high = 0
        self.x, self.windows = [0], [(0, 0)]
        for device, speed in enumerate(self.speeds):
            low = min(b for b in self.starts[device + 1] if b >= low + non_empty)
            high = max(b for b in self.starts[device + 1] if b <= max(self.ends(device, high), default=high))
            self.x.append(self.x[-1] + speed)
            self.windows.append((self.sums[low], self.sums[high]))
        self.y: list[Any] = [window[0] for window in self.windows]
        self.compute_string(0, problem.devices)

    def ends(self, device: int, start: int) -> set[int]:
        """Return the possible ends of a device's run that starts at a block."""
        limit = None if self.problem.max_memory is None else self.problem.max_memory[device]
        return {
            end
            for end in range(start + self.non_empty, self.blocks + 1)
            if self.sums[end] - self.sums[start] <= self.capacities[device]
            and (limit is None or self.sizes[end] - self.sizes[start] <= limit)
        }

    def compute_string(self, first: int, last: int) -> None:
        """Compute the string between two of its vertices, recursively.

        It is straight if the straight line passes through all windows. Otherwise it has a vertex at the window that the
        line misses by the largest distance.
        """
        slope = Fraction(self.y[last] - self.y[first]) / (self.x[last] - self.x[first])
        distances = []
        for index in range(first + 1, last):
            straight = self.y[first] + slope * (self.x[index] - self.x[first])
            self.y[index] = min(max(straight, self.windows[index][0]), self.windows[index][1])
            distances.append((abs(straight - self.y[index]), index))
        distance, vertex = max(distances, default=(0, 0))
        if distance:
            self.compute_string(first, vertex)
            self.compute_string(vertex, last)

    def check(self, boundaries: Sequence[int]) -> None:
        """Assert that each cut is as close to the string as possible, and even among blocks that cost nothing."""
        devices = self.problem.devices
        for device in range(1, devices):
            possible = self.starts[device] & self.ends(device - 1, boundaries[device - 1])
            cut = boundaries[device]
            assert cut in possible
            smallest = min(abs(self.sums[b] - self.y[device]) for b in possible)
            assert abs(self.sums[cut] - self.y[device]) <= smallest + Fraction(1, 2**30)
            even = self.blocks // devices * device - -(self.blocks % devices * device) // devices
            assert abs(cut - even) == min(abs(b - even) for b in possible if self.sums[b] == self.sums[cut])


def best_by_dynamic_programming(problem: Problem) -> Fraction | None:
    """Return the smallest bottleneck, by dynamic programming over the first blocks on the first devices."""
    blocks = len(problem.costs)
    sums = [0, *accumulate(problem.costs)]
    sizes = [0, *accumulate(problem.costs if problem.sizes is None else problem.sizes)]
    min_blocks = 0 if problem.allow_idle or blocks < problem.devices else 1
    best: list[Fraction | None] = [Fraction(0), *[None] * blocks]
    for device in range(problem.devices):
        speed = 1 if problem.speeds is None else problem.speeds[device]
        limit = None if problem.max_memory is None else problem.max_memory[device]
        row: list[Fraction | None] = [None] * (blocks + 1)
        for end in range(blocks + 1):
            for start in range(end - min_blocks + 1):
                before = best[start]
                if before is not None and (limit is None or sizes[end] - sizes[start] <= limit):
                    load = max(before, Fraction(sums[end] - sums[start]) / speed)
                    row[end] = load if row[end] is None else min(load, row[end])  # type: ignore[type-var]
        best = row
    return best[-1]


def check_by_dynamic_programming(problem: Problem) -> None:
    """Compare the result of ``balance`` with dynamic programming."""
    best = best_by_dynamic_programming(problem)
    if best is None:
        with pytest.raises(InfeasibleError):
            problem.solve()
    else:
        assert problem.bottleneck(problem.solve().boundaries) == best


class Greedy:
    """An independent probe: each device, from the first to the last, gets as many blocks as it can hold."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.costs = [0, *accumulate(problem.costs)]
        self.sizes = [0, *accumulate(problem.sizes or problem.costs)]

    def is_feasible(self, bottleneck: Fraction) -> bool:
        """Return whether the devices can hold all blocks, if devices may be idle."""
        start = 0
        for device in range(self.problem.devices):
            speed = 1 if self.problem.speeds is None else self.problem.speeds[device]
            limit = None if self.problem.max_memory is None else self.problem.max_memory[device]
            end = _last_within(self.costs, start, self.costs[start] + bottleneck * Fraction(speed))
            if limit is not None:
                end = min(end, _last_within(self.sizes, start, self.sizes[start] + Fraction(limit)))
            start = end
        return start == len(self.costs) - 1


def _last_within(sums: list[Any], start: int, limit: Fraction) -> int:
    """Return the last index from ``start`` on whose sum is at most ``limit``, by bisection."""
    low, high = start, len(sums)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sums[middle] <= limit else (low, middle)
    return low


def certify(problem: Problem) -> None:
    """Assert that the bottleneck of the result is feasible, and that no smaller one is."""
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
    assert greedy.is_feasible(bottleneck)
    # Any smaller bottleneck is smaller by at least the smallest difference between two loads of a device.
    for speed in set(speeds):
        assert not greedy.is_feasible(bottleneck - Fraction(1, 2**80) / Fraction(speed))
