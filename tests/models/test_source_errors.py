"""Tests for sources that cannot be read. Each kind of source has its own message."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devicemap import Model, ModelError
from tests.models.files import LLAMA, LLAMA_NAMES, write_folder, write_index, write_shards, write_tensors

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def error_message(source: str | Path, **arguments: Any) -> str:
    with pytest.raises(ModelError) as caught:
        Model.from_pretrained(source, **arguments)
    return str(caught.value)


def test_missing_paths(tmp_path: Path) -> None:
    path = tmp_path / "none"
    expected = f"'{path}' is not found: it is neither a file or folder nor an id of the Hub, such as owner/name"
    assert error_message(path) == expected
    folder = write_shards(tmp_path / "shards", {"1.safetensors": ["a.0.b.c"]})
    (folder / "1.safetensors").unlink()
    assert error_message(folder) == f"{folder / '1.safetensors'} does not exist"


def test_pickled_weights(tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "model.pt", "consolidated.00.pth"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_bytes(b"\x80\x02.")
        assert "has only pickled weights, which are not read because unpickling runs code; convert" in error_message(
            folder
        )
        assert "has pickled weights" in error_message(folder / name)
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text("{}", encoding="utf-8")
    assert "is the index of pickled weights" in error_message(index)


def test_one_file_of_a_sharded_model(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, {"model-00001-of-00002.safetensors": LLAMA_NAMES}, LLAMA)
    path = folder / "model-00001-of-00002.safetensors"
    index = "model.safetensors.index.json"
    assert error_message(path) == f"{path} is one of several files of a model; pass their folder, or its {index}"
    (folder / index).unlink()
    assert error_message(folder) == f"{folder} has files of a sharded model, but no {index}; download it too"


def test_adapters(tmp_path: Path) -> None:
    path = tmp_path / "adapter_model.safetensors"
    write_tensors(path, LLAMA_NAMES)
    assert error_message(path) == f"{path} is an adapter; pass the model to which it belongs"
    assert "has no weights" in error_message(tmp_path)
    write_tensors(tmp_path / "model.safetensors", LLAMA_NAMES)
    assert Model.from_pretrained(tmp_path).num_blocks == 3


def test_files_of_other_kinds(tmp_path: Path) -> None:
    for name in ("weights", "config.json", "model.npz"):
        path = tmp_path / name
        path.write_bytes(b"{}")
        assert error_message(path) == f"{path} must be a folder, *.safetensors, *.safetensors.index.json or *.gguf"


def test_large_configurations(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, LLAMA_NAMES)
    with (folder / "config.json").open("wb") as file:
        file.truncate(20_000_000)
    assert error_message(folder) == f"{folder / 'config.json'} has more than 10,000,000 bytes"


def test_git_lfs_pointers(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, LLAMA_NAMES, LLAMA)
    for name in ("config.json", "model.safetensors", "model.gguf", "model.safetensors.index.json"):
        path = folder / name
        path.write_bytes(LFS_POINTER)
        expected = f"{path} is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"
        assert error_message(folder if name == "config.json" else path) == expected


def test_folders_without_weights(tmp_path: Path) -> None:
    assert error_message(tmp_path) == (
        f"{tmp_path} has no weights: no model.safetensors, no model.safetensors.index.json and no *.gguf"
    )


@contextmanager
def unprivileged_user() -> Iterator[None]:
    """Run the body without the rights of root, to which file permissions do not apply."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file permissions are those of POSIX")
def test_files_without_read_permission(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    folder = write_folder(tmp_path / "model", LLAMA_NAMES, LLAMA)
    write_tensors(folder / "other.safetensors", LLAMA_NAMES)
    for path in (folder / "model.safetensors", folder / "config.json"):
        path.chmod(0)
        with unprivileged_user():
            message = error_message(folder)
        assert message.lower() == f"{path} cannot be read: permission denied"
        path.chmod(0o644)
    folder.chmod(0)
    with unprivileged_user():
        message = error_message(folder)
    folder.chmod(0o755)
    assert message.lower() == f"{folder} cannot be read: permission denied"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs are a feature of POSIX")
def test_files_that_are_not_regular_do_not_hang(tmp_path: Path) -> None:
    for name in ("fifo.safetensors", "fifo.gguf", "fifo.safetensors.index.json", "fifo"):
        path = tmp_path / name
        os.mkfifo(path)
        assert error_message(path) == f"{path} is not a regular file"
    folder = write_folder(tmp_path / "model", LLAMA_NAMES)
    os.mkfifo(folder / "config.json")
    assert error_message(folder) == f"{folder / 'config.json'} is not a regular file"
    assert error_message("/dev/zero") == "/dev/zero is not a regular file"
    (tmp_path / "folder.safetensors").mkdir()
    assert "has no weights" in error_message(tmp_path / "folder.safetensors")
    link = tmp_path / "zero.safetensors"
    link.symlink_to("/dev/zero")
    assert error_message(link) == f"{link} is not a regular file"


@pytest.mark.parametrize("shard", ["/etc/passwd", "../1.safetensors", "a/../../b", "a\\..\\b", "C:b", "", "."])
def test_an_index_cannot_name_files_outside_its_folder(tmp_path: Path, shard: str) -> None:
    index = write_index(tmp_path, {"a.0.b.c": shard})
    assert f"{index}: the file name {json.dumps(shard)} is not within the folder of the index" in error_message(index)


def test_differences_between_the_index_and_the_files_are_listed(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, {"1.safetensors": LLAMA_NAMES}, LLAMA)
    write_tensors(folder / "1.safetensors", [*LLAMA_NAMES[1:], "extra.weight"])
    assert error_message(folder) == (
        f"{folder / 'model.safetensors.index.json'} and the files that it names contain different tensors: "
        'only the index has: "model.embed_tokens.weight" in "1.safetensors"; '
        'only the files have: "extra.weight" in "1.safetensors"'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must contain a JSON object"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        ("[" * 100_000, "is not valid JSON"),
        ('{"a": "\\ud800"}', None),
    ],
)
def test_invalid_configurations(tmp_path: Path, text: str, message: str | None) -> None:
    folder = write_folder(tmp_path, LLAMA_NAMES)
    (folder / "config.json").write_text(text, encoding="utf-8")
    if message is None:
        assert Model.from_pretrained(folder).num_blocks == 3
    else:
        assert message in error_message(folder)


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": 3, "num_hidden_layers": "3", "tie_word_embeddings": 1, "text_config": []},
        {"architectures": [], "num_hidden_layers": True, "layer_types": "x", "num_kv_shared_layers": -1},
        {"architectures": [None], "num_hidden_layers": None, "vision_config": {"depth": []}, "num_kv_shared_layers": 9},
        {
            "num_kv_shared_layers": 2,
            "layer_types": [[], {}, None],
            "layers_block_type": {},
            "hybrid_layer_ids": ["a", 7],
        },
        {"text_config": {"text_config": {"text_config": {}}}},
    ],
)
def test_values_of_wrong_types_in_the_configuration_are_ignored(tmp_path: Path, config: dict[str, Any]) -> None:
    model = Model.from_pretrained(write_folder(tmp_path, LLAMA_NAMES, config))
    assert model.num_blocks == 3


