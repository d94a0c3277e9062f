"""Tests that signal handlers are called during long calls, and that they can change the arguments."""

from __future__ import annotations

import array
import gc
import signal
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

import devicemap
from devicemap import assert_device_map, balance, check, get_device_map
from tests.runtime.calls import call_ignoring_exceptions
from tests.subprocess_helpers import run_code

pytestmark = pytest.mark.signals


class CustomEq:
    """An object with a custom ``==``, for which ``assert_device_map`` takes quadratic time."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


NUM_BLOCKS = 1 << 20
# Calls that take at least some tenths of a second. Products with the prime 7919 modulo a limit are numbers in no order.
LONG_CALLS: dict[str, Callable[[], Callable[[], Any]]] = {
    "one long list": lambda: partial(assert_device_map, {0: list(range(NUM_BLOCKS)) * 100}, NUM_BLOCKS),
    "one repeated block": lambda: partial(assert_device_map, {0: [5] * (1 << 26)}, 10),
    "many lists": lambda: partial(assert_device_map, dict.fromkeys(range(100), list(range(NUM_BLOCKS))), NUM_BLOCKS),  # noqa: RUF024 (the list is shared to save memory)
    "a tuple of bools": lambda: partial(assert_device_map, {0: (True, False) * (1 << 23)}, NUM_BLOCKS),
    "strided ranges": lambda: partial(assert_device_map, {0: range(0, 1 << 28, 2), 1: range(1, 1 << 28, 2)}, 1 << 28),
    "a generator": lambda: partial(assert_device_map, {0: (block % 7 for block in range(1 << 24))}, NUM_BLOCKS),
    "items with a custom ==": lambda: partial(assert_device_map, {0: [CustomEq() for _ in range(3_000)]}, 10),
    "a map of one list": lambda: partial(get_device_map, 1 << 24, [0]),
    "a map of many lists": lambda: partial(get_device_map, 1 << 22, range(1 << 22)),
    "a map of long lists": lambda: partial(get_device_map, 1 << 24, range(300)),
    "a map for a NumPy integer": lambda: partial(get_device_map, np.int64(1 << 21), range(1 << 21)),
    # The hashes of multiples of 2**61 - 1 are 0 on 64-bit builds.
    "equal hashes": lambda: partial(assert_device_map, {0: [number * (2**61 - 1) for number in range(1 << 13)]}, 10),
    "many duplicates": lambda: partial(assert_device_map, {0: range(1 << 24), 1: range(1 << 24)}, 1 << 24),
    "many devices without blocks": lambda: partial(assert_device_map, dict.fromkeys(range(1 << 23), ()), 10),
    "many costs": lambda: partial(balance, array.array("d", [0.5]) * (1 << 25), range(3)),
    "costs that are fractions": lambda: partial(balance, [Fraction(1, 3)] * (1 << 19), range(3)),
    "sizes that are fractions": lambda: partial(
        balance, bytes(1 << 18), 2, sizes=[Fraction(5)] * (1 << 18), max_memory=[10**9] * 2
    ),
    "sets of blocks": lambda: partial(check, {block: frozenset([block]) for block in range(1 << 19)}, 1 << 19),
    "a very long array": lambda: partial(check, {0: np.broadcast_to(np.int64(0), (10**11,))}, 5),
    "many devices": lambda: partial(balance, [1, 2, 3] * (1 << 19), range(1 << 20)),
    "blocks that few devices can hold": lambda: partial(
        balance, [block * 7919 % 10**6 for block in range(1 << 15)], range(1000), speeds=[1, 1, 1, 10**9] * 250
    ),
    "many distinct speeds": lambda: partial(
        balance,
        [1 + 10 ** (block * 7919 % 7) for block in range(200_000)],
        range(40_000),
        speeds=[1 + device * 7919 % 40_000 / 40_000 for device in range(40_000)],
    ),
    "a report on many duplicates": lambda: partial(check, {0: range(1 << 23), 1: range(1 << 23)}, 1 << 23),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer")
@pytest.mark.parametrize("create_call", LONG_CALLS.values(), ids=LONG_CALLS.keys())
def test_signals_are_handled_during_a_long_call(create_call: Callable[[], Callable[[], Any]]) -> None:
    call = create_call()
    num_handled = 0

    def handle(signum: int, frame: object) -> None:
        nonlocal num_handled
        num_handled += 1
        # Pending signals of one kind are merged. If the function under test did not check for signals, the handler
        # would run once after it, and at most once before it. The third run can therefore only happen during the
        # function under test.
        if num_handled == 3:
            raise KeyboardInterrupt

    previous_handler = signal.signal(signal.SIGALRM, handle)
    # If the handler ran within a callback of the garbage collector, such as that of Hypothesis, Python would ignore its
    # exception.
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous_handler)
        gc.enable()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer")
@pytest.mark.parametrize(
    ("array_expression", "call"),
    [
        ("np.ones(1 << 24)", "devicemap.balance(numbers, 4)"),
        ("np.ones(1 << 24, 'f4')", "devicemap.split(1 << 24, 4).load_per_device(numbers)"),
        ("np.arange(1 << 24)", "devicemap.assert_device_map({0: numbers}, 1 << 24)"),
        ("np.arange(1 << 24)[::-1].copy()", "devicemap.check({0: numbers}, 1 << 23)"),
        ("np.arange(-5, 1 << 20)", "devicemap.check({0: numbers, 1: [0] * 5}, 1 << 20)"),
    ],
)
def test_signal_handlers_can_free_the_memory_of_an_array(array_expression: str, call: str) -> None:
    """With ``refcheck=False``, NumPy frees the memory of an array even if its buffer is exported."""
    run_code(
        f"""
        import signal
        import numpy as np
        import devicemap

        def free(signum, frame):
            numbers.resize(8, refcheck=False)

        signal.signal(signal.SIGALRM, free)
        # The signal arrives at different stages of the call.
        for delay in (0.0005, 0.001, 0.002, 0.004, 0.008):
            numbers = {array_expression}
            signal.setitimer(signal.ITIMER_REAL, delay)
            try:
                {call}
            except (ValueError, AssertionError):
                pass
            signal.setitimer(signal.ITIMER_REAL, 0)
        """
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer")
def test_signal_handlers_can_shorten_the_list() -> None:
    blocks = list(range(1 << 22))

    def shorten(signum: int, frame: object) -> None:
        del blocks[len(blocks) // 2 :]

    previous_handler = signal.signal(signal.SIGALRM, shorten)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for _ in range(5):
            blocks.extend(range(len(blocks), 1 << 22))
            call_ignoring_exceptions(devicemap.assert_device_map, {0: blocks, 1: [1]}, 1 << 22)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous_handler)
