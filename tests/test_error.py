"""`DeviceMapError` serves callers of both of the original's exceptions and carries all faults."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

import devicemap


def caught() -> devicemap.DeviceMapError:
    with pytest.raises(devicemap.DeviceMapError) as info:
        devicemap.assert_device_map({0: [0, 1, 1], 1: [7, "x", 7]}, 4)
    return info.value


def test_both_kinds_of_callers_catch_it() -> None:
    assert devicemap.DeviceMapError.__bases__ == (AssertionError, ValueError)
    for kind in (AssertionError, ValueError):
        with pytest.raises(kind):
            devicemap.assert_device_map({}, 1)


def test_it_carries_all_faults_though_it_names_one() -> None:
    error = caught()
    assert str(error) == (
        "Duplicate attention blocks specified in device_map. Attention blocks must be specified to one device. "
        "These attention blocks were specified more than once: [1, 7]"
    )
    assert error.duplicate_blocks == [1, 7]
    assert error.missing_blocks == [2, 3]
    assert error.extra_blocks == [7, "x", 7]


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        (
            [0, 2],
            (
                "There are attention blocks for this model that are not specified in the device_map. Add these "
                "attention blocks to a device on the device_map: [1]"
            ),
        ),
        (
            [0, 1, 2, 3],
            "The device_map contains more attention blocks than this model has. Remove these from the device_map:[3]",
        ),
    ],
)
def test_the_other_texts(blocks: list[int], text: str) -> None:
    with pytest.raises(devicemap.DeviceMapError) as info:
        devicemap.assert_device_map({0: blocks}, 3)
    assert str(info.value) == text


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, *(lambda e, p=p: pickle.loads(pickle.dumps(e, p)) for p in range(6))],
)
def test_it_pickles_and_copies(duplicate: Callable[[devicemap.DeviceMapError], devicemap.DeviceMapError]) -> None:
    error = caught()
    again = duplicate(error)
    assert again is not error
    assert type(again) is devicemap.DeviceMapError
    assert again.args == error.args
    assert vars(again) == vars(error)


def test_it_has_what_is_being_handled_as_its_context() -> None:
    def check_while_handling() -> None:
        try:
            [].pop()
        except IndexError:
            devicemap.assert_device_map({}, 1)

    with pytest.raises(devicemap.DeviceMapError) as info:
        check_while_handling()
    assert isinstance(info.value.__context__, IndexError)


def test_one_made_by_hand_has_no_blocks() -> None:
    error = devicemap.DeviceMapError("by hand")
    assert (error.duplicate_blocks, error.missing_blocks, error.extra_blocks) == ((), (), ())
    assert f"{type(error).__module__}.{type(error).__qualname__}" == "devicemap.DeviceMapError"
