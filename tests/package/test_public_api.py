"""Tests for a build that reads ints and lists through CPython's public functions, as on unknown interpreters."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from devicemap import _native
from tests.subprocess_helpers import run_code, run_command

ROOT = Path(__file__).parents[2]


def test_the_layout_of_this_interpreter_is_known() -> None:
    assert _native.layout_is_known


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo, which builds the package, is missing")
def test_a_build_that_uses_the_public_api_passes_the_tests_of_the_drop_in(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--features", "public-api"]
    run_command(*build, "--interpreter", sys.executable, "--manifest-path", ROOT / "Cargo.toml", "--out", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    packages = tmp_path / "packages"
    run_command(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", packages, wheel)
    assert run_code("from devicemap import _native; print(_native.layout_is_known)", path=packages).strip() == "False"
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    tests = [ROOT / "tests" / name for name in ("drop_in", "check", "runtime", "partition/test_kinds_of_numbers.py")]
    run_command(sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", *tests, environment=environment)
