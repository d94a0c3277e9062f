"""Tests for the errors that ``check`` raises for invalid arguments, and for unusual valid arguments."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from devicemap import check
from tests.strategies import Index, Layer


class ItemsOnly:
    """An object whose only method is ``items()``, which yields one device twice."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        yield "a", [0, "x"]
        yield "b", (1,)
        yield "a", iter([1, "y"])


class PairsAsLists(dict[Any, Any]):
    """A map whose ``items()`` returns lists instead of tuples."""

    def items(self) -> Any:
        return [["a", [0]]]


class ItemsThatAreAnInt:
    """An object whose ``items()`` returns an int."""

    def items(self) -> Any:
        return 5


class UnhashableDevice:
    """An object whose ``items()`` returns a device that is not hashable."""

    def items(self) -> Any:
        return [([], [0])]


def test_a_map_can_be_any_object_with_items() -> None:
    report = check(ItemsOnly(), 2)
    assert (report.duplicates, report.invalid) == ({1: ("b", "a")}, {"a": ("x", "y")})
    assert report.num_devices == 3


def test_num_blocks_can_be_an_integer_of_any_type() -> None:
    for one in (1, True, np.int64(1), Index(1), Layer.SECOND):
        report = check({0: [0]}, one)
        assert report.ok
        assert type(report.num_blocks) is int


def test_num_blocks_must_be_an_integer_from_0_to_2_to_the_power_of_63() -> None:
    for negative, short_repr in ((-1, "-1"), (-(10**5000), "<int>")):
        with pytest.raises(ValueError, match=f"num_blocks must be 0 or more, got {short_repr}"):
            check({}, negative)
    with pytest.raises(OverflowError, match=r"num_blocks must be less than 2\*\*63"):
        check({}, 10**30)
    for value in (1.0, "1", None):
        with pytest.raises(TypeError, match=f"num_blocks must be an integer, got {value!r}"):
            check({}, value)  # type: ignore[arg-type]


class RaisingRepr:
    """A device whose repr raises an exception, and whose type has a long name."""

    def __repr__(self) -> str:
        raise LookupError("no repr")


RaisingRepr.__name__ = "B" * 10**6
# The messages for maps that assign devices to blocks, that nest maps, and that assign devices to modules.
INVERSE = "device_map must be {device: [block, ...]}, got the inverse, {block: device}; group the blocks by device"
MAPPING = "must be an iterable of block numbers, got the mapping"
MODULES = (
    "device_map must be {device: [block, ...]}, got {module: device}; "
    "write the numbers of the blocks, grouped by device"
)
NESTED_MAP = {"encoder": {0: [0, 1]}, "decoder": {1: [0]}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 1), "device_map must be a mapping, {device: [block, ...]}, got None"),
        (([[0]], 1), "device_map must be a mapping, {device: [block, ...]}, got [[0]]"),
        ((PairsAsLists(), 1), "device_map.items() must be pairs of a device and its blocks, got ['a', [0]]"),
        ((ItemsThatAreAnInt(), 1), "device_map.items() must be pairs of a device and its blocks, got 5"),
        ((UnhashableDevice(), 1), "the device must be hashable, got []"),
        (({0: [0], "cuda:1": 5}, 1), "device_map['cuda:1'] must be an iterable of block numbers, got 5"),
        (({0: None}, 1), "device_map[0] must be an iterable of block numbers, got None"),
        (({0: 5}, 1), "device_map[0] must be an iterable of block numbers, got 5"),
        (({0: [0], 1: "12"}, 1), "device_map[1] must be an iterable of block numbers, got '12'"),
        (({"a": b"\x00\x01"}, 2), r"device_map['a'] must be an iterable of block numbers, got b'\x00\x01'"),
        (
            ({"a\nb": {}, "c": {}}, 2),
            rf"device_map['a\nb'] {MAPPING} {{}}; check a\nb and c one at a time",
        ),
        (
            ({"a": [0], 0: bytearray(b"\x01")}, 2),
            r"device_map[0] must be an iterable of block numbers, got bytearray(b'\x01')",
        ),
        (({"h.0": 0, "h.1": 1}, 2), MODULES),
        (({"lm_head": "cuda:0", "model.layers.0": "cuda:0"}, 1), MODULES),
        (
            ({"cuda:0": "0-15", "cuda:1": "16-31"}, 32),
            "device_map['cuda:0'] must be an iterable of block numbers, got '0-15'",
        ),
        (({"a": np.array(1)}, 2), "device_map['a'] must be an iterable of block numbers, got array(1)"),
        (({"0": "cuda:0", "1": "cuda:0"}, 2), INVERSE),
        (({np.int64(0): "cuda:0"}, 1), INVERSE),
        ((dict.fromkeys(range(4), "cuda:0"), 4), INVERSE),
        (({0: "cuda:0"}, 1), INVERSE),
        (({0: 0, 1: 0, 2: 1}, 3), INVERSE),
        (({0: 0, 1: "cpu"}, 2), INVERSE),
        (({0: b"\x00\x01"}, 2), INVERSE),
        (
            ({0: {0: "a", 1: "b"}}, 2),
            f"device_map[0] {MAPPING} {{0: 'a', 1: 'b'}}; check that mapping on its own",
        ),
        (
            (NESTED_MAP, 2),
            f"device_map['encoder'] {MAPPING} {{0: [0, 1]}}; check encoder and decoder one at a time",
        ),
        (
            ({"a": UserDict(), "b": MappingProxyType({}), 2: {}, "d": {}}, 2),
            f"device_map['a'] {MAPPING} {{}}; check a, b and the other 2 one at a time",
        ),
        (({RaisingRepr(): 5}, 1), f"device_map[<{'B' * 25}…{'B' * 12}>] must be an iterable of block numbers, got 5"),
        (({0: RaisingRepr()}, 1), f"device_map[0] must be an iterable of block numbers, got <{'B' * 25}…{'B' * 12}>"),
        (({}, 1, "cuda"), "devices must be an iterable or the number of devices, got 'cuda'"),
        (({}, 1, b"ab"), "devices must be an iterable or the number of devices, got b'ab'"),
        (({}, 1, 0.5), "devices must be an iterable or the number of devices, got 0.5"),
        (({}, 1, [0, []]), "devices[1] must be hashable, got []"),
    ],
)
def test_invalid_arguments_raise_an_error_that_names_the_argument(arguments: tuple[Any, ...], message: str) -> None:
    device_map, num_blocks, *devices = arguments
    with pytest.raises(TypeError) as info:
        check(device_map, num_blocks, devices=devices[0] if devices else None)
    assert str(info.value) == message


def test_exceptions_of_user_code_are_not_replaced() -> None:
    class Raising:
        def __index__(self) -> int:
            raise LookupError("user code")

        def __iter__(self) -> Iterator[int]:
            yield 0
            raise LookupError("user code")

        def items(self) -> Any:
            raise LookupError("user code")

    for device_map, num_blocks in (({0: [Raising()]}, 1), ({0: Raising()}, 1), (Raising(), 1), ({}, Raising())):
        with pytest.raises(LookupError, match="user code"):
            check(device_map, num_blocks)
