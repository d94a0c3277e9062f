"""Tests for idle devices in the results of ``balance``, and for the errors if no map exists."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from devicemap import InfeasibleError, balance
from tests.oracles.partition import Problem


def test_devices_are_idle_only_if_that_lowers_the_bottleneck() -> None:
    costs = [1, 1, 1, 1]
    speeds = {"cpu": 1e-9}
    devices = ["gpu", "cpu", "gpu1"]
    assert balance(costs, devices, speeds=speeds).counts == (2, 1, 1)
    assert balance(costs, devices, speeds=speeds, allow_idle=True).counts == (2, 0, 2)
    # Costs that are not integers are summed in another way.
    assert balance([*[1] * 300, 0.1], devices, speeds=speeds, allow_idle=True).counts == (150, 0, 151)
    # The other devices can hold only one block each.
    limited = balance(costs, devices, speeds=speeds, allow_idle=True, sizes=costs, max_memory=[1, 9, 1])
    assert limited.counts == (1, 2, 1)
    assert balance(costs, devices, allow_idle=True).counts == (1, 2, 1)
    assert balance([0, 5], range(2), allow_idle=True).counts == (1, 1)


def test_a_device_that_can_hold_no_block_is_an_error_unless_devices_can_be_idle() -> None:
    costs = [1, 1, 1, 1]
    devices = ["gpu", "cpu", "gpu1"]
    with pytest.raises(
        InfeasibleError,
        match="each device must get a block, but device 'cpu' has only 0 B, and the smallest of blocks 1–2, which this "
        "device can get in this order, needs 1 B; pass allow_idle=True to allow devices without blocks",
    ):
        balance(costs, devices, sizes=costs, max_memory={"cpu": 0})
    assert balance(costs, devices, sizes=costs, max_memory={"cpu": 0}, allow_idle=True).counts == (2, 0, 2)


@pytest.mark.parametrize(("large_block", "device"), [(0, "gpu"), (5, "gpu1")])
def test_the_error_names_the_only_block_that_an_outer_device_can_get(large_block: int, device: str) -> None:
    sizes = [2**30] * 6
    sizes[large_block] = 30 * 2**30
    with pytest.raises(
        InfeasibleError,
        match=f"device '{device}' has only 24.0 GiB, and block {large_block}, the only block that this device can get "
        "in this order, needs 30.0 GiB",
    ):
        balance(sizes, ["gpu", "cpu", "gpu1"], sizes=sizes, max_memory={device: "24GiB"})


def test_a_device_gets_the_only_block_that_it_can_hold() -> None:
    """The first device can hold all blocks, but must leave the one that the second device can hold."""
    sizes = [1, 9, 9, 1, 9, 9]
    assert balance(sizes, range(3), sizes=sizes, max_memory=[100, 1, 100]).counts == (3, 1, 2)


GIB = 2**30
INFEASIBLE: dict[str, tuple[Problem, str, dict[str, Any]]] = {
    # Each value is the arguments of `balance`, the message of the InfeasibleError that it raises, and the attributes of
    # the error; attributes that are not named are None.
    "one block": (
        Problem([1] * 20, 2, None, [GIB] * 17 + [30 * GIB] + [GIB] * 2, ["24GiB", "20GiB"]),
        "block 17 needs 30.0 GiB, but the largest device has only 24.0 GiB",
        {"reason": "block", "block": 17, "needed": 30 * GIB, "available": 24 * GIB},
    ),
    "amounts that look equal when rounded": (
        Problem([1025], 1, None, None, [1024]),
        "block 0 needs 1,025 B, but the largest device has only 1,024 B",
        {"reason": "block", "block": 0, "needed": 1025, "available": 1024},
    ),
    "sizes as floats": (
        Problem([2560.0], 1, None, None, [1024]),
        "block 0 needs 2.5 KiB, but the largest device has only 1.0 KiB",
        {"reason": "block", "block": 0, "needed": 2560, "available": 1024},
    ),
    "all blocks": (
        Problem([141 * GIB // 100] * 100, 4, None, None, ["24GiB"] * 4),
        "the blocks need 141.0 GiB in total, but the devices have only 96.0 GiB",
        {"reason": "total", "needed": 141 * GIB // 100 * 100, "available": 96 * GIB},
    ),
    "one block remains": (
        Problem([1] * 80, 3, None, [GIB] * 58 + [20 * GIB] + [GIB] * 21, [41 * GIB, 18 * GIB, "40.5GiB"]),
        "in this order the devices can hold only blocks 0–78: block 79 needs 1.0 GiB and does not fit",
        {"reason": "order", "block": 79, "needed": GIB, "available": 0},
    ),
    "wrong order of devices": (
        Problem([8, 1], 2, None, None, [1, 8]),
        "in this order the devices can hold only block 0: block 1 needs 1 B and does not fit",
        {"reason": "order", "block": 1, "needed": 1, "available": 0},
    ),
    # Fewer blocks than devices are no error: the other devices are idle.
    "devices remain": (
        Problem([8, 5, 1], 4, None, None, [9, 2, 4, 3]),
        (
            "in this order the devices can hold only block 0: block 1 needs 5 B and does not fit; "
            "the 2 remaining blocks, including this one, need 6 B in total"
        ),
        {"reason": "order", "block": 1, "needed": 5, "available": 4},
    ),
    "several blocks remain": (
        Problem([10] * 9, 3, None, None, [39, 39, 19]),
        (
            "in this order the devices can hold only blocks 0–6: block 7 needs 10 B and does not fit; "
            "the 2 remaining blocks, including this one, need 20 B in total"
        ),
        {"reason": "order", "block": 7, "needed": 10, "available": 0},
    ),
    "a device without memory": (
        Problem([9, 1], 2, None, None, [0, 9]),
        "the blocks need 10 B in total, but the devices have only 9 B",
        {"reason": "total", "needed": 10, "available": 9},
    ),
}


@pytest.mark.parametrize("name", INFEASIBLE)
def test_the_error_has_the_reason_and_the_amounts(name: str) -> None:
    problem, message, attributes = INFEASIBLE[name]
    for allow_idle in (False, True):
        with pytest.raises(InfeasibleError) as caught:
            problem._replace(allow_idle=allow_idle).solve()
        error = caught.value
        assert str(error) == message
        assert isinstance(error, ValueError)
        assert_attributes(error, attributes)


def assert_attributes(error: InfeasibleError, attributes: dict[str, Any]) -> None:
    """Assert that an error and its copies have the given attributes, and None for the others."""
    expected = {"reason": None, "block": None, "device": None, "needed": None, "available": None} | attributes
    copies = [copy.copy(error), *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(6))]
    for instance in (error, *copies):
        assert {name: getattr(instance, name) for name in expected} == expected
        assert str(instance) == str(error)


def test_the_error_names_the_device_that_cannot_get_a_block() -> None:
    with pytest.raises(InfeasibleError) as caught:
        balance([5, 7], ["a", "b"], sizes=[5, 7], max_memory=[1, 99])
    assert_attributes(caught.value, {"reason": "idle", "device": "a", "needed": 5, "available": 1})


def test_an_error_created_by_the_caller_has_no_attributes() -> None:
    assert_attributes(InfeasibleError("message"), {})


def test_the_error_shows_a_short_repr_of_the_device() -> None:
    limits: dict[str, Any] = {"sizes": [5, 5], "max_memory": [1, 99]}
    with pytest.raises(InfeasibleError, match=r"device 'x+\.\.\.x+' has only 1 B, and block 0, the only") as caught:
        balance([5, 5], ["x" * 10**5, "b"], **limits)
    assert len(str(caught.value)) < 300
    with pytest.raises(InfeasibleError, match="device <RaisingRepr> has only 1 B"):
        balance([5, 5], [RaisingRepr(ValueError), "b"], **limits)
    with pytest.raises(KeyboardInterrupt):
        balance([5, 5], [RaisingRepr(KeyboardInterrupt), "b"], **limits)


class RaisingRepr:
    """A device whose repr raises an exception."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error
