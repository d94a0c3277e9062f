"""``DeviceMap``: the noun, and what people ask it."""

from __future__ import annotations

import copy
import pickle
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

counts_of_devices = st.lists(st.integers(0, 9), min_size=1, max_size=7)


def map_of(*counts: int) -> DeviceMap[str]:
    return DeviceMap.from_counts(counts, [f"cuda:{number}" for number in range(len(counts))])


@given(counts_of_devices)
def test_views_are_those_of_a_naive_walk(counts: list[int]) -> None:
    device_map = map_of(*counts)
    lists: dict[str, list[int]] = {}
    block = 0
    for number, count in enumerate(counts):
        lists[f"cuda:{number}"] = list(range(block, block + count))
        block += count
    assert device_map.to_lists() == lists
    assert list(device_map) == list(lists)
    assert all(type(run) is range for run in device_map.values())
    assert device_map.num_blocks == block
    assert device_map.counts == tuple(counts)
    assert device_map.boundaries == (0, *accumulate(counts))
    for device, blocks in lists.items():
        assert all(device_map.device_of(b) == device for b in blocks)
    devicemap.assert_device_map(device_map, block)
    assert DeviceMap.from_boundaries(device_map.boundaries, list(lists)) == device_map
    pairs: Any = map(iter, device_map.items())
    assert DeviceMap(dict(device_map)) == device_map
    assert DeviceMap(UserDict(device_map)) == device_map
    assert DeviceMap(device_map.items()) == device_map
    assert DeviceMap(pairs) == device_map


@given(counts_of_devices, st.data())
def test_loads_are_the_sums_of_the_costs(counts: list[int], data: st.DataObject) -> None:
    device_map = map_of(*counts)
    amount = data.draw(st.sampled_from([st.integers(0, 2**70), st.integers(0, 1000).map(lambda n: n / 8)]))
    costs: list[Any] = data.draw(st.lists(amount, min_size=sum(counts), max_size=sum(counts)))
    expected = [sum(costs[start:end]) for start, end in pairwise(device_map.boundaries)]
    loads = device_map.loads(costs)
    assert list(loads) == list(device_map)
    assert list(loads.values()) == expected
    assert {type(load) for load in loads.values()} <= ({type(costs[0])} if costs else {int})
    speeds = data.draw(st.lists(st.integers(1, 9), min_size=len(counts), max_size=len(counts)))
    assert list(device_map.loads(costs, speeds).values()) == [
        load / speed for load, speed in zip(expected, speeds, strict=True)
    ]
    by_device = dict(zip(device_map, speeds, strict=True))
    assert device_map.loads(costs, by_device) == device_map.loads(costs, speeds)


def test_loads_of_arrays_and_of_absent_speeds() -> None:
    device_map = map_of(2, 1)
    assert device_map.loads(np.array([1, 2, 3])) == {"cuda:0": 3, "cuda:1": 3}
    assert device_map.loads(np.array([0.1, 0.2, 3])) == {"cuda:0": 0.1 + 0.2, "cuda:1": 3.0}
    loads = device_map.loads([1, 2, 3], {"cuda:1": 2})
    assert loads == {"cuda:0": 3.0, "cuda:1": 1.5}
    assert {type(load) for load in loads.values()} == {float}


def test_loads_of_floats_are_rounded_once() -> None:
    assert map_of(11).loads([1e16, *[1.0] * 10]) == {"cuda:0": 1e16 + 10}


@pytest.mark.parametrize("block", [-1, 5, 10**30, -(10**30)])
def test_device_of_a_block_that_is_not_there(block: int) -> None:
    with pytest.raises(IndexError, match=f"no block {block} among 5"):
        map_of(2, 3).device_of(block)


