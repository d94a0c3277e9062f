"""Run the code blocks of the README and the examples of the docstrings."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

import devicemap
from devicemap import _check, _device_map, _native, _partition

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    texts = [text for name, text in BLOCKS if name == language]
    assert texts, f"the README has no block of {language}"
    return texts


def test_code_blocks_print_their_comments(capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks are executed in order in one namespace."""
    names: dict[str, Any] = {}
    try:
        for text in blocks("python"):
            exec(text, names)  # noqa: S102, the code of the README
            assert capsys.readouterr().out.splitlines() == re.findall(r"(?m)(?:print\(.*\)  |^)# (.*)", text)
            if "patch_transformers" in text:
                assert names["assert_device_map"] is devicemap.assert_device_map
    finally:
        devicemap.unpatch_transformers()


def test_the_changed_import_works() -> None:
    (diff,) = blocks("diff")
    names: dict[str, object] = {}
    for line in diff.splitlines():
        if line.startswith("+"):
            exec(line[1:], names)  # noqa: S102, the code of the README
    assert names["get_device_map"] is devicemap.get_device_map


def test_examples_of_docstrings_are_correct() -> None:
    for module in (_check, _device_map, _partition):
        results = doctest.testmod(module)
        assert results.attempted > 0
        assert results.failed == 0


@pytest.mark.parametrize("name", ["assert_device_map", "get_device_map", "parse_memory"])
def test_examples_of_docstrings_in_rust_are_correct(name: str) -> None:
    function = getattr(_native, name)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={name: function})
    results = doctest.DocTestRunner().run(test)
    assert results.attempted > 0
    assert results.failed == 0


def test_documents_have_the_length_that_readers_are_promised() -> None:
    assert len(README.splitlines()) <= 150
    assert len((ROOT / "DESIGN.md").read_text(encoding="utf-8").splitlines()) <= 250
