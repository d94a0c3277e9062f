"""Tests that ``assert_device_map`` has the same outcome as the original."""

from __future__ import annotations

import array
import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devicemap
from tests.oracles.original import assert_same, original
from tests.strategies import (
    MANY_EXAMPLES,
    CustomEq,
    Layer,
    Modular,
    NamedInt,
    PlainInt,
    block_counts,
    device_maps,
    int_maps,
)

pytestmark = pytest.mark.oracle


@MANY_EXAMPLES
@given(create_map=device_maps, num_blocks=block_counts)
def test_maps_of_any_items_have_the_outcome_of_the_original(create_map: Callable[[], Any], num_blocks: Any) -> None:
    assert_same("assert_device_map", lambda: (create_map(), num_blocks))


@MANY_EXAMPLES
@given(create_map=int_maps, num_blocks=st.integers(0, 12))
def test_maps_of_ints_have_the_outcome_of_the_original(create_map: Callable[[], Any], num_blocks: int) -> None:
    assert_same("assert_device_map", lambda: (create_map(), num_blocks))


@MANY_EXAMPLES
@given(blocks=st.permutations(range(200)), cuts=st.lists(st.integers(0, 200), max_size=6), data=st.data())
def test_maps_without_faults_and_with_one_replaced_block_have_the_outcome_of_the_original(
    blocks: list[int], cuts: list[int], data: st.DataObject
) -> None:
    boundaries = [0, *sorted(cuts), 200]
    device_map = {device: blocks[start:end] for device, (start, end) in enumerate(itertools.pairwise(boundaries))}
    assert assert_same("assert_device_map", lambda: (device_map, 200)).raised is None
    device = data.draw(st.sampled_from([device for device, items in device_map.items() if items]))
    index = data.draw(st.integers(0, len(device_map[device]) - 1))
    device_map[device][index] = data.draw(st.integers(-5, 205))
    assert_same("assert_device_map", lambda: (device_map, 200))


class CustomValues(dict[Any, Any]):
    """A dict whose ``values()`` does not return the values of the dict."""

    def values(self) -> Any:
        return [[0, 1], (2,)]


class RaisingValues:
    """An object whose ``values()`` raises an exception."""

    def values(self) -> Any:
        raise LookupError("values() fails")


class GeneratedValues:
    """An object whose ``values()`` is a generator, which yields a list and an iterator."""

    def values(self) -> Iterator[Any]:
        yield [0, 1]
        yield iter([2])


class RaisingLen:
    """An iterable whose ``__len__`` raises an exception."""

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __iter__(self) -> Iterator[int]:
        return iter([0, 1, 2])


class ValuesWithRaisingLen:
    """An object whose ``values()`` returns an iterable whose ``__len__`` raises an exception."""

    def values(self) -> Any:
        return RaisingLen()


class CustomIter(list[Any]):
    """A list whose iterator does not yield the items of the list."""

    def __iter__(self) -> Iterator[Any]:
        return iter([0, 1, 2])


class Index:
    """An object that is not an int but has the method ``__index__``."""

    def __index__(self) -> int:
        return 3


class RaisingIndex:
    def __index__(self) -> int:
        raise KeyError("index")


class RaisingRepr(int):
    """An int whose ``__repr__`` raises an exception."""

    def __repr__(self) -> str:
        raise OSError("no repr")


class HidingEqMeta(type):
    """A metaclass that returns ``int.__eq__`` as the attribute ``__eq__`` of its classes, even if they override it."""

    __eq__ = property(lambda cls: int.__eq__)
    __hash__ = type.__hash__


class EqHiddenByMetaclass(int, metaclass=HidingEqMeta):
    """A subclass of int with a custom ``==``, although its attribute ``__eq__`` is ``int.__eq__``."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


class HidingEqDescriptor:
    """A descriptor that returns ``int.__eq__`` for a class and another function for an instance."""

    def __get__(self, instance: object, owner: object) -> Any:
        return int.__eq__ if instance is None else lambda other: False


class EqHiddenByDescriptor(int):
    """A subclass of int with a custom ``==``, although its attribute ``__eq__`` is ``int.__eq__``."""

    __eq__ = HidingEqDescriptor()
    __hash__ = int.__hash__


class IgnoredByNumpy(int):
    """A subclass of int for which NumPy's ``==`` returns ``NotImplemented``, because ``__array_ufunc__`` is None."""

    __array_ufunc__ = None


