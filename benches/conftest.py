"""What the benchmarks share: full or smoke, the measured bars, and the versions beside the figures."""

from __future__ import annotations

import gc
import importlib.metadata
import platform
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import pytest

from benches.bars import Result

T = TypeVar("T")
RESULTS = pytest.StashKey[list[Result]]()


class Benchmark(Protocol):
    """The part of pytest-benchmark's fixture that is used here; its own types are not complete."""

    group: str | None
    extra_info: dict[str, Any]

    def __call__(self, function: Callable[..., T], /, *args: Any) -> T: ...
    def pedantic(self, target: Callable[..., T], args: tuple[Any, ...], *, rounds: int) -> T: ...


@pytest.fixture(scope="session")
def smoke(pytestconfig: pytest.Config) -> bool:
    """Whether everything only has to run once, untimed (``--benchmark-disable``)."""
    return bool(pytestconfig.getoption("benchmark_disable"))


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> list[Result]:
    """Where the measured bars go."""
    return pytestconfig.stash.setdefault(RESULTS, [])


@pytest.fixture(autouse=True)
def frozen_heap() -> Iterator[None]:
    """Keep pytest's own objects out of the garbage collector, which would look through them in the timed calls."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Put the bars beside pytest-benchmark's own results, and leave out each single time that they come from."""
    for benchmark in output_json["benchmarks"]:
        del benchmark["stats"]["data"]
    output_json["bars"] = [
        {
            "what": result.bar.what,
            "bar": result.bar.bar,
            "measured": result.factor,
            "met": result.met,
            "seconds": [result.times.ours, result.times.other],
            "rounds": result.times.rounds,
        }
        for result in config.stash.get(RESULTS, [])
    ]


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Name the versions, and not the host."""
    del machine_info["node"]
    machine_info["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    machine_info["packages"] = {
        name: importlib.metadata.version(name) for name in ("devicemap", "numpy", "transformers") if _is_installed(name)
    }


def _is_installed(name: str) -> bool:
    return any(importlib.metadata.distributions(name=name))
