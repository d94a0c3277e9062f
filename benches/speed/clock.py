"""Measure the time of one call, or of two calls side by side."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

MIN_PERIOD = 0.1
"""The shortest period, in seconds, for which a call is repeated to determine a median."""
MIN_REPETITIONS = 5
"""The smallest number of times from which a median is determined."""
SLOW_SECONDS = 0.5
"""The time of a call from which on it is called once per round, since short interruptions hardly change such a time."""
SLOW_ROUNDS = 3
"""The smallest number of rounds with a slow call."""


class Call(NamedTuple):
    """A function of two arguments, with the arguments."""

    function: Callable[[Any, Any], object]
    first: Any
    second: Any

    def mean_seconds(self, num_calls: int = 1) -> float:
        """Return the mean time of some calls. The last result is deleted after the clock has been read."""
        function, first, second = self
        start = perf_counter()
        for _ in repeat(None, num_calls):
            result = function(first, second)
        stop = perf_counter()
        del result
        return (stop - start) / num_calls

    def median_seconds(self, num_calls: int = 1) -> float:
        """Return the median of repeated measurements, each of which is the mean time of ``num_calls`` calls."""
        times: list[float] = []
        deadline = perf_counter() + MIN_PERIOD
        while len(times) < MIN_REPETITIONS or perf_counter() < deadline:
            times.append(self.mean_seconds(num_calls))
        return median(times)


class SideBySide(NamedTuple):
    """The median times of two calls in seconds, and the median of their ratio per round."""

    ours: float
    other: float
    ratio: float
    """Our time divided by the other time."""
    num_rounds: int


def time_side_by_side(ours: Call, other: Call, seconds: float) -> SideBySide:
    """Time two calls alternately for a number of seconds, so that other load on the machine affects both.

    If ``seconds`` is 0, each of them is called once.
    """
    our_time, other_time = ours.mean_seconds(), other.mean_seconds()
    if not seconds:
        return SideBySide(our_time, other_time, our_time / other_time, num_rounds=1)
    # Short calls are repeated for half a millisecond per measurement, since the resolution of the clock is limited.
    our_num_calls, other_num_calls = (max(1, int(500e-6 / time)) for time in (our_time, other_time))
    rounds: list[tuple[float, float]] = []
    is_slow = other_time > SLOW_SECONDS
    min_rounds = SLOW_ROUNDS if is_slow else MIN_REPETITIONS
    deadline = perf_counter() + seconds
    while len(rounds) < min_rounds or perf_counter() < deadline:
        other_time = other.mean_seconds() if is_slow else other.median_seconds(other_num_calls)
        rounds.append((ours.median_seconds(our_num_calls), other_time))
    return SideBySide(
        ours=median(our_time for our_time, _ in rounds),
        other=median(other_time for _, other_time in rounds),
        ratio=median(our_time / other_time for our_time, other_time in rounds),
        num_rounds=len(rounds),
    )


def format_seconds(seconds: float) -> str:
    """Format a time with two or three digits and a unit."""
    units = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    unit = next((unit for unit, size in units.items() if seconds >= size), "ns")
    value = seconds / units[unit]
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
