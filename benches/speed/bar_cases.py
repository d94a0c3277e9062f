"""Create the pairs of calls whose times the bars compare. The result of each call is checked first."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

import devicemap
from benches.quality import balance_peers
from benches.quality.placement import load_per_device
from benches.speed import check_peers, lower_bound
from benches.speed.clock import Call
from benches.speed.maps import NUM_DEVICES, Case, contiguous, create_case

DEFAULT_NUM_BLOCKS = 1_000_000
SPEEDS = [1, 2, 3, 4, 4, 3, 2, 1]


class NotComparableError(Exception):
    """A call that is to be timed is not available or returns a wrong result."""


# assert_device_map and check


def _check_call(
    implementation: str, kind: str, num_blocks: int = DEFAULT_NUM_BLOCKS, num_devices: int = NUM_DEVICES
) -> Call:
    """Return a call of an implementation on a map, after checking its result."""
    case = create_case(kind, num_blocks, num_devices)
    original = check_peers.original()
    check = check_peers.CHECKS.get(implementation) or (original and original.check)
    if check is None:
        raise NotComparableError(f"{implementation} is not installed")
    if check_peers.error_message(check, case) != check_peers.expected_message(case):
        raise NotComparableError(f"{implementation} returns a wrong result")
    if case.fault is None:
        return Call(check, case.device_map, case.num_blocks)
    return Call(check_peers.error_message, check, case)


def _lower_bound_call(kind: str) -> Call:
    """Return a call of the C function that reads each block of a map once."""
    case: Case = create_case(kind, DEFAULT_NUM_BLOCKS)
    sum_of_blocks = lower_bound.compile_sum_of_blocks()
    if sum_of_blocks is None:
        raise NotComparableError("no C compiler or no Python headers")
    if sum_of_blocks(case.device_map, case.num_blocks) != sum(range(case.num_blocks)):
        raise NotComparableError("the lower bound does not read every block")
    return Call(sum_of_blocks, case.device_map, case.num_blocks)


def assert_and_peer(
    kind: str, peer: str, num_blocks: int = DEFAULT_NUM_BLOCKS, num_devices: int = NUM_DEVICES
) -> tuple[Call, Call]:
    """Return calls of ``assert_device_map`` and of a peer on the same map."""
    sizes = num_blocks, num_devices
    return _check_call("devicemap", kind, *sizes), _check_call(peer, kind, *sizes)


def assert_and_lower_bound(kind: str) -> tuple[Call, Call]:
    """Return calls of ``assert_device_map`` and of the lower bound for any check on the same map."""
    return _check_call("devicemap", kind), _lower_bound_call(kind)


def assert_on_two_kinds(kind: str, other_kind: str) -> tuple[Call, Call]:
    """Return calls of ``assert_device_map`` on maps of two kinds."""
    return _check_call("devicemap", kind), _check_call("devicemap", other_kind)


def check_and_assert(kind: str) -> tuple[Call, Call]:
    """Return calls of ``check`` and of ``assert_device_map`` on the same map."""
    case = create_case(kind, DEFAULT_NUM_BLOCKS)
    if not devicemap.check(case.device_map, case.num_blocks).ok:
        raise NotComparableError("check() reports faults in a map without faults")
    return Call(devicemap.check, case.device_map, case.num_blocks), _check_call("devicemap", kind)


# get_device_map and split


def get_and_peer(peer: str, num_blocks: int = DEFAULT_NUM_BLOCKS, num_devices: int = NUM_DEVICES) -> tuple[Call, Call]:
    """Return calls of ``get_device_map`` and of a peer with the same result."""
    ours = Call(devicemap.get_device_map, num_blocks, range(num_devices))
    expected = contiguous(num_blocks, num_devices)
    if ours.function(ours.first, ours.second) != expected:
        raise NotComparableError("devicemap returns a wrong map")
    if peer == "list(range(n))":
        return ours, Call(lambda n, _: list(range(n)), num_blocks, None)
    original = check_peers.original()
    if original is None or original.create(num_blocks, range(num_devices)) != expected:
        raise NotComparableError("the original is not installed or returns another map")
    return ours, Call(original.create, num_blocks, range(num_devices))


def split_more_blocks_than_fit_in_memory() -> Call:
    """Return a call of ``split`` for 10**12 blocks, after checking that it needs no memory for them."""
    tracemalloc.start()
    device_map = devicemap.split(10**12, range(NUM_DEVICES))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if device_map.counts != (10**12 // NUM_DEVICES,) * NUM_DEVICES or peak_bytes > 10_000:
        raise NotComparableError("devicemap returns a wrong map, or needs memory for its blocks")
    return Call(devicemap.split, 10**12, range(NUM_DEVICES))


# balance


@cache
def random_costs(kind: str, num_blocks: int = DEFAULT_NUM_BLOCKS) -> Any:
    """Return random costs, which are the same in each run."""
    rng = random.Random(kind)
    if kind == "float64":
        return np.array([rng.random() for _ in range(num_blocks)])
    if kind == "int64":
        return np.array(random_costs("list", num_blocks))
    return [rng.randrange(1, 2**40 if kind == "large" else 1000) for _ in range(num_blocks)]


def is_optimal(costs: Sequence[Any], boundaries: Sequence[int]) -> bool:
    """Return whether a map has the minimal bottleneck.

    It has if blocks remain when each device, from the first to the last, gets as many blocks as a slightly smaller
    bottleneck allows.
    """
    prefix_sums = np.concatenate([[0], np.cumsum(np.asarray(costs))])
    bottleneck = np.diff(prefix_sums[list(boundaries)]).max()
    is_float = prefix_sums.dtype.kind == "f"
    smaller_bottleneck = bottleneck * (1 - 1e-12) if is_float else bottleneck - 1
    start = 0
    for _ in boundaries[1:]:
        start = int(np.searchsorted(prefix_sums, prefix_sums[start] + smaller_bottleneck, side="right")) - 1
    return start < len(costs)


def balance_call(kind: str, num_devices: int = NUM_DEVICES, num_blocks: int = DEFAULT_NUM_BLOCKS) -> Call:
    """Return a call of ``balance``, after checking that its result has the minimal bottleneck."""
    costs = random_costs(kind, num_blocks)
    if not is_optimal(costs, devicemap.balance(costs, range(num_devices)).boundaries):
        raise NotComparableError("devicemap did not find the optimum")
    return Call(devicemap.balance, costs, range(num_devices))


def balance_with_and_without_limits() -> tuple[Call, Call]:
    """Return calls of ``balance`` with speeds and memory limits, and without them."""
    costs = random_costs("list")
    max_memory = [int(sum(costs) * 0.3)] * NUM_DEVICES

    def balance_with_limits(costs: Any, devices: range) -> Any:
        return devicemap.balance(costs, devices, speeds=SPEEDS, sizes=costs, max_memory=max_memory)

    loads = balance_with_limits(costs, range(NUM_DEVICES)).load_per_device(costs, SPEEDS).values()
    # The limits exclude no map with the minimal bottleneck, which exceeds the mean load by less than one block.
    if max(loads) > sum(costs) / sum(SPEEDS) + max(costs):
        raise NotComparableError("devicemap did not find the optimum")
    return Call(balance_with_limits, costs, range(NUM_DEVICES)), balance_call("list")


def balance_and_deepspeed(num_blocks: int = 400) -> tuple[Call, Call]:
    """Return calls of ``balance`` and DeepSpeed's function, after checking that ours has no larger bottleneck."""
    deepspeed = balance_peers.deepspeed_balanced()
    if deepspeed is None:
        raise NotComparableError("DeepSpeed is not installed")
    rng = random.Random(0)
    for _ in range(200):
        costs = [rng.randrange(1, 30) for _ in range(rng.randrange(10, 30))]
        our_loads = devicemap.balance(costs, range(4)).load_per_device(costs)
        if max(our_loads.values()) > max(load_per_device(costs, deepspeed(costs, 4) or [], 4)):
            raise NotComparableError("DeepSpeed has a smaller bottleneck")
    return balance_call("list", num_blocks=num_blocks), Call(deepspeed, random_costs("list", num_blocks), NUM_DEVICES)


def balance_and_sum(kind: str) -> tuple[Call, Call]:
    """Return calls of ``balance`` and of a function that sums the same costs."""
    sum_function = np.cumsum if kind.endswith("64") else sum
    return balance_call(kind), Call(lambda costs, _: sum_function(costs), random_costs(kind), None)


def balance_on_more_devices(num_devices: int) -> tuple[Call, Call]:
    """Return calls of ``balance`` with the given number of devices and with 8 devices."""
    return balance_call("list", num_devices), balance_call("list")
