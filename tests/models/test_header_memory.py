"""Tests that reading a header needs at most four times its length in memory, even if all names are short."""

from __future__ import annotations

import itertools
import json
import string
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.subprocess_helpers import run_code

pytestmark = [
    pytest.mark.memory,
    pytest.mark.skipif(sys.platform != "linux", reason="the peak memory is read from /proc, which only Linux has"),
]

NUM_TENSORS = 300_000


def short_names() -> Iterator[str]:
    """Yield the shortest names that belong to one block."""
    letters = string.ascii_letters + string.digits
    for characters in itertools.islice(itertools.product(letters, repeat=4), NUM_TENSORS):
        yield "a.0." + "".join(characters)


def write_safetensors(path: Path) -> int:
    header = json.dumps(
        {name: {"dtype": "", "shape": [], "data_offsets": [0, 0]} for name in short_names()}, separators=(",", ":")
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return len(header)


def write_gguf(path: Path) -> int:
    tensors = [
        struct.pack("<Q", len(name)) + name.encode() + struct.pack("<IIQ", 0, 24, 32 * index)
        for index, name in enumerate(short_names())
    ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 0) + b"".join(tensors)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(-(-len(header) // 32) * 32 + 32 * len(tensors))
    return len(header)


def write_index(path: Path) -> int:
    text = json.dumps({"weight_map": dict.fromkeys(short_names(), "b")}, separators=(",", ":"))
    path.write_text(text, encoding="utf-8")
    return len(text)


@pytest.mark.parametrize(
    ("write", "file", "reader"),
    [
        (write_safetensors, "model.safetensors", "read_safetensors({path})"),
        (write_gguf, "model.gguf", "read_gguf([{path}])"),
        (write_index, "model.safetensors.index.json", "read_sharded({path})"),
    ],
    ids=["safetensors", "GGUF", "index"],
)
def test_the_memory_is_at_most_four_times_the_length_of_the_header(
    tmp_path: Path, write: Callable[[Path], int], file: str, reader: str
) -> None:
    header_len = write(tmp_path / file)
    call = reader.format(path=f"Path({str(tmp_path / file)!r})")
    used = run_code(
        f"""
        from pathlib import Path
        from devicemap import ModelError, _native

        def peak_memory():
            (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
            return int(line.split()[1]) * 1024

        before = peak_memory()
        try:
            _native.{call}
        except ModelError as error:
            print(error)
        print(peak_memory() - before)
        """
    ).splitlines()
    assert int(used[-1]) <= 4 * header_len + 2**20, used
