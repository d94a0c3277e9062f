"""User code that runs within a call may change whatever is being read: nothing worse than an exception."""

from __future__ import annotations

import array
import gc
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import devicemap
from tests.runtime.calls import Number, quietly


class Meddler:
    """Does something when it is compared, hashed or shown, the first few times."""

    def __init__(self, meddle: Callable[[], Any]) -> None:
        self.meddling, self.left = meddle, 5

    def meddle(self) -> None:
        if self.left:
            self.left -= 1
            self.meddling()

    def __eq__(self, other: object) -> bool:
        self.meddle()
        return False

    def __hash__(self) -> int:
        self.meddle()
        return 1

    def __repr__(self) -> str:
        self.meddle()
        return "Meddler()"


MEDDLING: dict[str, Callable[[dict[Any, Any], list[Any]], Any]] = {
    "clear the list": lambda device_map, blocks: blocks.clear(),
    "clear the map": lambda device_map, blocks: device_map.clear(),
    "grow the list": lambda device_map, blocks: blocks.extend(range(50)),
    "grow the map": lambda device_map, blocks: device_map.update({len(device_map): [1]}),
    "replace its ints": lambda device_map, blocks: blocks.__setitem__(slice(None), [object() for _ in blocks]),
    "collect garbage": lambda device_map, blocks: gc.collect(),
    "call again": lambda device_map, blocks: quietly(devicemap.assert_device_map, {0: list(range(70))}, 69),
}


@pytest.mark.parametrize("meddling", MEDDLING.values(), ids=MEDDLING.keys())
@pytest.mark.parametrize("size", [1, 70, 2_000])
def test_assert_meets_blocks_that_meddle(meddling: Callable[[Any, Any], Any], size: int) -> None:
    blocks: list[Any] = [10**6 + block for block in range(size)]
    device_map: dict[Any, Any] = {"early": blocks, "late": [10**6 + size]}
    meddler = Meddler(lambda: meddling(device_map, blocks))
    blocks.insert(size // 2, meddler)
    quietly(devicemap.assert_device_map, device_map, min(size, 70))


@pytest.mark.parametrize("meddling", MEDDLING.values(), ids=MEDDLING.keys())
def test_assert_meets_iterables_that_meddle(meddling: Callable[[Any, Any], Any]) -> None:
    blocks: list[Any] = list(range(10**6, 10**6 + 5_000))
    device_map: dict[Any, Any] = {"early": blocks}

    def values() -> Iterator[Any]:
        for block in range(300):
            if block % 100 == 50:
                meddling(device_map, blocks)
            yield block

    device_map["generated"] = values()
    device_map["late"] = blocks
    quietly(devicemap.assert_device_map, device_map, 300)


@pytest.mark.parametrize("meddling", MEDDLING.values(), ids=MEDDLING.keys())
def test_assert_meets_values_that_meddle(meddling: Callable[[Any, Any], Any]) -> None:
    blocks: list[Any] = list(range(10**6, 10**6 + 5_000))

    class DeviceMap(dict[Any, Any]):
        def values(self) -> Any:
            yield blocks
            meddling(self, blocks)
            yield blocks

    quietly(devicemap.assert_device_map, DeviceMap(a=blocks), 300)


@pytest.mark.parametrize("meddling", MEDDLING.values(), ids=MEDDLING.keys())
def test_get_meets_devices_that_meddle(meddling: Callable[[Any, Any], Any]) -> None:
    devices: list[Any] = list(range(300))
    devices[3] = Meddler(lambda: meddling({}, devices))
    devices[7] = devices[3]
    quietly(devicemap.get_device_map, 1_000, devices)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 1_234, *(2**power + more for power in (16, 20) for more in (-1, 0, 1))])
def test_lists_that_are_being_filled_cannot_be_found(size: int) -> None:
    found = 0

    def look(phase: str, info: dict[str, int]) -> None:
        nonlocal found
        found += 1
        for thing in gc.get_objects():
            if type(thing) is list and len(thing) == size:
                # An item that is not set yet crashes the process.
                hash(type(thing[-1]))

    class Devices(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            for device in range(3):
                look("", {})
                yield device

    threshold = gc.get_threshold()
    gc.callbacks.append(look)
    gc.set_threshold(1)
    try:
        devicemap.get_device_map(3 * size, Devices([0, 1, 2]))
        with pytest.raises(devicemap.DeviceMapError):
            devicemap.assert_device_map({}, size)
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(look)
    assert found >= 3


def test_the_collector_is_left_as_it_was() -> None:
    class Devices(list[int]):
        def __iter__(self) -> Iterator[int]:
            assert gc.isenabled()
            yield 0
            assert gc.isenabled()
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        devicemap.get_device_map(12, Devices([0, 1]))
    assert gc.isenabled()
    gc.disable()
    try:
        devicemap.get_device_map(12, range(3))
        assert not gc.isenabled()
    finally:
        gc.enable()


COSTS: dict[str, Callable[[list[Any]], Any]] = {
    **{name: partial(meddle, {}) for name, meddle in MEDDLING.items()},
    "call again": lambda costs: devicemap.balance([1, 2, 3], range(2)),
    "raise": lambda costs: 1 / 0,
}


@pytest.mark.parametrize("meddling", COSTS.values(), ids=COSTS.keys())
@pytest.mark.parametrize("size", [0, 70, 100_000])
def test_costs_that_meddle(meddling: Callable[[list[Any]], Any], size: int) -> None:
    costs: list[Any] = []
    costs += [*range(size), Number(lambda: meddling(costs)), 1.5, *range(size)]
    quietly(devicemap.balance, costs, range(3))
    costs += [1, Number(lambda: meddling(costs)), 2**90]
    quietly(devicemap.balance, costs, range(3), sizes=costs, max_memory=[None, 10**9, 5])
    quietly(devicemap.split(len(costs), range(2)).load_per_device, costs)
    speeds: list[Any] = []
    speeds += [1, Number(lambda: meddling(speeds)), 3]
    quietly(devicemap.balance, [1] * 9, range(3), speeds=speeds)


def test_an_array_may_not_change_its_size_while_it_is_read() -> None:
    array_of_costs = array.array("d", [1.0] * 70)
    costs = [Number(lambda: array_of_costs.extend([1.0] * 10_000)), 1]
    quietly(devicemap.balance, array_of_costs, range(2), sizes=costs, max_memory=[1, 1])
    assert len(array_of_costs) >= 70


def test_other_threads_run_while_balance_searches() -> None:
    beats: list[float] = []
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(0.001):
            beats.append(time.perf_counter())

    rng = random.Random(0)
    costs = [rng.random() for _ in range(100_000)]
    speeds = [math.exp(10 * rng.random()) for _ in range(1_000)]
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        start = time.perf_counter()
        # Most devices can take only some of the blocks: a search of many steps.
        devicemap.balance(costs, 1_000, speeds=speeds)
        end = time.perf_counter()
    finally:
        stopped.set()
        thread.join()
    # Where the GIL is held all the time, there are two at most: before the search and after it.
    assert sum(start < time < end for time in beats) > 2
