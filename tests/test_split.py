"""``split``: even runs, or runs by shares, exact at any size."""

from __future__ import annotations

import ast
import importlib.util
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


@given(st.integers(0, 10**13), st.integers(1, 200))
def test_runs_differ_by_one_block_the_larger_first(n_blocks: int, devices: int) -> None:
    device_map = split(n_blocks, range(devices))
    counts = device_map.counts
    assert sum(counts) == device_map.num_blocks == n_blocks
    assert len(counts) == devices
    assert sorted(counts, reverse=True) == list(counts)
    assert counts[0] - counts[-1] <= 1
    assert min(counts) > 0 or n_blocks < devices
    assert list(device_map) == list(range(devices))


def test_no_device_is_idle_where_the_original_leaves_some_so() -> None:
    for n_blocks, devices in [(5, 4), (9, 8)]:
        assert len(devicemap.get_device_map(n_blocks, range(devices))) < devices
        assert 0 not in split(n_blocks, range(devices)).counts


def by_definition(n_blocks: int, shares: list[Any]) -> tuple[int, ...]:
    """The largest remainder in Python's fractions."""
    exact = [Fraction(share) for share in shares]
    quotas = [n_blocks * share / sum(exact) for share in exact]
    counts = [int(quota) for quota in quotas]
    order = sorted(range(len(shares)), key=lambda device: counts[device] - quotas[device])
    for device in order[: n_blocks - sum(counts)]:
        counts[device] += 1
    return tuple(counts)


whole = st.integers(0, 100)
shares = st.one_of(
    st.lists(whole, min_size=1, max_size=8),
    st.lists(st.one_of(whole, st.integers(0, 2**60)), min_size=1, max_size=8),
    st.lists(st.floats(0, 100).filter(lambda x: x == 0 or x > 1e-6), min_size=1, max_size=8),
    st.lists(st.fractions(0, 10, max_denominator=1000), min_size=1, max_size=8),
    st.lists(st.decimals(0, 10, places=3), min_size=1, max_size=8),
    st.lists(
        st.one_of(whole, st.fractions(0, 10, max_denominator=1000), st.sampled_from([0.1, 0.25])),
        min_size=1,
        max_size=6,
    ),
).filter(any)


@given(st.one_of(st.integers(0, 30), st.integers(0, 10**15)), shares)
def test_shares_come_out_by_the_definition(n_blocks: int, shares: list[Any]) -> None:
    assert split(n_blocks, range(len(shares)), shares=shares).counts == by_definition(n_blocks, shares)


def test_shares_without_drift() -> None:
    assert split(5, ["a", "b"], shares=[1, 2]).counts == (2, 3)
    assert split(1_000_000, range(3), shares=[1, 1, 1]).counts == (333_334, 333_333, 333_333)
    assert split(10**6, range(10), shares=[0.1] * 10).counts == (10**5,) * 10
    assert split(10, range(3), shares=[Fraction(1, 3)] * 3).counts == (4, 3, 3)
    assert split(10**18, range(2), shares=[2**64, 2**64 + 1]).counts == by_definition(10**18, [2**64, 2**64 + 1])
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
def test_shares_of_every_kind(shares: Any) -> None:
    assert split(5, ["a", "b"], shares=shares) == {"a": range(2), "b": range(2, 5)}


