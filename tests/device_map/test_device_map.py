"""Tests for the properties and methods of ``DeviceMap``, its copies, and its ``str()`` and ``repr()``."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections import UserDict
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devicemap
from devicemap import DeviceMap

count_lists = st.lists(st.integers(0, 9), min_size=1, max_size=7)


def map_of(*counts: int) -> DeviceMap[str]:
    """Return a map in which the devices cuda:0, cuda:1, … have the given numbers of blocks."""
    return DeviceMap.from_counts(counts, [f"cuda:{number}" for number in range(len(counts))])


@given(count_lists)
def test_properties_agree_with_a_naive_implementation(counts: list[int]) -> None:
    device_map = map_of(*counts)
    lists: dict[str, list[int]] = {}
    block = 0
    for number, count in enumerate(counts):
        lists[f"cuda:{number}"] = list(range(block, block + count))
        block += count
    assert device_map.to_lists() == lists
    assert list(device_map) == list(lists)
    assert all(type(run) is range for run in device_map.values())
    assert device_map.num_blocks == sum(counts)
    assert device_map.counts == tuple(counts)
    assert device_map.boundaries == (0, *accumulate(counts))
    for device, blocks in lists.items():
        assert all(device_map.device_of(block) == device for block in blocks)
    devicemap.assert_device_map(device_map, sum(counts))
    assert DeviceMap.from_boundaries(device_map.boundaries, list(lists)) == device_map
    iterator_pairs: Any = map(iter, device_map.items())
    assert DeviceMap(dict(device_map)) == device_map
    assert DeviceMap(UserDict(device_map)) == device_map
    assert DeviceMap(device_map.items()) == device_map
    assert DeviceMap(iterator_pairs) == device_map


@given(count_lists, st.data())
def test_loads_are_sums_of_costs_divided_by_speeds(counts: list[int], data: st.DataObject) -> None:
    device_map = map_of(*counts)
    cost = data.draw(st.sampled_from([st.integers(0, 2**70), st.integers(0, 1000).map(lambda eighths: eighths / 8)]))
    costs: list[Any] = data.draw(st.lists(cost, min_size=sum(counts), max_size=sum(counts)))
    expected = [sum(costs[start:end]) for start, end in pairwise(device_map.boundaries)]
    loads = device_map.load_per_device(costs)
    assert list(loads) == list(device_map)
    assert list(loads.values()) == expected
    assert {type(load) for load in loads.values()} <= ({type(costs[0])} if costs else {int})
    speeds = data.draw(st.lists(st.integers(1, 9), min_size=len(counts), max_size=len(counts)))
    assert list(device_map.load_per_device(costs, speeds).values()) == [
        load / speed for load, speed in zip(expected, speeds, strict=True)
    ]
    by_device = dict(zip(device_map, speeds, strict=True))
    assert device_map.load_per_device(costs, by_device) == device_map.load_per_device(costs, speeds)


def test_load_per_device_accepts_arrays_and_absent_speeds() -> None:
    device_map = map_of(2, 1)
    assert device_map.load_per_device(np.array([1, 2, 3])) == {"cuda:0": 3, "cuda:1": 3}
    assert device_map.load_per_device(np.array([0.1, 0.2, 3])) == {"cuda:0": 0.1 + 0.2, "cuda:1": 3.0}
    loads = device_map.load_per_device([1, 2, 3], {"cuda:1": 2})
    assert loads == {"cuda:0": 3.0, "cuda:1": 1.5}
    assert {type(load) for load in loads.values()} == {float}


def test_loads_of_floats_are_rounded_once() -> None:
    assert map_of(11).load_per_device([1e16, *[1.0] * 10]) == {"cuda:0": 1e16 + 10}


@pytest.mark.parametrize("block", [-1, 5, 10**30, -(10**30), 10**5000], ids=lambda block: f"{block.bit_length()} bits")
def test_device_of_an_extra_block_is_an_error(block: int) -> None:
    short_repr = block if abs(block) < 10**4000 else "<int>"
    with pytest.raises(IndexError, match=re.escape(f"block must be in range(5), got {short_repr}")):
        map_of(2, 3).device_of(block)


def test_the_bottleneck_is_the_largest_load() -> None:
    assert map_of(2, 1).bottleneck([1, 2, 4]) == 4
    assert map_of(2, 1).bottleneck([1, 2, 4], [1, 2]) == 3.0
    assert map_of(0).bottleneck([]) == 0


def test_a_map_is_converted_to_json_types_and_back() -> None:
    for device_map in (map_of(2, 0, 1), devicemap.split(5, 2), devicemap.split(3, ["cpu", 0])):
        data = device_map.to_dict()
        assert data == {"devices": list(device_map), "boundaries": list(device_map.boundaries)}
        assert DeviceMap.from_dict(json.loads(json.dumps(data))) == device_map
    with pytest.raises(TypeError, match=re.escape("devices[1] must be an int or a str, got (0, 1)")):
        devicemap.split(3, ["cpu", (0, 1)]).to_dict()
    assert type(Subclass.from_dict({"devices": ["a"], "boundaries": [0, 1]})) is Subclass


def test_device_of_skips_idle_devices() -> None:
    device_map = map_of(0, 2, 0, 0, 1, 0)
    assert [device_map.device_of(block) for block in range(3)] == ["cuda:1", "cuda:1", "cuda:4"]
    assert device_map.devices == tuple(f"cuda:{number}" for number in range(6))
    with pytest.raises(TypeError, match=r"^block must be an integer, got 1\.0$"):
        device_map.device_of(1.0)  # type: ignore[arg-type]


class RaisingRepr:
    """A device that counts the calls of its repr, which raises an exception."""

    num_calls = 0

    def __repr__(self) -> str:
        self.num_calls += 1
        raise OSError("no repr")


def test_the_repr_of_a_device_is_called_only_for_messages() -> None:
    device = RaisingRepr()
    assert DeviceMap({device: range(3)}).num_blocks == 3
    assert device.num_calls == 0
    with pytest.raises(ValueError, match=re.escape("runs[<RaisingRepr>] must start at 0 with step 1, got range(1, 3)")):
        DeviceMap({device: range(1, 3)})
    assert repr(DeviceMap({device: range(3)})) == "DeviceMap({<RaisingRepr>: range(0, 3)})"


def test_repr_terminates_if_the_repr_of_a_device_contains_the_map() -> None:
    class Recursive:
        def __repr__(self) -> str:
            return f"M({device_map!r})"

    device_map = DeviceMap({Recursive(): range(3), Recursive(): range(3, 4)})
    assert repr(device_map).startswith("DeviceMap({M(DeviceMap({M(DeviceMap({")
    assert len(repr(device_map)) < 200
    assert len(str(device_map).splitlines()) == 3


CHANGES: list[Callable[[Any], object]] = [
    lambda device_map: device_map.__setitem__("cuda:0", range(1)),
    lambda device_map: device_map.__delitem__("cuda:0"),
    lambda device_map: device_map.__ior__({}),
    lambda device_map: device_map.clear(),
    lambda device_map: device_map.pop("cuda:0"),
    lambda device_map: device_map.popitem(),
    lambda device_map: device_map.setdefault("cpu", range(0)),
    lambda device_map: device_map.update({}),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_map_is_immutable(change: Callable[[Any], object]) -> None:
    device_map = map_of(1, 2)
    with pytest.raises(TypeError, match="cannot be changed"):
        change(device_map)
    assert device_map == {"cuda:0": range(1), "cuda:1": range(1, 3)}


def test_a_map_is_a_dict_and_can_be_copied() -> None:
    device_map = map_of(2, 0, 1)
    assert isinstance(device_map, dict)
    for copied in (
        copy.copy(device_map),
        copy.deepcopy(device_map),
        device_map.copy(),
        *(pickle.loads(pickle.dumps(device_map, protocol)) for protocol in range(6)),
    ):
        assert type(copied) is DeviceMap
        assert copied == device_map
        assert copied.boundaries == device_map.boundaries
        assert copied.device_of(2) == "cuda:2"
    for plain_dict in (dict(device_map), device_map | {}):
        assert type(plain_dict) is dict
        assert plain_dict == device_map


def test_a_copy_has_the_same_device_objects() -> None:
    device_map = DeviceMap({object(): range(3)})
    for copied in (copy.copy(device_map), copy.deepcopy(device_map), device_map.copy()):
        assert copied == device_map
        assert copied is not device_map


class Subclass(DeviceMap[str]):
    """A user-defined subclass."""


def test_classmethods_and_copies_of_a_subclass_return_the_subclass() -> None:
    device_map = Subclass.from_counts([1, 2], ["a", "b"])
    for instance in (device_map, copy.copy(device_map), pickle.loads(pickle.dumps(device_map))):
        assert type(instance) is Subclass
        assert instance.counts == (1, 2)


def test_repr_of_a_small_map_can_be_evaluated() -> None:
    device_map = map_of(2, 0, 1)
    assert repr(device_map) == "DeviceMap({'cuda:0': range(0, 2), 'cuda:1': range(2, 2), 'cuda:2': range(2, 3)})"
    assert eval(repr(device_map)) == device_map  # noqa: S307


def test_repr_omits_devices_and_characters_in_the_middle() -> None:
    eight, ten = devicemap.split(8, range(8)), devicemap.split(10, range(10))
    assert eval(repr(eight)) == eight  # noqa: S307
    assert repr(ten) == (
        "<DeviceMap of 10 blocks on 10 devices: 0: range(0, 1), 1: range(1, 2), 2: range(2, 3), 3: range(3, 4), ..., "
        "6: range(6, 7), 7: range(7, 8), 8: range(8, 9), 9: range(9, 10)>"
    )
    short_name, long_name = "x" * 38, "a" * 32 + "b" * 70
    assert repr(devicemap.split(1, [short_name])) == f"DeviceMap({{'{short_name}': range(0, 1)}})"
    assert repr(devicemap.split(1, [long_name])) == f"DeviceMap({{'{'a' * 17}...{'b' * 18}': range(0, 1)}})"


def test_str_has_one_line_per_device() -> None:
    assert str(devicemap.split(1_005, ["cuda:0", 1, "cpu"], shares=[1000, 4, 1])) == (
        "1,005 blocks on 3 devices\ncuda:0  1,000  0–999\n1           4  1000–1003\ncpu         1  1004"
    )
    assert str(map_of(1, 0)) == "1 block on 2 devices\ncuda:0  1  0\ncuda:1  0  –"
    lines = str(devicemap.split(10**6, 1000)).splitlines()
    assert len(lines) == 42
    assert lines[21] == "… 960 more devices"


@pytest.mark.parametrize("devices", [[*range(100_000)], ["x" * 10_000], [("y" * 500, n) for n in range(50)]])
def test_repr_is_short_at_any_size(devices: list[Any]) -> None:
    text = repr(devicemap.split(10**12, devices))
    assert len(text) < 800
    assert "1000000000000" in text


@pytest.mark.memory
def test_a_map_needs_no_memory_for_its_blocks() -> None:
    device_map = DeviceMap.from_boundaries([0, 10**12, 10**13], ["a", "b"])
    assert device_map.num_blocks == 10**13
    assert device_map.device_of(10**12) == "b"
