"""``check`` while user code changes the map."""

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
    "call recursively": lambda device_map, blocks: str(check({0: list(range(70))}, 69)),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
@pytest.mark.parametrize("size", [1, 70, 2_000])
def test_items_and_iterables_that_mutate_the_map(mutation: Callable[[Any, Any], Any], size: int) -> None:
    """The order of reading is that of a Python loop over the items of the map."""

    class MutatingItem(Index):
        def __init__(self, mutate: Callable[[], Any]) -> None:
            super().__init__(5)
            self.mutate = mutate

        def __index__(self) -> int:
            self.mutate()
            self.mutate = lambda: None
            return 5

    def create_map(index: int, generated: bool) -> dict[Any, Any]:
        blocks: list[Any] = list(range(10**6, 10**6 + size))
        device_map: dict[Any, Any] = {"early": blocks, "mutating_item": [6], "late": blocks}

        def mutate() -> None:
            mutation(device_map, blocks)

        def mutate_midway() -> Iterator[int]:
            yield 3
            mutate()
            yield 4

        if generated:
            device_map["mutating_item"] = mutate_midway()
        else:
            [device_map["mutating_item"], blocks][index].insert(0, MutatingItem(mutate))
        return device_map

    for index, generated in [(0, False), (1, False), (0, True)]:
        report = check(create_map(index, generated), 8)
        assert reported_findings(report) == expected_findings(create_map(index, generated), 8)
        assert report.num_devices == 3


def test_maps_and_counts_that_mutate_the_map() -> None:
    device_map: dict[Any, Any] = {0: [0], 1: [1]}

    class MutatingMap(dict[Any, Any]):
        def items(self) -> Any:
            for device, blocks in list(super().items()):
                yield device, blocks
                self.clear()
                blocks.append(7)

    class Count:
        def __index__(self) -> int:
            device_map.clear()
            return 2

    report = check(MutatingMap(device_map), 2)
    assert (report.num_devices, report.extra) == (2, {7: (0, 1)})
    assert check(device_map, Count()).num_devices == 0


def test_devices_that_mutate_the_map() -> None:
    class Device:
        def __eq__(self, other: object) -> bool:
            if armed:
                device_map.clear()
            return self is other

        def __hash__(self) -> int:
            return 1

    armed = False
    first, second = Device(), Device()
    device_map: dict[Any, Any] = {"a": [0], first: ["x"], second: [0, 1, "x"]}
    armed = True
    report = check(device_map, 2)
    assert report.duplicates == {0: ("a", second)}
    assert list(report.invalid.values()) == [("x",), ("x",)]
    assert not device_map
