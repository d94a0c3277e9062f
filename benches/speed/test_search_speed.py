"""Measure ``balance`` on problems in which some devices cannot hold the most expensive blocks."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import devicemap
from benches.conftest import Benchmark

Problem = tuple[list[int], int, dict[str, Any]]


def few_heavy(devices: int) -> Problem:
    """Create a periodic sequence of 99 blocks with cost 1 and one with cost 10**7."""
    return ([1] * 99 + [10**7]) * 1000, devices, {"speeds": [1 + device * 5 % 8 for device in range(devices)]}


def some_heavy(devices: int) -> Problem:
    """Create random costs, 1% of which are a thousand times as large."""
    rng = random.Random(0)
    costs = [rng.randrange(1, 1000) * (1000 if rng.random() < 0.01 else 1) for _ in range(100_000)]
    return costs, devices, {"speeds": [1 + device * 5 % 8 for device in range(devices)]}


def two_speeds(devices: int) -> Problem:
    """Create random costs, and devices every other of which is a thousand times as fast."""
    rng = random.Random(0)
    return [rng.randrange(1, 1000) for _ in range(10_000)], devices, {"speeds": [1, 1000] * (devices // 2)}


def alternating(devices: int) -> Problem:
    """Create alternating small and large costs, and devices every other of which is too slow for large ones."""
    costs = [1 if block % 2 else 100 + block % 50 for block in range(100_000)]
    return costs, devices, {"speeds": [1, 10**6] * (devices // 2)}


def small_memory(devices: int) -> Problem:
    """Create random costs and sizes, and devices every other of which is too small for the largest blocks."""
    rng = random.Random(0)
    costs, sizes = ([rng.randrange(1, 1000) for _ in range(10_000)] for _ in range(2))
    return costs, devices, {"sizes": sizes, "max_memory": [10**9, 900] * (devices // 2)}


CASES: list[tuple[Callable[[int], Problem], int]] = [
    *((few_heavy, devices) for devices in (256, 1024, 2048, 4096)),
    *((some_heavy, devices) for devices in (1024, 4096)),
    *((two_speeds, devices) for devices in (64, 1000)),
    (alternating, 1000),
    (small_memory, 64),
]


@pytest.mark.benchmark(max_time=0.5, min_rounds=3)
@pytest.mark.parametrize("allow_idle", [False, True], ids=["no idle device", "idle allowed"])
@pytest.mark.parametrize(("make", "devices"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_search_speed(benchmark: Benchmark, make: Callable[[int], Problem], devices: int, allow_idle: bool) -> None:
    costs, devices, options = make(devices)
    benchmark.group = f"balance, {make.__name__}, {devices} devices"
    on = "idle allowed" if allow_idle else "no idle device"
    benchmark.extra_info.update(job="search", on=on, num_blocks=len(costs), peer=make.__name__)
    balance = partial(devicemap.balance, allow_idle=allow_idle, **options)
    device_map = balance(costs, devices)
    assert device_map.num_blocks == len(costs)
    assert allow_idle or 0 not in device_map.counts
    benchmark(balance, costs, devices)
