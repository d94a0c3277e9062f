"""`check` names all faults of a device map at once, and what is rarely meant in it."""

from __future__ import annotations

import array
import copy
import itertools
import json
import operator
import os
import pickle
import sys
from collections import Counter, UserDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest.mock import ANY

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import devicemap
from devicemap import Report, check

from .apart import run
from .oracle import outcome
from .strategies import Layer, Modular, Named, PlainInt, device_maps, ranges
from .test_memory import LIMIT, only_linux

EXAMPLES = int(os.environ.get("DEVICEMAP_EXAMPLES", "1000"))
"""How many examples hypothesis tries; more on request."""


def is_block(item: object) -> bool:
    if isinstance(item, (bool, np.bool_)):
        return False
    try:
        operator.index(item)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


class Found(NamedTuple):
    """The parts of a report that are compared with its own, dicts as lists of items so that their order counts."""

    duplicates: list[tuple[int, tuple[Any, ...]]]
    missing: tuple[range, ...]
    extra: list[tuple[int, tuple[Any, ...]]]
    invalid: str
    idle: tuple[Any, ...]
    scattered: tuple[Any, ...]
    unordered: tuple[Any, ...]


def found(report: Report) -> Found:
    return Found(
        list(report.duplicates.items()),
        report.missing,
        list(report.extra.items()),
        repr(report.invalid),
        report.idle,
        report.scattered,
        report.unordered,
    )


def expected(device_map: dict[Any, Iterable[Any]], num_blocks: int) -> Found:
    """What there is to find, by sets and lists in plain Python."""
    on: dict[int, list[Any]] = {}
    invalid: dict[Any, list[object]] = {}
    idle, scattered, unordered = [], [], []
    last = None
    for device, value in list(device_map.items()):
        blocks = []
        for item in value:
            if is_block(item):
                blocks.append(operator.index(item))
                on.setdefault(blocks[-1], []).append(device)
            else:
                invalid.setdefault(device, []).append(item)
        if not blocks:
            idle.append(device)
            continue
        if blocks != list(range(blocks[0], blocks[0] + len(blocks))):
            scattered.append(device)
        if last is not None and blocks[0] <= last:
            unordered.append(device)
        last = blocks[-1]
    ends = [-1, *sorted(block for block in on if 0 <= block < num_blocks), num_blocks]
    return Found(
        [(block, tuple(devices)) for block, devices in on.items() if len(devices) > 1],
        tuple(range(a + 1, b) for a, b in itertools.pairwise(ends) if b - a > 1),
        [(block, tuple(devices)) for block, devices in on.items() if not 0 <= block < num_blocks],
        repr({device: tuple(items) for device, items in invalid.items()}),
        tuple(idle),
        tuple(scattered),
        tuple(unordered),
    )


def assert_found(device_map: Callable[[], dict[Any, Any]], num_blocks: int) -> Report:
    """Check that all is found that a naive search finds, in a map made anew for each."""
    report = check(device_map(), num_blocks)
    assert found(report) == expected(device_map(), num_blocks)
    assert (report.num_blocks, report.num_devices, report.unknown) == (num_blocks, len(device_map()), ())
    keys = [*report.duplicates, *report.extra, *(end for run in report.missing for end in (run.start, run.stop))]
    assert all(type(block) is int for block in keys)
    assert bool(report) is report.ok
    assert report.ok is not any((report.duplicates, report.missing, report.extra, report.invalid))
    lines = str(report).split("\n")
    assert len(lines) <= 10
    assert all(len(line) <= 170 for line in lines)
    assert (lines[0].startswith("ok: ")) is report.ok
    return report


