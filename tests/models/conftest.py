"""The fixture that installs packages which cannot be installed together with transformers 4."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.subprocess_helpers import run_command


@pytest.fixture(scope="session")
def transformers_5_packages(pytestconfig: pytest.Config) -> Path:
    """Return a folder with transformers 5 and huggingface_hub 2, which is kept in pytest's cache."""
    assert pytestconfig.cache is not None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = pytestconfig.cache.mkdir(f"transformers5-packages-python{version}")
    completion_marker = folder / "complete"
    if not completion_marker.exists():
        run_command(sys.executable, "-m", "pip", "install", "--target", folder, "transformers>=5,<6")
        completion_marker.touch()
    return folder
