"""User code that changes what ``check`` is reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemap import check
from tests.oracles.faults import expected, found
from tests.strategies import Index

MEDDLING: dict[str, Callable[[dict[Any, Any], list[Any]], Any]] = {
    "clear the list": lambda device_map, blocks: blocks.clear(),
    "clear the map": lambda device_map, blocks: device_map.clear(),
    "grow the list": lambda device_map, blocks: blocks.extend(range(50)),
    "grow the map": lambda device_map, blocks: device_map.update({len(device_map): [1]}),
    "replace its ints": lambda device_map, blocks: blocks.__setitem__(slice(None), ["x" for _ in blocks]),
    "call again": lambda device_map, blocks: str(check({0: list(range(70))}, 69)),
}


@pytest.mark.parametrize("meddling", MEDDLING.values(), ids=MEDDLING.keys())
@pytest.mark.parametrize("size", [1, 70, 2_000])
def test_blocks_and_iterables_that_meddle(meddling: Callable[[Any, Any], Any], size: int) -> None:
    """What is read when is what a loop of Python's over the map's items, taken before, would read."""

    class Meddler(Index):
        def __init__(self, meddle: Callable[[], Any]) -> None:
            super().__init__(5)
            self.meddle = meddle

        def __index__(self) -> int:
            self.meddle()
            self.meddle = lambda: None
            return 5

    def make(place: int, generated: bool) -> dict[Any, Any]:
        blocks: list[Any] = list(range(10**6, 10**6 + size))
        device_map: dict[Any, Any] = {"early": blocks, "meddler": [6], "late": blocks}

        def meddle() -> None:
            meddling(device_map, blocks)

        def meddle_midway() -> Iterator[int]:
            yield 3
            meddle()
            yield 4

        if generated:
            device_map["meddler"] = meddle_midway()
        else:
            [device_map["meddler"], blocks][place].insert(0, Meddler(meddle))
        return device_map

    for place, generated in [(0, False), (1, False), (0, True)]:
        report = check(make(place, generated), 8)
        assert found(report) == expected(make(place, generated), 8)
        assert report.num_devices == 3


def test_maps_and_counts_that_meddle() -> None:
    device_map: dict[Any, Any] = {0: [0], 1: [1]}

    class Meddling(dict[Any, Any]):
        def items(self) -> Any:
            for device, blocks in list(super().items()):
                yield device, blocks
                self.clear()
                blocks.append(7)

    class Count:
        def __index__(self) -> int:
            device_map.clear()
            return 2

    report = check(Meddling(device_map), 2)
    assert (report.num_devices, report.extra) == (2, {7: (0, 1)})
    assert check(device_map, Count()).num_devices == 0


def test_devices_that_meddle() -> None:
    class Device:
        def __eq__(self, other: object) -> bool:
            if armed:
                device_map.clear()
            return self is other

        def __hash__(self) -> int:
            return 1

    armed = False
    one, other = Device(), Device()
    device_map: dict[Any, Any] = {"a": [0], one: ["x"], other: [0, 1, "x"]}
    armed = True
    report = check(device_map, 2)
    assert report.duplicates == {0: ("a", other)}
    assert list(report.invalid.values()) == [("x",), ("x",)]
    assert not device_map
