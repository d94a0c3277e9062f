"""Tests for the errors that ``balance`` raises for invalid arguments."""

from __future__ import annotations

import ctypes
import re
from collections import UserDict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from devicemap import InfeasibleError, balance
from tests.partition.number_classes import CustomInt

NAN, INFINITY = float("nan"), float("inf")
INSTANCE_OF_A_LONG_TYPE_NAME = type("T" * 10**5, (), {"__module__": "tests"})()
INVALID_CALLS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "negative": (lambda: balance([1, -2], [0]), ValueError, "costs[1] must be 0 or more, got -2"),
    "negative float": (lambda: balance([1, 0.5, -2.5], [0]), ValueError, "costs[2] must be 0 or more, got -2.5"),
    "negative in an array": (lambda: balance(np.array([1, -2]), [0]), ValueError, "costs[1] must be 0 or more, got -2"),
    "negative beyond 64 bits": (
        lambda: balance([-(10**30)], [0]),
        ValueError,
        f"costs[0] must be 0 or more, got {-(10**30)}",
    ),
    "negative with too many digits": (
        lambda: balance([-(10**5000)], [0]),
        ValueError,
        "costs[0] must be 0 or more, got <int>",
    ),
    "a decimal above the range of floats": (
        lambda: balance([Decimal("1e400")], [0]),
        ValueError,
        "costs[0] must be within the range of a float, got Decimal('1E+400')",
    ),
    "negative int with a custom str": (
        lambda: balance([CustomInt(-1)], [0]),
        ValueError,
        "costs[0] must be 0 or more, got -1",
    ),
    "fraction above the range of floats": (
        lambda: balance([Fraction(10**400)], [0]),
        ValueError,
        "costs[0] must be within the range of a float, got Fraction(10000000000000000…000000000, 1)",
    ),
    "signaling nan": (
        lambda: balance([Decimal("sNaN")], [0]),
        ValueError,
        "costs[0] must be a number, got Decimal('sNaN')",
    ),
    "nan": (lambda: balance([1.0, NAN], [0]), ValueError, "costs[1] must be a finite number, got nan"),
    "nan in an array": (
        lambda: balance(np.array([1, NAN]), [0]),
        ValueError,
        "costs[1] must be a finite number, got nan",
    ),
    "infinite": (lambda: balance([INFINITY], [0]), ValueError, "costs[0] must be a finite number, got inf"),
    "infinite half float": (
        lambda: balance(np.array([1, INFINITY], "e"), [0]),
        ValueError,
        "costs[1] must be a finite number, got inf",
    ),
    "negative half float": (
        lambda: balance(np.array([1, -2], "e"), [0]),
        ValueError,
        "costs[1] must be 0 or more, got -2.0",
    ),
    "str": (lambda: balance([1, "2"], [0]), TypeError, "costs[1] must be a number, got '2'"),
    "bytes": (lambda: balance([b"2"], [0]), TypeError, "costs[0] must be a number, got b'2'"),
    "numpy strs": (
        lambda: balance(np.array(["1"]), [0]),
        TypeError,
        f"costs[0] must be a number, got {np.str_('1')!r}",
    ),
    "None": (lambda: balance([1, None], [0]), TypeError, "costs[1] must be a number, got None"),
    "a type with a long name": (
        lambda: balance([INSTANCE_OF_A_LONG_TYPE_NAME], [0]),
        TypeError,
        "costs[0] must be a number, got <tests.TTTTTTTTTTTTTTTTTTT",
    ),
    "complex": (lambda: balance([1j], [0]), TypeError, "costs[0] must be a real number, got 1j"),
    "a complex scalar": (
        lambda: balance([np.complex64(1)], [0]),
        TypeError,
        f"costs[0] must be a real number, got {np.complex64(1)!r}",
    ),
    "a complex array": (
        lambda: balance(np.array([1, 1j]), [0]),
        TypeError,
        f"costs[0] must be a real number, got {np.complex128(1)!r}",
    ),
    "an array in a list": (
        lambda: balance([np.array([1, 2])], [0]),
        TypeError,
        "costs[0] must be a number, got array([1, 2])",
    ),
    "a buffer that Python cannot read": (
        lambda: balance(memoryview((ctypes.c_long * 3)(1, 2, 3)), [0]),
        TypeError,
        "costs must be a sequence of numbers, got <memory at 0x",
    ),
    "an int instead of a sequence": (lambda: balance(5, [0]), TypeError, "costs must be a sequence of numbers, got 5"),  # type: ignore[call-overload]
    "a string": (lambda: balance("123", [0]), TypeError, "costs must be a sequence of numbers, got '123'"),
    "a dict": (
        lambda: balance({0: 1}, [0]),
        TypeError,
        "costs must be a sequence of numbers, got the mapping {0: 1}; pass list(costs.values()) if",
    ),
    "a mapping": (
        lambda: balance(MappingProxyType({0: 1}), [0]),
        TypeError,
        "costs must be a sequence of numbers, got the mapping mappingproxy({0: 1}); pass",
    ),
    "a user-defined mapping": (
        lambda: balance(UserDict({0: 1}), [0]),
        TypeError,
        "costs must be a sequence of numbers, got the mapping {0: 1}; pass list(costs.values()) if",
    ),
    "a set": (lambda: balance({1}, [0]), TypeError, "costs must be a sequence of numbers, got {1}"),
    "a frozen set": (
        lambda: balance(frozenset([1]), [0]),
        TypeError,
        "costs must be a sequence of numbers, got frozenset({1})",
    ),
    "masked values": (
        lambda: balance(np.ma.array([1, 2, 3], mask=[False, True, False]), [0]),
        TypeError,
        "costs must be an array without masked values, got masked_array(data=[1, --",
    ),
    "two dimensions": (
        lambda: balance(np.ones((2, 2)), [0]),
        ValueError,
        "costs must be one-dimensional, got 2 dimensions",
    ),
    "two dimensions of objects": (
        lambda: balance(np.ones((2, 2), object), [0]),
        ValueError,
        "costs must be one-dimensional, got 2 dimensions",
    ),
    "zero-dimensional array": (lambda: balance(np.array(1), [0]), TypeError, "costs must be a sequence, got array(1)"),
    "sum of costs beyond 128 bits": (
        lambda: balance([2**127, 2**127], [0]),
        ValueError,
        "costs must add up to less than 2**128",
    ),
    "one cost beyond 128 bits": (
        lambda: balance([2**128], [0]),
        ValueError,
        "costs[0] must be less than 2**128, got 340282366920938",
    ),
    "negative size": (
        lambda: balance([1], [0], sizes=[-1]),
        ValueError,
        "sizes[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got -1",
    ),
    "fractional size in an array": (
        lambda: balance([1, 1], [0], sizes=np.array([1, 1.5])),
        ValueError,
        "sizes[1] must be an amount of memory, but 1.5 is not a whole number of bytes; write '1.5GiB' if it is in GiB",
    ),
    "fractional size that rounding would hide": (
        lambda: balance(
            [1] * 3, list("abc"), sizes=[1.0, 1 + 2**-52, 1e290], max_memory=[None, 0, None], allow_idle=True
        ),
        ValueError,
        "sizes[1] must be an amount of memory, but 1.0000000000000002 is not a whole number of bytes",
    ),
    "size too large": (
        lambda: balance([1], [0], sizes=[1e290]),
        ValueError,
        "sizes[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got 1e+290",
    ),
    "size as a bool": (
        lambda: balance([1], [0], sizes=[True]),
        TypeError,
        "sizes[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got True",
    ),
    "sum of sizes beyond 128 bits": (
        lambda: balance([1] * 3, [0], sizes=[2**127 - 1] * 3),
        ValueError,
        "sizes must add up to less than 2**128",
    ),
    "fewer sizes": (
        lambda: balance([1, 2], [0], sizes=[1]),
        ValueError,
        "sizes must have as many values as costs (2), got 1",
    ),
    "memory without sizes": (
        lambda: balance([1] * 32, 2, max_memory=["22GiB"] * 2),
        ValueError,
        "sizes must be given if max_memory is given; pass sizes=costs if the costs are in bytes",
    ),
    "no devices": (lambda: balance([1], []), ValueError, "devices must not be empty"),
    "0 devices": (lambda: balance([1], 0), ValueError, "devices must be 1 or more, got 0"),
    "device twice": (lambda: balance([1], [0, 0]), ValueError, "devices must be distinct, got 0 twice"),
    "unhashable device": (lambda: balance([1], [0, []]), TypeError, "devices[1] must be hashable, got []"),
    "speed 0": (
        lambda: balance([1], [0, 1], speeds=[1, 0.0]),
        ValueError,
        "speeds[1] must be greater than 0, got 0",
    ),
    "speed 0 in a mapping": (
        lambda: balance([1], ["a"], speeds={"a": 0}),
        ValueError,
        "speeds['a'] must be greater than 0, got 0",
    ),
    "negative fraction": (
        lambda: balance([1], [0], speeds=[Fraction(-1, 2)]),
        ValueError,
        "speeds[0] must be greater than 0, got -0.5",
    ),
    "negative speed": (lambda: balance([1], [0], speeds=[-1]), ValueError, "speeds[0] must be greater than 0, got -1"),
    "infinite speed": (
        lambda: balance([1], [0], speeds=[INFINITY]),
        ValueError,
        "speeds[0] must be a finite number, got inf",
    ),
    "fewer speeds": (
        lambda: balance([1], [0, 1], speeds=[1]),
        ValueError,
        "speeds must have one value per device (2), got 1",
    ),
    "a number instead of speeds": (
        lambda: balance([1], [0], speeds=2),  # type: ignore[call-overload]
        TypeError,
        "speeds must be a sequence of one value per device, or a mapping by device, got 2",
    ),
    "unknown device": (
        lambda: balance([1], [0], speeds={1: 2}),
        ValueError,
        "speeds must be keyed by the devices, got the key 1; the closest device is 0; if 1 is a device, add it to",
    ),
    "speeds of very different magnitudes": (
        lambda: balance([1], [0, 1], speeds=[1e-300, 1e300]),
        ValueError,
        "speeds must have proportions that fit in 128 bits; round them",
    ),
    "memory nan": (
        lambda: balance([1], [0], sizes=[1], max_memory=[NAN]),
        ValueError,
        "max_memory[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got nan",
    ),
    "infinite memory": (
        lambda: balance([1], [0], sizes=[1], max_memory=[INFINITY]),
        ValueError,
        "max_memory[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got inf",
    ),
    "a str instead of memory limits": (
        lambda: balance([1], [0], sizes=[1], max_memory="24GiB"),
        TypeError,
        "max_memory must be a sequence of one value per device, or a mapping by device, got '24GiB'",
    ),
}


@pytest.mark.parametrize("name", INVALID_CALLS)
def test_invalid_arguments_raise_an_error_that_names_the_argument(name: str) -> None:
    call, error, message = INVALID_CALLS[name]
    with pytest.raises(error, match=re.escape(message)) as caught:
        call()
    assert not isinstance(caught.value, InfeasibleError)
    assert len(str(caught.value)) <= 500
