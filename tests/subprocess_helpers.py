"""Helpers that run Python code and commands in subprocesses, where imports and patches do not affect other tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import devicemap


def run_code(code: str, *options: str, python: Path | str = sys.executable, path: Path | None = None) -> str:
    """Run Python code in a new process and return its output.

    ``options`` are options of the interpreter. If a folder ``path`` is given, modules are searched there first.
    """
    environment = os.environ if path is None else {**os.environ, "PYTHONPATH": str(path)}
    return run_command(python, *options, "-c", dedent(code), environment=environment)


def run_command(*arguments: Path | str, environment: os._Environ[str] | dict[str, str] = os.environ) -> str:
    """Run a command, assert that it succeeds, and return its output."""
    process = subprocess.run(
        arguments, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def new_environment(folder: Path) -> Path:
    """Create a virtual environment without packages and return the path of its interpreter."""
    run_command(sys.executable, "-m", "venv", "--clear", folder)
    return interpreter_of(folder)


def interpreter_of(environment: Path) -> Path:
    """Return the path of the interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def copy_devicemap(folder: Path) -> Path:
    """Copy the installed package devicemap, but no other package, into a folder, and return the folder."""
    shutil.copytree(Path(devicemap.__file__).parent, folder / "devicemap")
    return folder
