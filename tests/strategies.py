"""Hypothesis strategies for items, values and device maps of all types that callers can pass."""

from __future__ import annotations

import array
import collections
import enum
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

__all__ = [
    "MANY_EXAMPLES",
    "CustomEq",
    "Index",
    "Layer",
    "Modular",
    "NamedInt",
    "PlainInt",
    "block_counts",
    "device_maps",
    "int_maps",
]


MANY_EXAMPLES = settings(max_examples=10 * settings().max_examples)
"""For fast tests: ten times as many examples as the profile sets."""


class Layer(enum.IntEnum):
    """Block numbers as members of an IntEnum."""

    FIRST = 0
    SECOND = 1
    FOURTH = 3


class PlainInt(int):
    """A subclass of int that overrides nothing."""


class NamedInt(int):
    """A subclass of int with a custom repr."""

    def __repr__(self) -> str:
        return f"NamedInt({int(self)})"


class Unordered(int):
    """A subclass of int with the ``==`` of int and a custom ``<``."""

    def __lt__(self, other: object) -> bool:
        return False


class Modular(int):
    """A subclass of int with a custom ``==``, which compares the remainders modulo 3."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and int(self) % 3 == int(other) % 3

    def __hash__(self) -> int:
        return 7


class CustomEq:
    """An object with a custom ``==`` that is not consistent with its hash, and that raises for numbers above 3."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        if self.number > 3:
            raise RuntimeError(f"{self.number} cannot be compared")
        return self.number == (other.number if isinstance(other, CustomEq) else other)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"CustomEq({self.number})"


class Index:
    """An object with ``__index__`` that is not an int."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Index({self.number})"


NAN = float("nan")

small_ints = st.integers(-3, 14)
integers: st.SearchStrategy[Any] = st.one_of(
    small_ints,
    small_ints,
    st.booleans(),
    st.sampled_from([2**30 - 1, 2**30, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30]),
    st.sampled_from(list(Layer)),
    st.builds(PlainInt, small_ints),
    st.builds(NamedInt, small_ints),
    st.builds(Unordered, small_ints),
    st.builds(np.int8, small_ints),
    st.builds(np.int64, small_ints),
    st.builds(np.uint8, st.integers(0, 14)),
    st.builds(np.uint64, st.integers(0, 14)),
)
other_items: st.SearchStrategy[Any] = st.one_of(
    st.floats(-2, 12).map(round).map(float),
    st.sampled_from([0.5, NAN, float("inf"), -0.0, 2.0**53, 1e300, float(2**63), -float(2**63)]),
    st.sampled_from(["", "0", "1", "cpu", None]),
)
custom_items: st.SearchStrategy[Any] = st.one_of(
    st.builds(Modular, small_ints),
    st.builds(CustomEq, st.integers(0, 4)),
    st.builds(np.float64, st.integers(0, 9)),
    st.builds(np.bool_, st.booleans()),
    st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1]).map(np.int64),
    st.sampled_from([2**53 + 1, 2**63, 2**64 - 1]).map(np.uint64),
    st.sampled_from([[], [1], (1,), b"1", 1j, complex(2, 0), {1}, object]),
)


# The following functions create containers. If a container cannot hold the items, a similar value is created instead.


def _generator(items: Iterable[Any]) -> Iterable[Any]:
    yield from items


def _set(items: Iterable[Any]) -> Any:
    try:
        return set(items)
    except Exception:
        return list(items)


def _native_array(items: Iterable[Any]) -> Any:
    try:
        return array.array("q", items)
    except (TypeError, OverflowError, DeprecationWarning):
        return array.array("d", (float(number) for number in range(4)))


def _numpy(dtype: str) -> Callable[[Iterable[Any]], Any]:
    """Return a function that creates a NumPy array of the dtype."""

    def create_array(items: Iterable[Any]) -> Any:
        try:
            return np.array(list(items), dtype=dtype)
        except Exception:
            return np.arange(6, dtype=dtype)

    return create_array


CONTAINERS: list[Callable[[Iterable[Any]], Any]] = [
    list,
    list,
    tuple,
    _generator,
    iter,
    collections.deque,
    _set,
    _native_array,
    _numpy("int64"),
    _numpy("int32"),
    _numpy("uint8"),
    _numpy("uint64"),
    _numpy(">i8"),
    _numpy("float32"),
    _numpy("object"),
    lambda items: _numpy("int64")(items)[::2],
    lambda items: dict.fromkeys(range(len(list(items)))),
    lambda items: np.arange(4).reshape(2, 2),
    lambda items: bytes([0, 1, 1]),
    lambda items: memoryview(b"\x02\x03"),
    lambda items: "012",
    lambda items: None,
    lambda items: 5,
]

ranges = st.builds(range, st.integers(-5, 15), st.integers(-5, 15), st.sampled_from([1, 1, 1, 2, 3, -1, -1, -2])).map(
    lambda numbers: lambda: numbers
)
big_ranges = st.sampled_from(
    [range(10**30, 10**30 + 3), range(2**63 - 2, 2**63 + 1), range(-(2**64), -(2**64) + 2)]
).map(lambda numbers: lambda: numbers)


def _values(items: st.SearchStrategy[Any], containers: list[Callable[[Iterable[Any]], Any]]) -> Any:
    """Return a strategy for functions that create one of the containers with the items."""
    return st.builds(
        lambda container, content: lambda: container(content), st.sampled_from(containers), st.lists(items, max_size=8)
    )


def _maps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Callable[[], dict[int, Any]]]:
    """Return a strategy for functions that create a device map, given a strategy for functions that create a value."""
    return st.lists(values, max_size=5).map(
        lambda creators: lambda: {device: create() for device, create in enumerate(creators)}
    )


int_maps = _maps(_values(st.integers(-2, 12), [list, tuple]))
"""Functions that create maps of plain ints, most of which have faults."""

device_maps = st.one_of(
    _maps(st.one_of(_values(integers, [list, tuple]), ranges)),
    _maps(st.one_of(_values(st.one_of(integers, other_items), [list, tuple, _generator]), ranges)),
    _maps(st.one_of(_values(st.one_of(integers, other_items, custom_items), CONTAINERS), ranges, big_ranges)),
)
"""Functions that create maps of any items and values. Each call creates a new map, since some values can be read only
once."""

block_counts: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 12),
    st.integers(0, 12),
    st.sampled_from(
        [True, False, -1, -(10**30), 10**30, 2.0, None, "3", np.int64(4), np.uint8(3), Layer.FOURTH, 2**62]
    ),
)
