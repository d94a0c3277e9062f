"""Tests for the errors that ``DeviceMap`` raises for invalid arguments."""

from __future__ import annotations

import re
from collections import UserDict
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from devicemap import DeviceMap
from tests.device_map.test_device_map import map_of

INVALID_CALLS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "fewer counts": (
        lambda: DeviceMap.from_counts([1], ["a", "b"]),
        ValueError,
        "counts must have one value per device (2), got 1",
    ),
    "negative count": (
        lambda: DeviceMap.from_counts([1, -2], [0, 1]),
        ValueError,
        "counts[1] must be 0 or more, got -2",
    ),
    "negative count of any size": (
        lambda: DeviceMap.from_counts([-(10**5000)], [0]),
        ValueError,
        "counts[0] must be 0 or more, got <int>",
    ),
    "count of another type": (
        lambda: DeviceMap.from_counts([1.5], [0]),  # type: ignore[list-item]
        TypeError,
        "counts[0] must be an integer, got 1.5",
    ),
    "counts as a str": (
        lambda: DeviceMap.from_counts("22,21", [0, 1]),  # type: ignore[arg-type]
        TypeError,
        "counts must be a sequence of integers, got '22,21'",
    ),
    "counts as a mapping": (
        lambda: DeviceMap.from_counts(UserDict({1: 2}), [0]),
        TypeError,
        "counts must be a sequence of integers, got the mapping {1: 2}; pass list(counts.values())",
    ),
    "counts as a set": (
        lambda: DeviceMap.from_counts({1}, [0]),
        TypeError,
        "counts must be a sequence of integers, got {1}",
    ),
    "masked counts": (
        lambda: DeviceMap.from_counts(np.ma.array([1, 2], mask=[False, True]), [0, 1]),
        TypeError,
        "counts must be an array without masked values",
    ),
    "counts as an int": (
        lambda: DeviceMap.from_counts(5, [0]),  # type: ignore[call-overload]
        TypeError,
        "counts must be a sequence of integers, got 5",
    ),
    "an int instead of a range": (
        lambda: DeviceMap([("a", 3)]),  # type: ignore[arg-type]
        TypeError,
        "runs['a'] must be a range, got 3; see from_counts",
    ),
    "an empty map": (lambda: DeviceMap({}), ValueError, "runs must not be empty, got {}"),
    "an int instead of a mapping": (
        lambda: DeviceMap(5),  # type: ignore[arg-type]
        TypeError,
        "runs must be a mapping, or pairs of a device and a range, got 5",
    ),
    "a str instead of a mapping": (
        lambda: DeviceMap("abc"),  # type: ignore[arg-type]
        TypeError,
        "runs must be a mapping, or pairs of a device and a range, got 'abc'",
    ),
    "device twice": (
        lambda: DeviceMap.from_counts([1, 2], ["a", "a"]),
        ValueError,
        "devices must be distinct, got 'a' twice",
    ),
    "device twice in pairs": (
        lambda: DeviceMap([("a", range(9)), ("a", range(2))]),
        ValueError,
        "devices must be distinct, got 'a' twice",
    ),
    "equal devices": (
        lambda: DeviceMap.from_counts([1, 2], [1, 1.0]),
        ValueError,
        "devices must be distinct, got 1.0 twice",
    ),
    "no devices": (lambda: DeviceMap.from_counts([], []), ValueError, "devices must not be empty"),
    "unhashable device": (
        lambda: DeviceMap.from_counts([1], [[]]),  # type: ignore[type-var]
        TypeError,
        "devices[0] must be hashable, got []",
    ),
    "devices as a str": (
        lambda: DeviceMap.from_counts([1, 1], "ab"),
        TypeError,
        "devices must be a sequence or the number of devices, got 'ab'",
    ),
    "boundaries from 1": (
        lambda: DeviceMap.from_boundaries([1, 2], [0]),
        ValueError,
        "boundaries[0] must be 0, got 1",
    ),
    "boundaries that descend": (
        lambda: DeviceMap.from_boundaries([0, 3, 2], [0, 1]),
        ValueError,
        "boundaries[2] must be 3 or more, got 2",
    ),
    "fewer boundaries": (
        lambda: DeviceMap.from_boundaries([0, 3], 2),
        ValueError,
        "boundaries must have one value more than devices (3), got 2",
    ),
    "no boundaries": (
        lambda: DeviceMap.from_boundaries([], [0]),
        ValueError,
        "boundaries must have one value more than devices (2), got 0",
    ),
    "boundaries as a str": (
        lambda: DeviceMap.from_boundaries("0,3", [0]),  # type: ignore[arg-type]
        TypeError,
        "boundaries must be a sequence of integers, got '0,3'",
    ),
    "gap": (
        lambda: DeviceMap({0: range(2), 1: range(3, 4)}),
        ValueError,
        "runs[1] must start at 2 with step 1, got range(3, 4)",
    ),
    "range with a step": (
        lambda: DeviceMap({0: range(0, 4, 2)}),
        ValueError,
        "runs[0] must start at 0 with step 1, got range(0, 4, 2)",
    ),
    "descending range": (
        lambda: DeviceMap({0: range(2), 1: range(2, 1)}),
        ValueError,
        "runs[1] must start at 2 with step 1, got range(2, 1)",
    ),
    "a list instead of a range": (lambda: DeviceMap({0: [0, 1]}), TypeError, "runs[0] must be a range, got [0, 1]"),  # type: ignore[arg-type]
    "fewer costs than blocks": (
        lambda: map_of(2).load_per_device([1]),
        ValueError,
        "costs must have one value per block (2), got 1",
    ),
    "more costs than blocks": (
        lambda: map_of(1).bottleneck([1, 2]),
        ValueError,
        "costs must have one value per block (1), got 2",
    ),
    "more blocks than a sequence can have": (
        lambda: DeviceMap.from_counts([2**62, 2**62], 2),
        OverflowError,
        "the number of blocks must be less than 2**63",
    ),
    "a speed below the range of floats": (
        lambda: map_of(1).load_per_device([1], [Fraction(1, 10**400)]),
        ValueError,
        "speeds[0] must be within the range of a float, got Fraction(1, 1000",
    ),
    "a speed above the range of floats": (
        lambda: map_of(1).load_per_device([1.0], [10**400]),
        ValueError,
        "speeds[0] must be within the range of a float, got 1000",
    ),
    "speed 0": (
        lambda: map_of(1).load_per_device([1], [0.0]),
        ValueError,
        "speeds[0] must be greater than 0, got 0",
    ),
    "dict without boundaries": (
        lambda: DeviceMap.from_dict({"devices": [0]}),
        ValueError,
        "data must have the keys 'devices' and 'boundaries', got {'devices': [0]}",
    ),
    "a list instead of a dict": (
        lambda: DeviceMap.from_dict([0]),  # type: ignore[arg-type]
        TypeError,
        "data must be a mapping, got [0]",
    ),
    "dict with a device of another type": (
        lambda: DeviceMap.from_dict({"devices": [None], "boundaries": [0, 1]}),
        TypeError,
        "devices[0] must be an int or a str, got None",
    ),
}


@pytest.mark.parametrize("name", INVALID_CALLS)
def test_invalid_arguments_raise_an_error_that_names_the_argument(name: str) -> None:
    call, error, message = INVALID_CALLS[name]
    with pytest.raises(error, match=re.escape(message)):
        call()
