"""Measure the time of one call, or of two calls side by side."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

TURN = 0.1
"""The smallest number of seconds for which one call is repeated before the other one. At least five calls."""


class Call(NamedTuple):
    """A function with its two arguments."""

    function: Callable[[Any, Any], object]
    first: Any
    second: Any

    def seconds(self, loops: int = 1) -> float:
        """Return the mean time of a number of calls. The last result is deleted after the clock has been read."""
        function, first, second = self
        start = perf_counter()
        for _ in repeat(None, loops):
            result = function(first, second)
        stop = perf_counter()
        del result
        return (stop - start) / loops

    def median_seconds(self, loops: int = 1) -> float:
        """Return the median time over a period that is long enough to warm the caches."""
        times: list[float] = []
        end = perf_counter() + TURN
        while len(times) < 5 or perf_counter() < end:
            times.append(self.seconds(loops))
        return median(times)


class SideBySide(NamedTuple):
    """The median times of two calls, and the median of their ratio per round."""

    ours: float
    other: float
    ratio: float
    """Our time divided by the other time."""
    rounds: int


def side_by_side(ours: Call, other: Call, seconds: float) -> SideBySide:
    """Time two calls alternately for a number of seconds, so that other load on the machine affects both.

    If ``seconds`` is 0, each is called once.
    """
    first = ours.seconds(), other.seconds()
    if not seconds:
        return SideBySide(*first, ratio=first[0] / first[1], rounds=1)
    # A short call is repeated, since the resolution of the clock is limited.
    loops = [max(1, int(500e-6 / call)) for call in first]
    rounds: list[tuple[float, float]] = []
    end = perf_counter() + seconds
    while len(rounds) < 5 or perf_counter() < end:
        rounds.append((ours.median_seconds(loops[0]), other.median_seconds(loops[1])))
    return SideBySide(
        ours=median(a for a, _ in rounds),
        other=median(b for _, b in rounds),
        ratio=median(a / b for a, b in rounds),
        rounds=len(rounds),
    )


def format_seconds(seconds: float) -> str:
    """Return a time with two or three digits and a unit."""
    units = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    unit = next((unit for unit, size in units.items() if seconds >= size), "ns")
    value = seconds / units[unit]
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
