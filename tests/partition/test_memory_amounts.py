"""Tests for amounts of memory: ``parse_memory``, and the values and keys of ``max_memory``."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicemap import balance, parse_memory, split

UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


@given(
    number=st.decimals(0, 10**6, places=3),
    unit=st.sampled_from([unit for unit in UNITS if unit != "B"]),
    case=st.sampled_from([str, str.lower, str.upper, str.swapcase]),
    blanks=st.tuples(*[st.sampled_from(["", " ", "\t "])] * 3),
)
def test_a_number_with_a_unit_is_rounded_down_to_whole_bytes(
    number: Decimal, unit: str, case: Callable[[str], str], blanks: tuple[str, str, str]
) -> None:
    exact = Fraction(number) * UNITS[unit]
    text = f"{blanks[0]}{number}{blanks[1]}{case(unit)}{blanks[2]}"
    assert parse_memory(text) == int(exact)


def test_the_smallest_and_the_largest_amount_are_parsed() -> None:
    assert parse_memory(f"{2**127 - 1}B") == 2**127 - 1
    assert type(parse_memory("0B")) is int


EXPECTED = "must be a number and a unit (B, KB, MB, GB, TB, KiB, MiB, GiB or TiB), got"
INVALID_TEXT: dict[str, str] = {
    # Each value is the message of the error, after the name of the argument.
    "24": f"{EXPECTED} '24'; write '24GiB'",
    "24G": f"{EXPECTED} '24G'; write '24GB' or '24GiB'",
    "10Gi": f"{EXPECTED} '10Gi'; write '10GiB'",
    "512M": f"{EXPECTED} '512M'; write '512MB' or '512MiB'",
    "90%": f"{EXPECTED} '90%'",
    "GiB": f"{EXPECTED} 'GiB'",
    "": f"{EXPECTED} ''",
    "-1GB": f"{EXPECTED} '-1GB'",
    "1e3MB": f"{EXPECTED} '1e3MB'",
    "lots": f"{EXPECTED} 'lots'",
    "1,5GB": f"{EXPECTED} '1,5GB'",
    "\ud800": EXPECTED + r" '\ud800'",
    "x" * 10**6: EXPECTED,
    "0.9B": "must be an amount of memory, but '0.9B' is not a whole number of bytes; round it",
    "1" * 1000 + "k": f"{EXPECTED} '{'1' * 17}...{'1' * 17}k'",
    "99999999999999999999999999999TiB": "must be less than 2**127 bytes, got '99999999999999999999999999999TiB'",
}


@pytest.mark.parametrize("text", INVALID_TEXT, ids=lambda text: ascii(text)[:20])
def test_invalid_text_is_an_error_with_a_suggestion(text: str) -> None:
    arguments: dict[str, Callable[[], object]] = {
        "text": lambda: parse_memory(text),
        "max_memory[0]": lambda: balance([1], 1, sizes=[1], max_memory=[text]),
        "max_memory['cuda:0']": lambda: balance([1], ["cuda:0"], sizes=[1], max_memory={"cuda:0": text}),
        "sizes[1]": lambda: balance([1, 1], 1, sizes=[1, text]),
    }
    for name, call in arguments.items():
        with pytest.raises(ValueError, match="must be") as caught:
            call()
        assert str(caught.value).startswith(f"{name} {INVALID_TEXT[text]}")
        assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("text", [24, 1.5, None, b"24GiB", ["24GiB"]])
def test_parse_memory_requires_a_str(text: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(f"text must be a str, got {text!r}")):
        parse_memory(text)


class NumberWithoutData:
    """A number whose value cannot be read, such as a tensor on PyTorch's device "meta"."""

    def __repr__(self) -> str:
        return "<NumberWithoutData>"

    def __float__(self) -> float:
        raise RuntimeError("no data")


