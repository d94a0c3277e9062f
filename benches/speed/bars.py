"""The bars: how fast devicemap has to be, each a ratio of two contenders measured side by side, or a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from benches.speed.bar_cases import (
    MILLION,
    asserts,
    balances,
    beside_deepspeed,
    kinds,
    makes,
    more_devices,
    reports,
    splits,
    sums,
    touches,
    with_limits,
)
from benches.speed.clock import Call, side_by_side, written


@dataclass(frozen=True)
class Result:
    """What was measured of a bar."""

    bar: Bar
    ours: float
    other: float | None
    measured: str
    """In words."""
    met: bool
    rounds: int


@dataclass(frozen=True)
class Ratio:
    """A bar: how many times as fast as another we must be, or how many times another's time we may take."""

    what: str
    against: str
    factor: float
    contenders: Callable[[], tuple[Call, Call]]
    """Both, checked and ready to be timed."""
    faster: bool

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.faster:
            return f"≥ {self.factor:,g} × faster than {self.against}"
        return f"≤ {self.factor:g} × the time of {self.against}"

    def measure(self, seconds: float) -> Result:
        """Time both in turn for so many seconds."""
        times = side_by_side(*self.contenders(), seconds)
        factor = 1 / times.ratio if self.faster else times.ratio
        figure = f"{factor:,.0f}" if factor >= 100 else f"{factor:.3g}" if factor >= 0.001 else "< 0.001"
        met = factor >= self.factor if self.faster else factor <= self.factor
        return Result(self, times.ours, times.other, f"{figure} ×", met, times.rounds)


AtLeast = partial(Ratio, faster=True)
AtMost = partial(Ratio, faster=False)


@dataclass(frozen=True)
class Within:
    """A bar: how many seconds we may take."""

    what: str
    seconds: float
    contender: Callable[[], Call]

    @property
    def bar(self) -> str:
        """The bar in words."""
        return f"≤ {written(self.seconds)}"

    def measure(self, seconds: float) -> Result:
        """Time it; with no seconds, once."""
        call = self.contender()
        time = call.turn(loops=20) if seconds else call.seconds()
        return Result(self, time, None, written(time), time <= self.seconds, 1)


Bar: TypeAlias = Ratio | Within

SMALL = (12, 2), (48, 4), (96, 8)
TOUCH = "one touch of every int"
SET = "set-based Python"

BARS: list[Bar] = [
    AtLeast("assert, contiguous", "numpy", 10, partial(asserts, "contiguous", "numpy")),
    AtLeast("assert, contiguous", SET, 50, partial(asserts, "contiguous", "set")),
    AtMost("assert, contiguous", TOUCH, 1.5, partial(touches, "contiguous")),
    AtMost("assert, shuffled", TOUCH, 1.5, partial(touches, "shuffled")),
    AtLeast("assert, shuffled", "numpy", 3, partial(asserts, "shuffled", "numpy")),
    AtMost("assert, round-robin", TOUCH, 3.5, partial(touches, "round-robin")),
    AtLeast("assert, round-robin", "numpy", 3, partial(asserts, "round-robin", "numpy")),
    AtMost("assert, ranges", "lists", 0.1, partial(kinds, "ranges", "contiguous")),
    AtMost("assert, int64 arrays", "lists", 1.5, partial(kinds, "int64 arrays", "contiguous")),
    *(
        AtMost(f"assert, {kind}", SET, 1, partial(asserts, kind, "set"))
        for kind in ("one duplicate", "one missing", "one extra", "half missing")
    ),
    AtMost("get, 8 devices", "list(range(n))", 1.1, partial(makes, "list(range(n))")),
    AtLeast("get, 8 devices", "the original", 1.25, partial(makes, "original")),
    AtLeast("get, 1,000,000 devices", "the original", 3, partial(makes, "original", devices=MILLION)),
    *(
        AtLeast(f"get, {blocks} blocks", "the original", factor, partial(makes, "original", blocks, devices))
        for (blocks, devices), factor in zip(SMALL, (2.5, 2.5, 2), strict=True)
    ),
    *(
        AtLeast(f"assert, {size[0]} blocks", "the original", factor, partial(asserts, "contiguous", "original", *size))
        for size, factor in zip(SMALL, (12, 80, 200), strict=True)
    ),
    AtMost("balance, list of ints", "sum(costs)", 1, partial(sums, "list")),
    AtMost("balance, list of large ints", "sum(costs)", 1, partial(sums, "large")),
    AtMost("balance, int64 array", "numpy.cumsum", 2, partial(sums, "int64")),
    AtMost("balance, float64 array", "numpy.cumsum", 2, partial(sums, "float64")),
    AtMost("balance, 1,000 devices", "8 devices", 1.5, partial(more_devices, 1_000)),
    AtMost("balance, speeds and memory", "neither", 2, with_limits),
    AtLeast("balance, 400 costs", "DeepSpeed's partition_balanced", 1_000, beside_deepspeed),
    *(
        Within(f"balance, {blocks} costs, {devices} devices", 20e-6, partial(balances, "list", devices, blocks))
        for blocks, devices in ((32, 2), (64, 4), (128, 8))
    ),
    Within("split, 10**12 blocks", 10e-6, splits),
    *(
        AtMost(f"check, {kind}", "assert", 2, partial(reports, kind))
        for kind in ("contiguous", "round-robin", "shuffled")
    ),
]