class Index:
    """Not an int, but one can be made of it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Index({self.number})"


block_counts = st.one_of(st.integers(0, 12), st.integers(0, 12), st.just(2**16))
"""Few blocks, or so many that nearly all are missing."""

numbers = st.integers(-3, 14)
items: st.SearchStrategy[Any] = st.one_of(
    numbers,
    numbers,
    numbers,
    st.sampled_from([2**30 - 1, 2**30, 2**30 + 1, 2**62, 2**63 - 1, 2**63, 2**63 + 1, -(2**63), -(2**63) - 1]),
    st.sampled_from([10**30, 10**30 + 1, *Layer]),
    *(st.builds(kind, numbers) for kind in (PlainInt, Named, Modular, Index, np.int8, np.int64)),
    st.builds(np.uint64, st.integers(0, 14)),
    st.sampled_from([True, False, np.True_, 1.0, np.float64(2), 0.5, "3", "cuda", b"1", None, (), [1], 1j, object]),
)
runs = st.builds(lambda start, length: range(start, start + length), st.integers(-2, 12), st.integers(0, 6))


def generator(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


def maps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Callable[[], dict[Any, Any]]]:
    return st.lists(values, max_size=5).map(lambda made: lambda: {f"cuda:{d}": make() for d, make in enumerate(made)})


def contents(items: st.SearchStrategy[Any], *containers: Callable[[Any], Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda build, content: lambda: build(content), st.sampled_from(containers), st.lists(items, max_size=8)
    )


int64 = st.one_of(numbers, st.sampled_from([2**30, 2**30 + 1, 2**63 - 1, -(2**63)]))
uint64 = st.one_of(st.integers(0, 14), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]))
in_runs = st.lists(runs, max_size=3).map(lambda runs: lambda: [block for run in runs for block in run])
of_ints = st.one_of(
    contents(numbers, list, tuple, generator, lambda content: array.array("b", content)),
    contents(int64, lambda content: array.array("q", content), lambda content: np.array(content, dtype="int64")),
    contents(uint64, list, lambda content: np.array(content, dtype="uint64")),
    contents(numbers, lambda content: np.array(content * 2, dtype=">i4")[::2]),
    st.sampled_from([range(2**63 - 2, 2**63 + 1), range(10**30, 10**30 + 2), range(-1, -4, -1)]).map(
        lambda r: lambda: r
    ),
    ranges,
    ranges,
    in_runs,
    in_runs,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(device_map=maps(st.one_of(of_ints, in_runs)), num_blocks=block_counts)
def test_any_map_of_ints(device_map: Callable[[], Any], num_blocks: int) -> None:
    report = assert_found(device_map, num_blocks)
    if num_blocks > 12:
        return
    given = outcome(devicemap.assert_device_map, lambda: (device_map(), num_blocks))
    assert report.ok is (given.raised is None)
    assert given.raised in {None, devicemap.DeviceMapError}
    if given.raised:
        with pytest.raises(devicemap.DeviceMapError) as info:
            devicemap.assert_device_map(device_map(), num_blocks)
        assert info.value.duplicate_blocks == list(report.duplicates)
        assert info.value.missing_blocks == list(itertools.chain(*report.missing))
        extra = info.value.extra_blocks
        assert list(dict.fromkeys(extra)) == list(report.extra)
        assert Counter(extra) == {block: len(devices) for block, devices in report.extra.items()}


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    device_map=maps(
        st.one_of(
            contents(items, list, list, tuple, generator, iter),
            contents(numbers, lambda content: np.array(content, dtype="float32")),
            st.sampled_from([dict.fromkeys("ab").keys(), np.arange(4).reshape(2, 2)]).map(lambda value: lambda: value),
            of_ints,
        )
    ),
    num_blocks=block_counts,
)
def test_any_map(device_map: Callable[[], Any], num_blocks: int) -> None:
    assert_found(device_map, num_blocks)


@settings(max_examples=EXAMPLES, deadline=None)
@given(device_map=device_maps)
def test_nothing_worse_than_a_type_error(device_map: Callable[[], Any]) -> None:
    try:
        str(check(device_map(), 5))
    except TypeError as error:
        assert str(error).startswith("device_map")  # noqa: PT017 (most maps raise nothing)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    blocks=st.permutations(range(200)), cuts=st.lists(st.integers(0, 200), max_size=6), changes=st.integers(0, 2),
    data=st.data(),
)  # fmt: skip
def test_good_maps_and_some_changed_blocks(
    blocks: list[int], cuts: list[int], changes: int, data: st.DataObject
) -> None:
    for _ in range(changes):
        blocks[data.draw(st.integers(0, 199))] = data.draw(st.integers(-5, 205))
    ends = [0, *sorted(cuts), 200]
    device_map = {d: blocks[a:b] for d, (a, b) in enumerate(itertools.pairwise(ends))}
    assert bool(assert_found(lambda: device_map, 200)) is (set(blocks) == set(range(200)))


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
note: aliased 1 card: 0, 'cuda:0'""",
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
def test_the_text_reads_well_at_any_size(device_map: Any, num_blocks: int, text: str) -> None:
    assert str(check(device_map, num_blocks)) == text


