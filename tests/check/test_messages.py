"""Tests for ``str()`` and ``repr()`` of a report."""

from __future__ import annotations

from typing import Any

import pytest

from devicemap import Report, check


@pytest.mark.parametrize(
    ("device_map", "num_blocks", "text"),
    [
        ({0: range(16), 1: [*range(16, 32)]}, 32, "ok: 32 blocks on 2 devices"),
        ({}, 0, "ok: 0 blocks on 0 devices"),
        ({"cpu": [0]}, 1, "ok: 1 block on 1 device"),
        ({0: range(17), 1: range(20, 24)}, 24, "not ok: 24 blocks on 2 devices\nmissing 3 blocks: 17–19"),
        (
            {"a": [0, 1, 1, True], "b": [1, 9, "x"], "c": [], "d": (0, 9)},
            5,
            """\
not ok: 5 blocks on 4 devices
duplicate 3 blocks: 0 on 'a', 'd'; 1 on 'a' (2 times), 'b'; 9 on 'b', 'd'
missing 3 blocks: 2–4
extra 1 block: 9 on 'b', 'd'
invalid 2 items: True on 'a'; 'x' on 'b'
note: idle 1 device: 'c'
note: scattered 3 devices: 'a', 'b', 'd'
note: unordered 2 devices: 'b', 'd'""",
        ),
        (
            {0: range(0, 10**6, 2)},
            10**6,
            """\
not ok: 1,000,000 blocks on 1 device
missing 500,000 blocks: 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, … and 499,980 more
note: scattered 1 device: 0""",
        ),
        (
            {d: range(10**5) for d in range(4)},
            10**7,
            """\
not ok: 10,000,000 blocks on 4 devices
duplicate 100,000 blocks: 0–99999 on 0, 1, 2, 3
missing 9,900,000 blocks: 100000–9999999
note: unordered 3 devices: 1, 2, 3""",
        ),
        (
            {0: range(3), 1: range(5, 2, -1), 2: [6], 3: [], 4: range(7, 6, -1)},
            8,
            "ok: 8 blocks on 5 devices\nnote: idle 1 device: 3\nnote: scattered 1 device: 1",
        ),
        (
            {0: [10**5000, 10**5000 + 1, 10**50, 10**50 + 1]},
            1,
            f"""\
not ok: 1 block on 1 device
missing 1 block: 0
extra 4 blocks: <int>–<int> on 0; {"1" + "0" * 17}...{"0" * 19}–{"1" + "0" * 17}...{"0" * 18}1 on 0
note: scattered 1 device: 0""",
        ),
        (
            {0: range(18), 1: range(18, 36)},
            12,
            "not ok: 12 blocks on 2 devices\nextra 24 blocks: 12–17 on 0; 18–35 on 1",
        ),
        (
            {0: [0, 5, 6, 8, 5], 1: [6, 7, 9, 10]},
            3,
            """\
not ok: 3 blocks on 2 devices
duplicate 2 blocks: 5 on 0 (2 times); 6 on 0, 1
missing 2 blocks: 1–2
extra 6 blocks: 5 on 0 (2 times); 6 on 0, 1; 8 on 0; 7 on 1; 9–10 on 1
note: scattered 2 devices: 0, 1""",
        ),
        (
            {0: [*range(0, 300, 2)]},
            0,
            """\
not ok: 0 blocks on 1 device
extra 150 blocks: 0 on 0; 2 on 0; 4 on 0; 6 on 0; 8 on 0; 10 on 0; 12 on 0; 14 on 0; 16 on 0; 18 on 0; … and 140 more
note: scattered 1 device: 0""",
        ),
        (
            {0: [0], "cuda:0": [1], 1: [2], "cuda:2": [], "cpu": [3]},
            4,
            """\
ok: 4 blocks on 5 devices
note: idle 1 device: 'cuda:2'
note: aliased 1 group: 0, 'cuda:0'""",
        ),
        (
            dict.fromkeys(range(10**6), (7,)),
            8,
            """\
not ok: 8 blocks on 1,000,000 devices
duplicate 1 block: 7 on 0, 1, 2, 3, 4, 5, 6, … and 999,993 more
missing 7 blocks: 0–6
note: unordered 999,999 devices: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, \
19, … and 999,980 more""",
        ),
    ],
)
def test_str_summarises_all_findings(device_map: Any, num_blocks: int, text: str) -> None:
    assert str(check(device_map, num_blocks)) == text


