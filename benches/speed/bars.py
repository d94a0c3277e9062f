"""The bars: required ratios of two calls that are measured side by side, and time limits of single calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from benches.speed.bar_cases import (
    MILLION,
    assert_and_lower_bound,
    assert_and_peer,
    assert_on_two_kinds,
    balance_and_deepspeed,
    balance_and_sum,
    balance_call,
    balance_on_more_devices,
    balance_with_and_without_limits,
    check_and_assert,
    get_and_peer,
    split_huge,
)
from benches.speed.clock import Call, format_seconds, side_by_side


@dataclass(frozen=True)
class Result:
    """The result of measuring a bar."""

    bar: Bar
    ours: float
    other: float | None
    measured: str
    """The ratio or the time, as text."""
    met: bool
    rounds: int


@dataclass(frozen=True)
class Ratio:
    """A bar on the ratio of two times: how much faster than another call we must be, or how much longer we may take."""

    what: str
    against: str
    factor: float
    calls: Callable[[], tuple[Call, Call]]
    """Creates the two calls, after checking their results."""
    faster: bool

    @property
    def bar(self) -> str:
        """The bar as text."""
        if self.faster:
            return f"≥ {self.factor:,g} × faster than {self.against}"
        return f"≤ {self.factor:g} × the time of {self.against}"

    def measure(self, seconds: float) -> Result:
        """Time both calls alternately for a number of seconds."""
        times = side_by_side(*self.calls(), seconds)
        factor = 1 / times.ratio if self.faster else times.ratio
        text = f"{factor:,.0f}" if factor >= 100 else f"{factor:.3g}" if factor >= 0.001 else "< 0.001"
        met = factor >= self.factor if self.faster else factor <= self.factor
        return Result(self, times.ours, times.other, f"{text} ×", met, times.rounds)


AtLeast = partial(Ratio, faster=True)
AtMost = partial(Ratio, faster=False)


@dataclass(frozen=True)
class TimeLimit:
    """A bar on the time of a call."""

    what: str
    seconds: float
    call: Callable[[], Call]

    @property
    def bar(self) -> str:
        """The bar as text."""
        return f"≤ {format_seconds(self.seconds)}"

    def measure(self, seconds: float) -> Result:
        """Time the call; once if ``seconds`` is 0."""
        call = self.call()
        time = call.median_seconds(loops=20) if seconds else call.seconds()
        return Result(self, time, None, format_seconds(time), time <= self.seconds, 1)


Bar: TypeAlias = Ratio | TimeLimit

SMALL = (12, 2), (48, 4), (96, 8)
LOWER_BOUND = "reading each int once"
SET = "set-based Python"

BARS: list[Bar] = [
    AtLeast("assert, contiguous", "numpy", 10, partial(assert_and_peer, "contiguous", "numpy")),
    AtLeast("assert, contiguous", SET, 50, partial(assert_and_peer, "contiguous", "set")),
    AtMost("assert, contiguous", LOWER_BOUND, 1.5, partial(assert_and_lower_bound, "contiguous")),
    AtMost("assert, shuffled", LOWER_BOUND, 1.5, partial(assert_and_lower_bound, "shuffled")),
    AtLeast("assert, shuffled", "numpy", 3, partial(assert_and_peer, "shuffled", "numpy")),
    AtMost("assert, round-robin", LOWER_BOUND, 3.5, partial(assert_and_lower_bound, "round-robin")),
    AtLeast("assert, round-robin", "numpy", 3, partial(assert_and_peer, "round-robin", "numpy")),
    AtMost("assert, ranges", "lists", 0.1, partial(assert_on_two_kinds, "ranges", "contiguous")),
    AtMost("assert, int64 arrays", "lists", 1.5, partial(assert_on_two_kinds, "int64 arrays", "contiguous")),
    *(
        AtMost(f"assert, {kind}", SET, 1, partial(assert_and_peer, kind, "set"))
        for kind in ("one duplicate", "one missing", "one extra", "half missing")
    ),
    AtMost("get, 8 devices", "list(range(n))", 1.1, partial(get_and_peer, "list(range(n))")),
    AtLeast("get, 8 devices", "the original", 1.25, partial(get_and_peer, "original")),
    AtLeast("get, 1,000,000 devices", "the original", 3, partial(get_and_peer, "original", devices=MILLION)),
    *(
        AtLeast(f"get, {blocks} blocks", "the original", factor, partial(get_and_peer, "original", blocks, devices))
        for (blocks, devices), factor in zip(SMALL, (2.5, 2.5, 2), strict=True)
    ),
    *(
        AtLeast(
            f"assert, {size[0]} blocks",
            "the original",
            factor,
            partial(assert_and_peer, "contiguous", "original", *size),
        )
        for size, factor in zip(SMALL, (12, 80, 200), strict=True)
    ),
    AtMost("balance, list of ints", "sum(costs)", 1, partial(balance_and_sum, "list")),
    AtMost("balance, list of large ints", "sum(costs)", 1, partial(balance_and_sum, "large")),
    AtMost("balance, int64 array", "numpy.cumsum", 2, partial(balance_and_sum, "int64")),
    AtMost("balance, float64 array", "numpy.cumsum", 2, partial(balance_and_sum, "float64")),
    AtMost("balance, 1,000 devices", "8 devices", 1.5, partial(balance_on_more_devices, 1_000)),
    AtMost("balance, speeds and memory", "neither", 2, balance_with_and_without_limits),
    AtLeast("balance, 400 costs", "DeepSpeed's partition_balanced", 1_000, balance_and_deepspeed),
    *(
        TimeLimit(f"balance, {blocks} costs, {devices} devices", 20e-6, partial(balance_call, "list", devices, blocks))
        for blocks, devices in ((32, 2), (64, 4), (128, 8))
    ),
    TimeLimit("split, 10**12 blocks", 10e-6, split_huge),
    *(
        AtMost(f"check, {kind}", "assert", 2, partial(check_and_assert, kind))
        for kind in ("contiguous", "round-robin", "shuffled")
    ),
]
