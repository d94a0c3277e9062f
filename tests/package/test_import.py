"""Tests for the public names of ``devicemap``, the signatures of the drop-in, and what an import loads."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import devicemap
from devicemap import model_parallel_utils
from tests.subprocess_helpers import run_code

MODULES = pytest.mark.parametrize("module", [devicemap, model_parallel_utils], ids=lambda module: module.__name__)


def test_the_public_names_are_those_of_the_documentation() -> None:
    assert set(devicemap.__all__) == {
        "DeviceMap",
        "DeviceMapError",
        "InfeasibleError",
        "Model",
        "ModelError",
        "Part",
        "Report",
        "__version__",
        "assert_device_map",
        "balance",
        "check",
        "get_device_map",
        "parse_memory",
        "patch_transformers",
        "split",
        "unpatch_transformers",
    }
    assert all(hasattr(devicemap, name) for name in devicemap.__all__)
    assert set(model_parallel_utils.__all__) == {"assert_device_map", "get_device_map"}


@MODULES
def test_signatures_are_those_of_the_original(module: ModuleType) -> None:
    def parameters(function: Callable[..., object]) -> dict[str, object]:
        return {name: parameter.kind for name, parameter in inspect.signature(function).parameters.items()}

    positional_or_keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert parameters(module.get_device_map) == dict.fromkeys(["n_layers", "devices"], positional_or_keyword)
    assert parameters(module.assert_device_map) == dict.fromkeys(["device_map", "num_blocks"], positional_or_keyword)


@MODULES
def test_arguments_can_be_positional_or_keywords(module: ModuleType) -> None:
    device_map = {"cpu": [0, 1], "disk": [2]}
    assert module.get_device_map(3, ["cpu", "disk"]) == device_map
    assert module.get_device_map(devices=["cpu", "disk"], n_layers=3) == device_map
    assert module.assert_device_map(device_map, 3) is None
    assert module.assert_device_map(num_blocks=3, device_map=device_map) is None
    with pytest.raises(devicemap.DeviceMapError):
        module.assert_device_map(num_blocks=2, device_map=device_map)


def test_an_import_loads_only_the_standard_library() -> None:
    imported = run_code(
        """
        import sys
        before = set(sys.modules)
        import devicemap
        print(*set(sys.modules) - before)
        """
    )
    packages = {name.partition(".")[0] for name in imported.split()}
    assert "devicemap" in packages
    assert packages <= sys.stdlib_module_names | {"devicemap"}


def test_names_that_are_loaded_on_first_use_are_listed() -> None:
    run_code(
        """
        import sys
        import devicemap
        assert {"Model", "Part", "balance"} <= set(dir(devicemap))
        assert not any(name.startswith("devicemap._models") for name in sys.modules)
        assert devicemap.Model.__module__.startswith("devicemap._models")
        try:
            devicemap.Modell
        except AttributeError as error:
            assert str(error) == "module 'devicemap' has no attribute 'Modell'"
        else:
            raise SystemExit("a name that does not exist has a value")
        """
    )


def test_the_versions_of_the_crate_the_module_and_the_distribution_agree() -> None:
    manifest = Path(__file__).parents[2].joinpath("Cargo.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "(.+)"$', manifest, re.MULTILINE)
    assert match is not None
    assert devicemap.__version__ == match[1] == importlib.metadata.version("devicemap")


def test_assert_device_map_also_raises_if_python_removes_assert_statements() -> None:
    run_code(
        """
        import devicemap
        assert False, "python -O removes this statement"
        try:
            devicemap.assert_device_map({0: [0, 0]}, 1)
        except devicemap.DeviceMapError:
            raise SystemExit(0)
        raise SystemExit("assert_device_map raised no exception")
        """,
        "-O",
    )


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this version of Python has the GIL")
def test_an_import_does_not_enable_the_gil() -> None:
    """Python enables the GIL if an extension does not declare that it is safe without it."""
    assert run_code("import sys, devicemap; print(sys._is_gil_enabled())") == "False\n"
