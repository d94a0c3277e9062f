"""Create the pairs of calls that the bars compare. The result of each call is checked first."""

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


class NotComparableError(Exception):
    """A call that is to be compared is missing or returns a wrong result."""


# assert_device_map and check


def _check(name: str, kind: str, blocks: int = MILLION, devices: int = DEVICES) -> Call:
    """Return a peer's check of a map, after checking its result."""
    case = make(kind, blocks, devices)
    original = check_peers.original()
    check = check_peers.CHECKS.get(name) or (original and original.check)
    if check is None:
        raise NotComparableError(f"{name} is not installed")
    if check_peers.error_text(check, case) != check_peers.expected(case):
        raise NotComparableError(f"{name} returns a wrong result")
    if case.fault is None:
        return Call(check, case.device_map, case.num_blocks)
    return Call(check_peers.error_text, check, case)


def _touch(kind: str) -> Call:
    case: Case = make(kind, MILLION, DEVICES)
    touch = lower_bound.touch()
    if touch is None:
        raise NotComparableError("no C compiler or no Python headers")
    if touch(case.device_map, case.num_blocks) != sum(range(case.num_blocks)):
        raise NotComparableError("the lower bound does not read every block")
    return Call(touch, case.device_map, case.num_blocks)


def assert_and_peer(kind: str, against: str, blocks: int = MILLION, devices: int = DEVICES) -> tuple[Call, Call]:
    """Return ``assert_device_map`` and the check of a peer, on the same map."""
    return _check("devicemap", kind, blocks, devices), _check(against, kind, blocks, devices)


def assert_and_lower_bound(kind: str) -> tuple[Call, Call]:
    """Return ``assert_device_map`` and the lower bound of any check."""
    return _check("devicemap", kind), _touch(kind)


def assert_on_two_kinds(kind: str, other: str) -> tuple[Call, Call]:
    """Return ``assert_device_map`` on maps of two kinds."""
    return _check("devicemap", kind), _check("devicemap", other)


def check_and_assert(kind: str) -> tuple[Call, Call]:
    """Return ``check`` and ``assert_device_map``."""
    case = make(kind, MILLION, DEVICES)
    if not devicemap.check(case.device_map, case.num_blocks).ok:
        raise NotComparableError("check() reports faults in a map without faults")
    return Call(devicemap.check, case.device_map, case.num_blocks), _check("devicemap", kind)


# get_device_map and split


def get_and_peer(against: str, blocks: int = MILLION, devices: int = DEVICES) -> tuple[Call, Call]:
    """Return ``get_device_map`` and a peer with the same result."""
    ours = Call(devicemap.get_device_map, blocks, range(devices))
    expected = contiguous(blocks, devices)
    if ours.function(ours.first, ours.second) != expected:
        raise NotComparableError("devicemap returns a wrong map")
    if against == "list(range(n))":
        return ours, Call(lambda n, _: list(range(n)), blocks, None)
    original = check_peers.original()
    if original is None or original.make(blocks, range(devices)) != expected:
        raise NotComparableError("the original is missing or returns another map")
    return ours, Call(original.make, blocks, range(devices))


def split_huge() -> Call:
    """Return ``split`` of more blocks than fit in memory."""
    tracemalloc.start()
    device_map = devicemap.split(10**12, range(DEVICES))
    _, memory = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if device_map.counts != (10**12 // DEVICES,) * DEVICES or memory > 10_000:
        raise NotComparableError("devicemap returns a wrong map, or needs memory for its blocks")
    return Call(devicemap.split, 10**12, range(DEVICES))


# balance


@cache
def costs(kind: str, blocks: int = MILLION) -> Any:
    """Return the same random costs in each run."""
    rng = random.Random(kind)
    if kind == "float64":
        return np.array([rng.random() for _ in range(blocks)])
    if kind == "int64":
        return np.array(costs("list", blocks))
    return [rng.randrange(1, 2**40 if kind == "large" else 1000) for _ in range(blocks)]


def is_best(amounts: Sequence[Any], boundaries: Sequence[int]) -> bool:
    """Return whether a bottleneck is minimal: with any smaller one, greedily filled devices leave blocks over."""
    sums = np.concatenate([[0], np.cumsum(np.asarray(amounts))])
    bottleneck = np.diff(sums[list(boundaries)]).max()
    less = bottleneck * (1 - 1e-12) if sums.dtype.kind == "f" else bottleneck - 1
    start = 0
    for _ in boundaries[1:]:
        start = int(np.searchsorted(sums, sums[start] + less, side="right")) - 1
    return start < len(amounts)


def balance_call(kind: str, devices: int = DEVICES, blocks: int = MILLION) -> Call:
    """Return ``balance``, after checking that its bottleneck is minimal."""
    amounts = costs(kind, blocks)
    if not is_best(amounts, devicemap.balance(amounts, range(devices)).boundaries):
        raise NotComparableError("devicemap misses the optimum")
    return Call(devicemap.balance, amounts, range(devices))


def balance_with_and_without_limits() -> tuple[Call, Call]:
    """Return ``balance`` with speeds and memory limits, and without."""
    amounts = costs("list")
    memory = [int(sum(amounts) * 0.3)] * DEVICES

    def limited(amounts: Any, devices: range) -> Any:
        return devicemap.balance(amounts, devices, speeds=SPEEDS, sizes=amounts, max_memory=memory)

    loads = limited(amounts, range(DEVICES)).load_per_device(amounts, SPEEDS).values()
    # The memory suffices for any map, so that the loads are as even as the blocks allow.
    if max(loads) > sum(amounts) / sum(SPEEDS) + max(amounts):
        raise NotComparableError("devicemap misses the optimum")
    return Call(limited, amounts, range(DEVICES)), balance_call("list")


def balance_and_deepspeed(blocks: int = 400) -> tuple[Call, Call]:
    """Return ``balance`` and DeepSpeed's function, after checking that ours never has a larger bottleneck."""
    deepspeed = balance_peers.deepspeed_balanced()
    if deepspeed is None:
        raise NotComparableError("DeepSpeed is not installed")
    rng = random.Random(0)
    for _ in range(200):
        some = [rng.randrange(1, 30) for _ in range(rng.randrange(10, 30))]
        ours = devicemap.balance(some, range(4)).load_per_device(some)
        if max(ours.values()) > max(loads(some, deepspeed(some, 4) or [], 4)):
            raise NotComparableError("DeepSpeed has a smaller bottleneck")
    return balance_call("list", blocks=blocks), Call(deepspeed, costs("list", blocks), DEVICES)


def balance_and_sum(kind: str) -> tuple[Call, Call]:
    """Return ``balance`` and the sum of the same costs."""
    add = np.cumsum if kind.endswith("64") else sum
    return balance_call(kind), Call(lambda amounts, _: add(amounts), costs(kind), None)


def balance_on_more_devices(devices: int) -> tuple[Call, Call]:
    """Return ``balance`` on a number of devices and on 8 devices."""
    return balance_call("list", devices), balance_call("list")
