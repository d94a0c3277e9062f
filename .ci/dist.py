"""Build the sdist and wheels of a release, check their contents, and test them on each version of Python found here.

The wheels are built from the sdist, one for each version. Each is installed into an empty environment outside the
checkout, where it must work without any other package and pass the tests of the drop-in. For the running version, a
second wheel is built from the checkout and tested in the same way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
"""The supported versions of CPython."""


def run_command(*command: Path | str, cwd: Path = ROOT) -> None:
    """Run a command, and exit if it fails."""
    # Build results are shared between the versions and with the checkout.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment.pop("VIRTUAL_ENV", None)
    environment.pop("PYO3_PYTHON", None)
    if subprocess.run(command, cwd=cwd, env=environment, check=False).returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")


def find_python(version: str) -> Path | None:
    """Return the interpreter of a version of CPython, on the path or under pyenv."""
    candidates = [Path(path) for path in [shutil.which(f"python{version}")] if path]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += sorted(pyenv.glob(f"versions/{version}*/bin/python"))
    for python in candidates:
        query = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
        answer = subprocess.run([python, "-c", query], capture_output=True, text=True, check=False)
        if answer.stdout.split() == ["cpython", version]:
            return python
    return None


def list_contents(file: Path) -> list[str]:
    """Return the names of the files in a wheel or an sdist."""
    if file.suffix == ".whl":
        return sorted(ZipFile(file).namelist())
    with tarfile.open(file) as archive:
        return sorted(member.name for member in archive if member.isfile())


def check_contents(file: Path) -> None:
    """Print the contents of a wheel or an sdist, and exit if a file is missing or unexpected."""
    names = list_contents(file)
    print(f"==> {file.name}: {len(names)} files, {file.stat().st_size:,} bytes", flush=True)
    if file.suffix == ".whl":
        print(*(f"    {name}" for name in names), sep="\n")
        unexpected = [name for name in names if name.split("/")[0] not in {"devicemap", dist_info(file)}]
        required = {"devicemap/__init__.py", "devicemap/_native.pyi", "devicemap/py.typed"}
        required |= {f"{dist_info(file)}/licenses/{name}" for name in ("LICENSE", "NOTICE")}
    else:
        root_folder = file.name.removesuffix(".tar.gz")
        # The number of files in each folder, or 1 for a file, at the top level.
        top_level = Counter(name.removeprefix(f"{root_folder}/").partition("/")[0] for name in names)
        for name, count in top_level.items():
            print(f"    {name}{f' ({count} files)' if count > 1 else ''}")
        unexpected = [name for name in names if name.endswith((".so", ".pyd", ".pyc")) or "/target/" in name]
        tracked = subprocess.run(["git", "ls-files", *top_level], cwd=ROOT, capture_output=True, text=True, check=False)
        required = {f"{root_folder}/{name}" for name in tracked.stdout.split() if name != ".gitignore"}
    missing = required - set(names)
    if unexpected or missing:
        sys.exit(f"{file.name}: unexpected {unexpected}, missing {sorted(missing)}")


def dist_info(wheel: Path) -> str:
    """Return the name of the metadata folder of a wheel."""
    name, version, *_ = wheel.name.split("-")
    return f"{name}-{version}.dist-info"


def build_wheel(python: Path, source: Path, folder: Path) -> Path:
    """Build a wheel for an interpreter from a checkout or an sdist."""
    run_command(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_wheel(python: Path, wheel: Path, folder: Path) -> None:
    """Install a wheel into an empty environment, and run the tests of the drop-in there."""
    run_command(python, "-m", "venv", "--clear", folder / "environment")
    test_python = folder / "environment" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run_command(test_python, "-m", "pip", "install", "--quiet", "--no-index", wheel)
    # The package must work before any other package is installed.
    program = "import devicemap as d; d.assert_device_map(d.get_device_map(12, ['cuda:0', 'cpu']), 12)"
    run_command(test_python, "-I", "-c", program, cwd=folder)
    run_command(test_python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    run_command(test_python, "-m", "pip", "install", "--quiet", "--group", f"{ROOT / 'pyproject.toml'}:test-core")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    run_command(test_python, "-m", "pytest", "-q", "--no-header", "tests/drop_in", cwd=folder)


def main() -> None:
    """Build, check and test everything."""
    shutil.rmtree(DIST, ignore_errors=True)
    run_command(sys.executable, "-m", "maturin", "sdist", "--out", DIST)
    (sdist,) = DIST.glob("*.tar.gz")
    check_contents(sdist)
    results = []
    for version in VERSIONS:
        python = find_python(version)
        if python is None:
            results.append(f"CPython {version}: not found on this machine, not tested")
            continue
        sources = {"the sdist": sdist}
        if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
            sources["the checkout"] = ROOT
        for name, source in sources.items():
            print(f"==> CPython {version}: wheel from {name}", flush=True)
            with TemporaryDirectory() as folder:
                wheel = build_wheel(python, source, Path(folder))
                check_contents(wheel)
                test_wheel(python, wheel, Path(folder))
                shutil.copy(wheel, DIST)
            results.append(f"CPython {version}: the wheel from {name} passes the tests of the drop-in")
    run_command(sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir()))
    print("==> results", *(f"    {result}" for result in results), sep="\n")


if __name__ == "__main__":
    main()
