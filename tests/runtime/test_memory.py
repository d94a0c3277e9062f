"""Tests for reference counts, for memory leaks, and for the errors if there is not enough memory."""

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
from tests.runtime.calls import call_ignoring_exceptions
from tests.strategies import CustomEq, Layer, NamedInt
from tests.subprocess_helpers import run_code, run_command

pytestmark = pytest.mark.memory

NUM_BLOCKS = 3_000


def check_map(device_map: Any, num_blocks: Any = NUM_BLOCKS) -> None:
    call_ignoring_exceptions(devicemap.assert_device_map, device_map, num_blocks)


def create_map(n_layers: Any, devices: Any) -> None:
    call_ignoring_exceptions(devicemap.get_device_map, n_layers, devices)


OBJECTS: list[Any] = [
    object(),
    "block",
    10**30,
    1.5,
    NamedInt(5),
    NamedInt(10**30),
    np.int64(4),
    Layer.FOURTH,
    CustomEq(9),
]
BLOCKS = list(range(NUM_BLOCKS))
CALLS: dict[str, Callable[[], None]] = {
    "no fault": lambda: check_map({0: BLOCKS[:50], 1: tuple(BLOCKS[50:])}),
    "no fault, reversed": lambda: check_map({0: BLOCKS[::-1]}),
    "no fault, ranges": lambda: check_map({0: range(0, NUM_BLOCKS, 2), 1: range(NUM_BLOCKS - 1, 0, -2)}),
    "no fault, arrays": lambda: check_map({0: np.arange(NUM_BLOCKS)}),
    "no fault, iterator": lambda: check_map({0: iter(BLOCKS)}),
    "no fault, other numbers": lambda: check_map({0: [np.int64(0), True, NamedInt(2), 3.0, *BLOCKS[4:]]}),
    "missing": lambda: check_map({0: BLOCKS[5:]}),
    "duplicate and extra": lambda: check_map({0: BLOCKS, 1: BLOCKS[:9], 2: [NUM_BLOCKS, NUM_BLOCKS, -1]}),
    "ranges with faults": lambda: check_map({0: range(-5, NUM_BLOCKS + 5), 1: range(20)}),
    "array with faults": lambda: check_map({0: np.arange(-5, NUM_BLOCKS)}),
    "other items": lambda: check_map({0: [*OBJECTS[1:4], *OBJECTS[1:4], *BLOCKS]}),
    "items with a custom ==": lambda: check_map({0: [*OBJECTS[:-1], *BLOCKS[:30]]}, 20),
    "== raises": lambda: check_map({0: [*OBJECTS, *BLOCKS[:30]]}, 20),
    "value that is not iterable": lambda: check_map({0: [1], 1: 5}),
    "None instead of a map": lambda: check_map(None),
    "num_blocks as a str": lambda: check_map({}, "3"),
    "num_blocks too large": lambda: check_map({}, 10**30),
    "map created": lambda: create_map(NUM_BLOCKS, range(7)),
    "map created, many devices": lambda: create_map(NUM_BLOCKS, range(NUM_BLOCKS)),
    "map created from other numbers": lambda: create_map(np.int64(NUM_BLOCKS), OBJECTS[:3]),
    "map not created": lambda: create_map(NUM_BLOCKS, [0, []]),
    "no layers": lambda: create_map(0, [0]),
    "negative layers": lambda: create_map(-3, [0, 1]),
}


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_reference_counts_do_not_grow_with_the_number_of_calls(call: Callable[[], None]) -> None:
    objects = [*OBJECTS, BLOCKS, BLOCKS[-1], NUM_BLOCKS, devicemap.DeviceMapError]

    def reference_counts() -> list[int]:
        """Return the number of allocated memory blocks, and the reference count of each object."""
        gc.collect()
        return [sys.getallocatedblocks(), *(sys.getrefcount(value) for value in objects)]

    growths = []
    for _ in range(4):
        counts_before = reference_counts()
        for _ in range(100):
            call()
        counts_after = reference_counts()
        growths.append([after - before for before, after in zip(counts_before, counts_after, strict=True)])
    # A leak of one reference per call would be a growth of 100 in each round. Caches of the interpreter grow by less,
    # and only in some rounds.
    assert all(min(growth) < 50 for growth in zip(*growths, strict=True)), growths


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no module resource")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_resident_memory_does_not_grow_with_the_number_of_calls(call: Callable[[], None]) -> None:
    import resource

    def peak_memory() -> int:
        """Return the largest resident memory that the process has used, in bytes."""
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return size if sys.platform == "darwin" else size * 1024

    for _ in range(100):
        call()
    peak_before = peak_memory()
    for _ in range(300):
        call()
    # If each of the 300 calls leaked a list of the blocks, the growth would be 7 MB.
    assert peak_memory() - peak_before < 2**20


