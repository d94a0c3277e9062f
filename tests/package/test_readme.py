"""What the README and the docstrings show is what happens."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import devicemap
from devicemap import _check, _device_map, _partition

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    found = [text for name, text in BLOCKS if name == language]
    assert found, f"the README shows no {language}"
    return found


def test_programs_print_what_their_comments_say(capsys: pytest.CaptureFixture[str]) -> None:
    """From the first to the last, as one reads them."""
    names: dict[str, Any] = {}
    try:
        for text in blocks("python"):
            if "import torch\n" in text and importlib.util.find_spec("torch") is None:
                continue
            exec(text, names)  # noqa: S102, running it is the test
            assert capsys.readouterr().out.splitlines() == re.findall(r"(?m)(?:print\(.*\)  |^)# (.*)", text)
            if "unpatch_transformers" in text:
                assert names["assert_device_map"] is devicemap.assert_device_map
    finally:
        devicemap.unpatch_transformers()


def test_the_one_changed_line() -> None:
    (diff,) = blocks("diff")
    names: dict[str, object] = {}
    for line in diff.splitlines():
        if line.startswith("+"):
            exec(line[1:], names)  # noqa: S102, running it is the test
    assert names["get_device_map"] is devicemap.get_device_map


def test_the_examples_of_the_docstrings() -> None:
    for module in (_check, _device_map, _partition):
        tested = doctest.testmod(module)
        assert tested.attempted > 0
        assert tested.failed == 0
