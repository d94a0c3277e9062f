"""Tests for ``patch_transformers()`` where transformers is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.subprocess_helpers import copy_devicemap, run_code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that contains only devicemap."""
    return copy_devicemap(tmp_path)


# Without the module site (-S), Python finds no installed package.


def test_the_original_module_can_be_imported_while_the_patch_is_active(folder: Path) -> None:
    run_code(
        """
        import sys
        import devicemap
        before = dict(sys.modules), list(sys.meta_path)

        devicemap.patch_transformers()
        devicemap.patch_transformers()
        from transformers.utils.model_parallel_utils import assert_device_map, get_device_map
        assert_device_map(get_device_map(12, range(2)), 12)
        assert get_device_map is devicemap.get_device_map

        devicemap.unpatch_transformers()
        assert (dict(sys.modules), list(sys.meta_path)) == before
        devicemap.unpatch_transformers()
        """,
        "-S",
        path=folder,
    )


def test_transformers_itself_cannot_be_imported(folder: Path) -> None:
    """Code that tests whether transformers is installed must find that it is not."""
    run_code(
        """
        import importlib.util
        import devicemap
        devicemap.patch_transformers()
        assert importlib.util.find_spec("transformers") is None
        try:
            import transformers
        except ModuleNotFoundError:
            raise SystemExit(0)
        raise SystemExit("transformers was imported")
        """,
        "-S",
        path=folder,
    )


def test_transformers_can_be_none_in_sys_modules() -> None:
    run_code(
        """
        import sys
        sys.modules["transformers"] = None
        import devicemap
        devicemap.patch_transformers()
        from transformers.utils.model_parallel_utils import get_device_map
        assert get_device_map is devicemap.get_device_map
        """
    )


def test_unpatching_restores_a_module_that_another_project_created(folder: Path) -> None:
    """Some forks create their own module under this name, often with only one of the functions."""
    run_code(
        """
        import sys
        from types import ModuleType
        other = sys.modules["transformers.utils.model_parallel_utils"] = ModuleType("other")
        other.get_device_map = lambda n_layers, devices: {}
        importing_module = sys.modules["transformers.model"] = ModuleType("model")
        importing_module.get_device_map = other.get_device_map

        import devicemap
        devicemap.patch_transformers()
        from transformers.utils.model_parallel_utils import assert_device_map, get_device_map
        assert get_device_map is importing_module.get_device_map is devicemap.get_device_map

        devicemap.unpatch_transformers()
        assert sys.modules["transformers.utils.model_parallel_utils"] is other
        assert importing_module.get_device_map is other.get_device_map
        """,
        "-S",
        path=folder,
    )
