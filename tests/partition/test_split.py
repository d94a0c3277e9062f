"""Tests for ``split``, without shares and in proportion to shares."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devicemap
from devicemap import DeviceMap, split
from tests.oracles.split import expected_counts
from tests.strategies import Layer


@given(st.integers(0, 10**13), st.integers(1, 200))
def test_counts_without_shares_differ_by_at_most_one_in_descending_order(num_blocks: int, num_devices: int) -> None:
    device_map = split(num_blocks, num_devices)
    counts = device_map.counts
    assert sum(counts) == device_map.num_blocks == num_blocks
    assert len(counts) == num_devices
    assert sorted(counts, reverse=True) == list(counts)
    assert counts[0] - counts[-1] <= 1
    assert min(counts) > 0 or num_blocks < num_devices
    assert list(device_map) == list(range(num_devices))


def test_no_device_is_idle_although_the_original_leaves_devices_idle() -> None:
    for num_blocks, num_devices in [(5, 4), (9, 8)]:
        assert len(devicemap.get_device_map(num_blocks, range(num_devices))) < num_devices
        assert 0 not in split(num_blocks, num_devices).counts


small_ints = st.integers(0, 100)
small_fractions = st.fractions(0, 10, max_denominator=1000)
share_lists = st.one_of(
    st.lists(small_ints, min_size=1, max_size=8),
    st.lists(st.one_of(small_ints, st.integers(0, 2**60)), min_size=1, max_size=8),
    st.lists(st.floats(0, 100).filter(lambda share: share == 0 or share > 1e-6), min_size=1, max_size=8),
    st.lists(small_fractions, min_size=1, max_size=8),
    st.lists(st.decimals(0, 10, places=3), min_size=1, max_size=8),
    st.lists(st.one_of(small_ints, small_fractions, st.sampled_from([0.1, 0.25])), min_size=1, max_size=6),
).filter(any)


@pytest.mark.oracle
@given(st.one_of(st.integers(0, 30), st.integers(0, 10**15)), share_lists)
def test_counts_are_those_of_the_reference_implementation(num_blocks: int, shares: list[Any]) -> None:
    assert split(num_blocks, range(len(shares)), shares=shares).counts == expected_counts(num_blocks, shares)


def test_proportions_are_exact() -> None:
    assert split(5, ["a", "b"], shares=[1, 2]).counts == (2, 3)
    assert split(1_000_000, range(3), shares=[1, 1, 1]).counts == (333_334, 333_333, 333_333)
    assert split(10**6, range(10), shares=[0.1] * 10).counts == (10**5,) * 10
    assert split(10, range(3), shares=[Fraction(1, 3)] * 3).counts == (4, 3, 3)
    assert split(10**18, range(2), shares=[2**64, 2**64 + 1]).counts == expected_counts(10**18, [2**64, 2**64 + 1])
    assert split(7, range(3), shares=[0, 5, 0]).counts == (0, 7, 0)


@pytest.mark.parametrize(
    "shares",
    [
        (1, 2),
        {"b": 2, "a": 1},
        np.array([1, 2]),
        np.array([0.5, 1.0], "f4"),
        iter([1, 2]),
        [Decimal("0.5"), np.int8(1)],
    ],
)
def test_shares_of_any_type_give_the_same_map(shares: Any) -> None:
    assert split(5, ["a", "b"], shares=shares) == {"a": range(2), "b": range(2, 5)}


def test_devices_can_be_any_ordered_iterable() -> None:
    assert split(3, iter(["a", None])) == {"a": range(2), None: range(2, 3)}
    assert split(3, {"a": 0, "b": 0}.keys()) == {"a": range(2), "b": range(2, 3)}
    assert isinstance(split(np.int64(3), [(0, 1)]), DeviceMap)
    assert split(True, [0]).num_blocks == 1


@given(st.integers(0, 60), share_lists)
def test_each_device_with_a_share_gets_a_block_if_there_are_enough(num_blocks: int, shares: list[Any]) -> None:
    counts = split(num_blocks, len(shares), shares=shares).counts
    has_enough_blocks = num_blocks >= sum(map(bool, shares))
    for count, share in zip(counts, shares, strict=True):
        if not share:
            assert count == 0
        elif has_enough_blocks:
            assert count > 0


def test_a_share_of_0_does_not_affect_the_proportions_of_the_other_shares() -> None:
    tiny = Fraction(1, 3**90)
    assert split(10, 3, shares=[tiny, 0, 4 * tiny]).counts == (2, 0, 8)


def test_devices_with_small_shares_get_one_block_each() -> None:
    assert split(20, 3, shares=[0.975, 0.0125, 0.0125]).counts == (18, 1, 1)
    assert split(20, 4, shares=[0.975, 0, 0.0125, 0.0125]).counts == (18, 0, 1, 1)
    assert split(2, 3, shares=[0.975, 0.0125, 0.0125]).counts == (2, 0, 0)


@pytest.mark.parametrize(
    "share", [2**127, 2**200, 3 * 2.0**1000, 5e-324, Fraction(2**127), Fraction(1, 3**90), Decimal("1e-300")]
)
def test_only_the_proportions_of_shares_matter(share: Any) -> None:
    assert split(10, ["a", "b"], shares=[share] * 2).counts == (5, 5)
    assert split(9, ["a", "b"], shares={"a": share, "b": 2 * share}).counts == (3, 6)


def test_devices_can_be_given_by_their_number() -> None:
    for devices in (4, np.int64(4), Layer.FOURTH + 1):
        assert split(10, devices) == split(10, range(4))
    assert split(10, 3, shares={2: 1, 0: 1, 1: 3}).counts == (2, 6, 2)


INVALID_CALLS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "devices as a mapping": (
        lambda: split(3, {"a": "1GiB"}),
        TypeError,
        "devices must be a sequence of devices, got a mapping, whose values would be lost; pass list(devices)",
    ),
    "negative num_blocks": (lambda: split(-1, [0]), ValueError, "num_blocks must be 0 or more, got -1"),
    "negative num_blocks beyond 64 bits": (
        lambda: split(-(2**64), ["a"]),
        ValueError,
        "num_blocks must be 0 or more, got -18446744073709551616",
    ),
    "num_blocks as a float": (lambda: split(3.0, [0]), TypeError, "num_blocks must be an integer, got 3.0"),  # type: ignore[call-overload]
    "num_blocks too large": (lambda: split(10**30, [0]), OverflowError, "num_blocks must be less than 2**63"),
    "no devices": (lambda: split(3, []), ValueError, "devices must not be empty"),
    "devices as a set": (
        lambda: split(3, {"a", "b"}),
        TypeError,
        "devices must have an order, got a set; pass a list",
    ),
    "device twice": (lambda: split(3, [0, 1, 0]), ValueError, "devices must be distinct, got 0 twice"),
    "0 devices": (lambda: split(3, 0), ValueError, "devices must be 1 or more, got 0"),
    "a negative number of devices": (lambda: split(3, -2), ValueError, "devices must be 1 or more, got -2"),
    "a bool instead of devices": (
        lambda: split(3, True),
        TypeError,
        "devices must be a sequence or the number of devices, got True",
    ),
    "a float instead of devices": (
        lambda: split(3, 0.5),  # type: ignore[call-overload]
        TypeError,
        "devices must be a sequence or the number of devices, got 0.5",
    ),
    "more devices than fit in memory": (lambda: split(3, 2**62), MemoryError, "for 4611686018427387904 devices"),
    "more devices than fit in 64 bits": (lambda: split(3, 2**70), MemoryError, f"for {2**70} devices"),
    "bytes as devices": (
        lambda: split(3, b"ab"),
        TypeError,
        "devices must be a sequence or the number of devices, got b'ab'",
    ),
    "bytes as shares": (
        lambda: split(3, 2, shares=b"ab"),
        TypeError,
        "shares must be a sequence of one value per device, or a mapping by device, got b'ab'",
    ),
    "fewer shares": (
        lambda: split(3, [0, 1], shares=[1]),
        ValueError,
        "shares must have one value per device (2), got 1",
    ),
    "negative share": (lambda: split(3, [0, 1], shares=[1, -2]), ValueError, "shares[1] must be 0 or more, got -2"),
    "share nan": (
        lambda: split(3, [0, 1], shares=[1, float("nan")]),
        ValueError,
        "shares[1] must be a finite number, got nan",
    ),
    "infinite share": (
        lambda: split(3, [0], shares=[float("inf")]),
        ValueError,
        "shares[0] must be a finite number, got inf",
    ),
    "all 0": (lambda: split(3, [0, 1], shares=[0, 0.0]), ValueError, "shares must not all be 0"),
    "all 0 as fractions": (
        lambda: split(3, [0, 1], shares=[0, Fraction(0)]),
        ValueError,
        "shares must not all be 0",
    ),
    "absent share": (
        lambda: split(3, ["a", "b"], shares={"a": 1}),
        ValueError,
        "shares['b'] must be given; write 0 for no blocks",
    ),
    "a share of None": (
        lambda: split(3, ["a", "b"], shares=[1, None]),
        ValueError,
        "shares[1] must be given; write 0 for no blocks",
    ),
    "unknown device": (
        lambda: split(3, ["a"], shares={"a": 1, "c": 1}),
        ValueError,
        "shares must be keyed by the devices, got the key 'c'; the closest device is 'a'",
    ),
    "a share as a str": (lambda: split(3, ["a"], shares=["1"]), TypeError, "shares[0] must be a number, got '1'"),
    "shares of very different magnitudes": (
        lambda: split(3, [0, 1], shares=[1e-300, 1]),
        ValueError,
        "shares must have proportions that fit in 128 bits; round them",
    ),
    "sum of shares beyond 128 bits": (
        lambda: split(3, [0, 1], shares=[2**127, 2**127 + 1]),
        ValueError,
        "shares must have proportions that fit in 128 bits",
    ),
    "decimals of very different magnitudes": (
        lambda: split(3, 2, shares=[Decimal("1e-999999999"), 1]),
        ValueError,
        "shares must have proportions that fit in 128 bits",
    ),
    "fractions with a large common denominator": (
        lambda: split(9, 5000, shares=[Fraction(1, 2**61 + 2 * n + 1) for n in range(5000)]),
        ValueError,
        "shares must have proportions that fit in 128 bits",
    ),
    "fractions without small common denominator": (
        lambda: split(3, [0, 1], shares=[Fraction(1, 3**90), Fraction(1, 2**90)]),
        ValueError,
        "shares must have proportions that fit in 128 bits",
    ),
}


@pytest.mark.parametrize("name", INVALID_CALLS)
def test_invalid_arguments_raise_an_error_that_names_the_argument(name: str) -> None:
    call, error, message = INVALID_CALLS[name]
    with pytest.raises(error, match=re.escape(message)):
        call()


def deepspeed_partition_uniform() -> Callable[[int, int], list[int]]:
    """Return DeepSpeed's ``partition_uniform``, extracted from its file.

    Importing the package would search for accelerators.
    """
    spec = importlib.util.find_spec("deepspeed")
    if spec is None or spec.origin is None:
        pytest.skip("DeepSpeed is not installed")
    tree = ast.parse((Path(spec.origin).parent / "runtime" / "utils.py").read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", "") == "partition_uniform"]
    namespace: dict[str, Any] = {}
    exec(compile(tree, "utils.py", "exec"), namespace)  # noqa: S102
    partition_uniform: Callable[[int, int], list[int]] = namespace["partition_uniform"]
    return partition_uniform


def test_boundaries_without_shares_are_those_of_deepspeed() -> None:
    partition_uniform = deepspeed_partition_uniform()
    for num_blocks in range(120):
        for num_devices in range(1, 20):
            assert list(split(num_blocks, num_devices).boundaries) == partition_uniform(num_blocks, num_devices)


# The key is a project and a number of layers. The value is the number of layers of each stage, as returned by
# StageManager.distribute_layers of ColossalAI 0.5.0 and by get_pp_indices of vLLM 0.11.0.
COUNTS_OF_OTHER_PROJECTS = {
    ("ColossalAI", 32): (6, 7, 7, 6, 6),
    ("ColossalAI", 33): (8, 8, 9, 8),
    ("ColossalAI", 7): (0, 1, 1, 1, 1, 1, 1, 1),
    ("ColossalAI", 80): (13, 13, 14, 14, 13, 13),
    ("vLLM", 32): (6, 6, 7, 7, 6),
    ("vLLM", 33): (8, 8, 9, 8),
    ("vLLM", 7): (1, 1, 1, 1, 1, 1, 1, 0),
    ("vLLM", 80): (13, 13, 13, 14, 14, 13),
}


@pytest.mark.parametrize(("project", "num_layers"), COUNTS_OF_OTHER_PROJECTS)
def test_counts_of_other_projects_are_those_of_split_in_another_order(project: str, num_layers: int) -> None:
    counts = COUNTS_OF_OTHER_PROJECTS[project, num_layers]
    device_map = DeviceMap.from_counts(counts, len(counts))
    assert device_map.counts == counts
    devicemap.assert_device_map(device_map, num_layers)
    assert sorted(counts) == sorted(split(num_layers, len(counts)).counts)