def test_devices_of_every_kind() -> None:
    assert split(3, iter(["a", None])) == {"a": range(2), None: range(2, 3)}
    assert split(3, {"a": 0, "b": 0}.keys()) == {"a": range(2), "b": range(2, 3)}
    assert isinstance(split(np.int64(3), [(0, 1)]), DeviceMap)
    assert split(True, [0]).num_blocks == 1


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "devices with values": (lambda: split(3, {"a": "1GiB"}), TypeError, "a mapping, whose values would be lost"),
    "negative": (lambda: split(-1, [0]), ValueError, "n_blocks is negative: -1"),
    "float": (lambda: split(3.0, [0]), TypeError, "float"),  # type: ignore[arg-type]
    "huge": (lambda: split(10**30, [0]), OverflowError, "too large"),
    "no devices": (lambda: split(3, []), ValueError, "there are no devices"),
    "devices in no order": (
        lambda: split(3, {"a", "b"}),
        TypeError,
        "devices is a set, which has no order: give a list",
    ),
    "device twice": (lambda: split(3, [0, 1, 0]), ValueError, "device 0 is named twice"),
    "a number": (lambda: split(3, 4), TypeError, "devices is 4, not a sequence"),  # type: ignore[arg-type]
    "fewer shares": (lambda: split(3, [0, 1], shares=[1]), ValueError, "shares has length 1, but devices 2"),
    "negative share": (lambda: split(3, [0, 1], shares=[1, -2]), ValueError, r"shares\[1\] is negative: -2"),
    "nan": (lambda: split(3, [0, 1], shares=[1, float("nan")]), ValueError, r"shares\[1\] is not a number"),
    "infinite": (lambda: split(3, [0], shares=[float("inf")]), ValueError, r"shares\[0\] is infinite"),
    "all 0": (lambda: split(3, [0, 1], shares=[0, 0.0]), ValueError, "shares are all 0"),
    "absent": (lambda: split(3, ["a", "b"], shares={"a": 1}), ValueError, r"shares\['b'\] is missing"),
    "none": (lambda: split(3, ["a", "b"], shares=[1, None]), ValueError, r"shares\[1\] is missing"),
    "unknown device": (lambda: split(3, ["a"], shares={"a": 1, "c": 1}), ValueError, "shares names 'c'"),
    "text": (lambda: split(3, ["a"], shares=["1"]), TypeError, r"shares\[0\] is of type str, not a number"),
    "far apart": (lambda: split(3, [0, 1], shares=[1e-300, 1]), ValueError, "too far apart"),
    "together beyond 128 bits": (lambda: split(3, [0, 1], shares=[2**127, 2**127]), ValueError, "too far apart"),
    "fractions beyond 128 bits": (
        lambda: split(3, [0, 1], shares=[Fraction(2**127), 2**127]),
        ValueError,
        "too far apart",
    ),
    "fractions far apart": (
        lambda: split(3, [0, 1], shares=[Fraction(1, 3**90), Fraction(1, 2**90)]),
        ValueError,
        "too far apart",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_a_clear_error(name: str) -> None:
    call, error, text = WRONG[name]
    with pytest.raises(error, match=text):
        call()


def deepspeed_uniform() -> Callable[[int, int], list[int]]:
    """DeepSpeed's own ``partition_uniform``, out of its file: importing the package would look for accelerators."""
    spec = importlib.util.find_spec("deepspeed")
    if spec is None or spec.origin is None:
        pytest.skip("DeepSpeed is not installed")
    tree = ast.parse((Path(spec.origin).parent / "runtime" / "utils.py").read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", "") == "partition_uniform"]
    names: dict[str, Any] = {}
    exec(compile(tree, "utils.py", "exec"), names)  # noqa: S102
    uniform: Callable[[int, int], list[int]] = names["partition_uniform"]
    return uniform


def test_an_even_split_is_that_of_deepspeed() -> None:
    uniform = deepspeed_uniform()
    for n_blocks in range(120):
        for devices in range(1, 20):
            assert list(split(n_blocks, range(devices)).boundaries) == uniform(n_blocks, devices)


# How many layers each stage gets, as the projects' own functions gave it: ColossalAI 0.5.0's
# StageManager.distribute_layers, and vLLM 0.11.0's get_pp_indices.
COUNTS_OF_PEERS = {
    ("ColossalAI", 32): (6, 7, 7, 6, 6),
    ("ColossalAI", 33): (8, 8, 9, 8),
    ("ColossalAI", 7): (0, 1, 1, 1, 1, 1, 1, 1),
    ("ColossalAI", 80): (13, 13, 14, 14, 13, 13),
    ("vLLM", 32): (6, 6, 7, 7, 6),
    ("vLLM", 33): (8, 8, 9, 8),
    ("vLLM", 7): (1, 1, 1, 1, 1, 1, 1, 0),
    ("vLLM", 80): (13, 13, 13, 14, 14, 13),
}


@pytest.mark.parametrize("peer", COUNTS_OF_PEERS)
def test_the_counts_of_peers_make_maps_of_all_layers(peer: tuple[str, int]) -> None:
    counts = COUNTS_OF_PEERS[peer]
    device_map = DeviceMap.from_counts(counts, range(len(counts)))
    assert device_map.counts == counts
    devicemap.assert_device_map(device_map, peer[1])
    # Theirs are as even as ours, in another order; but for more stages than layers.
    assert sorted(counts) == sorted(split(peer[1], range(len(counts))).counts)
