"""Tests for the contents of the wheel and the sdist, and for their installation into an empty environment."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

import devicemap
from tests.subprocess_helpers import new_environment, run_code, run_command

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo, which builds the package, is missing"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    run_command(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an sdist."""
    folder = tmp_path_factory.mktemp("sdist")
    run_command(sys.executable, "-m", "maturin", "sdist", "--manifest-path", ROOT / "Cargo.toml", "--out", folder)
    (sdist,) = folder.iterdir()
    return sdist


def test_the_wheel_contains_only_the_package(wheel: Path) -> None:
    files = ZipFile(wheel).namelist()
    dist_info = f"devicemap-{devicemap.__version__}.dist-info"
    assert {file.partition("/")[0] for file in files} == {"devicemap", dist_info}
    typing_files = {"devicemap/py.typed", "devicemap/_native.pyi"}
    assert {*typing_files, f"{dist_info}/licenses/LICENSE", f"{dist_info}/licenses/NOTICE"} <= set(files)
    assert not [file for file in files if "test" in file]


def test_the_wheel_has_no_dependencies(wheel: Path) -> None:
    metadata = f"devicemap-{devicemap.__version__}.dist-info/METADATA"
    headers = HeaderParser().parsestr(ZipFile(wheel).read(metadata).decode())
    assert headers.get_all("Requires-Dist") is None
    assert headers["Requires-Python"] == ">=3.10"
    assert headers["License-Expression"] == "Apache-2.0"


def test_the_sdist_contains_all_sources_and_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    top_level = {"Cargo.toml", "Cargo.lock", "LICENSE", "Makefile", "NOTICE", "README.md", "build.rs", "pyproject.toml"}
    folders = [ROOT / "src", ROOT / "python", ROOT / "tests", ROOT / "benches", ROOT / "examples"]
    sources = {
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix in {".rs", ".py", ".pyi", ".typed", ".c"}
    }
    assert top_level | {file.relative_to(ROOT).as_posix() for file in sources} <= files


@pytest.mark.parametrize("distribution", ["wheel", "sdist"])
def test_an_installed_package_works(distribution: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    python = new_environment(tmp_path)
    # The checkout's build folder is used, so that dependencies are not compiled again.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}
    run_command(python, "-m", "pip", "install", request.getfixturevalue(distribution), environment=environment)
    installed_file = run_code(
        """
        import devicemap
        devicemap.assert_device_map(devicemap.get_device_map(12, ["cuda:0", "cpu"]), num_blocks=12)
        try:
            devicemap.assert_device_map({0: [0, 0]}, 1)
        except devicemap.DeviceMapError as error:
            assert error.duplicate_blocks == [0]
        print(devicemap.__file__)
        """,
        python=python,
    )
    assert tmp_path in Path(installed_file).parents
    run_command(python, "-m", "pip", "check")
