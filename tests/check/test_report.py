"""Tests for the attributes and methods of a report."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from collections.abc import Sequence
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest

import devicemap
from devicemap import Report, check
from tests.check.test_messages import RaisingRepr


def test_the_error_has_the_text_of_the_report_and_the_blocks_of_each_fault() -> None:
    report = check({"a": [0, 1, 1, 9, 9], "b": [4, "x"]}, 7)
    with pytest.raises(devicemap.DeviceMapError) as info:
        report.raise_for_faults()
    error = info.value
    assert str(error) == str(report)
    assert (error.duplicate_blocks, error.missing_blocks, error.extra_blocks) == ((1, 9), [2, 3, 5, 6], (9,))
    assert error.__context__ is None
    assert [entry.name for entry in info.traceback][-1] == "raise_for_faults"
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for copied in (copy.copy(error), copy.deepcopy(error), *copies):
        assert (str(copied), vars(copied)) == (str(error), vars(error))
    assert check({0: range(3)}, 3).raise_for_faults() is None  # type: ignore[func-returns-value]


def test_the_context_of_the_error_is_the_exception_being_handled() -> None:
    def raise_while_handling() -> None:
        try:
            [].pop()
        except IndexError:
            check({}, 1).raise_for_faults()

    with pytest.raises(devicemap.DeviceMapError) as info:
        raise_while_handling()
    assert isinstance(info.value.__context__, IndexError)


def test_error_missing_blocks_behave_like_a_sequence() -> None:
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


def missing_blocks(blocks: list[int], num_blocks: int) -> Sequence[int]:
    """Return the missing blocks of the error for a map with one device."""
    with pytest.raises(devicemap.DeviceMapError) as info:
        check({0: blocks}, num_blocks).raise_for_faults()
    return info.value.missing_blocks


def test_error_missing_blocks_equal_lists_tuples_and_ranges_of_the_same_blocks() -> None:
    missing = missing_blocks([0], 10)
    assert missing == missing_blocks([0, 0], 10)
    assert missing != missing_blocks([0, 5], 10)
    for equal in (range(1, 10), [*range(1, 10)], (*range(1, 10),)):
        assert missing == equal
        assert missing != equal[:-1]
        assert missing != [*equal, 10]
    assert missing == ANY


def test_available_devices_determine_the_unknown_and_idle_devices() -> None:
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
def test_ints_and_the_names_of_their_cuda_devices_are_aliased(devices: list[Any], aliased: tuple[Any, ...]) -> None:
    report = check({device: [block] for block, device in enumerate(devices)}, len(devices))
    assert report
    assert report.aliased == aliased


def test_torch_devices_and_their_names_are_aliased() -> None:
    device = pytest.importorskip("torch").device
    report = check({0: [0], device("cuda", 0): [1], device("cuda"): [2], device("cpu"): [3], "cpu": [4]}, 5)
    assert report.aliased == ((0, device("cuda", 0)), (device("cpu"), "cpu"))


def test_a_report_is_converted_to_json_types() -> None:
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
    data = check({RaisingRepr(): [10**5000, 9], "a": [9, True], "cuda:3": [], 3: []}, 0).to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["extra"] == [["<int>", ["<RaisingRepr>"]], [9, ["<RaisingRepr>", "a"]]]
    assert data["invalid"] == [["a", [True]]]
    assert data["aliased"] == [["cuda:3", 3]]


def reports() -> list[Report]:
    """Return reports of which no two are equal."""
    arguments: list[tuple[Any, int, Any]] = [
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
    return [check(device_map, num_blocks, devices=devices) for device_map, num_blocks, devices in arguments]


def test_reports_compare_by_value_and_can_be_copied() -> None:
    for (i, first), (j, second) in itertools.product(enumerate(reports()), enumerate(reports())):
        assert (first == second) is (i == j)
        assert (first != second) is (i != j)
    for report in reports():
        for copied in (
            copy.copy(report),
            copy.deepcopy(report),
            *(pickle.loads(pickle.dumps(report, protocol)) for protocol in range(6)),
        ):
            assert copied == report
            assert type(copied) is Report
            assert str(copied) == str(report)
        assert report != "report"
        assert report == ANY


def test_a_report_is_immutable() -> None:
    report = check({0: [0]}, 1)
    for name in ("num_blocks", "missing", "ok", "anything"):
        with pytest.raises(AttributeError, match=f"cannot set '{name}'"):
            setattr(report, name, ())
        with pytest.raises(AttributeError, match=f"cannot delete '{name}'"):
            delattr(report, name)
    assert not hasattr(report, "__dict__")
    with pytest.raises(TypeError, match="unhashable"):
        hash(report)
