"""Python code run in a process of its own, where imports and patches leave nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import devicemap


def run(code: str, *options: str, python: Path | str = sys.executable, path: Path | None = None) -> str:
    """Run code and return what it printed; ``path`` is searched for modules first."""
    environment = os.environ if path is None else {**os.environ, "PYTHONPATH": str(path)}
    return command(python, *options, "-c", dedent(code), environment=environment)


def command(*arguments: Path | str, environment: os._Environ[str] | dict[str, str] = os.environ) -> str:
    """Run a command, which must succeed, and return what it printed."""
    done = subprocess.run(
        arguments, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def new_environment(folder: Path) -> Path:
    """Make an empty environment and return its Python."""
    command(sys.executable, "-m", "venv", "--clear", folder)
    return python_of(folder)


def python_of(environment: Path) -> Path:
    """Return an environment's Python."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def devicemap_alone(folder: Path) -> Path:
    """Make a folder that holds this devicemap and nothing else that can be imported."""
    shutil.copytree(Path(devicemap.__file__).parent, folder / "devicemap")
    return folder
