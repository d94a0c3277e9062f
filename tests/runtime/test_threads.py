"""Tests in which other threads change the arguments during a call. The call can raise, but must not crash."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import devicemap

NUM_BLOCKS = 5_000
TEST_SECONDS = 0.5


def grow_and_shrink(blocks: list[Any]) -> None:
    blocks.extend(range(NUM_BLOCKS))
    del blocks[random.randrange(len(blocks)) :]


def replace_items(blocks: list[Any]) -> None:
    """Replace the first items by objects of different types, most of which are freed when they are replaced again."""
    for index in range(min(len(blocks), 100)):
        blocks[index] = random.choice([index, 10**6 + index, 10**30, "block", None, 1.5, object()])


def clear_and_refill(blocks: list[Any]) -> None:
    blocks.clear()
    # Large ints are not cached by Python: the next clear() frees them.
    blocks[:] = [10**6 + block for block in range(NUM_BLOCKS)]


def reverse(blocks: list[Any]) -> None:
    blocks.reverse()


def call_in_threads(*functions: Callable[[], Any]) -> list[BaseException]:
    """Call each function repeatedly in a separate thread for half a second, and return the unexpected exceptions."""
    deadline = time.monotonic() + TEST_SECONDS
    unexpected: list[BaseException] = []

    def call_repeatedly(function: Callable[[], Any]) -> None:
        while time.monotonic() < deadline:
            try:
                function()
            except (devicemap.DeviceMapError, IndexError):
                pass
            except BaseException as error:
                unexpected.append(error)
                return

    threads = [threading.Thread(target=call_repeatedly, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return unexpected


@pytest.mark.parametrize("change", [grow_and_shrink, replace_items, clear_and_refill, reverse])
def test_threads_can_change_a_list_during_assert_device_map(change: Callable[[list[Any]], None]) -> None:
    shared: list[Any] = list(range(NUM_BLOCKS))
    device_map: dict[Any, Any] = {0: shared, 1: shared[:10], 2: (NUM_BLOCKS,)}

    def check() -> None:
        devicemap.assert_device_map(device_map, NUM_BLOCKS + 1)

    assert call_in_threads(check, check, lambda: change(shared), lambda: change(shared)) == []


@pytest.mark.parametrize("change", [grow_and_shrink, replace_items, clear_and_refill, reverse])
def test_threads_can_change_costs_and_sizes_during_balance(change: Callable[[list[Any]], None]) -> None:
    shared: list[Any] = list(range(NUM_BLOCKS))

    def balance() -> None:
        try:
            devicemap.balance(shared, range(7), sizes=shared, max_memory=[None] * 6 + [2**60])
        except (ValueError, TypeError):
            pass

    assert call_in_threads(balance, balance, lambda: change(shared), lambda: change(shared)) == []


def test_threads_can_add_and_remove_devices_during_assert_device_map() -> None:
    device_map: dict[Any, Any] = {0: list(range(NUM_BLOCKS))}

    def change() -> None:
        for device in range(1, 200):
            device_map[device] = [device]
        for device in range(1, 200):
            device_map.pop(device, None)

    def check() -> None:
        devicemap.assert_device_map(device_map, NUM_BLOCKS)

    assert call_in_threads(check, check, change) == []


def test_threads_can_change_the_devices_during_get_device_map() -> None:
    devices = list(range(300))

    def change() -> None:
        devices.extend(range(300))
        del devices[300:]

    def create_map() -> None:
        assert sum(map(len, devicemap.get_device_map(900, devices).values())) <= 900

    assert call_in_threads(create_map, create_map, change) == []


def test_threads_without_shared_arguments_do_not_affect_each_other() -> None:
    def create_and_check() -> None:
        device_map = devicemap.get_device_map(NUM_BLOCKS, range(7))
        devicemap.assert_device_map(device_map, NUM_BLOCKS)
        device_map[3].append(0)
        with pytest.raises(devicemap.DeviceMapError) as caught:
            devicemap.assert_device_map(device_map, NUM_BLOCKS)
        assert caught.value.duplicate_blocks == [0]

    assert call_in_threads(*[create_and_check] * 4) == []
