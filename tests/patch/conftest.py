"""The folders in which the small packages are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patch.packages import PACKAGES, fill


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that hold devicemap and one of the packages each, and nothing else that can be imported."""
    return {package: fill(tmp_path_factory.mktemp("package"), files) for package, files in PACKAGES.items()}
