"""Tests that ``get_device_map`` has the same outcome as the original."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devicemap
from tests.oracles.original import assert_same, original
from tests.strategies import MANY_EXAMPLES, Layer, Modular, NamedInt

pytestmark = pytest.mark.oracle


@MANY_EXAMPLES
@given(n_layers=st.integers(-40, 400), num_devices=st.integers(0, 60))
def test_all_numbers_of_layers_and_devices_have_the_outcome_of_the_original(n_layers: int, num_devices: int) -> None:
    assert_same("get_device_map", lambda: (n_layers, range(num_devices)))


@MANY_EXAMPLES
@given(
    n_layers=st.one_of(
        st.integers(-20, 60),
        st.booleans(),
        st.integers(-128, 127).map(np.int8),
        st.integers(0, 255).map(np.uint8),
        st.integers(-300, 300).map(np.int64),
        st.floats(),
        st.sampled_from([None, "4", -(10**30), 10**30, -(10**400), np.float64(4), np.array(7), np.array([7])]),
    ),
    devices=st.one_of(
        st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["cpu", "cuda:0", 1.0, True, None, (1,), []]))),
        st.text(),
        st.dictionaries(st.integers(), st.none()),
        st.frozensets(st.integers()),
    ),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arguments_of_any_type_have_the_outcome_of_the_original(n_layers: Any, devices: Any) -> None:
    assert_same("get_device_map", lambda: (n_layers, devices))


class Index:
    """An object that is not an int but has the method ``__index__``."""

    def __index__(self) -> int:
        return 5


class CustomDivision:
    """An object whose ``__index__`` returns 7, but whose quotients are those of another number."""

    def __index__(self) -> int:
        return 7

    def __truediv__(self, other: int) -> float:
        return 1.5 * other


class LengthOnly:
    """An object that has a length but is not iterable."""

    def __len__(self) -> int:
        return 2


class RaisingLen(list[int]):
    """A list whose ``__len__`` raises an exception."""

    def __len__(self) -> int:
        raise RuntimeError("no length")


class WrongLen(list[int]):
    """A list whose ``__len__`` returns a given number."""

    def __init__(self, items: list[int], length: int) -> None:
        super().__init__(items)
        self.length = length

    def __len__(self) -> int:
        return self.length


class RaisingIter:
    """An iterable with a given length, whose iterator raises an exception after ``num_items`` items."""

    def __init__(self, length: int, num_items: int) -> None:
        self.length, self.num_items = length, num_items

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        yield from range(self.num_items)
        raise RuntimeError("the iterator fails")


class RaisingHash:
    """An object whose ``__hash__`` raises an exception."""

    def __hash__(self) -> int:
        raise RuntimeError("no hash")


LAYER_COUNTS: dict[str, Any] = {
    "12": 12,
    "5": 5,
    "1": 1,
    "0": 0,
    "-3": -3,
    "-1": -1,
    "-10**30": -(10**30),
    "-10**400": -(10**400),
    "10**12": 10**12,
    "10**18": 10**18,
    "2**63 - 1": 2**63 - 1,
    "2**63": 2**63,
    "10**30": 10**30,
    "True": True,
    "False": False,
    "IntEnum": Layer.FOURTH,
    "int subclass": NamedInt(5),
    "int subclass with a custom ==": Modular(5),
    "numpy int64": np.int64(5),
    "numpy int8": np.int8(5),
    "numpy bool": np.bool_(True),
    "numpy float": np.float64(5),
    "numpy array": np.array(5),
    "5.0": 5.0,
    "None": None,
    "'5'": "5",
    "__index__": Index(),
    "__index__ and a custom division": CustomDivision(),
}
DEVICES: dict[str, Callable[[], Any]] = {
    "range(4)": lambda: range(4),
    "range(1)": lambda: range(1),
    "range(10**30)": lambda: range(10**30),
    "list": lambda: [0, 1],
    "tuple of names": lambda: ("cpu", "cuda:0", "cuda:1"),
    "empty list": list,
    "repeated device": lambda: [0, 1, 0],
    "equal devices of different types": lambda: [1, True, 1.0],
    "unhashable device": lambda: [0, [1]],
    "unhashable device after the last chunk": lambda: [0, 1, 2, 3, 4, []],
    "device whose hash raises": lambda: [0, RaisingHash()],
    "str": lambda: "abc",
    "bytes": lambda: b"ab",
    "dict": lambda: {"a": 1, "b": 2},
    "set": lambda: {3, 1},
    "deque": lambda: collections.deque([1, 2]),
    "array": lambda: np.arange(3),
    "zero-dimensional array": lambda: np.array(3),
    "two-dimensional array": lambda: np.arange(4).reshape(2, 2),
    "generator": lambda: (device for device in range(2)),
    "int": lambda: 2,
    "None": lambda: None,
    "length only": lambda: LengthOnly(),
    "length raises": lambda: RaisingLen([1]),
    "length too large": lambda: WrongLen([1, 2], 4),
    "length too small": lambda: WrongLen([1, 2, 3], 2),
    "length 0": lambda: WrongLen([1, 2, 3], 0),
    "iterator raises early": lambda: RaisingIter(3, 1),
    "iterator raises after the last chunk": lambda: RaisingIter(3, 3),
    "iterator raises late": lambda: RaisingIter(3, 9),
}


@pytest.mark.parametrize("create_devices", DEVICES.values(), ids=DEVICES.keys())
@pytest.mark.parametrize("n_layers", LAYER_COUNTS.values(), ids=LAYER_COUNTS.keys())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_named_argument_has_the_outcome_of_the_original(n_layers: Any, create_devices: Callable[[], Any]) -> None:
    assert_same("get_device_map", lambda: (n_layers, create_devices()))


@pytest.mark.parametrize("n_layers", [1, 12, 0, True, 10**12, -3])
def test_very_many_devices_have_the_outcome_of_the_original(n_layers: int) -> None:
    assert_same("get_device_map", lambda: (n_layers, range(10**18)))


def test_trailing_devices_without_blocks_are_not_in_the_map() -> None:
    assert assert_same("get_device_map", lambda: (5, range(4))).result == {0: [0, 1], 1: [2, 3], 2: [4]}


def test_the_iterator_of_the_devices_is_advanced_once_more_after_the_last_chunk() -> None:
    """The original calls ``zip(devices, chunks)``, which reads a device before it finds that no chunk remains."""

    def yielded_devices(module: Any) -> list[int]:
        yielded = []

        class Devices:
            def __len__(self) -> int:
                return 4

            def __iter__(self) -> Iterator[int]:
                for device in range(9):
                    yielded.append(device)
                    yield device

        module.get_device_map(5, Devices())
        return yielded

    assert yielded_devices(devicemap) == yielded_devices(original) == [0, 1, 2, 3]


def test_the_key_of_equal_devices_is_the_first_of_them() -> None:
    (key,) = devicemap.get_device_map(4, [True, 1])
    assert key is True


@pytest.mark.parametrize("n_layers", [1_000, 99_999])
@pytest.mark.parametrize("num_devices", [1, 7, 1_000, 200_000])
def test_large_maps_are_those_of_the_original(n_layers: int, num_devices: int) -> None:
    devices = range(num_devices)
    assert devicemap.get_device_map(n_layers, devices) == original.get_device_map(n_layers, devices)
