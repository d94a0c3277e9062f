"""Tests in which user code changes the arguments during a call. The call can raise, but must not crash."""

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
from tests.runtime.calls import MutatingCost, call_ignoring_exceptions


class MutatingItem:
    """An item whose special methods call ``mutation``.

    Only the first five calls do so, since thousands of mutations would take too long.
    """

    def __init__(self, mutation: Callable[[], Any]) -> None:
        self.mutation, self.remaining_calls = mutation, 5

    def mutate(self) -> None:
        if self.remaining_calls:
            self.remaining_calls -= 1
            self.mutation()

    def __eq__(self, other: object) -> bool:
        self.mutate()
        return False

    def __hash__(self) -> int:
        self.mutate()
        return 1

    def __repr__(self) -> str:
        self.mutate()
        return "MutatingItem()"


MUTATIONS: dict[str, Callable[[dict[Any, Any], list[Any]], Any]] = {
    "clear the list": lambda device_map, blocks: blocks.clear(),
    "clear the map": lambda device_map, blocks: device_map.clear(),
    "grow the list": lambda device_map, blocks: blocks.extend(range(50)),
    "grow the map": lambda device_map, blocks: device_map.update({len(device_map): [1]}),
    "replace the ints": lambda device_map, blocks: blocks.__setitem__(slice(None), [object() for _ in blocks]),
    "collect garbage": lambda device_map, blocks: gc.collect(),
    "call recursively": lambda device_map, blocks: call_ignoring_exceptions(
        devicemap.assert_device_map, {0: [1, 2, 3]}, 3
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
@pytest.mark.parametrize(
    "size", [1, 70, 2_000], ids=["one item", "more items than one word of the bitset", "many items"]
)
def test_assert_device_map_survives_items_that_mutate_the_map(mutation: Callable[[Any, Any], Any], size: int) -> None:
    # Large ints are not cached by Python: if the list is cleared, they are freed.
    blocks: list[Any] = [10**6 + block for block in range(size)]
    device_map: dict[Any, Any] = {"first": blocks, "second": [10**6 + size]}
    mutating_item = MutatingItem(lambda: mutation(device_map, blocks))
    blocks.insert(size // 2, mutating_item)
    # All items are extra blocks, so that the slow path, which compares them, reads each of them.
    call_ignoring_exceptions(devicemap.assert_device_map, device_map, size)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_assert_device_map_survives_iterables_that_mutate_the_map(mutation: Callable[[Any, Any], Any]) -> None:
    blocks: list[Any] = list(range(10**6, 10**6 + 5_000))
    device_map: dict[Any, Any] = {"before": blocks}

    def values() -> Iterator[Any]:
        for block in range(300):
            if block % 100 == 50:
                mutation(device_map, blocks)
            yield block

    device_map["generated"] = values()
    device_map["after"] = blocks
    call_ignoring_exceptions(devicemap.assert_device_map, device_map, 300)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_assert_device_map_survives_a_values_method_that_mutates_the_map(mutation: Callable[[Any, Any], Any]) -> None:
    blocks: list[Any] = list(range(10**6, 10**6 + 5_000))

    class DeviceMap(dict[Any, Any]):
        def values(self) -> Any:
            yield blocks
            mutation(self, blocks)
            yield blocks

    call_ignoring_exceptions(devicemap.assert_device_map, DeviceMap(a=blocks), 300)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_get_device_map_survives_devices_that_mutate_the_list(mutation: Callable[[Any, Any], Any]) -> None:
    devices: list[Any] = list(range(300))
    devices[3] = MutatingItem(lambda: mutation({}, devices))
    devices[7] = devices[3]
    call_ignoring_exceptions(devicemap.get_device_map, 1_000, devices)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 1_234, *(2**power + offset for power in (16, 20) for offset in (-1, 0, 1))])
def test_the_garbage_collector_does_not_see_lists_with_unset_items(size: int) -> None:
    num_searches = 0

    def search_lists(phase: str, info: dict[str, int]) -> None:
        nonlocal num_searches
        num_searches += 1
        for value in gc.get_objects():
            if type(value) is list and len(value) == size:
                # Access to an unset item would crash the process.
                hash(type(value[-1]))

    class Devices(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            for device in range(3):
                search_lists("", {})
                yield device

    threshold = gc.get_threshold()
    gc.callbacks.append(search_lists)
    # A collection, which calls `search_lists`, starts as often as possible.
    gc.set_threshold(1)
    try:
        # Both functions create lists of `size` ints: the blocks of each device, and the missing blocks.
        devicemap.get_device_map(3 * size, Devices([0, 1, 2]))
        with pytest.raises(devicemap.DeviceMapError):
            devicemap.assert_device_map({}, size)
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(search_lists)
    assert num_searches >= 3


def test_get_device_map_neither_enables_nor_disables_the_garbage_collector() -> None:
    class Devices(list[int]):
        def __iter__(self) -> Iterator[int]:
            assert gc.isenabled()
            yield 0
            assert gc.isenabled()
            raise RuntimeError("the iterator fails")

    with pytest.raises(RuntimeError, match="the iterator fails"):
        devicemap.get_device_map(12, Devices([0, 1]))
    assert gc.isenabled()
    gc.disable()
    try:
        devicemap.get_device_map(12, range(3))
        assert not gc.isenabled()
    finally:
        gc.enable()


COST_MUTATIONS: dict[str, Callable[[list[Any]], Any]] = {
    **{name: partial(mutation, {}) for name, mutation in MUTATIONS.items()},
    "call recursively": lambda costs: devicemap.balance([1, 2, 3], range(2)),
    "raise": lambda costs: 1 / 0,
}


@pytest.mark.parametrize("mutation", COST_MUTATIONS.values(), ids=COST_MUTATIONS.keys())
@pytest.mark.parametrize("size", [0, 70, 100_000])
def test_balance_and_load_per_device_survive_costs_that_mutate_the_list(
    mutation: Callable[[list[Any]], Any], size: int
) -> None:
    costs: list[Any] = []
    # The reader of ints changes to floats at 1.5, and to ints of any size at 2**90.
    costs += [*range(size), MutatingCost(lambda: mutation(costs)), 1.5, *range(size)]
    call_ignoring_exceptions(devicemap.balance, costs, range(3))
    costs += [1, MutatingCost(lambda: mutation(costs)), 2**90]
    call_ignoring_exceptions(devicemap.balance, costs, range(3), sizes=costs, max_memory=[None, 10**9, 5])
    call_ignoring_exceptions(devicemap.split(len(costs), range(2)).load_per_device, costs)
    speeds: list[Any] = []
    speeds += [1, MutatingCost(lambda: mutation(speeds)), 3]
    call_ignoring_exceptions(devicemap.balance, [1] * 9, range(3), speeds=speeds)


def test_balance_survives_sizes_that_resize_the_array_of_costs() -> None:
    costs = array.array("d", [1.0] * 70)
    sizes = [MutatingCost(lambda: costs.extend([1.0] * 10_000)), 1]
    call_ignoring_exceptions(devicemap.balance, costs, range(2), sizes=sizes, max_memory=[1, 1])
    assert len(costs) >= 70


def test_other_threads_run_during_the_search_of_balance() -> None:
    times: list[float] = []
    stopped = threading.Event()

    def record_times() -> None:
        while not stopped.wait(0.001):
            times.append(time.perf_counter())

    rng = random.Random(0)
    costs = [rng.random() for _ in range(100_000)]
    speeds = [math.exp(10 * rng.random()) for _ in range(1_000)]
    thread = threading.Thread(target=record_times)
    thread.start()
    try:
        start = time.perf_counter()
        # With speeds between 1 and e**10, the search takes many probes.
        devicemap.balance(costs, 1_000, speeds=speeds)
        end = time.perf_counter()
    finally:
        stopped.set()
        thread.join()
    # If the GIL were held during the search, the other thread could record at most two times: before it and after it.
    assert sum(start < recorded < end for recorded in times) > 2
