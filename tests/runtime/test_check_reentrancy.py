"""Tests in which user code changes the map during a call of ``check``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemap import check
from tests.oracles.faults import expected_findings, reported_findings
from tests.strategies import Index

MUTATIONS: dict[str, Callable[[dict[Any, Any], list[Any]], Any]] = {
    "clear the list": lambda device_map, blocks: blocks.clear(),
    "clear the map": lambda device_map, blocks: device_map.clear(),
    "grow the list": lambda device_map, blocks: blocks.extend(range(50)),
    "grow the map": lambda device_map, blocks: device_map.update({len(device_map): [1]}),
    "replace the ints": lambda device_map, blocks: blocks.__setitem__(slice(None), ["x" for _ in blocks]),
    # A call with a fault, whose report is also formatted.
    "call recursively": lambda device_map, blocks: str(check({0: [0, 1, 1]}, 3)),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
@pytest.mark.parametrize(
    "size", [1, 70, 2_000], ids=["one item", "more items than one word of the bitset", "many items"]
)
def test_items_and_iterables_can_mutate_the_map(mutation: Callable[[Any, Any], Any], size: int) -> None:
    """The findings are those of the reference implementation, which copies the items of the map and loops over them."""

    class MutatingItem(Index):
        """An item that mutates the map when it is first converted to an int."""

        def __init__(self, mutate: Callable[[], Any]) -> None:
            super().__init__(5)
            self.mutate = mutate

        def __index__(self) -> int:
            self.mutate()
            self.mutate = lambda: None
            return 5

    def create_map(location: str) -> dict[Any, Any]:
        """Create a map that is mutated while it is read, by an item of one of its two lists or by a generator."""
        # Ints that are not blocks. Python does not cache large ints: if the list is cleared, they are freed.
        blocks: list[Any] = list(range(10**6, 10**6 + size))
        device_map: dict[Any, Any] = {"before": blocks, "mutating": [6], "after": blocks}

        def mutate() -> None:
            mutation(device_map, blocks)

        def mutating_generator() -> Iterator[int]:
            yield 3
            mutate()
            yield 4

        if location == "own list":
            device_map["mutating"].insert(0, MutatingItem(mutate))
        elif location == "shared list":
            blocks.insert(0, MutatingItem(mutate))
        else:
            device_map["mutating"] = mutating_generator()
        return device_map

    for location in ("own list", "shared list", "generator"):
        report = check(create_map(location), 8)
        assert reported_findings(report) == expected_findings(create_map(location), 8)
        assert report.num_devices == 3


def test_the_items_method_and_num_blocks_can_mutate_the_map() -> None:
    """All items of the map are taken before the first list is read, and ``num_blocks`` is converted before that."""
    device_map: dict[Any, Any] = {0: [0], 1: [1]}

    class MutatingMap(dict[Any, Any]):
        def items(self) -> Any:
            for device, blocks in list(super().items()):
                yield device, blocks
                self.clear()
                blocks.append(7)

    class MutatingNumBlocks:
        def __index__(self) -> int:
            device_map.clear()
            return 2

    report = check(MutatingMap(device_map), 2)
    assert (report.num_devices, report.extra) == (2, {7: (0, 1)})
    assert check(device_map, MutatingNumBlocks()).num_devices == 0


def test_the_eq_method_of_a_device_can_mutate_the_map() -> None:
    """The report has dicts with devices as keys, which call ``__eq__`` while they are created."""

    class Device:
        def __eq__(self, other: object) -> bool:
            if map_is_created:
                device_map.clear()
            return self is other

        def __hash__(self) -> int:
            return 1

    # All hashes are equal, so that creating the map calls `__eq__`, too, when there is no map to be cleared yet.
    map_is_created = False
    first, second = Device(), Device()
    device_map: dict[Any, Any] = {"a": [0], first: ["x"], second: [0, 1, "x"]}
    map_is_created = True
    report = check(device_map, 2)
    assert report.duplicates == {0: ("a", second)}
    # The keys are not compared, since that would call `__eq__` again.
    assert list(report.invalid.values()) == [("x",), ("x",)]
    assert not device_map