def test_invalid_headers_name_the_file_and_the_position(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 10) + b'{"a": 3}  ')
    assert error_message(path).startswith(f"{path}: invalid type: integer `3`")
    assert error_message(path).endswith("(at byte 15)")
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    assert error_message(path) == (
        f"{path}: the header is said to have {2**63} bytes; the limit is 100000000 (at byte 0)"
    )


def test_values_that_would_take_long_or_need_much_memory(tmp_path: Path) -> None:
    """Each of these took minutes or gigabytes, or raised an exception of another class."""
    many_keys = [f'"{number}": 1' for number in range(200_000)]
    folder = write_folder(tmp_path / "keys", LLAMA_NAMES)
    (folder / "config.json").write_text("{" + ", ".join([*many_keys, '"7": 2']) + "}", encoding="utf-8")
    assert error_message(folder).endswith("the key '7' occurs twice")
    stacks = [f"stack{stack}.{block}.a.b" for stack in range(1000) for block in range(2)]
    folder = write_folder(tmp_path / "stacks", stacks, {f"key{number}": {} for number in range(100_000)})
    assert "the configuration does not give the number of layers" in error_message(folder)
    for name, message in {
        "a." * 600 + "b": "has more than 1024 bytes",
        "a\x1bb": "contains control characters",
    }.items():
        folder = write_folder(tmp_path / str(len(name)), [name, *LLAMA_NAMES], LLAMA)
        assert message in error_message(folder)
    for ids in ([0, 2**63 - 1], [0, 10**400]):
        folder = write_folder(tmp_path / "ids", LLAMA_NAMES, {"num_hidden_layers": 3, "hybrid_layer_ids": ids})
        assert Model.from_pretrained(folder).together == ()
    nested: dict[str, Any] = {}
    for _ in range(900):
        nested = {"text_config": nested}
    assert Model.from_pretrained(write_folder(tmp_path / "nested", LLAMA_NAMES, nested)).num_blocks == 3


def test_file_names_that_are_not_normalised_are_refused(tmp_path: Path) -> None:
    for shard in ("a//b.safetensors", "a/./b.safetensors", "./b.safetensors", "b.safetensors/"):
        assert "is not within the folder" in error_message(write_index(tmp_path, {"a.0.b.c": shard}))


def test_invalid_numbers_of_split_gguf_files(tmp_path: Path) -> None:
    for name in ("x-00001-of-00000.gguf", "x-00002-of-00001.gguf", "x-00000-of-00001.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
        assert "must be one of" in error_message(tmp_path / name)


def test_paths_without_a_home_or_a_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", "~no-such-user/x")
    assert "~no-such-user/x" in error_message("org/model")
    write_folder(tmp_path / "model", LLAMA_NAMES, LLAMA)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert Model.from_pretrained(tmp_path / "model").num_blocks == 3
        assert error_message("../model/none").endswith("such as owner/name")
    finally:
        monkeypatch.chdir(tmp_path)


def test_a_dangling_link_is_not_a_missing_configuration(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, LLAMA_NAMES)
    (folder / "config.json").symlink_to(tmp_path / "none")
    assert error_message(folder) == f"{folder / 'config.json'} is not a regular file"


@pytest.mark.parametrize("keyword", ["blocks", "revision"])
def test_arguments_of_wrong_types(tmp_path: Path, keyword: str) -> None:
    folder = write_folder(tmp_path, LLAMA_NAMES, LLAMA)
    with pytest.raises(TypeError, match=f"{keyword} must be a str or None, got int"):
        Model.from_pretrained(folder, **{keyword: 3})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"source must be a str or os.PathLike, got int"):
        Model.from_pretrained(3)  # type: ignore[arg-type]