# Functions for the following scripts. `limit_memory` limits the memory that the process can allocate in addition to the
# memory that it uses; `print_outcome` prints "fine", or the name of the exception.
MEMORY_LIMIT_HELPERS = """
    import resource, sys
    import devicemap

    def limit_memory(additional):
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + additional, used + additional))

    def print_outcome(function, *arguments):
        try:
            function(*arguments)
        except Exception as error:
            print(type(error).__name__)
        else:
            print("fine")
"""
only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the memory of a process can be limited exactly on Linux only"
)


@only_linux
def test_drop_in_raises_memory_error_if_there_is_not_enough_memory() -> None:
    output = run_code(
        MEMORY_LIMIT_HELPERS
        + """
    limit_memory(200 << 20)
    print_outcome(devicemap.get_device_map, 10**9, range(8))
    print_outcome(devicemap.get_device_map, 10**7, range(8))
    print_outcome(devicemap.get_device_map, 10**7, range(10**7))
    print_outcome(devicemap.get_device_map, 10**9, None)
    print_outcome(devicemap.assert_device_map, {}, 10**12)
    print_outcome(devicemap.assert_device_map, {}, 10**8)
    print_outcome(devicemap.assert_device_map, {0: range(10**9)}, 10)
    print_outcome(devicemap.assert_device_map, {0: range(10**30)}, 10)
    print_outcome(devicemap.assert_device_map, {0: range(10**12), 1: {1}}, 10)
    print_outcome(devicemap.assert_device_map, {0: iter(range(10**9))}, 10)
    print_outcome(devicemap.assert_device_map, {0: range(10**8, 10**8 + 10**7)}, 10)
    print_outcome(devicemap.assert_device_map, {0: range(10**7), 1: range(10**7)}, 10**7)
    print_outcome(devicemap.assert_device_map, {0: range(10**7), 1: range(10**7, -1, -1)}, 10**7)
    print_outcome(devicemap.assert_device_map, {0: [10**9] * 10**7, 1: [-1] * 10**7}, 10)
    print_outcome(devicemap.assert_device_map, {0: range(12)}, 12)
    """
    )
    assert output.split() == ["MemoryError"] * 14 + ["fine"]


@only_linux
def test_the_bitset_is_not_filled_if_the_error_does_not_fit_in_memory() -> None:
    """A bitset of 2**33 blocks takes 1 GiB, and a list of the missing blocks more than the limit of 4 GiB."""
    output = run_code(
        MEMORY_LIMIT_HELPERS
        + """
    limit_memory(4 << 30)
    print_outcome(devicemap.assert_device_map, {0: [1]}, 2**33)
    print_outcome(devicemap.assert_device_map, {0: [1, 1]}, 2**33)
    with open("/proc/self/status") as file:
        (peak_kib,) = (int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    print(peak_kib < 100_000)
    """
    )
    assert output.split() == ["MemoryError", "MemoryError", "True"]


@only_linux
@pytest.mark.parametrize(("additional_mib", "expected"), [(34, "fine"), (30, "MemoryError")])
def test_a_map_without_faults_allocates_one_bit_per_block(additional_mib: int, expected: str) -> None:
    """One bit for each of 2**28 blocks takes 32 MiB. Interleaved ranges require a bitset."""
    output = run_code(
        MEMORY_LIMIT_HELPERS
        + f"""
    device_map = {{0: range(1, 1 << 28, 2), 1: range(0, 1 << 28, 2)}}
    limit_memory({additional_mib} << 20)
    print_outcome(devicemap.assert_device_map, device_map, 1 << 28)
    """
    )
    assert output.split() == [expected]


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited by setrlimit")
def test_runs_in_order_allocate_no_bitset() -> None:
    """A bitset of 2**36 blocks would take 8 GiB, which the process cannot allocate."""
    run_code(
        """
        import resource
        import devicemap

        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
        half = 1 << 35
        devicemap.assert_device_map({0: range(half), 1: range(half, 2 * half)}, 2 * half)
        try:
            devicemap.assert_device_map({0: range(half, 2 * half), 1: range(half)}, 2 * half)
        except MemoryError:
            pass
        else:
            raise SystemExit("runs that are not in order need no bitset")
        """
    )


@pytest.mark.slow
def test_other_tests_pass_with_the_debug_allocator() -> None:
    """Python's debug allocator detects accesses to freed memory and buffer overflows."""
    tests = Path(__file__).parents[1]
    output = run_command(
        *(sys.executable, "-X", "dev", "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("-m", "not memory and not signals and not slow", "--hypothesis-profile=quick"),
        *(str(tests / folder) for folder in ("check", "drop_in", "partition", "runtime")),
        environment={**os.environ, "PYTHONMALLOC": "debug"},
    )
    assert " passed" in output