class Verbose:
    def __repr__(self) -> str:
        return "long \n" * 10**6


class Mute:
    def __repr__(self) -> str:
        raise OSError("no repr")


class Shapeless:
    """One that older versions of reprlib take for a tuple."""


Shapeless.__name__ = "tuple"

DEVICES = ["x" * 10**6, (0,) * 10**6, Verbose(), Mute(), Shapeless(), 10**5000, "a\nb", (("x" * 99,) * 99,) * 99]


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: type(device).__name__)
def test_the_text_is_short_whatever_the_devices_are(device: Any) -> None:
    report = check({device: [*[device] * 10, 7, 7, 10**5000, 10**5000]}, 3, devices=[device, (device, device)])
    lines = str(report).split("\n")
    assert [line.split()[0] for line in lines] == [
        *("not", "duplicate", "missing", "extra", *["invalid"] * (not isinstance(device, int)), "note:", "note:")
    ]
    assert all(len(line) <= 190 for line in lines)
    assert all(line.isprintable() for line in lines)
    assert len(repr(report)) < 150


def test_a_device_too_long_to_show_loses_its_middle() -> None:
    assert str(check({("a" * 16, "b" * 16): []}, 0)).endswith(f"idle 1 device: ('{'a' * 16}', '{'b' * 16}')")
    assert str(check({("a" * 17, "b" * 17): []}, 0)).endswith(f"idle 1 device: ('{'a' * 17}', '{'b' * 3}…{'b' * 11}')")
    # Two are shown in any case, though they and the rest take more than their room: one alone is no duplicate.
    many = dict.fromkeys([("a" * 16, f"{n:016}") for n in range(2000)], (0,))
    some = f"('{'a' * 16}', '{0:016}'), ('{'a' * 16}', '{1:016}'), … and 1,998 more"
    assert f"duplicate 1 block: 0 on {some}\n" in str(check(many, 1))


class Mirror:
    """A device whose repr shows the report that it is in."""

    report: Report | None = None

    def __repr__(self) -> str:
        return f"Mirror({self.report!s:.9}{self.report!r})"


def test_a_device_whose_repr_shows_the_report() -> None:
    one, other = Mirror(), Mirror()
    report = check({one: [0, 0, 1], other: [0, 1]}, 3, devices=[0])
    one.report = other.report = report
    assert str(report).startswith("not ok: 3 blocks on 2 devices\n")
    assert repr(report).startswith("<Report: 3 blocks on 2 devices")


def test_the_repr_counts_what_was_found() -> None:
    assert repr(check({0: range(3)}, 3)) == "<Report: 3 blocks on 1 device: ok>"
    report = check({0: [0, 0, "x"], 1: [], 2: [9]}, 3)
    assert (
        repr(report)
        == "<Report: 3 blocks on 3 devices: 1 duplicate, 2 missing, 1 extra, 1 invalid, 1 idle, 1 scattered>"
    )


def test_an_error_has_the_text_and_the_blocks() -> None:
    report = check({"a": [0, 1, 1, 9, 9], "b": [4, "x"]}, 7)
    with pytest.raises(devicemap.DeviceMapError) as info:
        report.raise_for_faults()
    error = info.value
    assert str(error) == str(report)
    assert (error.duplicate_blocks, error.missing_blocks, error.extra_blocks) == ((1, 9), [2, 3, 5, 6], (9,))
    assert error.__context__ is None
    assert [entry.name for entry in info.traceback][-1] == "raise_for_faults"
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for again in (copy.copy(error), copy.deepcopy(error), *copies):
        assert (str(again), vars(again)) == (str(error), vars(error))
    assert check({0: range(3)}, 3).raise_for_faults() is None  # type: ignore[func-returns-value]


def test_an_error_has_what_is_being_handled_as_its_context() -> None:
    def raise_while_handling() -> None:
        try:
            [].pop()
        except IndexError:
            check({}, 1).raise_for_faults()

    with pytest.raises(devicemap.DeviceMapError) as info:
        raise_while_handling()
    assert isinstance(info.value.__context__, IndexError)


