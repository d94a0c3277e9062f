"""``check``: memory use, and the errors if there is not enough."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import devicemap
from devicemap import Report, check
from tests.runtime.test_memory import LIMIT, only_linux
from tests.strategies import Index
from tests.subprocess_helpers import run

pytestmark = pytest.mark.memory


@only_linux
def test_insufficient_memory_is_a_memory_error() -> None:
    output = run(
        LIMIT
        + """
    check = devicemap.check
    limit(200 << 20)
    outcome(check, {0: range(10**12)}, 10)
    outcome(check, {0: range(10**30)}, 10)
    outcome(check, {0: range(-(10**12), 0), 1: {1}}, 10)
    outcome(check, {0: iter(range(10**9))}, 10)
    outcome(check, {0: range(10**7), 1: range(10**7)}, 10**7)
    outcome(check, {0: range(10**7), 1: range(10**7)}, 10**12)
    outcome(check, {0: range(0, 10**7, 2)}, 10**7)
    outcome(check, {0: range(0, 10**12, 2)}, 10**12)
    outcome(check, {0: [5] * 10**7}, 10)
    outcome(check, {0: [2**62, 5], 1: range(2**61, 2**62)}, 2**63 - 1)
    outcome(check, {0: range(1, 10**12)}, 10**12)
    outcome(check, {}, 2**63 - 1)
    outcome(check, {0: range(10**12, -1, -1)}, 10**12 + 1)
    outcome(check, {0: range(10**12)}, 10**12)
    """
    )
    assert output.split() == ["MemoryError"] * 11 + ["fine"] * 3


@pytest.mark.parametrize("function", [check, devicemap.assert_device_map])
def test_only_runs_out_of_order_allocate_a_bitset(function: Callable[[Any, int], object]) -> None:
    blocks = 10**15
    device_map = devicemap.split(blocks, range(8))
    function(device_map, blocks)
    function(dict(device_map), blocks)
    function(
        {
            0: range(blocks // 2),
            1: [],
            2: (),
            3: [*range(blocks // 2, blocks // 2 + 9)],
            4: range(blocks // 2 + 9, blocks),
        },
        blocks,
    )
    out_of_order = {0: device_map[1], 1: device_map[0], **{device: device_map[device] for device in range(2, 8)}}
    for other in (out_of_order, {0: range(blocks), 1: [0]}, {0: range(blocks - 1, -1, -1), 1: [0]}):
        with pytest.raises(MemoryError, match=f"^not enough memory for a bitset of {blocks} blocks$"):
            function(other, blocks)


def test_reference_counts_do_not_grow() -> None:
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
        assert counts[1] == counts[3]
