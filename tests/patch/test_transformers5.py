"""Tests for ``patch_transformers()`` with transformers 5, which no longer has the original module."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.subprocess_helpers import copy_devicemap, interpreter_of, new_environment, run_code, run_command

pytestmark = pytest.mark.slow

# The code of the module `fork`, which calls the original functions as forks of the models of transformers 4 do.
FORK_MODULE = """
from transformers import PretrainedConfig
from transformers.utils.model_parallel_utils import assert_device_map, get_device_map


class Model:
    def __init__(self, config: PretrainedConfig):
        self.h = range(config.num_hidden_layers)

    def parallelize(self, device_map=None):
        self.device_map = get_device_map(len(self.h), range(2)) if device_map is None else device_map
        assert_device_map(self.device_map, len(self.h))
"""

USE_FORK = """
model = fork.Model(transformers.PretrainedConfig(num_hidden_layers=3))
model.parallelize()
assert model.device_map == {0: [0, 1], 1: [2]}, model.device_map
try:
    model.parallelize({0: [0, 1], 1: [1]})
except devicemap.DeviceMapError as error:
    assert error.duplicate_blocks == [1]
    assert error.missing_blocks == [2]
else:
    raise SystemExit("assert_device_map raised no exception")
"""

ASSERT_IMPORT_FAILS = """
try:
    import fork
except ModuleNotFoundError as error:
    assert error.name == "transformers.utils.model_parallel_utils", error
else:
    raise SystemExit("the removed module was imported")
"""


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    """Return the interpreter of an environment with transformers 5, which is kept in pytest's cache."""
    assert pytestconfig.cache is not None
    environment = pytestconfig.cache.mkdir(f"transformers5-python{sys.version_info.major}.{sys.version_info.minor}")
    completion_marker = environment / "complete"
    if not completion_marker.exists():
        run_command(new_environment(environment), "-m", "pip", "install", "transformers>=5,<6")
        completion_marker.touch()
    return interpreter_of(environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that contains devicemap and the module ``fork``."""
    tmp_path.joinpath("fork.py").write_text(FORK_MODULE, encoding="utf-8")
    return copy_devicemap(tmp_path)


def test_the_import_of_a_fork_fails_without_the_patch(python: Path, folder: Path) -> None:
    check_version = "import transformers; assert transformers.__version__.startswith('5.')"
    run_code(check_version + ASSERT_IMPORT_FAILS, python=python, path=folder)


def test_a_fork_works_if_patched_before_the_import_of_transformers(python: Path, folder: Path) -> None:
    patch = "import devicemap; devicemap.patch_transformers()\nimport transformers, fork"
    run_code(patch + USE_FORK, python=python, path=folder)


def test_a_fork_works_if_patched_after_the_import_of_transformers(python: Path, folder: Path) -> None:
    patch = "import transformers.utils, devicemap; devicemap.patch_transformers()\nimport fork"
    run_code(patch + USE_FORK, python=python, path=folder)


def test_the_import_of_a_fork_fails_after_unpatching(python: Path, folder: Path) -> None:
    run_code(
        "import devicemap; devicemap.patch_transformers()\nimport transformers.utils.model_parallel_utils\n"
        "devicemap.unpatch_transformers()\n"
        "assert not hasattr(transformers.utils, 'model_parallel_utils')" + ASSERT_IMPORT_FAILS,
        python=python,
        path=folder,
    )
