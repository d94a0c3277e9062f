"""Build a wheel and an sdist, check their contents, and install them into an empty environment."""

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
from tests.subprocess_helpers import command, new_environment, run

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo, which builds the package, is missing"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    command(sys.executable, "-m", "maturin", "sdist", "--manifest-path", ROOT / "Cargo.toml", "--out", folder)
    (sdist,) = folder.iterdir()
    return sdist


def test_the_wheel_contains_only_the_package(wheel: Path) -> None:
    files = ZipFile(wheel).namelist()
    info = f"devicemap-{devicemap.__version__}.dist-info"
    assert {file.partition("/")[0] for file in files} == {"devicemap", info}
    typing = {"devicemap/py.typed", "devicemap/_native.pyi"}
    assert {*typing, f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= set(files)
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
    top = {"Cargo.toml", "Cargo.lock", "LICENSE", "Makefile", "NOTICE", "README.md", "build.rs", "pyproject.toml"}
    folders = [ROOT / "src", ROOT / "python", ROOT / "tests", ROOT / "benches", ROOT / "examples"]
    sources = {
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix in {".rs", ".py", ".pyi", ".typed", ".c"}
    }
    assert top | {file.relative_to(ROOT).as_posix() for file in sources} <= files


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_installed_package_works(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    python = new_environment(tmp_path)
    # The compiled dependencies are shared with the checkout.
    shared = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}
    command(python, "-m", "pip", "install", request.getfixturevalue(kind), environment=shared)
    where = run(
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
    assert tmp_path in Path(where).parents
    command(python, "-m", "pip", "check")
