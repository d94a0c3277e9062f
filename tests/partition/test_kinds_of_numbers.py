"""Tests for the types of costs, speeds, sizes and limits that ``balance`` accepts."""

from __future__ import annotations

import array
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devicemap import DeviceMap, balance
from tests.partition.number_classes import CustomInt, FloatOnly


def test_load_per_device_accepts_speeds_of_any_type() -> None:
    device_map = balance([1, 1], range(2))
    for speeds in (iter([1, 2]), np.array([1, 2], "f2"), [1, Decimal(2)], [Fraction(1), 2]):
        loads = device_map.load_per_device([100_000.0, 200_000], speeds)
        assert loads == {0: 100_000.0, 1: 100_000.0}
        assert {type(load) for load in loads.values()} == {float}


CONVERSIONS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "floats": lambda costs: [float(cost) for cost in costs],
    "mixed": lambda costs: [float(cost) if cost % 2 else cost for cost in costs],
    "fractions": lambda costs: [Fraction(cost) for cost in costs],
    "decimals": lambda costs: [Decimal(cost) for cost in costs],
    "bools and ints": lambda costs: [True if cost == 1 else cost for cost in costs],
    "generator": lambda costs: (cost for cost in costs),
    "array.array": lambda costs: array.array("H", costs),
    "array.array of floats": lambda costs: array.array("f", costs),
    "memoryview": lambda costs: memoryview(array.array("q", costs)),
    "bytes": bytes,
    "numpy scalars": lambda costs: [np.int16(cost) for cost in costs],
    "numpy float scalars": lambda costs: [np.float32(cost) for cost in costs],
    "numpy objects": lambda costs: np.array(costs, object),
    "numpy column": lambda costs: np.array([costs, costs]).T[:, 1],
    "numpy reversed": lambda costs: np.array(costs[::-1])[::-1],
    "numpy in another byte order": lambda costs: np.array(costs, ">f8"),
    "numpy long doubles": lambda costs: np.array(costs, "g"),
    "numpy unaligned": lambda costs: np.array([(0, cost) for cost in costs], "u1,f8")["f1"],
    "numpy read-only": lambda costs: np.frombuffer(np.array(costs, "f4").tobytes(), "f4"),
    "range": lambda costs: range(1, 1 + len(costs)),
    **{f"numpy {letter}": partial(np.array, dtype=letter) for letter in "bBhHiIlLqQefd"},
}


@pytest.mark.parametrize("kind", CONVERSIONS)
def test_costs_and_sizes_of_any_type_give_the_same_map(kind: str) -> None:
    costs = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8] if kind != "range" else list(range(1, 13))
    expected = balance(costs, range(4))
    assert balance(CONVERSIONS[kind](costs), range(4)) == expected
    if kind != "bools and ints":
        assert balance(costs, range(4), sizes=CONVERSIONS[kind](costs), max_memory=[40] * 4) == expected
    assert list(expected.load_per_device(CONVERSIONS[kind](costs)).values()) == list(
        expected.load_per_device(costs).values()
    )


@pytest.mark.parametrize("step", [2, -1, -3])
def test_strided_arrays_are_read_completely(step: int) -> None:
    costs = np.arange(1_000_000)[::step]
    halves = [costs[:1000].sum(), costs[1000:].sum()]
    assert list(DeviceMap.from_counts([1000, len(costs) - 1000], [0, 1]).load_per_device(costs).values()) == halves


@given(st.lists(st.integers(0, 2**16 - 1), max_size=20))
def test_half_floats_are_read_exactly(bits: list[int]) -> None:
    costs = np.array(bits, "u2").view("f2")
    assume(np.isfinite(costs).all() and not np.signbit(costs).any())
    exact = [Fraction(float(cost)) for cost in costs]
    device_map = balance(costs, range(1))
    assert device_map.load_per_device(costs) == {0: float(sum(exact))}


# CPython stores ints in digits of 30 bits.
@pytest.mark.parametrize("value", [0, 1, 2**30 - 1, 2**30, 2**60 - 1, 2**60, 2**63, 2**64 - 1, 2**64, 2**100])
def test_ints_of_any_length_are_read_exactly(value: int) -> None:
    device_map = balance([value, 1, value], range(1))
    assert device_map.load_per_device([value, 1, value]) == {0: 2 * value + 1}
    loads = device_map.load_per_device([value, 0.0, value])
    assert loads == {0: float(2 * value)}
    assert type(loads[0]) is float


SPEEDS: list[Any] = [
    [1, 2, 1],
    (1.0, 2.0, 1.0),
    np.array([1, 2, 1]),
    {"b": 2},
    {"a": 1, "b": 2, "c": None},
    [Fraction(1, 3), Fraction(2, 3), Fraction(1, 3)],
    [2**100, 2**101, 2**100],
    [0.1, 0.2, 0.1],
    iter([1, 2, 1]),
]


@pytest.mark.parametrize("speeds", SPEEDS, ids=str)
def test_speeds_of_any_type_give_the_same_map(speeds: Any) -> None:
    assert balance([1] * 8, ["a", "b", "c"], speeds=speeds).counts == (2, 4, 2)


MEMORY_LIMITS: list[Any] = [
    ["1KiB", "2KiB", None],
    {"a": "1KiB", "b": "2.0 KiB"},
    {"a": 1024, "b": 2048.0, "c": None},
    {"a": "1 kib", "b": "2KIB"},
    {"a": "0.001024mb", "b": "2048B", "c": "1tb"},
    [Decimal(1024), Fraction(2048), 2**127 - 1],
    np.array([1024, 2048, 2**40]),
]


@pytest.mark.parametrize("max_memory", MEMORY_LIMITS, ids=str)
def test_memory_limits_of_any_type_give_the_same_map(max_memory: Any) -> None:
    sizes = [1024] * 8
    assert balance([1] * 8, ["a", "b", "c"], sizes=sizes, max_memory=max_memory).counts == (1, 2, 5)
    assert balance([1] * 8, ["a", "b", "c"], sizes=np.array(sizes, "f4"), max_memory=max_memory).counts == (1, 2, 5)
    with_units = ["1KiB", "1024B", " 1 kib ", "1.024 KB", *sizes[4:]]
    assert balance([1] * 8, ["a", "b", "c"], sizes=with_units, max_memory=max_memory).counts == (1, 2, 5)


def test_user_defined_numbers_are_converted_by_their_methods() -> None:
    assert balance([CustomInt(2), True, 1], [0, 1]).counts == (1, 2)
    assert balance([1], [0]).load_per_device([FloatOnly(2.5)]) == {0: 2.5}
    with pytest.raises(LookupError, match="__float__ fails"):
        balance([1, FloatOnly(None)], [0])
