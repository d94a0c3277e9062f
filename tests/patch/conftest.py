"""The fixture with the folders of the test packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patch.packages import PACKAGES, fill


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Create a folder for each package, which contains devicemap and that package only."""
    return {package: fill(tmp_path_factory.mktemp("package"), files) for package, files in PACKAGES.items()}
