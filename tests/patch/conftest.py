"""The fixture that creates the folders of the test packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patch.packages import PACKAGES, write_files


@pytest.fixture(scope="module")
def package_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Create a folder for each package, which contains only devicemap and that package."""
    return {package: write_files(tmp_path_factory.mktemp("package"), files) for package, files in PACKAGES.items()}
