"""Tests for GGUF files, which the gguf package writes and reads as the oracle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from devicemap import Model, ModelError

TYPES = [
    gguf.GGMLQuantizationType.F32,
    gguf.GGMLQuantizationType.Q4_K,
    gguf.GGMLQuantizationType.Q6_K,
    gguf.GGMLQuantizationType.Q8_0,
    gguf.GGMLQuantizationType.IQ2_XXS,
    gguf.GGMLQuantizationType.BF16,
]
NAMES = [
    "token_embd.weight",
    "output_norm.weight",
    "output.weight",
    *(
        f"blk.{block}.{name}.weight"
        for block in range(4)
        for name in ("attn_q", "ffn_up_exps", "ffn_gate_inp", "ffn_up_shexp")
    ),
]


def write(path: Path, names: list[str] = NAMES, *, num_blocks: int = 4, **arguments: Any) -> Path:
    """Write a GGUF file whose tensors have the types of ``TYPES`` in turn."""
    metadata = arguments.pop("metadata", {})
    writer = gguf.GGUFWriter(path, arguments.pop("architecture", "llama"), **arguments)
    writer.add_block_count(num_blocks)
    writer.add_name("A small model")
    writer.add_token_list([f"token{number}" for number in range(300)])
    for key, value in metadata.items():
        writer.add_key_value(key, *value)
    for index, name in enumerate(names):
        type_ = TYPES[index % len(TYPES)]
        block_size, type_size = gguf.GGML_QUANT_SIZES[type_]
        num_rows = index + 1
        data = np.zeros((num_rows, 256 // block_size * type_size), np.uint8)
        writer.add_tensor(name, data, raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def bytes_per_part(model: Model) -> dict[str, dict[str, int]]:
    return {part.name: part.dtypes for part in (*model.blocks, *model.before, *model.after, *model.excluded)}


def expected_bytes_per_part(*paths: Path) -> dict[str, dict[str, int]]:
    """Return the bytes of each dtype of each part, as the gguf package reads them."""
    result: dict[str, Counter[str]] = {}
    for path in paths:
        for tensor in gguf.GGUFReader(path).tensors:
            components = tensor.name.split(".")
            part = ".".join(components[:2]) if components[0] == "blk" else components[0]
            result.setdefault(part, Counter())[tensor.tensor_type.name] += int(tensor.n_bytes)
    return {part: dict(counter) for part, counter in result.items()}


def test_the_bytes_of_each_part_are_those_of_the_gguf_package(tmp_path: Path) -> None:
    path = write(tmp_path / "model-q4.gguf")
    model = Model.from_pretrained(path)
    assert bytes_per_part(model) == expected_bytes_per_part(path)
    assert (model.name, model.format, model.architecture, model.num_blocks) == ("model-q4", "gguf", "llama", 4)
    assert ([part.name for part in model.before], [part.name for part in model.after]) == (
        ["token_embd"],
        ["output_norm", "output"],
    )
    assert (model.tied, model.notes, model.config["general.name"]) == (False, (), "A small model")
    # Long arrays such as the tokens are not stored.
    assert "llama.block_count" in model.config
    experts = [
        int(tensor.n_bytes)
        for tensor in gguf.GGUFReader(path).tensors
        if tensor.name.startswith("blk.") and "ffn_up_exps" in tensor.name
    ]
    assert [part.expert_bytes for part in model.blocks] == experts


@pytest.mark.parametrize("type_", gguf.GGML_QUANT_SIZES, ids=lambda type_: type_.name)
def test_every_type_of_the_gguf_package(tmp_path: Path, type_: gguf.GGMLQuantizationType) -> None:
    block_size, type_size = gguf.GGML_QUANT_SIZES[type_]
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_block_count(2)
    for block in range(2):
        data = np.zeros((3, 5 * type_size), np.uint8)
        writer.add_tensor(f"blk.{block}.attn_q.weight", data, raw_dtype=type_)
        assert gguf.quant_shape_from_byte_shape(data.shape, type_)[-1] == 5 * block_size
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = Model.from_pretrained(tmp_path)
    assert [part.dtypes for part in model.blocks] == [{type_.name: 15 * type_size}] * 2


def test_any_file_of_a_split_model_can_be_given(tmp_path: Path) -> None:
    write(tmp_path / "big.gguf", split_max_tensors=6)
    paths = sorted(tmp_path.glob("*.gguf"))
    assert len(paths) == 4
    expected = expected_bytes_per_part(*paths)
    for source in (*paths, tmp_path):
        model = Model.from_pretrained(source)
        assert bytes_per_part(model) == expected
        assert model.config["general.name"] == "A small model"
    assert Model.from_pretrained(paths[2]).name == "big"
    paths[1].rename(tmp_path / "other")
    with pytest.raises(ModelError, match=r"big-00002-of-00004.gguf does not exist"):
        Model.from_pretrained(paths[0])
    (tmp_path / "other").rename(tmp_path / "single.gguf")
    with pytest.raises(ModelError, match=r"single.gguf must be part 1 of 1, but its metadata says part 2 of 4"):
        Model.from_pretrained(tmp_path / "single.gguf")
    with pytest.raises(ModelError, match="has 2 GGUF models; pass one of the files"):
        Model.from_pretrained(tmp_path)


def test_a_tensor_in_two_parts_of_a_split_model_is_an_error(tmp_path: Path) -> None:
    for number in range(2):
        metadata = {
            "split.no": (number, gguf.GGUFValueType.UINT16),
            "split.count": (2, gguf.GGUFValueType.UINT16),
        }
        write(tmp_path / f"x-0000{number + 1}-of-00002.gguf", metadata=metadata)
    with pytest.raises(ModelError, match="also occurs in another part"):
        Model.from_pretrained(tmp_path)


def test_adapters_are_refused(tmp_path: Path) -> None:
    metadata = {"general.type": ("adapter", gguf.GGUFValueType.STRING)}
    with pytest.raises(ModelError, match=r"must be a model, got general.type 'adapter'"):
        Model.from_pretrained(write(tmp_path / "model.gguf", metadata=metadata))


def test_a_tied_head_and_blocks_for_multi_token_prediction(tmp_path: Path) -> None:
    names = [name for name in NAMES if name != "output.weight"]
    metadata = {"llama.nextn_predict_layers": (1, gguf.GGUFValueType.UINT32)}
    model = Model.from_pretrained(write(tmp_path / "model.gguf", names, metadata=metadata))
    assert (model.num_blocks, [part.name for part in model.excluded], model.tied) == (3, ["blk.3"], True)
    assert model.sizes("llama.cpp")[-1] == model.blocks[-1].bytes + model.after[0].bytes + model.before[0].bytes


def test_more_blocks_for_multi_token_prediction_than_blocks_are_ignored(tmp_path: Path) -> None:
    metadata = {"llama.nextn_predict_layers": (9, gguf.GGUFValueType.UINT32)}
    assert Model.from_pretrained(write(tmp_path / "model.gguf", metadata=metadata)).num_blocks == 4


@pytest.mark.parametrize(
    ("architecture", "metadata"),
    [("bert", {"bert.attention.causal": (False, gguf.GGUFValueType.BOOL)}), ("t5encoder", {})],
)
def test_encoders_have_no_head(tmp_path: Path, architecture: str, metadata: dict[str, Any]) -> None:
    names = [name for name in NAMES if name != "output.weight"]
    model = Model.from_pretrained(write(tmp_path / "model.gguf", names, architecture=architecture, metadata=metadata))
    assert not model.tied


def test_an_encoder_and_a_decoder(tmp_path: Path) -> None:
    names = [
        f"{stack}.blk.{block}.{m}" for stack in ("dec", "enc") for block in range(2) for m in ("a.weight", "b.weight")
    ]
    model = Model.from_pretrained(
        write(tmp_path / "model.gguf", ["token_embd.weight", *names, "enc.output_norm.weight"], num_blocks=2)
    )
    assert [part.name for part in model.blocks] == ["enc.blk.0", "enc.blk.1", "dec.blk.0", "dec.blk.1"]


def test_big_endian_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf", endianess=gguf.GGUFEndian.BIG)
    with pytest.raises(ModelError, match="big-endian"):
        Model.from_pretrained(path)