class LongRepr:
    """A device with a very long repr of several lines."""

    def __repr__(self) -> str:
        return "long \n" * 10**6


class RaisingRepr:
    """A device whose repr raises an exception."""

    def __repr__(self) -> str:
        raise OSError("no repr")


class ClassNamedTuple:
    """A class whose name is "tuple": older versions of reprlib treat the instances as tuples."""


ClassNamedTuple.__name__ = "tuple"
DEVICES_WITH_UNUSUAL_REPRS = [
    "x" * 10**6,
    (0,) * 10**6,
    LongRepr(),
    RaisingRepr(),
    ClassNamedTuple(),
    10**5000,
    "a\nb",
    (("x" * 99,) * 99,) * 99,
]


@pytest.mark.parametrize("device", DEVICES_WITH_UNUSUAL_REPRS, ids=lambda device: type(device).__name__)
def test_str_has_short_printable_lines_for_any_devices(device: Any) -> None:
    report = check({device: [*[device] * 10, 7, 7, 10**5000, 10**5000]}, 3, devices=[device, (device, device)])
    lines = str(report).split("\n")
    # A device that is an int is also a valid item.
    invalid = [] if isinstance(device, int) else ["invalid"]
    first_words = ["not", "duplicate", "missing", "extra", *invalid, "note:", "note:"]
    assert [line.split()[0] for line in lines] == first_words
    assert all(len(line) <= 190 for line in lines)
    assert all(line.isprintable() for line in lines)
    assert len(repr(report)) < 150


def test_str_shortens_long_devices_and_long_lists_of_devices() -> None:
    assert str(check({("a" * 16, "b" * 16): []}, 0)).endswith(f"idle 1 device: ('{'a' * 16}', '{'b' * 16}')")
    assert str(check({("a" * 17, "b" * 17): []}, 0)).endswith(f"idle 1 device: ('{'a' * 17}', '{'b' * 3}…{'b' * 11}')")
    # Two devices are always shown, even if they exceed the width, since one alone would not show the conflict.
    device_map = dict.fromkeys([("a" * 16, f"{n:016}") for n in range(2000)], (0,))
    two_devices = f"('{'a' * 16}', '{0:016}'), ('{'a' * 16}', '{1:016}'), … and 1,998 more"
    assert f"duplicate 1 block: 0 on {two_devices}\n" in str(check(device_map, 1))


class RecursiveRepr:
    """A device whose repr contains the report."""

    report: Report | None = None

    def __repr__(self) -> str:
        return f"RecursiveRepr({self.report!s:.9}{self.report!r})"


def test_str_and_repr_terminate_if_the_repr_of_a_device_contains_the_report() -> None:
    first, second = RecursiveRepr(), RecursiveRepr()
    report = check({first: [0, 0, 1], second: [0, 1]}, 3, devices=[0])
    first.report = second.report = report
    assert str(report).startswith("not ok: 3 blocks on 2 devices\n")
    assert repr(report).startswith("<Report: 3 blocks on 2 devices")


def test_repr_contains_the_number_of_findings_of_each_kind() -> None:
    assert repr(check({0: range(3)}, 3)) == "<Report: 3 blocks on 1 device: ok>"
    report = check({0: [0, 0, "x"], 1: [], 2: [9]}, 3)
    assert (
        repr(report)
        == "<Report: 3 blocks on 3 devices: 1 duplicate, 2 missing, 1 extra, 1 invalid, 1 idle, 1 scattered>"
    )
