"""Nothing is lost, nothing is kept, and what memory cannot hold is a `MemoryError`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import devicemap
from tests.strategies import Layer, Loud, Named
from tests.subprocess_helpers import command, run

pytestmark = pytest.mark.memory

SIZE = 3_000


def check(device_map: Any, num_blocks: Any = SIZE) -> None:
    try:
        devicemap.assert_device_map(device_map, num_blocks)
    except Exception:
        pass


def get(n_layers: Any, devices: Any) -> None:
    try:
        devicemap.get_device_map(n_layers, devices)
    except Exception:
        pass


OBJECTS: list[Any] = [object(), "block", 10**30, 1.5, Named(5), Named(10**30), np.int64(4), Layer.FOURTH, Loud(9)]
BLOCKS = list(range(SIZE))
CALLS: dict[str, Callable[[], None]] = {
    "good": lambda: check({0: BLOCKS[:50], 1: tuple(BLOCKS[50:])}),
    "good, shuffled": lambda: check({0: BLOCKS[::-1]}),
    "good, ranges": lambda: check({0: range(0, SIZE, 2), 1: range(SIZE - 1, 0, -2)}),
    "good, arrays": lambda: check({0: np.arange(SIZE)}),
    "good, generated": lambda: check({0: iter(BLOCKS)}),
    "good, other numbers": lambda: check({0: [np.int64(0), True, Named(2), 3.0, *BLOCKS[4:]]}),
    "missing": lambda: check({0: BLOCKS[5:]}),
    "duplicate and extra": lambda: check({0: BLOCKS, 1: BLOCKS[:9], 2: [SIZE, SIZE, -1]}),
    "bad ranges": lambda: check({0: range(-5, SIZE + 5), 1: range(20)}),
    "bad array": lambda: check({0: np.arange(-5, SIZE)}),
    "other blocks": lambda: check({0: [*OBJECTS[1:4], *OBJECTS[1:4], *BLOCKS]}),
    "exotic blocks": lambda: check({0: [*OBJECTS[:-1], *BLOCKS[:30]]}, 20),
    "== raises": lambda: check({0: [*OBJECTS, *BLOCKS[:30]]}, 20),
    "no iterable": lambda: check({0: [1], 1: 5}),
    "no map": lambda: check(None),
    "no number": lambda: check({}, "3"),
    "too many": lambda: check({}, 10**30),
    "map made": lambda: get(SIZE, range(7)),
    "map made, many devices": lambda: get(SIZE, range(SIZE)),
    "map made by other numbers": lambda: get(np.int64(SIZE), OBJECTS[:3]),
    "map not made": lambda: get(SIZE, [0, []]),
    "no layers": lambda: get(0, [0]),
    "negative layers": lambda: get(-3, [0, 1]),
}


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_references_stay_level(call: Callable[[], None]) -> None:
    watched = [*OBJECTS, BLOCKS, BLOCKS[-1], SIZE, devicemap.DeviceMapError]

    def references() -> list[int]:
        gc.collect()
        return [sys.getallocatedblocks(), *(sys.getrefcount(thing) for thing in watched)]

    growths = []
    for _ in range(4):
        before = references()
        for _ in range(100):
            call()
        growths.append([now - then for then, now in zip(before, references(), strict=True)])
    # One reference kept by each call would come to 100, every time; what the interpreter caches is less, some time.
    assert all(min(growth) < 50 for growth in zip(*growths, strict=True)), growths


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to read the memory with")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_resident_memory_stays_level(call: Callable[[], None]) -> None:
    import resource

    def largest() -> int:
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return size if sys.platform == "darwin" else size * 1024

    for _ in range(100):
        call()
    before = largest()
    for _ in range(300):
        call()
    # The smallest leak worth the name, one bit a block, would come to 120 kB; a list of them to 7 MB.
    assert largest() - before < 2**20


LIMIT = """
    import resource, sys
    import devicemap

    def limit(more):
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))

    def outcome(function, *arguments):
        try:
            function(*arguments)
        except Exception as error:
            print(type(error).__name__)
        else:
            print("fine")
"""
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can limit a process's memory exactly")


@only_linux
def test_what_memory_cannot_hold_is_a_memory_error() -> None:
    output = run(
        LIMIT
        + """
    limit(200 << 20)
    outcome(devicemap.get_device_map, 10**9, range(8))
    outcome(devicemap.get_device_map, 10**7, range(8))
    outcome(devicemap.get_device_map, 10**7, range(10**7))
    outcome(devicemap.get_device_map, 10**9, None)
    outcome(devicemap.assert_device_map, {}, 10**12)
    outcome(devicemap.assert_device_map, {}, 10**8)
    outcome(devicemap.assert_device_map, {0: range(10**9)}, 10)
    outcome(devicemap.assert_device_map, {0: range(10**30)}, 10)
    outcome(devicemap.assert_device_map, {0: range(10**12), 1: {1}}, 10)
    outcome(devicemap.assert_device_map, {0: iter(range(10**9))}, 10)
    outcome(devicemap.assert_device_map, {0: range(10**8, 10**8 + 10**7)}, 10)
    outcome(devicemap.assert_device_map, {0: range(10**7), 1: range(10**7)}, 10**7)
    outcome(devicemap.assert_device_map, {0: range(10**7), 1: range(10**7, -1, -1)}, 10**7)
    outcome(devicemap.assert_device_map, {0: [10**9] * 10**7, 1: [-1] * 10**7}, 10)
    outcome(devicemap.assert_device_map, {0: range(12)}, 12)
    """
    )
    assert output.split() == ["MemoryError"] * 14 + ["fine"]


@only_linux
def test_bits_are_not_touched_for_what_memory_cannot_hold_anyway() -> None:
    output = run(
        LIMIT
        + """
    limit(4 << 30)
    outcome(devicemap.assert_device_map, {0: [1]}, 2**33)
    outcome(devicemap.assert_device_map, {0: [1, 1]}, 2**33)
    with open("/proc/self/status") as file:
        (peak,) = (int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    print(peak < 100_000)
    """
    )
    assert output.split() == ["MemoryError", "MemoryError", "True"]


@only_linux
@pytest.mark.parametrize(("more", "expected"), [(34, "fine"), (30, "MemoryError")])
def test_a_good_map_allocates_a_bit_a_block(more: int, expected: str) -> None:
    """2**28 blocks in two interleaved ranges need 32 MiB: 34 are enough, 30 are not."""
    output = run(
        LIMIT
        + f"""
    device_map = {{0: range(1, 1 << 28, 2), 1: range(0, 1 << 28, 2)}}
    limit({more} << 20)
    outcome(devicemap.assert_device_map, device_map, 1 << 28)
    """
    )
    assert output.split() == [expected]


def test_runs_in_order_allocate_nothing() -> None:
    """As many blocks as no memory holds a byte each for are checked in their two runs."""
    half = 1 << 35
    devicemap.assert_device_map({0: range(half), 1: range(half, 2 * half)}, 2 * half)


@pytest.mark.slow
def test_all_is_well_under_a_debugging_allocator() -> None:
    """The named cases and the meddling ones once more, where freed and overrun memory is found out."""
    tests = Path(__file__).parents[1]
    output = command(
        *(sys.executable, "-X", "dev", "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("-m", "not memory and not signals and not slow", "--hypothesis-profile=quick"),
        *(str(tests / folder) for folder in ("check", "drop_in", "partition", "runtime")),
        environment={**os.environ, "PYTHONMALLOC": "debug"},
    )
    assert " passed" in output
