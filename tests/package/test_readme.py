"""Tests that run the code of the README and the examples of the docstrings, and check the length of documents."""

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
# The language and the code of each code block.
CODE_BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def code_blocks_in(language: str) -> list[str]:
    """Return the code of the README's code blocks in a language."""
    found = [code for block_language, code in CODE_BLOCKS if block_language == language]
    assert found, f"the README has no block of {language}"
    return found


def test_python_blocks_of_the_readme_print_what_their_comments_say(capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks are executed in order in one namespace."""
    namespace: dict[str, Any] = {}
    try:
        for code in code_blocks_in("python"):
            exec(code, namespace)  # noqa: S102, the code of the README
            # The expected output is in comments after calls of print and in comment lines.
            expected = re.findall(r"(?m)(?:print\(.*\)  |^)# (.*)", code)
            assert capsys.readouterr().out.splitlines() == expected
            if "patch_transformers" in code:
                assert namespace["assert_device_map"] is devicemap.assert_device_map
    finally:
        devicemap.unpatch_transformers()


def test_the_import_that_the_readme_proposes_works() -> None:
    (diff,) = code_blocks_in("diff")
    namespace: dict[str, object] = {}
    for line in diff.splitlines():
        if line.startswith("+"):
            exec(line[1:], namespace)  # noqa: S102, the code of the README
    assert namespace["get_device_map"] is devicemap.get_device_map


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


def test_the_readme_and_the_design_document_are_short() -> None:
    assert len(README.splitlines()) <= 150
    assert len((ROOT / "DESIGN.md").read_text(encoding="utf-8").splitlines()) <= 250
