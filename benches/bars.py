"""The bars: how fast devicemap has to be, each a ratio of two contenders measured side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import devicemap
from benches import floor, peers
from benches.clock import Call, SideBySide, side_by_side
from benches.maps import Case, contiguous, make

MILLION = 1_000_000


class NoContenderError(Exception):
    """What we would be measured against is not there, or wrong."""


@dataclass(frozen=True)
class Bar:
    """One bar: how many times as fast as another we must be (``faster``), or how many times its time we may take."""

    job: Literal["assert", "get"]
    on: str
    against: str
    factor: float
    faster: bool
    blocks: int = MILLION
    devices: int = 8

    def __str__(self) -> str:
        return f"{self.what}, against {self.against}"

    @property
    def what(self) -> str:
        """The job in words."""
        return f"{self.job}, {self.on}"

    @property
    def bar(self) -> str:
        """The bar in words."""
        against = {"set": "set-based Python", "touch": "one touch of every int", "original": "the original"}
        comparison = f"≥ {self.factor:g} × faster than" if self.faster else f"≤ {self.factor:g} × the time of"
        return f"{comparison} {against.get(self.against, self.against)}"

    def measure(self, seconds: float) -> Result:
        """Both contenders, checked and then timed in turn for so many seconds."""
        contenders = self._checks() if self.job == "assert" else self._makes()
        return Result(self, side_by_side(*contenders, seconds))

    def _checks(self) -> tuple[Call, Call]:
        kind = self.on if self.blocks == MILLION else "contiguous"
        case = make(kind, self.blocks, self.devices)
        ours = _check("devicemap", case)
        if self.against == "lists":
            return ours, _check("devicemap", make("contiguous", self.blocks, self.devices))
        if self.against == "touch":
            return ours, _touch(case)
        return ours, _check(self.against, case)

    def _makes(self) -> tuple[Call, Call]:
        ours = Call(devicemap.get_device_map, self.blocks, range(self.devices))
        expected = contiguous(self.blocks, self.devices)
        if ours.function(ours.first, ours.second) != expected:
            raise NoContenderError("devicemap makes a wrong map")
        if self.against == "list(range(n))":
            return ours, Call(lambda n, _: list(range(n)), self.blocks, None)
        original = peers.original()
        if original is None or original.make(self.blocks, range(self.devices)) != expected:
            raise NoContenderError("no original that makes this map")
        return ours, Call(original.make, self.blocks, range(self.devices))


@dataclass(frozen=True)
class Result:
    """What was measured of a bar."""

    bar: Bar
    times: SideBySide

    @property
    def factor(self) -> float:
        """The measured factor, to be read as the bar's is."""
        return 1 / self.times.ratio if self.bar.faster else self.times.ratio

    @property
    def met(self) -> bool:
        """Whether the bar is reached."""
        return self.factor >= self.bar.factor if self.bar.faster else self.factor <= self.bar.factor


def _check(name: str, case: Case) -> Call:
    """A peer's check of a map, as a call that may raise; only if its verdict is right."""
    original = peers.original()
    check = peers.CHECKS.get(name) or (original and original.check)
    if check is None:
        raise NoContenderError(f"{name} is not installed")
    if peers.verdict(check, case) != peers.expected(case):
        raise NoContenderError(f"{name} gives a wrong verdict")
    if case.fault is None:
        return Call(check, case.device_map, case.num_blocks)
    return Call(peers.verdict, check, case)


def _touch(case: Case) -> Call:
    touch = floor.touch()
    if touch is None:
        raise NoContenderError("no C compiler, or no headers of Python")
    if touch(case.device_map, case.num_blocks) != sum(range(case.num_blocks)):
        raise NoContenderError("the touch does not see every block")
    return Call(touch, case.device_map, case.num_blocks)


def _small(job: Literal["assert", "get"], factors: tuple[float, float, float]) -> list[Bar]:
    sizes = (12, 2), (48, 4), (96, 8)
    return [
        Bar(job, f"{blocks} blocks", "original", factor, faster=True, blocks=blocks, devices=devices)
        for (blocks, devices), factor in zip(sizes, factors, strict=True)
    ]


BARS = [
    Bar("assert", "contiguous", "numpy", 10, faster=True),
    Bar("assert", "contiguous", "set", 50, faster=True),
    Bar("assert", "contiguous", "touch", 1.5, faster=False),
    Bar("assert", "shuffled", "touch", 2, faster=False),
    Bar("assert", "shuffled", "numpy", 3, faster=True),
    Bar("assert", "round-robin", "touch", 3.5, faster=False),
    Bar("assert", "round-robin", "numpy", 3, faster=True),
    Bar("assert", "ranges", "lists", 0.1, faster=False),
    Bar("assert", "int64 arrays", "lists", 1.5, faster=False),
    Bar("assert", "one duplicate", "set", 1, faster=False),
    Bar("assert", "one missing", "set", 1, faster=False),
    Bar("assert", "one extra", "set", 1, faster=False),
    Bar("assert", "half missing", "set", 1, faster=False),
    Bar("get", "8 devices", "list(range(n))", 1.1, faster=False),
    Bar("get", "8 devices", "original", 1.25, faster=True),
    Bar("get", "1,000,000 devices", "original", 3, faster=True, devices=MILLION),
    *_small("get", (2.5, 2.5, 2)),
    *_small("assert", (12, 80, 200)),
]
