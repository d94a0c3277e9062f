"""What the bars measure: pairs of calls, each checked for its answer before it is timed."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

import devicemap
from benches.quality import balance_peers
from benches.quality.placement import loads
from benches.speed import check_peers, lower_bound
from benches.speed.clock import Call
from benches.speed.maps import Case, contiguous, make

MILLION = 1_000_000
DEVICES = 8
SPEEDS = [1, 2, 3, 4, 4, 3, 2, 1]


class NoContenderError(Exception):
    """What we would be measured against is not there, or wrong."""


# assert_device_map and check


def _check(name: str, kind: str, blocks: int = MILLION, devices: int = DEVICES) -> Call:
    """A peer's check of a map, as a call that may raise; only if its verdict is right."""
    case = make(kind, blocks, devices)
    original = check_peers.original()
    check = check_peers.CHECKS.get(name) or (original and original.check)
    if check is None:
        raise NoContenderError(f"{name} is not installed")
    if check_peers.verdict(check, case) != check_peers.expected(case):
        raise NoContenderError(f"{name} gives a wrong verdict")
    if case.fault is None:
        return Call(check, case.device_map, case.num_blocks)
    return Call(check_peers.verdict, check, case)


def _touch(kind: str) -> Call:
    case: Case = make(kind, MILLION, DEVICES)
    touch = lower_bound.touch()
    if touch is None:
        raise NoContenderError("no C compiler, or no headers of Python")
    if touch(case.device_map, case.num_blocks) != sum(range(case.num_blocks)):
        raise NoContenderError("the touch does not see every block")
    return Call(touch, case.device_map, case.num_blocks)


def asserts(kind: str, against: str, blocks: int = MILLION, devices: int = DEVICES) -> tuple[Call, Call]:
    """``assert_device_map`` and another check, on the same map."""
    return _check("devicemap", kind, blocks, devices), _check(against, kind, blocks, devices)


def touches(kind: str) -> tuple[Call, Call]:
    """``assert_device_map`` and the lower bound of any check."""
    return _check("devicemap", kind), _touch(kind)


def kinds(kind: str, other: str) -> tuple[Call, Call]:
    """``assert_device_map`` on maps of two kinds."""
    return _check("devicemap", kind), _check("devicemap", other)


def reports(kind: str) -> tuple[Call, Call]:
    """``check`` and ``assert_device_map``."""
    case = make(kind, MILLION, DEVICES)
    if not devicemap.check(case.device_map, case.num_blocks).ok:
        raise NoContenderError("check() finds faults in a good map")
    return Call(devicemap.check, case.device_map, case.num_blocks), _check("devicemap", kind)


# get_device_map and split


def makes(against: str, blocks: int = MILLION, devices: int = DEVICES) -> tuple[Call, Call]:
    """``get_device_map`` and another that makes its map."""
    ours = Call(devicemap.get_device_map, blocks, range(devices))
    expected = contiguous(blocks, devices)
    if ours.function(ours.first, ours.second) != expected:
        raise NoContenderError("devicemap makes a wrong map")
    if against == "list(range(n))":
        return ours, Call(lambda n, _: list(range(n)), blocks, None)
    original = check_peers.original()
    if original is None or original.make(blocks, range(devices)) != expected:
        raise NoContenderError("no original that makes this map")
    return ours, Call(original.make, blocks, range(devices))


def splits() -> Call:
    """``split`` of more blocks than memory holds."""
    tracemalloc.start()
    device_map = devicemap.split(10**12, range(DEVICES))
    _, memory = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if device_map.counts != (10**12 // DEVICES,) * DEVICES or memory > 10_000:
        raise NoContenderError("devicemap makes a wrong map, or needs memory for its blocks")
    return Call(devicemap.split, 10**12, range(DEVICES))


# balance


@cache
def costs(kind: str, blocks: int = MILLION) -> Any:
    """The costs of so many blocks, always the same."""
    rng = random.Random(kind)
    if kind == "float64":
        return np.array([rng.random() for _ in range(blocks)])
    if kind == "int64":
        return np.array(costs("list", blocks))
    return [rng.randrange(1, 2**40 if kind == "large" else 1000) for _ in range(blocks)]


def is_best(amounts: Sequence[Any], boundaries: Sequence[int]) -> bool:
    """Whether a map's bottleneck cannot be lowered: with any less, devices that take all they can leave blocks over."""
    sums = np.concatenate([[0], np.cumsum(np.asarray(amounts))])
    bottleneck = np.diff(sums[list(boundaries)]).max()
    less = bottleneck * (1 - 1e-12) if sums.dtype.kind == "f" else bottleneck - 1
    start = 0
    for _ in boundaries[1:]:
        start = int(np.searchsorted(sums, sums[start] + less, side="right")) - 1
    return start < len(amounts)


def balances(kind: str, devices: int = DEVICES, blocks: int = MILLION) -> Call:
    """``balance``, only if its bottleneck is the smallest."""
    amounts = costs(kind, blocks)
    if not is_best(amounts, devicemap.balance(amounts, range(devices)).boundaries):
        raise NoContenderError("devicemap misses the optimum")
    return Call(devicemap.balance, amounts, range(devices))


def with_limits() -> tuple[Call, Call]:
    """``balance`` with speeds and memory, and without."""
    amounts = costs("list")
    memory = [int(sum(amounts) * 0.3)] * DEVICES

    def limited(amounts: Any, devices: range) -> Any:
        return devicemap.balance(amounts, devices, speeds=SPEEDS, sizes=amounts, max_memory=memory)

    loads = limited(amounts, range(DEVICES)).load_per_device(amounts, SPEEDS).values()
    # Nothing is limited by so much memory: the loads are as even as blocks allow.
    if max(loads) > sum(amounts) / sum(SPEEDS) + max(amounts):
        raise NoContenderError("devicemap misses the optimum")
    return Call(limited, amounts, range(DEVICES)), balances("list")


def beside_deepspeed(blocks: int = 400) -> tuple[Call, Call]:
    """``balance`` and DeepSpeed's, only if ours never has the larger bottleneck."""
    theirs = balance_peers.deepspeed_balanced()
    if theirs is None:
        raise NoContenderError("DeepSpeed is not installed")
    rng = random.Random(0)
    for _ in range(200):
        some = [rng.randrange(1, 30) for _ in range(rng.randrange(10, 30))]
        ours = devicemap.balance(some, range(4)).load_per_device(some)
        if max(ours.values()) > max(loads(some, theirs(some, 4) or [], 4)):
            raise NoContenderError("DeepSpeed has a smaller bottleneck")
    return balances("list", blocks=blocks), Call(theirs, costs("list", blocks), DEVICES)


def sums(kind: str) -> tuple[Call, Call]:
    """``balance`` and the plain sum of the same costs."""
    add = np.cumsum if kind.endswith("64") else sum
    return balances(kind), Call(lambda amounts, _: add(amounts), costs(kind), None)


def more_devices(devices: int) -> tuple[Call, Call]:
    """``balance`` on so many devices, and on 8."""
    return balances("list", devices), balances("list")
