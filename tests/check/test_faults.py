"""``check``: the findings are those of the reference implementation."""

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
"""Small numbers of blocks, or a large one, so that nearly all blocks are missing."""
numbers = st.integers(-3, 14)
items: st.SearchStrategy[Any] = st.one_of(
    numbers,
    numbers,
    numbers,
    st.sampled_from([2**30 - 1, 2**30, 2**30 + 1, 2**62, 2**63 - 1, 2**63, 2**63 + 1, -(2**63), -(2**63) - 1]),
    st.sampled_from([10**30, 10**30 + 1, *Layer]),
    *(st.builds(kind, numbers) for kind in (PlainInt, NamedInt, Modular, Index, np.int8, np.int64)),
    st.builds(np.uint64, st.integers(0, 14)),
    st.sampled_from([True, False, np.True_, 1.0, np.float64(2), 0.5, "3", "cuda", b"1", None, (), [1], 1j, object]),
)
runs = st.builds(lambda start, length: range(start, start + length), st.integers(-2, 12), st.integers(0, 6))


def generator(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


def maps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Callable[[], dict[Any, Any]]]:
    return st.lists(values, max_size=5).map(
        lambda makers: lambda: {f"cuda:{d}": make() for d, make in enumerate(makers)}
    )


def contents(items: st.SearchStrategy[Any], *containers: Callable[[Any], Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda build, content: lambda: build(content), st.sampled_from(containers), st.lists(items, max_size=8)
    )


int64 = st.one_of(numbers, st.sampled_from([2**30, 2**30 + 1, 2**63 - 1, -(2**63)]))
uint64 = st.one_of(st.integers(0, 14), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]))
lists_of_runs = st.lists(runs, max_size=3).map(lambda runs: lambda: [block for run in runs for block in run])
values_of_ints = st.one_of(
    contents(numbers, list, tuple, generator, lambda content: array.array("b", content)),
    contents(int64, lambda content: array.array("q", content), lambda content: np.array(content, dtype="int64")),
    contents(uint64, list, lambda content: np.array(content, dtype="uint64")),
    contents(numbers, lambda content: np.array(content * 2, dtype=">i4")[::2]),
    st.sampled_from([range(2**63 - 2, 2**63 + 1), range(10**30, 10**30 + 2), range(-1, -4, -1)]).map(
        lambda r: lambda: r
    ),
    ranges,
    ranges,
    lists_of_runs,
    lists_of_runs,
)


@MANY_EXAMPLES
@given(device_map=maps(st.one_of(values_of_ints, lists_of_runs)), num_blocks=block_counts)
def test_any_maps_of_ints(device_map: Callable[[], Any], num_blocks: int) -> None:
    report = assert_findings(device_map, num_blocks)
    if num_blocks > 12:
        return
    drop_in_outcome = outcome(devicemap.assert_device_map, lambda: (device_map(), num_blocks))
    assert report.ok is (drop_in_outcome.raised is None)
    assert drop_in_outcome.raised in {None, devicemap.DeviceMapError}
    if drop_in_outcome.raised:
        with pytest.raises(devicemap.DeviceMapError) as info:
            devicemap.assert_device_map(device_map(), num_blocks)
        assert info.value.duplicate_blocks == list(report.duplicates)
        assert info.value.missing_blocks == list(itertools.chain(*report.missing))
        extra = info.value.extra_blocks
        assert list(dict.fromkeys(extra)) == list(report.extra)
        assert Counter(extra) == {block: len(devices) for block, devices in report.extra.items()}


@MANY_EXAMPLES
@given(
    device_map=maps(
        st.one_of(
            contents(items, list, list, tuple, generator, iter),
            contents(numbers, lambda content: np.array(content, dtype="float32")),
            st.sampled_from([dict.fromkeys("ab").keys(), np.arange(4).reshape(2, 2)]).map(lambda value: lambda: value),
            values_of_ints,
        )
    ),
    num_blocks=block_counts,
)
def test_any_maps(device_map: Callable[[], Any], num_blocks: int) -> None:
    assert_findings(device_map, num_blocks)


@MANY_EXAMPLES
@given(device_map=device_maps)
def test_other_values_raise_only_type_errors(device_map: Callable[[], Any]) -> None:
    try:
        str(check(device_map(), 5))
    except TypeError as error:
        assert str(error).startswith("device_map")  # noqa: PT017 (most maps raise no error)


@MANY_EXAMPLES
@given(
    blocks=st.permutations(range(200)), cuts=st.lists(st.integers(0, 200), max_size=6), changes=st.integers(0, 2),
    data=st.data(),
)  # fmt: skip
def test_maps_without_faults_and_with_changed_blocks(
    blocks: list[int], cuts: list[int], changes: int, data: st.DataObject
) -> None:
    for _ in range(changes):
        blocks[data.draw(st.integers(0, 199))] = data.draw(st.integers(-5, 205))
    ends = [0, *sorted(cuts), 200]
    device_map = {d: blocks[a:b] for d, (a, b) in enumerate(itertools.pairwise(ends))}
    assert bool(assert_findings(lambda: device_map, 200)) is (set(blocks) == set(range(200)))
