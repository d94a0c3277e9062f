"""Measuring: one call, or two contenders side by side."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

TURN = 0.1
"""The least seconds that a contender is at it before the other takes over; at least five calls."""


class Call(NamedTuple):
    """A function with its two arguments, ready to be timed."""

    function: Callable[[Any, Any], object]
    first: Any
    second: Any

    def seconds(self, loops: int = 1) -> float:
        """The time of one call, the mean of so many; the last result is dropped after the clock has stopped."""
        function, first, second = self
        start = perf_counter()
        for _ in repeat(None, loops):
            result = function(first, second)
        stop = perf_counter()
        del result
        return (stop - start) / loops

    def turn(self, loops: int = 1) -> float:
        """The median over a turn long enough for the caches to become the function's own, as they are under timeit."""
        times: list[float] = []
        end = perf_counter() + TURN
        while len(times) < 5 or perf_counter() < end:
            times.append(self.seconds(loops))
        return median(times)


class SideBySide(NamedTuple):
    """The medians of two contenders, and of their ratio round by round."""

    ours: float
    other: float
    ratio: float
    """Our time over the other's."""
    rounds: int


def side_by_side(ours: Call, other: Call, seconds: float) -> SideBySide:
    """Time two contenders in turn for so many seconds, so that whatever else the machine does meets both.

    With no seconds, each is called but once.
    """
    once = ours.seconds(), other.seconds()
    if not seconds:
        return SideBySide(*once, ratio=once[0] / once[1], rounds=1)
    # A call too short for the clock is repeated.
    loops = [max(1, int(500e-6 / call)) for call in once]
    rounds: list[tuple[float, float]] = []
    end = perf_counter() + seconds
    while len(rounds) < 5 or perf_counter() < end:
        rounds.append((ours.turn(loops[0]), other.turn(loops[1])))
    return SideBySide(
        ours=median(a for a, _ in rounds),
        other=median(b for _, b in rounds),
        ratio=median(a / b for a, b in rounds),
        rounds=len(rounds),
    )


def written(seconds: float) -> str:
    """A time as people read it: two or three digits and a unit."""
    units = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    unit = next((unit for unit, size in units.items() if seconds >= size), "ns")
    value = seconds / units[unit]
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
