"""Reference implementations for ``balance``, all of them slow or for certain problems only.

``Problem`` finds the smallest bottleneck by brute force, ``min_bottleneck_by_dynamic_programming`` for more blocks.
``certify`` proves for problems of any size that a bottleneck is the smallest one. ``TautString`` gives the cuts with
the most even loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, combinations_with_replacement, pairwise
from typing import Any, NamedTuple

import pytest

import devicemap
from devicemap import DeviceMap, InfeasibleError, balance


class Problem(NamedTuple):
    """A balancing problem: the arguments of one call to ``balance``. The sizes are the costs unless they are given."""

    costs: Sequence[Any]
    num_devices: int
    speeds: Sequence[Any] | None = None
    sizes: Sequence[Any] | None = None
    max_memory: Sequence[Any] | None = None
    allow_idle: bool = False

    def solve(self) -> DeviceMap[int]:
        """Return the result of ``balance``."""
        return balance(
            self.costs,
            range(self.num_devices),
            speeds=self.speeds,
            sizes=self.costs if self.sizes is None and self.max_memory is not None else self.sizes,
            max_memory=self.max_memory,
            allow_idle=self.allow_idle,
        )

    def bottleneck(self, boundaries: Sequence[int]) -> Fraction | None:
        """Return the bottleneck of a map as an exact fraction, or None if the map violates a constraint."""
        sizes = self.costs if self.sizes is None else self.sizes
        largest_load = Fraction(0)
        for device, (start, end) in enumerate(pairwise(boundaries)):
            limit = None if self.max_memory is None else self.max_memory[device]
            if limit is not None and sum(map(Fraction, sizes[start:end])) > Fraction(limit):
                return None
            if start == end and not self.allow_idle and len(self.costs) >= self.num_devices:
                return None
            speed = 1 if self.speeds is None else self.speeds[device]
            largest_load = max(largest_load, sum(map(Fraction, self.costs[start:end])) / Fraction(speed))
        return largest_load

    def min_bottleneck(self) -> Fraction | None:
        """Return the smallest bottleneck over all valid maps, or None if there is none, by brute force."""
        all_cuts = combinations_with_replacement(range(len(self.costs) + 1), self.num_devices - 1)
        bottlenecks = [self.bottleneck((0, *cuts, len(self.costs))) for cuts in all_cuts]
        return min((bottleneck for bottleneck in bottlenecks if bottleneck is not None), default=None)

    def check(self) -> None:
        """Compare the result of ``balance`` with brute force."""
        min_bottleneck = self.min_bottleneck()
        if min_bottleneck is None:
            with pytest.raises(InfeasibleError):
                self.solve()
            return
        device_map = self.solve()
        assert list(device_map) == list(range(self.num_devices))
        devicemap.assert_device_map(device_map, len(self.costs))
        assert self.bottleneck(device_map.boundaries) == min_bottleneck, device_map
        if self.allow_idle and len(self.costs) >= self.num_devices and 0 in device_map.counts:
            without_idle_devices = self._replace(allow_idle=False).min_bottleneck()
            assert without_idle_devices != min_bottleneck, (
                "a device is idle although that does not lower the bottleneck"
            )


class TautString:
    """The possible cuts of a problem for a given bottleneck, and the taut string through their windows.

    Both are computed from the definitions. A cut is the end of a device's run and the start of the next one. Cut ``i``
    is the start of the run of device ``i``; the last cut is the end of the last run. The window of a cut is the range
    of the prefix sums of costs at its possible positions. The taut string is the shortest line through all windows.
    """

    def __init__(self, problem: Problem, bottleneck: Fraction, non_empty: bool) -> None:
        self.problem, self.non_empty, self.num_blocks = problem, non_empty, len(problem.costs)
        self.cost_sums = [0, *accumulate(problem.costs)]
        self.size_sums = [0, *accumulate(problem.costs if problem.sizes is None else problem.sizes)]
        speeds = problem.speeds or [1] * problem.num_devices
        self.max_costs = [bottleneck * speed for speed in speeds]
        # For each cut, the positions from which the devices after it can hold all remaining blocks.
        self.starts = [{self.num_blocks}]
        for device in reversed(range(problem.num_devices)):
            next_starts = self.starts[0]
            starts = {block for block in range(self.num_blocks + 1) if next_starts & self.possible_ends(device, block)}
            self.starts.insert(0, starts)
        # The x-coordinate of each cut is the total speed of the devices before it; y is the prefix sum of the string.
        first_cut = last_cut = 0
        self.x, self.windows = [0], [(0, 0)]
        for device, speed in enumerate(speeds):
            largest_end = max(self.possible_ends(device, last_cut), default=last_cut)
            first_cut = min(block for block in self.starts[device + 1] if block >= first_cut + non_empty)
            last_cut = max(block for block in self.starts[device + 1] if block <= largest_end)
            self.x.append(self.x[-1] + speed)
            self.windows.append((self.cost_sums[first_cut], self.cost_sums[last_cut]))
        self.y: list[Any] = [window[0] for window in self.windows]
        self.compute_y(0, problem.num_devices)

    def possible_ends(self, device: int, start: int) -> set[int]:
        """Return all ends of a run from ``start`` that the device can hold."""
        limit = None if self.problem.max_memory is None else self.problem.max_memory[device]
        return {
            end
            for end in range(start + self.non_empty, self.num_blocks + 1)
            if self.cost_sums[end] - self.cost_sums[start] <= self.max_costs[device]
            and (limit is None or self.size_sums[end] - self.size_sums[start] <= limit)
        }

    def compute_y(self, first: int, last: int) -> None:
        """Compute the string between two of its vertices, the cuts ``first`` and ``last``, recursively.

        The string is straight if the straight line passes through all windows. Otherwise it has a vertex at the window
        that the line misses by the largest distance.
        """
        slope = Fraction(self.y[last] - self.y[first]) / (self.x[last] - self.x[first])
        distances = []
        for index in range(first + 1, last):
            y_on_line = self.y[first] + slope * (self.x[index] - self.x[first])
            self.y[index] = min(max(y_on_line, self.windows[index][0]), self.windows[index][1])
            distances.append((abs(y_on_line - self.y[index]), index))
        distance, vertex = max(distances, default=(0, 0))
        if distance:
            self.compute_y(first, vertex)
            self.compute_y(vertex, last)

    def check(self, boundaries: Sequence[int]) -> None:
        """Assert that each cut is as close to the string as possible, and as even as possible among costs of 0."""
        num_devices = self.problem.num_devices
        for device in range(1, num_devices):
            possible = self.starts[device] & self.possible_ends(device - 1, boundaries[device - 1])
            cut = boundaries[device]
            assert cut in possible
            # `balance` computes the height of the taut string in floats, `self.y` is exact: of two blocks that are
            # almost equally close to the string, it may choose the other one.
            min_distance = min(abs(self.cost_sums[block] - self.y[device]) for block in possible)
            assert abs(self.cost_sums[cut] - self.y[device]) <= min_distance + Fraction(1, 2**30)
            # The cut that divides the number of blocks evenly: ceil(num_blocks * device / num_devices).
            even_cut = -(-self.num_blocks * device // num_devices)
            same_sum = [block for block in possible if self.cost_sums[block] == self.cost_sums[cut]]
            assert abs(cut - even_cut) == min(abs(block - even_cut) for block in same_sum)


def min_bottleneck_by_dynamic_programming(problem: Problem) -> Fraction | None:
    """Return the smallest bottleneck, or None if no map is valid.

    In each iteration, ``row[n]`` is the smallest bottleneck with which the devices before ``device`` can hold the first
    ``n`` blocks.
    """
    num_blocks = len(problem.costs)
    cost_sums = [0, *accumulate(problem.costs)]
    size_sums = [0, *accumulate(problem.costs if problem.sizes is None else problem.sizes)]
    min_blocks = 0 if problem.allow_idle or num_blocks < problem.num_devices else 1
    row: list[Fraction | None] = [Fraction(0), *[None] * num_blocks]
    for device in range(problem.num_devices):
        speed = 1 if problem.speeds is None else problem.speeds[device]
        limit = None if problem.max_memory is None else problem.max_memory[device]
        next_row: list[Fraction | None] = [None] * (num_blocks + 1)
        for end in range(num_blocks + 1):
            bottlenecks = [
                max(previous, Fraction(cost_sums[end] - cost_sums[start]) / speed)
                for start, previous in enumerate(row[: max(end - min_blocks + 1, 0)])
                if previous is not None and (limit is None or size_sums[end] - size_sums[start] <= limit)
            ]
            next_row[end] = min(bottlenecks, default=None)
        row = next_row
    return row[-1]


def check_by_dynamic_programming(problem: Problem) -> None:
    """Compare the result of ``balance`` with dynamic programming."""
    min_bottleneck = min_bottleneck_by_dynamic_programming(problem)
    if min_bottleneck is None:
        with pytest.raises(InfeasibleError):
            problem.solve()
    else:
        assert problem.bottleneck(problem.solve().boundaries) == min_bottleneck


class GreedyProbe:
    """A test whether a bottleneck is feasible, independent of the one in ``balance``."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.cost_sums = [0, *accumulate(problem.costs)]
        self.size_sums = [0, *accumulate(problem.sizes or problem.costs)]

    def is_feasible(self, bottleneck: Fraction) -> bool:
        """Return whether the devices can hold all blocks without exceeding a bottleneck, if devices can be idle.

        Each device, from the first to the last, gets as many blocks as it can hold.
        """
        start = 0
        for device in range(self.problem.num_devices):
            speed = 1 if self.problem.speeds is None else self.problem.speeds[device]
            limit = None if self.problem.max_memory is None else self.problem.max_memory[device]
            end = _last_up_to(self.cost_sums, start, self.cost_sums[start] + bottleneck * Fraction(speed))
            if limit is not None:
                end = min(end, _last_up_to(self.size_sums, start, self.size_sums[start] + Fraction(limit)))
            start = end
        return start == len(self.cost_sums) - 1


