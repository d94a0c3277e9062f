"""Tests that the findings of ``check`` are those of the reference implementation."""

from __future__ import annotations

import array
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devicemap
from devicemap import check
from tests.oracles.faults import assert_findings
from tests.oracles.original import outcome
from tests.strategies import MANY_EXAMPLES, Index, Layer, Modular, NamedInt, PlainInt, device_maps, ranges

pytestmark = pytest.mark.oracle

block_counts = st.one_of(st.integers(0, 12), st.integers(0, 12), st.just(2**16))
"""The number of blocks of the model: small, or so large that nearly all blocks are missing."""
small_ints = st.integers(-3, 14)
items: st.SearchStrategy[Any] = st.one_of(
    small_ints,
    small_ints,
    small_ints,
    st.sampled_from([2**30 - 1, 2**30, 2**30 + 1, 2**62, 2**63 - 1, 2**63, 2**63 + 1, -(2**63), -(2**63) - 1]),
    st.sampled_from([10**30, 10**30 + 1, *Layer]),
    *(st.builds(number_type, small_ints) for number_type in (PlainInt, NamedInt, Modular, Index, np.int8, np.int64)),
    st.builds(np.uint64, st.integers(0, 14)),
    st.sampled_from([True, False, np.True_, 1.0, np.float64(2), 0.5, "3", "cuda", b"1", None, (), [1], 1j, object]),
)
runs = st.builds(lambda start, length: range(start, start + length), st.integers(-2, 12), st.integers(0, 6))


# Some values, such as generators, can be read only once. Therefore the following strategies draw functions that create
# a value, or a map, each time they are called.


def generator(items: Iterable[Any]) -> Iterator[Any]:
    """Yield the items. Unlike a list, a generator can be read only once."""
    yield from items


def map_creators(value_creators: st.SearchStrategy[Any]) -> st.SearchStrategy[Callable[[], dict[Any, Any]]]:
    """Return a strategy for functions that create a map, given a strategy for functions that create a value."""
    return st.lists(value_creators, max_size=5).map(
        lambda creators: lambda: {f"cuda:{device}": create() for device, create in enumerate(creators)}
    )


def value_creators(items: st.SearchStrategy[Any], *containers: Callable[[Any], Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for functions that create one of some containers with the items."""
    return st.builds(
        lambda container, content: lambda: container(content), st.sampled_from(containers), st.lists(items, max_size=8)
    )


int64 = st.one_of(small_ints, st.sampled_from([2**30, 2**30 + 1, 2**63 - 1, -(2**63)]))
uint64 = st.one_of(st.integers(0, 14), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]))
unusual_ranges = st.sampled_from([range(2**63 - 2, 2**63 + 1), range(10**30, 10**30 + 2), range(-1, -4, -1)])
lists_of_runs = st.lists(runs, max_size=3).map(lambda runs: lambda: [block for run in runs for block in run])
values_of_ints = st.one_of(
    value_creators(small_ints, list, tuple, generator, lambda content: array.array("b", content)),
    value_creators(int64, lambda content: array.array("q", content), lambda content: np.array(content, dtype="int64")),
    value_creators(uint64, list, lambda content: np.array(content, dtype="uint64")),
    value_creators(small_ints, lambda content: np.array(content * 2, dtype=">i4")[::2]),
    unusual_ranges.map(lambda blocks: lambda: blocks),
    ranges,
    ranges,
    lists_of_runs,
    lists_of_runs,
)


@MANY_EXAMPLES
@given(create_map=map_creators(st.one_of(values_of_ints, lists_of_runs)), num_blocks=block_counts)
def test_reports_of_maps_of_ints_agree_with_the_reference_and_with_assert_device_map(
    create_map: Callable[[], Any], num_blocks: int
) -> None:
    report = assert_findings(create_map, num_blocks)
    if num_blocks > 12:
        return
    drop_in_outcome = outcome(devicemap.assert_device_map, lambda: (create_map(), num_blocks))
    assert report.ok is (drop_in_outcome.raised is None)
    assert drop_in_outcome.raised in {None, devicemap.DeviceMapError}
    if drop_in_outcome.raised:
        with pytest.raises(devicemap.DeviceMapError) as info:
            devicemap.assert_device_map(create_map(), num_blocks)
        assert info.value.duplicate_blocks == list(report.duplicates)
        assert info.value.missing_blocks == list(itertools.chain(*report.missing))
        extra = info.value.extra_blocks
        assert list(dict.fromkeys(extra)) == list(report.extra)
        assert Counter(extra) == {block: len(devices) for block, devices in report.extra.items()}


@MANY_EXAMPLES
@given(
    create_map=map_creators(
        st.one_of(
            value_creators(items, list, list, tuple, generator, iter),
            value_creators(small_ints, lambda content: np.array(content, dtype="float32")),
            st.sampled_from([dict.fromkeys("ab").keys(), np.arange(4).reshape(2, 2)]).map(lambda value: lambda: value),
            values_of_ints,
        )
    ),
    num_blocks=block_counts,
)
def test_reports_of_maps_of_any_items_agree_with_the_reference(create_map: Callable[[], Any], num_blocks: int) -> None:
    assert_findings(create_map, num_blocks)


@MANY_EXAMPLES
@given(create_map=device_maps)
def test_maps_with_values_that_are_not_blocks_raise_only_type_errors(create_map: Callable[[], Any]) -> None:
    try:
        str(check(create_map(), 5))
    except TypeError as error:
        assert str(error).startswith("device_map")  # noqa: PT017 (most maps raise no error)


@MANY_EXAMPLES
@given(
    blocks=st.permutations(range(200)), cuts=st.lists(st.integers(0, 200), max_size=6), changes=st.integers(0, 2),
    data=st.data(),
)  # fmt: skip
def test_reports_of_permuted_blocks_of_which_some_are_replaced_agree_with_the_reference(
    blocks: list[int], cuts: list[int], changes: int, data: st.DataObject
) -> None:
    for _ in range(changes):
        blocks[data.draw(st.integers(0, 199))] = data.draw(st.integers(-5, 205))
    boundaries = [0, *sorted(cuts), 200]
    device_map = {device: blocks[start:end] for device, (start, end) in enumerate(itertools.pairwise(boundaries))}
    assert bool(assert_findings(lambda: device_map, 200)) is (set(blocks) == set(range(200)))