def test_the_missing_blocks_of_an_error_are_a_sequence() -> None:
    with pytest.raises(devicemap.DeviceMapError) as info:
        check({0: [0, 3, 4, 9]}, 10**8).raise_for_faults()
    missing = info.value.missing_blocks
    assert len(missing) == 10**8 - 4
    assert missing[:8] == [1, 2, 5, 6, 7, 8, 10, 11]
    assert [missing[i] for i in (0, 1, 2, 5, 6, -1)] == [1, 2, 5, 8, 10, 10**8 - 1]
    assert missing[np.int64(-1)] == 10**8 - 1
    assert list(itertools.islice(missing, 3)) == [1, 2, 5]
    assert 10**7 in missing
    assert 9 not in missing
    assert missing != [1, 2]
    assert repr(missing) == "<99,999,996 blocks: 1–2, 5–8, 10–99999999>"
    with pytest.raises(IndexError):
        missing[10**8 - 4]
    with pytest.raises(devicemap.DeviceMapError) as info:
        check({0: [0, 0]}, 1).raise_for_faults()
    assert info.value.missing_blocks == []
    assert not info.value.missing_blocks


def missing_blocks(given: list[int], num_blocks: int) -> Sequence[int]:
    with pytest.raises(devicemap.DeviceMapError) as info:
        check({0: given}, num_blocks).raise_for_faults()
    return info.value.missing_blocks


def test_the_missing_blocks_equal_those_of_any_sequence_and_no_others() -> None:
    missing = missing_blocks([0], 10)
    assert missing == missing_blocks([0, 0], 10)
    assert missing != missing_blocks([0, 5], 10)
    for same in (range(1, 10), [*range(1, 10)], (*range(1, 10),)):
        assert missing == same
        assert missing != same[:-1]
        assert missing != [*same, 10]
    assert missing == ANY


def test_devices_that_there_are() -> None:
    device_map = {"a": [0], "b": [], "c": [1]}
    assert check(device_map, 2).unknown == ()
    assert check(device_map, 2)
    report = check(device_map, 2, devices=iter(["z", "c", "z", "a", "y"]))
    assert (report.unknown, report.idle, report.num_devices) == (("b",), ("b", "z", "y"), 3)
    assert not report
    report = check(device_map, 2, devices={"a": 1, "b": 1, "c": 1, "d": 1})
    assert (report.unknown, report.idle) == ((), ("b", "d"))
    assert report
    assert str(report) == "ok: 2 blocks on 3 devices\nnote: idle 2 devices: 'b', 'd'"
    for devices in (3, np.int64(3), range(3)):
        report = check({0: [0], 3: [1]}, 2, devices=devices)
        assert (report.unknown, report.idle) == ((3,), (1, 2))


@pytest.mark.parametrize(
    ("devices", "aliased"),
    [
        ([0, "cuda:0"], ((0, "cuda:0"),)),
        (["cuda:1", 0, "cuda:0", 1], (("cuda:1", 1), (0, "cuda:0"))),
        (["cuda:00", "cuda:1", 0, np.int64(1)], (("cuda:1", np.int64(1)),)),
        ([0, "0", "cuda", "cuda:", "cuda:x", "cuda:+0", "CUDA0", "gpu:0", True, 0.5, None, -1, ("cuda", 0)], ()),
        ([0, 1, 2], ()),
    ],
)
def test_two_names_of_a_card(devices: list[Any], aliased: tuple[Any, ...]) -> None:
    report = check({device: [block] for block, device in enumerate(devices)}, len(devices))
    assert report
    assert report.aliased == aliased


def test_two_names_of_a_card_in_torch() -> None:
    device = pytest.importorskip("torch").device
    report = check({0: [0], device("cuda", 0): [1], device("cuda"): [2], device("cpu"): [3], "cpu": [4]}, 5)
    assert report.aliased == ((0, device("cuda", 0)), (device("cpu"), "cpu"))


