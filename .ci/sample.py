"""Print functions, comments and files of the sources, drawn at random, for a reader who has not seen the project.

Usage: ``python .ci/sample.py SEED OUT`` writes ``OUT/sample.txt``, with five functions and five comments without their
file names, ``OUT/key.txt``, with their locations, and three whole files, ``OUT/file1.txt`` to ``OUT/file3.txt``. If
the reader explains something wrongly or has to guess, it is rewritten, and another reader gets a new sample.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[1]
FOLDERS = ["src", "python", "tests", "benches", "examples"]

Piece: TypeAlias = tuple[str, str]
"""The location of a function or comment, and its text."""


def sources() -> list[Path]:
    """Return the source files, in a fixed order."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in {".rs", ".py"}]
    return sorted(file for file in files if file.stat().st_size > 0)


def functions(file: Path, text: str) -> Iterator[Piece]:
    """Yield the functions of a file with their docs. Functions of fewer than 4 or more than 60 lines are left out."""
    lines = text.splitlines()
    line_ranges = python_functions(text) if file.suffix == ".py" else rust_functions(lines)
    for start, end in line_ranges:
        if 4 <= end - start <= 60:
            yield f"{file.relative_to(ROOT)}:{start + 1}", "\n".join(lines[start:end])


def python_functions(text: str) -> Iterator[tuple[int, int]]:
    """Yield the range of lines of each function, as the index of its first line and the index after its last one."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            yield min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1, node.end_lineno


def rust_functions(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the range of lines of each function, which ends with the first closing brace of the same indentation."""
    for number, line in enumerate(lines):
        match = re.match(r"( *)(?:pub(?:\(\w+\))? )?(?:unsafe )?fn \w+", line)
        if match:
            start = number
            while start and re.match(r" *(///|#\[)", lines[start - 1]):
                start -= 1
            opening = next(n for n in range(number, len(lines)) if lines[n].endswith(("{", ";", "}")))
            if lines[opening].endswith("{"):
                yield start, next(n for n in range(opening, len(lines)) if lines[n] == f"{match[1]}}}") + 1


def comments(file: Path, text: str) -> Iterator[Piece]:
    """Yield the comments of a file that are not documentation, each with the line that follows the comment."""
    mark = "#" if file.suffix == ".py" else "//"
    lines = text.splitlines()
    is_comment = [re.match(rf" *{mark} \w", line) is not None for line in lines]
    for number in range(len(lines)):
        is_first_line = is_comment[number] and not (number and is_comment[number - 1])
        if is_first_line:
            end = next(n for n in range(number, len(lines)) if not lines[n].lstrip().startswith(f"{mark} "))
            yield f"{file.relative_to(ROOT)}:{number + 1}", "\n".join(lines[number : end + 1])


def main() -> None:
    """Draw the sample."""
    seed, out = int(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    texts = {file: file.read_text(encoding="utf-8") for file in sources()}
    sample, key = [], []
    for name, find in (("function", functions), ("comment", comments)):
        pieces = [piece for file, text in texts.items() for piece in find(file, text)]
        for number, (location, piece) in enumerate(rng.sample(pieces, 5), 1):
            sample.append(f"--- {name} {number}\n{piece}\n")
            key.append(f"{name} {number}: {location}")
    for number, file in enumerate(rng.sample([file for file in texts if len(texts[file].splitlines()) > 40], 3), 1):
        (out / f"file{number}.txt").write_text(texts[file], encoding="utf-8")
        key.append(f"file {number}: {file.relative_to(ROOT)}")
    (out / "sample.txt").write_text("\n".join(sample), encoding="utf-8")
    (out / "key.txt").write_text("\n".join(key) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
