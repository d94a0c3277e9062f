"""Amounts of memory: ``parse_memory``, and the values and keys of ``max_memory``."""

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
def test_text_is_a_number_and_a_unit(
    number: Decimal, unit: str, case: Callable[[str], str], blanks: tuple[str, str, str]
) -> None:
    exact = Fraction(number) * UNITS[unit]
    text = f"{blanks[0]}{number}{blanks[1]}{case(unit)}{blanks[2]}"
    assert parse_memory(text) == int(exact)


def test_the_largest_amount() -> None:
    assert parse_memory(f"{2**127 - 1}B") == 2**127 - 1
    assert type(parse_memory("0B")) is int


EXPECTED = "must be a number and a unit (B, KB, MB, GB, TB, KiB, MiB, GiB or TiB), got"
WRONG: dict[Any, str] = {
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


@pytest.mark.parametrize("text", WRONG, ids=lambda text: ascii(text)[:20])
def test_other_text_is_an_error_with_a_suggestion(text: str) -> None:
    arguments: dict[str, Callable[[], object]] = {
        "text": lambda: parse_memory(text),
        "max_memory[0]": lambda: balance([1], 1, sizes=[1], max_memory=[text]),
        "max_memory['cuda:0']": lambda: balance([1], ["cuda:0"], sizes=[1], max_memory={"cuda:0": text}),
        "sizes[1]": lambda: balance([1, 1], 1, sizes=[1, text]),
    }
    for name, call in arguments.items():
        with pytest.raises(ValueError, match="must be") as caught:
            call()
        assert str(caught.value).startswith(f"{name} {WRONG[text]}")
        assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("text", [24, 1.5, None, b"24GiB", ["24GiB"]])
def test_parse_memory_requires_a_str(text: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(f"text must be a str, got {text!r}")):
        parse_memory(text)


class Unreadable:
    """A number whose value cannot be read, as that of a tensor on torch's device "meta"."""

    def __repr__(self) -> str:
        return "<Unreadable>"

    def __float__(self) -> float:
        raise RuntimeError("no data")


AMOUNT = "max_memory[0] must be a whole number of bytes below 2**127, or text such as '24GiB', got"
LIMITS: dict[str, tuple[Any, type[Exception], str]] = {
    "bool": (True, TypeError, f"{AMOUNT} True"),
    "fraction": (0.9, ValueError, "0.9 is not a whole number of bytes; write '0.9GiB' if it is in GiB"),
    "a half": (Fraction(1, 2), ValueError, "Fraction(1, 2) is not a whole number of bytes; round it"),
    "infinity": (float("inf"), ValueError, f"{AMOUNT} inf"),
    "infinite decimal": (Decimal("inf"), ValueError, f"{AMOUNT} inf"),
    "nan": (float("nan"), ValueError, f"{AMOUNT} nan"),
    "negative": (-1, ValueError, f"{AMOUNT} -1"),
    "a Decimal with 10**9 digits": (Decimal("1e999999999"), ValueError, f"{AMOUNT} inf"),
    "a Decimal with exponent -10**9": (Decimal("1e-999999999"), ValueError, "is not a whole number of bytes; round it"),
    "2**127": (2**127, ValueError, f"{AMOUNT} {2**127}"),
    "2.0**127": (2.0**127, ValueError, f"{AMOUNT} {2.0**127}"),
    "a numpy str": (np.str_("10"), ValueError, "must be a number and a unit (B, KB, MB"),
    "tensor without data": (Unreadable(), ValueError, f"{AMOUNT} <Unreadable"),
    "list": ([1], TypeError, f"{AMOUNT} [1]"),
    "complex": (1j, TypeError, "max_memory[0] must be a real number, got 1j"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_must_be_a_whole_number_of_bytes(name: str) -> None:
    limit, error, text = LIMITS[name]
    with pytest.raises(error, match=re.escape(text)):
        balance([1], 1, sizes=[1], max_memory=[limit])


def test_a_decimal_is_not_rounded() -> None:
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
        text = f"{argument} must be keyed by the devices, got the key {key!r}; the closest device is {closest}; "
        text += f"if {key!r} is a device, add it to devices"
        call = split_by if argument == "shares" else balance_by
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            call(devices, argument, key)


def balance_by(devices: Any, argument: str, key: Any) -> None:
    options: dict[str, Any] = {argument: {key: 1}, "sizes": [1] * 4}
    balance([1] * 4, devices, **options)


def split_by(devices: Any, argument: str, key: Any) -> None:
    split(4, devices, **{argument: {key: 1}})