MUST_BE_BYTES = "max_memory[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got"
INVALID_LIMITS: dict[str, tuple[Any, type[Exception], str]] = {
    # Each value is a limit, the type of the error, and a part of its message.
    "bool": (True, TypeError, f"{MUST_BE_BYTES} True"),
    "fraction": (0.9, ValueError, "0.9 is not a whole number of bytes; write '0.9GiB' if it is in GiB"),
    "a half": (Fraction(1, 2), ValueError, "Fraction(1, 2) is not a whole number of bytes; round it"),
    "infinity": (float("inf"), ValueError, f"{MUST_BE_BYTES} inf"),
    "infinite decimal": (Decimal("inf"), ValueError, f"{MUST_BE_BYTES} inf"),
    "nan": (float("nan"), ValueError, f"{MUST_BE_BYTES} nan"),
    "negative": (-1, ValueError, f"{MUST_BE_BYTES} -1"),
    "a Decimal with 10**9 digits": (Decimal("1e999999999"), ValueError, "must be within the range of a float, got Dec"),
    "a Decimal with exponent -10**9": (Decimal("1e-999999999"), ValueError, "is not a whole number of bytes; round it"),
    "2**127": (2**127, ValueError, f"{MUST_BE_BYTES} {2**127}"),
    "2.0**127": (2.0**127, ValueError, f"{MUST_BE_BYTES} {2.0**127}"),
    "a numpy str": (np.str_("10"), ValueError, "must be a number and a unit (B, KB, MB"),
    "a number without data": (NumberWithoutData(), ValueError, f"{MUST_BE_BYTES} <NumberWithoutData>"),
    "list": ([1], TypeError, f"{MUST_BE_BYTES} [1]"),
    "complex": (1j, TypeError, "max_memory[0] must be a real number, got 1j"),
}


@pytest.mark.parametrize("name", INVALID_LIMITS)
def test_a_limit_that_is_not_a_whole_number_of_bytes_is_an_error(name: str) -> None:
    limit, error, message = INVALID_LIMITS[name]
    with pytest.raises(error, match=re.escape(message)):
        balance([1], 1, sizes=[1], max_memory=[limit])


def test_a_limit_given_as_a_decimal_is_not_rounded() -> None:
    exact = 2**100 + 1
    assert balance([1], 1, sizes=[exact], max_memory=[Decimal(exact)]).counts == (1,)
    with pytest.raises(ValueError, match="the largest device has only"):
        balance([1], 1, sizes=[exact], max_memory=[Decimal(exact - 1)])


@pytest.mark.parametrize(
    ("devices", "key", "closest"),
    [
        (2, "0", "0"),
        ([0, 1, "cpu"], "1", "1"),
        ([0, "cpu"], "CPU", "'cpu'"),
        (["cuda:0", "cuda:1"], 1, "'cuda:1'"),
        (["cuda:0", "cuda:1"], "cuda:2", "'cuda:1'"),
        (["gpu", "disk"], "gpus", "'gpu'"),
        ([0, 1], "cuda:1", "1"),
    ],
)
def test_the_error_for_an_unknown_key_names_the_closest_device(devices: Any, key: Any, closest: str) -> None:
    for argument in ("speeds", "max_memory", "shares"):
        message = f"{argument} must be keyed by the devices, got the key {key!r}; the closest device is {closest}; "
        message += f"if {key!r} is a device, add it to devices"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call_with_mapping(argument, {key: 1}, devices)


def test_the_error_for_an_unknown_key_names_no_device_if_there_are_many() -> None:
    """The search for the closest one of many devices would take too long."""
    message = "speeds must be keyed by the devices, got the key -1; if -1 is a device, add it to devices"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call_with_mapping("speeds", {-1: 1}, 1_001)


def call_with_mapping(argument: str, mapping: dict[Any, int], devices: Any) -> None:
    """Pass a mapping keyed by device as one of the arguments of ``split`` or ``balance``."""
    options: dict[str, Any] = {argument: mapping}
    if argument == "shares":
        split(4, devices, **options)
    else:
        balance([1] * 4, devices, sizes=[1] * 4, **options)
