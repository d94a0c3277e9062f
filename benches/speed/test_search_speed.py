"""Measure the time of ``balance`` for problems in which some devices cannot hold the most expensive blocks."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import devicemap
from benches.conftest import Benchmark

Problem = tuple[list[int], dict[str, Any]]
"""The costs and the other arguments of ``balance``, without the devices."""


def periodic_expensive_blocks(num_devices: int) -> Problem:
    """Create costs of which every hundredth is 10**7 and the others are 1."""
    return ([1] * 99 + [10**7]) * 1000, {"speeds": [1 + device * 5 % 8 for device in range(num_devices)]}


def random_expensive_blocks(num_devices: int) -> Problem:
    """Create random costs of which 1% are multiplied by a thousand."""
    rng = random.Random(0)
    costs = [rng.randrange(1, 1000) * (1000 if rng.random() < 0.01 else 1) for _ in range(100_000)]
    return costs, {"speeds": [1 + device * 5 % 8 for device in range(num_devices)]}


def two_speeds(num_devices: int) -> Problem:
    """Create random costs, and make every second device a thousand times as fast as the others."""
    rng = random.Random(0)
    return [rng.randrange(1, 1000) for _ in range(10_000)], {"speeds": [1, 1000] * (num_devices // 2)}


def alternating_costs(num_devices: int) -> Problem:
    """Create costs that are alternately small and large, and make every second device too slow for the large ones."""
    costs = [1 if block % 2 else 100 + block % 50 for block in range(100_000)]
    return costs, {"speeds": [1, 10**6] * (num_devices // 2)}


def small_memory(num_devices: int) -> Problem:
    """Create random costs and sizes, and make the memory of every second device too small for the largest blocks."""
    rng = random.Random(0)
    costs, sizes = ([rng.randrange(1, 1000) for _ in range(10_000)] for _ in range(2))
    return costs, {"sizes": sizes, "max_memory": [10**9, 900] * (num_devices // 2)}


CASES: list[tuple[Callable[[int], Problem], int]] = [
    *((periodic_expensive_blocks, num_devices) for num_devices in (256, 1024, 2048, 4096)),
    *((random_expensive_blocks, num_devices) for num_devices in (1024, 4096)),
    *((two_speeds, num_devices) for num_devices in (64, 1000)),
    (alternating_costs, 1000),
    (small_memory, 64),
]


@pytest.mark.benchmark(max_time=0.5, min_rounds=3)
@pytest.mark.parametrize("allow_idle", [False, True], ids=["no idle device", "idle allowed"])
@pytest.mark.parametrize(
    ("create_problem", "num_devices"), CASES, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_search_speed(
    benchmark: Benchmark, create_problem: Callable[[int], Problem], num_devices: int, allow_idle: bool
) -> None:
    costs, options = create_problem(num_devices)
    benchmark.group = f"balance, {create_problem.__name__}, {num_devices} devices"
    benchmark.extra_info.update(
        job="search",
        input_kind=f"{create_problem.__name__}, {'idle allowed' if allow_idle else 'no idle device'}",
        num_blocks=len(costs),
        implementation="devicemap",
    )
    balance = partial(devicemap.balance, allow_idle=allow_idle, **options)
    device_map = balance(costs, num_devices)
    assert device_map.num_blocks == len(costs)
    assert allow_idle or 0 not in device_map.counts
    benchmark(balance, costs, num_devices)
