"""Code of the user's that runs within a call may change whatever is being read: nothing worse than an exception."""

from __future__ import annotations

import array
import gc
import math
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

import devicemap
from tests.apart import run


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Call, and let any Python exception pass for an answer."""
    try:
        function(*arguments, **options)
    except Exception:
        pass


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


class Slow:
    """Compares with no one, and takes its time."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


MILLION = 1 << 20
check, get = devicemap.assert_device_map, devicemap.get_device_map
LONG_RUNS: dict[str, Callable[[], Any]] = {
    "one long list": lambda: check({0: list(range(MILLION)) * 100}, MILLION),
    "one block over and over": lambda: check({0: [5] * (1 << 26)}, 10),
    "many lists": lambda: check(dict.fromkeys(range(100), list(range(MILLION))), MILLION),  # noqa: RUF024 (shared, or it takes 4 GB)
    "a tuple of other numbers": lambda: check({0: (True, False) * (1 << 23)}, MILLION),
    "strided ranges": lambda: check({0: range(0, 1 << 28, 2), 1: range(1, 1 << 28, 2)}, 1 << 28),
    "a generator": lambda: check({0: (block % 7 for block in range(1 << 24))}, MILLION),
    "exotic blocks": lambda: check({0: [Slow() for _ in range(3_000)]}, 10),
    "one list made": lambda: get(1 << 24, [0]),
    "many lists made": lambda: get(1 << 22, range(1 << 22)),
    "long lists made": lambda: get(1 << 24, range(300)),
    "lists cut": lambda: get(np.int64(1 << 21), range(1 << 21)),
    "equal hashes": lambda: check({0: [number * (2**61 - 1) for number in range(1 << 13)]}, 10),
    "many duplicates": lambda: check({0: range(1 << 24), 1: range(1 << 24)}, 1 << 24),
    "many values": lambda: check(dict.fromkeys(range(1 << 23), ()), 10),
    "many costs": lambda: devicemap.balance(array.array("d", [0.5]) * (1 << 25), range(3)),
    "costs of another kind": lambda: devicemap.balance([Fraction(1, 3)] * (1 << 19), range(3)),
    "sizes of another kind": lambda: devicemap.balance(
        bytes(1 << 18), 2, sizes=[Fraction(5)] * (1 << 18), max_memory=[10**9] * 2
    ),
    "sets of blocks": lambda: devicemap.check({block: frozenset([block]) for block in range(1 << 19)}, 1 << 19),
    "an endless array": lambda: devicemap.check({0: np.broadcast_to(np.int64(0), (10**11,))}, 5),
    "many devices": lambda: devicemap.balance([1, 2, 3] * (1 << 19), range(1 << 20)),
    "blocks that few devices can hold": lambda: devicemap.balance(
        [block * 7919 % 10**6 for block in range(1 << 15)], range(1000), speeds=[1, 1, 1, 10**9] * 250
    ),
    "many reports": lambda: devicemap.check({0: range(1 << 23), 1: range(1 << 23)}, 1 << 23),
}
"""Calls that take some tenths of a second at least."""


class Number:
    """A cost that does something when it is asked for its number."""

    def __init__(self, meddle: Callable[[], Any]) -> None:
        self.meddle = meddle

    def __float__(self) -> float:
        self.meddle()
        return 0.5


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer to send signals with")
@pytest.mark.parametrize("call", LONG_RUNS.values(), ids=LONG_RUNS.keys())
def test_ctrl_c_is_heard_in_a_long_run(call: Callable[[], Any]) -> None:
    heard = 0

    def hear(signum: int, frame: object) -> None:
        nonlocal heard
        heard += 1
        # Signals that come while none is heard count as one: the third says that they are heard within the call.
        if heard == 3:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, hear)
    # A callback of the collector, such as hypothesis has, would hear the signal too, and lose the exception.
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer to send signals with")
@pytest.mark.parametrize(
    ("array_of_numbers", "call"),
    [
        ("np.ones(1 << 24)", "devicemap.balance(numbers, 4)"),
        ("np.ones(1 << 24, 'f4')", "devicemap.split(1 << 24, 4).load_per_device(numbers)"),
        ("np.arange(1 << 24)", "devicemap.assert_device_map({0: numbers}, 1 << 24)"),
        ("np.arange(1 << 24)[::-1].copy()", "devicemap.check({0: numbers}, 1 << 23)"),
        ("np.arange(-5, 1 << 20)", "devicemap.check({0: numbers, 1: [0] * 5}, 1 << 20)"),
    ],
)
def test_signal_handlers_may_free_the_memory_of_an_array(array_of_numbers: str, call: str) -> None:
    """numpy frees the memory of an array though a buffer of it is exported, if told not to count references."""
    run(
        f"""
        import signal
        import numpy as np
        import devicemap

        def free(signum, frame):
            numbers.resize(8, refcheck=False)

        signal.signal(signal.SIGALRM, free)
        for delay in (0.0005, 0.001, 0.002, 0.004, 0.008):
            numbers = {array_of_numbers}
            signal.setitimer(signal.ITIMER_REAL, delay)
            try:
                {call}
            except (ValueError, AssertionError):
                pass
            signal.setitimer(signal.ITIMER_REAL, 0)
        """
    )


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer to send signals with")
def test_signal_handlers_may_meddle() -> None:
    blocks = list(range(1 << 22))

    def meddle(signum: int, frame: object) -> None:
        del blocks[len(blocks) // 2 :]

    before = signal.signal(signal.SIGALRM, meddle)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for _ in range(5):
            blocks.extend(range(len(blocks), 1 << 22))
            quietly(devicemap.assert_device_map, {0: blocks, 1: [1]}, 1 << 22)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