def _last_up_to(prefix_sums: list[Any], start: int, limit: Fraction) -> int:
    """Return the last index at or after ``start`` whose prefix sum is at most ``limit``, by bisection."""
    low, high = start, len(prefix_sums)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if prefix_sums[middle] <= limit else (low, middle)
    return low


def certify(problem: Problem) -> None:
    """Assert that the bottleneck of the result is feasible, and that no smaller one is."""
    boundaries = problem.solve().boundaries
    cost_sums = [0, *accumulate(problem.costs)]
    size_sums = [0, *accumulate(problem.sizes or problem.costs)]
    speeds = problem.speeds or [1] * problem.num_devices
    limits = problem.max_memory or [None] * problem.num_devices
    runs = list(zip(pairwise(boundaries), speeds, limits, strict=True))
    for (start, end), _, limit in runs:
        assert limit is None or size_sums[end] - size_sums[start] <= limit
        assert end > start or problem.allow_idle
    bottleneck = max(Fraction(cost_sums[end] - cost_sums[start]) / Fraction(speed) for (start, end), speed, _ in runs)
    probe = GreedyProbe(problem)
    assert probe.is_feasible(bottleneck)
    # A feasible bottleneck that is smaller differs from this one by much more than 2**-80, since the costs are integers
    # and the speeds are small numbers.
    for speed in set(speeds):
        assert not probe.is_feasible(bottleneck - Fraction(1, 2**80) / Fraction(speed))