def test_a_report_as_json() -> None:
    report = check(
        {"a": [0, 1, 1, 7, None, 0.5, float("inf"), np.float32(1)], 1: [1, (0,)], (2,): []}, 9, devices=["a"]
    )
    data = report.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data == {
        "ok": False,
        "num_blocks": 9,
        "num_devices": 3,
        "missing": [[2, 7], [8, 9]],
        "duplicates": [[1, ["a", "a", 1]]],
        "extra": [],
        "invalid": [["a", [None, 0.5, "inf", "1.0"]], [1, ["(0,)"]]],
        "unknown": [1, "(2,)"],
        "idle": ["(2,)"],
        "scattered": ["a"],
        "unordered": [1],
        "aliased": [],
    }
    data = check({Mute(): [10**5000, 9], "a": [9, True], "cuda:3": [], 3: []}, 0).to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["extra"] == [["<int>", ["<Mute>"]], [9, ["<Mute>", "a"]]]
    assert data["invalid"] == [["a", [True]]]
    assert data["aliased"] == [["cuda:3", 3]]


class Pairs:
    """A mapping as small as can be, which gives a device twice."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        yield "a", [0, "x"]
        yield "b", (1,)
        yield "a", iter([1, "y"])


class Lists(dict[Any, Any]):
    def items(self) -> Any:
        return [["a", [0]]]


class NoItems:
    def items(self) -> Any:
        return 5


class Unhashable:
    def items(self) -> Any:
        return [([], [0])]


def test_any_mapping_will_do() -> None:
    report = check(Pairs(), 2)
    assert (report.duplicates, report.invalid) == ({1: ("b", "a")}, {"a": ("x", "y")})
    assert report.num_devices == 3


def test_a_model_has_any_number_of_blocks_that_is_one() -> None:
    for one in (1, True, np.int64(1), Index(1), Layer.SECOND):
        report = check({0: [0]}, one)
        assert report.ok
        assert type(report.num_blocks) is int
    for negative, shown in ((-1, "-1"), (-(10**5000), "<int>")):
        with pytest.raises(ValueError, match=f"num_blocks must be 0 or more, got {shown}"):
            check({}, negative)
    with pytest.raises(OverflowError, match=r"num_blocks must be less than 2\*\*63"):
        check({}, 10**30)
    for none in (1.0, "1", None):
        with pytest.raises(TypeError, match=f"num_blocks must be an integer, got {none!r}"):
            check({}, none)  # type: ignore[arg-type]


class BadRepr:
    """A device that cannot be shown, of a type with a long name."""

    def __repr__(self) -> str:
        raise LookupError("no repr")


BadRepr.__name__ = "B" * 10**6

INVERSE = "device_map must be {device: [block, ...]}, got the inverse, {block: device}; group the blocks by device"
MAPPING = "must be an iterable of block numbers, got the mapping"
MODULES = (
    "device_map must be {device: [block, ...]}, got {module: device}; "
    "write the numbers of the blocks, grouped by device"
)
NESTED = {"encoder": {0: [0, 1]}, "decoder": {1: [0]}}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((None, 1), "device_map must be a mapping, {device: [block, ...]}, got None"),
        (([[0]], 1), "device_map must be a mapping, {device: [block, ...]}, got [[0]]"),
        ((Lists(), 1), "device_map.items() must be pairs of a device and its blocks, got ['a', [0]]"),
        ((NoItems(), 1), "device_map.items() must be pairs of a device and its blocks, got 5"),
        ((Unhashable(), 1), "the device must be hashable, got []"),
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
            (NESTED, 2),
            f"device_map['encoder'] {MAPPING} {{0: [0, 1]}}; check encoder and decoder one at a time",
        ),
        (
            ({"a": UserDict(), "b": MappingProxyType({}), 2: {}, "d": {}}, 2),
            f"device_map['a'] {MAPPING} {{}}; check a, b and the other 2 one at a time",
        ),
        (({BadRepr(): 5}, 1), f"device_map[<{'B' * 25}…{'B' * 12}>] must be an iterable of block numbers, got 5"),
        (({0: BadRepr()}, 1), f"device_map[0] must be an iterable of block numbers, got <{'B' * 25}…{'B' * 12}>"),
        (({}, 1, "cuda"), "devices must be an iterable of devices, or their number, got 'cuda'"),
        (({}, 1, 0.5), "devices must be an iterable of devices, or their number, got 0.5"),
        (({}, 1, [0, []]), "devices[1] must be hashable, got []"),
    ],
)
def test_what_cannot_be_checked_is_a_type_error(arguments: tuple[Any, ...], text: str) -> None:
    device_map, num_blocks, *devices = arguments
    with pytest.raises(TypeError) as info:
        check(device_map, num_blocks, devices=devices[0] if devices else None)
    assert str(info.value) == text


def test_errors_of_the_users_own_pass() -> None:
    class Raising:
        def __index__(self) -> int:
            raise LookupError("no index today")

        def __iter__(self) -> Iterator[int]:
            yield 0
            raise LookupError("no blocks today")

        def items(self) -> Any:
            raise LookupError("no items today")

    for device_map, num_blocks in (({0: [Raising()]}, 1), ({0: Raising()}, 1), (Raising(), 1), ({}, Raising())):
        with pytest.raises(LookupError, match="today"):
            check(device_map, num_blocks)


def reports() -> list[Report]:
    """Reports that differ in one attribute each, twice as many as there are attributes and two."""
    maps: list[tuple[Any, int, Any]] = [
        ({0: [0, 1]}, 2, None),
        ({0: [0, 1]}, 3, None),
        ({0: [0], 1: [1]}, 2, None),
        ({0: [0, 1, 1]}, 2, None),
        ({0: [0, 1, 2]}, 2, None),
        ({0: [0, 1, "x"]}, 2, None),
        ({0: [0, 1]}, 2, [1]),
        ({0: [0, 1]}, 2, [0, 1]),
        ({0: [1, 0]}, 2, None),
        ({0: [1], 1: [0]}, 2, None),
        ({0: [0], "cuda:0": [1]}, 2, None),
    ]
    return [check(device_map, num_blocks, devices=devices) for device_map, num_blocks, devices in maps]


def test_reports_are_compared_pickled_and_copied() -> None:
    for (i, one), (j, other) in itertools.product(enumerate(reports()), enumerate(reports())):
        assert (one == other) is (i == j)
        assert (one != other) is (i != j)
    for report in reports():
        for again in (
            copy.copy(report),
            copy.deepcopy(report),
            *(pickle.loads(pickle.dumps(report, p)) for p in range(6)),
        ):
            assert again == report
            assert type(again) is Report
            assert str(again) == str(report)
        assert report != "report"
        assert report == ANY


def test_a_report_does_not_change() -> None:
    report = check({0: [0]}, 1)
    for name in ("num_blocks", "missing", "ok", "anything"):
        with pytest.raises(AttributeError, match=f"cannot set '{name}'"):
            setattr(report, name, ())
        with pytest.raises(AttributeError, match=f"cannot delete '{name}'"):
            delattr(report, name)
    assert not hasattr(report, "__dict__")
    with pytest.raises(TypeError, match="unhashable"):
        hash(report)


MEDDLING: dict[str, Callable[[dict[Any, Any], list[Any]], Any]] = {
    "clear the list": lambda device_map, blocks: blocks.clear(),
    "clear the map": lambda device_map, blocks: device_map.clear(),
    "grow the list": lambda device_map, blocks: blocks.extend(range(50)),
    "grow the map": lambda device_map, blocks: device_map.update({len(device_map): [1]}),
    "replace its ints": lambda device_map, blocks: blocks.__setitem__(slice(None), ["x" for _ in blocks]),
    "call again": lambda device_map, blocks: str(check({0: list(range(70))}, 69)),
}


@pytest.mark.parametrize("meddling", MEDDLING.values(), ids=MEDDLING.keys())
@pytest.mark.parametrize("size", [1, 70, 2_000])
def test_blocks_and_iterables_that_meddle(meddling: Callable[[Any, Any], Any], size: int) -> None:
    """What is read when is what a loop of Python's over the map's items, taken before, would read."""

    class Meddler(Index):
        def __init__(self, meddle: Callable[[], Any]) -> None:
            super().__init__(5)
            self.meddle = meddle

        def __index__(self) -> int:
            self.meddle()
            self.meddle = lambda: None
            return 5

    def make(place: int, generated: bool) -> dict[Any, Any]:
        blocks: list[Any] = list(range(10**6, 10**6 + size))
        device_map: dict[Any, Any] = {"early": blocks, "meddler": [6], "late": blocks}

        def meddle() -> None:
            meddling(device_map, blocks)

        def meddle_midway() -> Iterator[int]:
            yield 3
            meddle()
            yield 4

        if generated:
            device_map["meddler"] = meddle_midway()
        else:
            [device_map["meddler"], blocks][place].insert(0, Meddler(meddle))
        return device_map

    for place, generated in [(0, False), (1, False), (0, True)]:
        report = check(make(place, generated), 8)
        assert found(report) == expected(make(place, generated), 8)
        assert report.num_devices == 3


def test_maps_and_counts_that_meddle() -> None:
    device_map: dict[Any, Any] = {0: [0], 1: [1]}

    class Meddling(dict[Any, Any]):
        def items(self) -> Any:
            for device, blocks in list(super().items()):
                yield device, blocks
                self.clear()
                blocks.append(7)

    class Count:
        def __index__(self) -> int:
            device_map.clear()
            return 2

    report = check(Meddling(device_map), 2)
    assert (report.num_devices, report.extra) == (2, {7: (0, 1)})
    assert check(device_map, Count()).num_devices == 0


def test_devices_that_meddle() -> None:
    class Device:
        def __eq__(self, other: object) -> bool:
            if armed:
                device_map.clear()
            return self is other

        def __hash__(self) -> int:
            return 1

    armed = False
    one, other = Device(), Device()
    device_map: dict[Any, Any] = {"a": [0], one: ["x"], other: [0, 1, "x"]}
    armed = True
    report = check(device_map, 2)
    assert report.duplicates == {0: ("a", other)}
    assert list(report.invalid.values()) == [("x",), ("x",)]
    assert not device_map


@only_linux
def test_what_memory_cannot_hold_is_a_memory_error() -> None:
    output = run(
        LIMIT
        + """
    check = devicemap.check
    limit(200 << 20)
    outcome(check, {0: range(10**12)}, 10)
    outcome(check, {0: range(10**30)}, 10)
    outcome(check, {0: range(-(10**12), 0), 1: {1}}, 10)
    outcome(check, {0: iter(range(10**9))}, 10)
    outcome(check, {0: range(10**7), 1: range(10**7)}, 10**7)
    outcome(check, {0: range(10**7), 1: range(10**7)}, 10**12)
    outcome(check, {0: range(0, 10**7, 2)}, 10**7)
    outcome(check, {0: range(0, 10**12, 2)}, 10**12)
    outcome(check, {0: [5] * 10**7}, 10)
    outcome(check, {0: [2**62, 5], 1: range(2**61, 2**62)}, 2**63 - 1)
    outcome(check, {0: range(1, 10**12)}, 10**12)
    outcome(check, {}, 2**63 - 1)
    outcome(check, {0: range(10**12, -1, -1)}, 10**12 + 1)
    outcome(check, {0: range(10**12)}, 10**12)
    """
    )
    assert output.split() == ["MemoryError"] * 11 + ["fine"] * 3


@pytest.mark.parametrize("function", [check, devicemap.assert_device_map])
def test_only_runs_out_of_order_need_a_bitset(function: Callable[[Any, int], object]) -> None:
    blocks = 10**15
    good = devicemap.split(blocks, range(8))
    function(good, blocks)
    function(dict(good), blocks)
    function(
        {
            0: range(blocks // 2),
            1: [],
            2: (),
            3: [*range(blocks // 2, blocks // 2 + 9)],
            4: range(blocks // 2 + 9, blocks),
        },
        blocks,
    )
    out_of_order = {0: good[1], 1: good[0], **{device: good[device] for device in range(2, 8)}}
    for bad in (out_of_order, {0: range(blocks), 1: [0]}, {0: range(blocks - 1, -1, -1), 1: [0]}):
        with pytest.raises(MemoryError, match=f"^not enough memory for a bitset of {blocks} blocks$"):
            function(bad, blocks)


def test_references_stay_level() -> None:
    device, blocks = object(), [*range(500, 800)]
    calls: list[Callable[[], Report]] = [
        lambda: check({device: blocks, 1: range(500)}, 800),
        lambda: check({device: blocks, 1: blocks, 2: ["x", True, Index(5), *blocks]}, 600, devices=[device, 7]),
        lambda: check({device: blocks, 1: [blocks, *blocks]}, 10**6),
        lambda: check({device: ["x"], "cuda:1": iter(blocks), 1: np.array(blocks)}, 700),
    ]
    for call in calls:
        counts = []
        for _ in range(4):
            for _ in range(100):
                call()
            counts.append([sys.getrefcount(thing) for thing in (device, blocks, blocks[0], blocks[-1])])
        assert counts[1] == counts[3]
