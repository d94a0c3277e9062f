"""Calls while other threads change the arguments: they may raise, but must not crash."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import devicemap

BLOCKS = 5_000
SECONDS = 0.5


def grow_and_shrink(blocks: list[Any]) -> None:
    blocks.extend(range(BLOCKS))
    del blocks[random.randrange(len(blocks)) :]


def replace_items(blocks: list[Any]) -> None:
    for index in range(min(len(blocks), 100)):
        blocks[index] = random.choice([index, 10**6 + index, 10**30, "block", None, 1.5, object()])


def clear_and_refill(blocks: list[Any]) -> None:
    blocks.clear()
    blocks[:] = [10**6 + block for block in range(BLOCKS)]


def reverse(blocks: list[Any]) -> None:
    blocks.reverse()


def run_together(*works: Callable[[], Any]) -> list[BaseException]:
    """Call each function repeatedly in its own thread, and return the unexpected exceptions."""
    end = time.monotonic() + SECONDS
    unexpected: list[BaseException] = []

    def repeat(work: Callable[[], Any]) -> None:
        while time.monotonic() < end:
            try:
                work()
            except (devicemap.DeviceMapError, IndexError):
                pass
            except BaseException as error:
                unexpected.append(error)
                return

    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return unexpected


@pytest.mark.parametrize("change", [grow_and_shrink, replace_items, clear_and_refill, reverse])
def test_lists_change_while_they_are_checked(change: Callable[[list[Any]], None]) -> None:
    shared: list[Any] = list(range(BLOCKS))
    device_map: dict[Any, Any] = {0: shared, 1: shared[:10], 2: (BLOCKS,)}

    def check() -> None:
        devicemap.assert_device_map(device_map, BLOCKS + 1)

    assert run_together(check, check, lambda: change(shared), lambda: change(shared)) == []


@pytest.mark.parametrize("change", [grow_and_shrink, replace_items, clear_and_refill, reverse])
def test_lists_change_while_they_are_balanced(change: Callable[[list[Any]], None]) -> None:
    shared: list[Any] = list(range(BLOCKS))

    def balance() -> None:
        try:
            devicemap.balance(shared, range(7), sizes=shared, max_memory=[None] * 6 + [2**60])
        except (ValueError, TypeError):
            pass

    assert run_together(balance, balance, lambda: change(shared), lambda: change(shared)) == []


def test_maps_change_while_they_are_checked() -> None:
    device_map: dict[Any, Any] = {0: list(range(BLOCKS))}

    def change() -> None:
        for device in range(1, 200):
            device_map[device] = [device]
        for device in range(1, 200):
            device_map.pop(device, None)

    def check() -> None:
        devicemap.assert_device_map(device_map, BLOCKS)

    assert run_together(check, check, change) == []


def test_devices_change_while_maps_are_created() -> None:
    devices = list(range(300))

    def change() -> None:
        devices.extend(range(300))
        del devices[300:]

    def make() -> None:
        assert sum(map(len, devicemap.get_device_map(900, devices).values())) <= 900

    assert run_together(make, make, change) == []


def test_threads_without_shared_arguments_are_independent() -> None:
    def work() -> None:
        device_map = devicemap.get_device_map(BLOCKS, range(7))
        devicemap.assert_device_map(device_map, BLOCKS)
        device_map[3].append(0)
        with pytest.raises(devicemap.DeviceMapError) as caught:
            devicemap.assert_device_map(device_map, BLOCKS)
        assert caught.value.duplicate_blocks == [0]

    assert run_together(*[work] * 4) == []
