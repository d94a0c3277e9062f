"""Tests for the memory that ``check`` uses, and for its errors if there is not enough memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import devicemap
from devicemap import Report, check
from tests.runtime.test_memory import MEMORY_LIMIT_HELPERS, only_linux
from tests.strategies import Index
from tests.subprocess_helpers import run_code

pytestmark = pytest.mark.memory


@only_linux
def test_check_raises_memory_error_if_there_is_not_enough_memory() -> None:
    output = run_code(
        MEMORY_LIMIT_HELPERS
        + """
    check = devicemap.check
    limit_memory(200 << 20)
    print_outcome(check, {0: range(10**12)}, 10)
    print_outcome(check, {0: range(10**30)}, 10)
    print_outcome(check, {0: range(-(10**12), 0), 1: {1}}, 10)
    print_outcome(check, {0: iter(range(10**9))}, 10)
    print_outcome(check, {0: range(10**7), 1: range(10**7)}, 10**7)
    print_outcome(check, {0: range(10**7), 1: range(10**7)}, 10**12)
    print_outcome(check, {0: range(0, 10**7, 2)}, 10**7)
    print_outcome(check, {0: range(0, 10**12, 2)}, 10**12)
    print_outcome(check, {0: [5] * 10**7}, 10)
    print_outcome(check, {0: [2**62, 5], 1: range(2**61, 2**62)}, 2**63 - 1)
    print_outcome(check, {0: range(1, 10**12)}, 10**12)
    print_outcome(check, {}, 2**63 - 1)
    print_outcome(check, {0: range(10**12, -1, -1)}, 10**12 + 1)
    print_outcome(check, {0: range(10**12)}, 10**12)
    """
    )
    assert output.split() == ["MemoryError"] * 11 + ["fine"] * 3


@pytest.mark.parametrize("function", [check, devicemap.assert_device_map])
def test_only_runs_out_of_order_allocate_a_bitset(function: Callable[[Any, int], object]) -> None:
    """A bitset of 10**15 blocks does not fit in memory."""
    num_blocks = 10**15
    device_map = devicemap.split(num_blocks, range(8))
    function(device_map, num_blocks)
    function(dict(device_map), num_blocks)
    half = num_blocks // 2
    function({0: range(half), 1: [], 2: (), 3: [*range(half, half + 9)], 4: range(half + 9, num_blocks)}, num_blocks)
    first_two_swapped = {0: device_map[1], 1: device_map[0], **{device: device_map[device] for device in range(2, 8)}}
    for out_of_order in (
        first_two_swapped,
        {0: range(num_blocks), 1: [0]},
        {0: range(num_blocks - 1, -1, -1), 1: [0]},
    ):
        with pytest.raises(MemoryError, match=f"^not enough memory for a bitset of {num_blocks} blocks$"):
            function(out_of_order, num_blocks)


def test_reference_counts_do_not_grow_with_the_number_of_calls_of_check() -> None:
    device, blocks = object(), [*range(500, 800)]
    calls: list[Callable[[], Report]] = [
        lambda: check({device: blocks, 1: range(500)}, 800),
        lambda: check({device: blocks, 1: blocks, 2: ["x", True, Index(5), *blocks]}, 600, devices=[device, 7]),
        lambda: check({device: blocks, 1: [blocks, *blocks]}, 10**6),
        lambda: check({device: ["x"], "cuda:1": iter(blocks), 1: np.array(blocks)}, 700),
    ]
    for call in calls:
        counts = []
        for _ in range(4):
            for _ in range(100):
                call()
            counts.append([sys.getrefcount(value) for value in (device, blocks, blocks[0], blocks[-1])])
        # The first rounds are not compared, since they can fill caches of the interpreter.
        assert counts[1] == counts[3]