class CustomIndex(int):
    """A subclass of int whose ``__index__`` returns 0. NumPy calls this method in comparisons."""

    def __index__(self) -> int:
        return 0

    __int__ = __index__


def yield_number_then_raise() -> Iterator[int]:
    yield 0
    raise EOFError("the generator fails")


def import_torch() -> Any:
    """Return the module torch, or skip the test."""
    return pytest.importorskip("torch")


NAN = float("nan")

MAPS: dict[str, Callable[[], Any]] = {
    "no fault": lambda: {0: [0, 1], 1: [2]},
    "empty": dict,
    "devices without blocks": lambda: {0: [], 1: [0, 1, 2], 2: []},
    "duplicate": lambda: {0: [0, 1], 1: [1, 2]},
    "duplicate three times": lambda: {0: [0, 1, 1], 1: [1, 2]},
    "duplicates in descending order": lambda: {0: [2, 0, 1], 1: [0, 1, 2]},
    "missing": lambda: {0: [0]},
    "extra": lambda: {0: [0, 1, 2, 3, -1]},
    "extra twice": lambda: {0: [0, 1, 2, 3, 3]},
    "all faults": lambda: {0: [0, 0, 7], 1: [7]},
    "bool": lambda: {0: [False, True], 1: [2]},
    "bool and its int": lambda: {0: [0, 1, True], 1: [2]},
    "float": lambda: {0: [0.0, 1.0], 1: [2]},
    "float and its int": lambda: {0: [1.0, 0, 1], 1: [2]},
    "float between two ints": lambda: {0: [0, 1, 2, 0.5]},
    "nan": lambda: {0: [0, 1, 2, NAN]},
    "the same nan twice": lambda: {0: [0, 1, 2, NAN, NAN]},
    "two nans": lambda: {0: [0, 1, 2, float("nan"), float("nan")]},
    "numpy scalar": lambda: {0: [np.int64(0), np.int64(1)], 1: [2]},
    "numpy scalar and its int": lambda: {0: [np.int64(1), 0, 1], 1: [2]},
    "extra numpy scalars": lambda: {0: [0, 1, 2, np.int64(9), np.uint64(2**64 - 1)]},
    "IntEnum": lambda: {0: [Layer.FIRST, Layer.SECOND], 1: [2]},
    "IntEnum duplicate": lambda: {0: [Layer.FIRST, 0, Layer.SECOND], 1: [2]},
    "IntEnum extra": lambda: {0: [0, 1, 2, Layer.FOURTH]},
    "int subclass": lambda: {0: [PlainInt(0), NamedInt(1)], 1: [2, NamedInt(1)]},
    "int subclass with a custom ==": lambda: {0: [Modular(0), Modular(3)], 1: [1, 2]},
    "int subclass beyond 64 bits": lambda: {0: [0, 1, 2, NamedInt(10**30), NamedInt(10**30)]},
    "beyond 64 bits": lambda: {0: [0, 1, 2, 10**30, 10**30, -(10**30), 2**64]},
    "negatives": lambda: {0: [-1, 0, 1, 2, -1]},
    "int subclass whose metaclass hides a custom ==": lambda: {
        0: [EqHiddenByMetaclass(0), EqHiddenByMetaclass(0), 1],
        1: [2],
    },
    "int subclass whose descriptor hides a custom ==": lambda: {
        0: [EqHiddenByDescriptor(0), EqHiddenByDescriptor(0), 1],
        1: [2],
    },
    "numpy int and an int subclass that NumPy does not compare": lambda: {0: [np.int64(0), IgnoredByNumpy(0), 1, 2]},
    "numpy int and an int subclass with a custom __index__": lambda: {0: [np.int64(0), CustomIndex(1), 2]},
    "numpy array and an int subclass with a custom __index__": lambda: {0: np.arange(1), 1: [CustomIndex(1), 2]},
    "numpy int and an IntEnum": lambda: {0: [np.int64(1), Layer.SECOND, 0, 2]},
    "numpy int, int and float of at least 2**53": lambda: {0: [0, 1, 2, np.uint64(2**53), 2**53 + 1, float(2**53)]},
    "numpy int that equals a float after rounding": lambda: {0: [0, 1, 2, np.int64(2**53 + 1), float(2**53)]},
    "strings of digits": lambda: {0: ["0", "1", "1"]},
    "a string instead of a list": lambda: {0: "012"},
    "None in a list": lambda: {0: [0, 1, 2, None, None]},
    "lists in a list": lambda: {0: [0, 1, 2, [1], [1]]},
    "objects with a custom ==": lambda: {0: [CustomEq(0), CustomEq(1), CustomEq(1)], 1: [2]},
    "objects whose == raises": lambda: {0: [CustomEq(0), CustomEq(9)], 1: [2]},
    "complex": lambda: {0: [0j, 1 + 0j, 2]},
    "tensors": lambda: {0: [import_torch().tensor(0), import_torch().tensor(1)], 1: [import_torch().tensor(2)]},
    "tensor and its int": lambda: {
        0: [import_torch().tensor(0), import_torch().tensor(1)],
        1: [2, import_torch().tensor(1)],
    },
    "a tensor instead of a list": lambda: {0: import_torch().arange(3)},
    "a tensor of two elements": lambda: {0: [import_torch().arange(2), 0, 1, 2]},
    "extra block whose repr raises": lambda: {0: [0, 1, 2, RaisingRepr(1)]},
    "extra block with too many digits for repr": lambda: {0: [0, 1, 2, 10**5000]},
    "tuple": lambda: {0: (0, 1), 1: (2,)},
    "range": lambda: {0: range(2), 1: range(2, 3)},
    "descending range": lambda: {0: range(2, -1, -1)},
    "ranges with steps": lambda: {0: range(0, 3, 2), 1: range(1, 3, 2)},
    "overlapping ranges": lambda: {0: range(2), 1: range(3)},
    "overlapping descending ranges": lambda: {0: range(3), 1: range(2, -1, -1)},
    "range outside the model": lambda: {0: range(-2, 5)},
    "descending range outside the model, twice": lambda: {0: range(5, -3, -2), 1: range(5, -3, -2)},
    "range of big ints": lambda: {0: range(10**30, 10**30 + 2)},
    "range of one number with the largest negative step": lambda: {0: range(0, -1, -(2**63)), 1: range(1, 3)},
    "empty ranges": lambda: {0: range(0), 1: range(7, 7), 2: range(3)},
    "set": lambda: {0: {0, 1}, 1: frozenset({2})},
    "dict of blocks": lambda: {0: {0: "a", 1: "b"}, 1: {2: "c"}},
    "dict views": lambda: {0: {0: 1, 1: 2}.keys(), 1: {2: 2}.values()},
    "deque": lambda: {0: collections.deque([0, 1]), 1: [2]},
    "generator": lambda: {0: (b for b in [0, 1]), 1: [2]},
    "generator with a fault": lambda: {0: (b for b in [0, 1]), 1: [1]},
    "generator that raises": lambda: {0: yield_number_then_raise(), 1: 5},
    "one generator twice": lambda: dict.fromkeys([0, 1], iter([0, 1, 2])),
    "bytes": lambda: {0: b"\x00\x01", 1: bytearray(b"\x02")},
    "array": lambda: {0: np.arange(2), 1: np.array([2], dtype=np.uint8)},
    "array with faults": lambda: {0: np.array([0, 1, 1, 9, -4]), 1: [2]},
    "array with the largest uint64": lambda: {0: np.array([0, 1, 2, 2**64 - 1, 2**64 - 1], dtype=np.uint64)},
    "array with the smallest int64": lambda: {0: np.array([0, 1, 2, -(2**63)])},
    "array of bools": lambda: {0: np.array([False, True]), 1: [2]},
    "array of floats": lambda: {0: np.arange(3.0)},
    "array, other endianness": lambda: {0: np.arange(3, dtype=">i8")},
    "array, strided": lambda: {0: np.arange(6)[::2] // 2},
    "array, reversed": lambda: {0: np.arange(3)[::-1]},
    "array, empty": lambda: {0: np.array([], dtype=np.int64), 1: range(3)},
    "array of the array module": lambda: {0: array.array("i", [0, 1]), 1: array.array("B", [2])},
    "array of the array module with faults": lambda: {
        0: array.array("q", [0, 1, -1]),
        1: array.array("Q", [2, 2**64 - 1]),
    },
    "array of the array module, empty": lambda: {0: array.array("q"), 1: range(3)},
    "array of the array module, of floats": lambda: {0: array.array("d", [0, 1, 2])},
    "zero-dimensional array": lambda: {0: np.array(0)},
    "two-dimensional array": lambda: {0: np.arange(4).reshape(2, 2)},
    "array with one row": lambda: {0: np.arange(3).reshape(1, 3)},
    "array, masked": lambda: {0: np.ma.masked_array([0, 1, 2], mask=[False, True, False])},
    "None instead of a list": lambda: {0: None},
    "an int instead of a list": lambda: {0: [0, 1], 1: 2},
    "list subclass with a custom iterator": lambda: {0: CustomIter([5, 6])},
    "OrderedDict": lambda: collections.OrderedDict({0: [0, 1], 1: [2]}),
    "UserDict": lambda: collections.UserDict({0: [0, 1], 1: [2]}),
    "defaultdict": lambda: collections.defaultdict(list, {0: [0, 1, 2]}),
    "overridden values()": lambda: CustomValues({0: [7]}),
    "values() raises": lambda: RaisingValues(),
    "values() is a generator": lambda: GeneratedValues(),
    "values() whose length raises": lambda: ValuesWithRaisingLen(),
    "blocks whose length raises": lambda: {0: RaisingLen()},
    "a list instead of a map": lambda: [[0, 1, 2]],
    "None instead of a map": lambda: None,
    "a class instead of a map": lambda: dict,
}
BLOCK_COUNTS: dict[str, Any] = {
    "3": 3,
    "0": 0,
    "2": 2,
    "5": 5,
    "-1": -1,
    "-10**30": -(10**30),
    "10**30": 10**30,
    "2**63": 2**63,
    "2**63 - 1": 2**63 - 1,
    "2**60": 2**60,
    "True": True,
    "IntEnum": Layer.FOURTH,
    "numpy int": np.int64(3),
    "numpy bool": np.bool_(True),
    "numpy float": np.float64(3),
    "numpy array": np.array(3),
    "3.0": 3.0,
    "None": None,
    "'3'": "3",
    "__index__": Index(),
    "__index__ raises": RaisingIndex(),
}


@pytest.mark.parametrize("num_blocks", BLOCK_COUNTS.values(), ids=BLOCK_COUNTS.keys())
@pytest.mark.parametrize("create_map", MAPS.values(), ids=MAPS.keys())
def test_each_named_map_has_the_outcome_of_the_original(create_map: Callable[[], Any], num_blocks: Any) -> None:
    assert_same("assert_device_map", lambda: (create_map(), num_blocks))


def test_attributes_of_the_error_contain_the_same_objects_as_the_map() -> None:
    duplicate, extra = NamedInt(1), NamedInt(9)
    with pytest.raises(devicemap.DeviceMapError) as caught:
        devicemap.assert_device_map({0: [0, duplicate, 1, extra]}, 3)
    assert caught.value.duplicate_blocks[0] is duplicate
    assert caught.value.missing_blocks == [2]
    assert caught.value.extra_blocks[0] is extra


class ComparisonRecorder:
    """An object that records its comparisons in a log, and equals recorders whose names have the same first letter.

    The comparison with the number ``raises_at``, counted from 1, raises an exception.
    """

    def __init__(self, name: str, log: list[tuple[str, str]], raises_at: int | None) -> None:
        self.name, self.log, self.raises_at = name, log, raises_at

    def __eq__(self, other: object) -> bool:
        self.log.append((self.name, repr(other)))
        if len(self.log) == self.raises_at:
            raise ArithmeticError(f"comparison {self.raises_at}")
        return isinstance(other, ComparisonRecorder) and self.name[0] == other.name[0]

    def __repr__(self) -> str:
        return self.name


@pytest.mark.parametrize("raises_at", [None, 1, 4, 9, 16, 30])
def test_items_with_a_custom_eq_are_compared_in_the_order_of_the_original(raises_at: int | None) -> None:
    outcomes = []
    for module in (original, devicemap):
        log: list[tuple[str, str]] = []
        recorders = [ComparisonRecorder(name, log, raises_at) for name in ("a1", "b1", "a2", "c1")]
        with pytest.raises((ValueError, ArithmeticError)) as caught:
            module.assert_device_map({0: [0, recorders[0], 1], 1: (*recorders[1:], 7)}, 4)
        assert log
        outcomes.append((log, str(caught.value)))
    assert outcomes[0] == outcomes[1]


def test_values_that_mutate_each_other_are_read_in_the_order_of_the_original() -> None:
    def error_message(module: Any) -> str:
        shared = [0, 1]

        def mutating_generator() -> Iterator[int]:
            shared.append(7)
            yield 2
            shared.clear()

        with pytest.raises(ValueError, match=r"missing|not specified|Remove") as caught:
            module.assert_device_map({0: shared, 1: mutating_generator(), 2: shared}, 4)
        return str(caught.value)

    assert error_message(original) == error_message(devicemap)
