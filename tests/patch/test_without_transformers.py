"""``patch_transformers()`` where transformers is not installed: code that imports the two helpers still runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.subprocess_helpers import devicemap_alone, run


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    return devicemap_alone(tmp_path)


# Without the site module (-S) Python finds no installed package.


def test_the_import_works_while_patched(alone: Path) -> None:
    run(
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
        path=alone,
    )


def test_transformers_itself_stays_missing(alone: Path) -> None:
    """Code that asks whether transformers is there must not be misled."""
    run(
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
        path=alone,
    )


def test_a_hidden_transformers_is_as_a_missing_one() -> None:
    run(
        """
        import sys
        sys.modules["transformers"] = None
        import devicemap
        devicemap.patch_transformers()
        from transformers.utils.model_parallel_utils import get_device_map
        assert get_device_map is devicemap.get_device_map
        """
    )


def test_a_stand_in_is_given_back(alone: Path) -> None:
    """Some forks put a module of their own in the place, often with one of the functions only."""
    run(
        """
        import sys
        from types import ModuleType
        stand_in = sys.modules["transformers.utils.model_parallel_utils"] = ModuleType("stand_in")
        stand_in.get_device_map = lambda n_layers, devices: {}
        user = sys.modules["transformers.user"] = ModuleType("user")
        user.get_device_map = stand_in.get_device_map

        import devicemap
        devicemap.patch_transformers()
        from transformers.utils.model_parallel_utils import assert_device_map, get_device_map
        assert get_device_map is user.get_device_map is devicemap.get_device_map

        devicemap.unpatch_transformers()
        assert sys.modules["transformers.utils.model_parallel_utils"] is stand_in
        assert user.get_device_map is stand_in.get_device_map
        """,
        "-S",
        path=alone,
    )
