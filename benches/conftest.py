"""Fixtures of the benchmarks, and hooks that add the bars, the placements and the versions to the JSON file."""

from __future__ import annotations

import dataclasses
import gc
import platform
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import pytest

from benches.quality.placement import Row, versions
from benches.speed.bars import Result

T = TypeVar("T")
RESULTS = pytest.StashKey[list[Result]]()
PLACEMENTS = pytest.StashKey[list[Row]]()


class Benchmark(Protocol):
    """The part of pytest-benchmark's fixture that is used here, since the types of that package are incomplete."""

    group: str | None
    extra_info: dict[str, Any]

    def __call__(self, function: Callable[..., T], /, *args: Any) -> T: ...
    def pedantic(self, target: Callable[..., T], args: tuple[Any, ...], *, rounds: int) -> T: ...


@pytest.fixture(scope="session")
def smoke(pytestconfig: pytest.Config) -> bool:
    """Return whether each benchmark runs once, untimed (``--benchmark-disable``)."""
    return bool(pytestconfig.getoption("benchmark_disable"))


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> list[Result]:
    """Return the list of measured bars."""
    return pytestconfig.stash.setdefault(RESULTS, [])


@pytest.fixture(scope="session")
def placements(pytestconfig: pytest.Config) -> list[Row]:
    """Return the list of rows of the placement table."""
    return pytestconfig.stash.setdefault(PLACEMENTS, [])


@pytest.fixture(autouse=True)
def frozen_heap() -> Iterator[None]:
    """Exclude the objects of pytest from garbage collections, which would traverse them in the timed calls."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add the bars and placements to the results of pytest-benchmark, and remove the times of single rounds."""
    for benchmark in output_json["benchmarks"]:
        del benchmark["stats"]["data"]
    output_json["bars"] = [
        {
            "call": result.bar.call,
            "requirement": result.bar.requirement,
            "measured": result.measured,
            "is_met": result.is_met,
            "seconds": [result.our_seconds, result.other_seconds],
            "num_rounds": result.num_rounds,
        }
        for result in config.stash.get(RESULTS, [])
    ]
    output_json["placements"] = [dataclasses.asdict(row) for row in config.stash.get(PLACEMENTS, [])]


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Add the versions, and remove the name of the host."""
    del machine_info["node"]
    machine_info["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    machine_info["packages"] = versions()
