"""Tests with the headers of real checkpoints over sparse data."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from devicemap import Model, ModelError
from tests.models.real_headers import (
    DEEPSEEK_V3,
    LLAMA_3_70B,
    Tensors,
    deepseek_v3_tensors,
    llama_3_70b_tensors,
    num_bytes,
    write_safetensors_folder,
)
from tests.subprocess_helpers import run_code

GIB = 2**30


def expected_bytes(tensors: Tensors, stack: str) -> Counter[str]:
    """Return the bytes of each block and module."""
    result: Counter[str] = Counter()
    for name, tensor in tensors.items():
        components = name.split(".")
        end = len(stack.split(".")) + 1 if name.startswith(f"{stack}.") else -1
        result[".".join(components[:end])] += num_bytes(*tensor)
    return result


def test_llama_3_70b(tmp_path: Path) -> None:
    tensors = llama_3_70b_tensors()
    model = Model.from_pretrained(write_safetensors_folder(tmp_path / "model", tensors, LLAMA_3_70B, 31))
    parts = {part.name: part.bytes for part in (*model.blocks, *model.before, *model.after)}
    assert parts == expected_bytes(tensors, "model.layers")
    # The total of the published checkpoint.
    assert (len(tensors), sum(parts.values())) == (723, 141_107_412_992)


@pytest.mark.slow
def test_the_tensors_are_those_that_huggingface_hub_reads(deepseek_v3: Path, transformers_5_packages: Path) -> None:
    output = run_code(
        f"""
        import json
        from huggingface_hub import get_local_safetensors_metadata

        metadata = get_local_safetensors_metadata({str(deepseek_v3)!r})
        tensors = {{}}
        for file in metadata.files_metadata.values():
            for name, tensor in file.tensors.items():
                tensors[name] = tensor.data_offsets[1] - tensor.data_offsets[0]
        print(json.dumps(tensors))
        """,
        path=transformers_5_packages,
    )
    result: Counter[str] = Counter()
    for name, tensor_bytes in json.loads(output).items():
        end = 3 if name.startswith("model.layers.") else -1
        result[".".join(name.split(".")[:end])] += tensor_bytes
    model = Model.from_pretrained(deepseek_v3)
    parts = (*model.blocks, *model.before, *model.after, *model.excluded)
    assert {part.name: part.bytes for part in parts} == result


@pytest.fixture(scope="module")
def deepseek_v3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write DeepSeek-V3, which is large enough to be read by several threads."""
    folder = tmp_path_factory.mktemp("deepseek") / "model"
    return write_safetensors_folder(folder, deepseek_v3_tensors(), DEEPSEEK_V3, 163)


def test_deepseek_v3(deepseek_v3: Path) -> None:
    model = Model.from_pretrained(deepseek_v3)
    parts = {part.name: part for part in (*model.blocks, *model.before, *model.after, *model.excluded)}
    expected = expected_bytes(deepseek_v3_tensors(), "model.layers")
    assert {name: part.bytes for name, part in parts.items()} == expected
    assert (model.num_blocks, [part.name for part in model.excluded], model.tied) == (61, ["model.layers.61"], False)
    assert model.notes == ("model.layers.61 is not used: the configuration has 61 layers",)
    # The published sizes of dense blocks and of blocks with experts.
    assert [round(model.blocks[block].bytes / GIB, 2) for block in (0, 2, 3, 60)] == [0.54, 0.54, 10.72, 10.72]
    assert {block.expert_bytes for block in model.blocks[:3]} == {0}
    # 256 experts with three matrices of 2,048 × 7,168 bytes, and a scale of 4 bytes per 128 × 128 of them.
    assert model.blocks[3].expert_bytes == 256 * 3 * (2048 * 7168 + 4 * 16 * 56)
    assert Model.from_pretrained(deepseek_v3) == model


@pytest.mark.parametrize("number", [1, 100, 163])
def test_errors_in_any_file_of_a_large_checkpoint(deepseek_v3: Path, number: int) -> None:
    path = deepseek_v3 / f"model-{number:05}-of-00163.safetensors"
    with path.open("rb") as file:
        contents = file.read(100)
    hidden = path.rename(path.with_suffix(".hidden"))
    try:
        with pytest.raises(ModelError, match=f"{path} does not exist"):
            Model.from_pretrained(deepseek_v3)
        path.write_bytes(contents)
        with pytest.raises(ModelError, match=f"^{path}: the header is said to have"):
            Model.from_pretrained(deepseek_v3)
    finally:
        hidden.replace(path)


def test_differences_in_several_files_of_a_large_checkpoint(deepseek_v3: Path) -> None:
    path = deepseek_v3 / "model.safetensors.index.json"
    text = path.read_text(encoding="utf-8")
    index = json.loads(text)
    missing = [list(index["weight_map"])[position] for position in (10, 50_000, 90_000, 90_001)]
    for name in missing:
        index["weight_map"][f"{name}.renamed"] = index["weight_map"].pop(name)
    path.write_text(json.dumps(index), encoding="utf-8")
    try:
        with pytest.raises(ModelError) as caught:
            Model.from_pretrained(deepseek_v3)
    finally:
        path.write_text(text, encoding="utf-8")
    only_in_index, only_in_files = str(caught.value).split("; ")
    for name in missing[:3]:
        assert f'"{name}.renamed" in' in only_in_index
        assert f'"{name}" in' in only_in_files
    assert only_in_index.endswith(" and 1 more")
    assert only_in_files.endswith(" and 1 more")