def test_device_of_skips_idle_devices() -> None:
    device_map = map_of(0, 2, 0, 0, 1, 0)
    assert [device_map.device_of(block) for block in range(3)] == ["cuda:1", "cuda:1", "cuda:4"]
    with pytest.raises(TypeError):
        device_map.device_of(1.0)  # type: ignore[arg-type]


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "fewer counts": (lambda: DeviceMap.from_counts([1], ["a", "b"]), ValueError, "counts has length 1, but devices 2"),
    "negative count": (lambda: DeviceMap.from_counts([1, -2], [0, 1]), ValueError, r"counts\[1\] is negative: -2"),
    "count of another kind": (lambda: DeviceMap.from_counts([1.5], [0]), TypeError, "float"),  # type: ignore[list-item]
    "no runs": (lambda: DeviceMap([("a", 3)]), TypeError, "the blocks of device 'a' are of type int, not a range"),  # type: ignore[arg-type]
    "device twice": (lambda: DeviceMap.from_counts([1, 2], ["a", "a"]), ValueError, "device 'a' is named twice"),
    "pairs that name one twice": (
        lambda: DeviceMap([("a", range(9)), ("a", range(2))]),
        ValueError,
        "device 'a' is named twice",
    ),
    "equal devices": (lambda: DeviceMap.from_counts([1, 2], [1, 1.0]), ValueError, "device 1.0 is named twice"),
    "no devices": (lambda: DeviceMap.from_counts([], []), ValueError, "there are no devices"),
    "unhashable device": (lambda: DeviceMap.from_counts([1], [[]]), TypeError, "unhashable"),  # type: ignore[type-var]
    "devices as text": (lambda: DeviceMap.from_counts([1, 1], "ab"), TypeError, "devices is 'ab', not a sequence"),
    "boundaries from 1": (lambda: DeviceMap.from_boundaries([1, 2], [0]), ValueError, r"boundaries\[0\] is 1, not 0"),
    "boundaries that descend": (
        lambda: DeviceMap.from_boundaries([0, 3, 2], [0, 1]),
        ValueError,
        r"boundaries\[2\] is 2, less than the 3 before it",
    ),
    "fewer boundaries": (
        lambda: DeviceMap.from_boundaries([0, 3], [0, 1]),
        ValueError,
        "boundaries has length 2, not one more than devices, 2",
    ),
    "no boundaries": (lambda: DeviceMap.from_boundaries([], [0]), ValueError, "boundaries has length 0"),
    "gap": (lambda: DeviceMap({0: range(2), 1: range(3, 4)}), ValueError, "do not start at 2"),
    "steps": (lambda: DeviceMap({0: range(0, 4, 2)}), ValueError, "do not start at 0 and ascend"),
    "backwards": (lambda: DeviceMap({0: range(2), 1: range(2, 1)}), ValueError, "do not start at 2 and ascend"),
    "lists": (lambda: DeviceMap({0: [0, 1]}), TypeError, "of type list, not a range"),  # type: ignore[arg-type]
    "costs of another model": (lambda: map_of(2).loads([1]), ValueError, "costs has length 1, but num_blocks is 2"),
    "more costs than blocks": (lambda: map_of(1).loads([1, 2]), ValueError, "costs has length 2, but num_blocks is 1"),
    "speed 0": (lambda: map_of(1).loads([1], [0.0]), ValueError, r"speeds\[0\] is 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_a_clear_error(name: str) -> None:
    call, error, text = WRONG[name]
    with pytest.raises(error, match=text):
        call()


CHANGES: list[Callable[[Any], object]] = [
    lambda m: m.__setitem__("cuda:0", range(1)),
    lambda m: m.__delitem__("cuda:0"),
    lambda m: m.__ior__({}),
    lambda m: m.clear(),
    lambda m: m.pop("cuda:0"),
    lambda m: m.popitem(),
    lambda m: m.setdefault("cpu", range(0)),
    lambda m: m.update({}),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_map_does_not_change(change: Callable[[Any], object]) -> None:
    device_map = map_of(1, 2)
    with pytest.raises(TypeError, match="does not change"):
        change(device_map)
    assert device_map == {"cuda:0": range(1), "cuda:1": range(1, 3)}


def test_a_map_is_a_dict_and_copies_as_one() -> None:
    device_map = map_of(2, 0, 1)
    assert isinstance(device_map, dict)
    for same in (copy.copy(device_map), copy.deepcopy(device_map), pickle.loads(pickle.dumps(device_map))):
        assert type(same) is DeviceMap
        assert same == device_map
        assert same.boundaries == device_map.boundaries
        assert same.device_of(2) == "cuda:2"
    for plain in (dict(device_map), device_map.copy(), device_map | {}):
        assert type(plain) is dict
        assert plain == device_map


class Named(DeviceMap[str]):
    """A user's own kind of device map."""


def test_a_subclass_is_made_and_copied_as_such() -> None:
    device_map = Named.from_counts([1, 2], ["a", "b"])
    for same in (device_map, copy.copy(device_map), pickle.loads(pickle.dumps(device_map))):
        assert type(same) is Named
        assert same.counts == (1, 2)


def test_repr_can_be_evaluated_while_it_is_short() -> None:
    device_map = map_of(2, 0, 1)
    assert repr(device_map) == "DeviceMap({'cuda:0': range(0, 2), 'cuda:1': range(2, 2), 'cuda:2': range(2, 3)})"
    assert eval(repr(device_map)) == device_map  # noqa: S307


def test_repr_shows_the_first_and_the_last_of_many_devices_and_of_a_long_one() -> None:
    eight, ten = devicemap.split(8, range(8)), devicemap.split(10, range(10))
    assert eval(repr(eight)) == eight  # noqa: S307
    assert repr(ten) == (
        "<DeviceMap of 10 blocks on 10 devices: 0: range(0, 1), 1: range(1, 2), 2: range(2, 3), 3: range(3, 4), ..., "
        "6: range(6, 7), 7: range(7, 8), 8: range(8, 9), 9: range(9, 10)>"
    )
    whole, long = "x" * 38, "a" * 32 + "b" * 7
    assert repr(devicemap.split(1, [whole])) == f"DeviceMap({{'{whole}': range(0, 1)}})"
    assert repr(devicemap.split(1, [long])) == f"DeviceMap({{'{'a' * 29}...bbbbbb': range(0, 1)}})"


@pytest.mark.parametrize("devices", [[*range(100_000)], ["x" * 10_000], [("y" * 500, n) for n in range(50)]])
def test_repr_is_short_at_any_size(devices: list[Any]) -> None:
    text = repr(devicemap.split(10**12, devices))
    assert len(text) < 800
    assert "1000000000000" in text


def test_a_map_of_any_size_takes_no_memory_for_its_blocks() -> None:
    device_map = DeviceMap.from_boundaries([0, 10**12, 10**13], ["a", "b"])
    assert device_map.num_blocks == 10**13
    assert device_map.device_of(10**12) == "b"
