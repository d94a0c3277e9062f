"""Create checkpoints with the headers of real models. The data of the tensors is not written: the files are sparse."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

Tensors: TypeAlias = dict[str, tuple[str, list[int]]]
"""The dtype and the shape of each tensor."""

BYTES_PER_ELEMENT = {"BF16": 2, "F8_E4M3": 1, "F32": 4}
LLAMA_3_70B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "model_type": "llama",
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}
MIXTRAL_8X7B: dict[str, Any] = {
    "architectures": ["MixtralForCausalLM"],
    "model_type": "mixtral",
    "num_hidden_layers": 32,
    "tie_word_embeddings": False,
}
DEEPSEEK_V3: dict[str, Any] = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "num_hidden_layers": 61,
    "num_nextn_predict_layers": 1,
    "tie_word_embeddings": False,
}


def attention_shapes(hidden: int, kv: int) -> dict[str, list[int]]:
    """Return the shapes of the attention and the norms of a block, given the widths of its input and of its keys."""
    return {
        "input_layernorm": [hidden],
        "post_attention_layernorm": [hidden],
        "self_attn.k_proj": [kv, hidden],
        "self_attn.o_proj": [hidden, hidden],
        "self_attn.q_proj": [hidden, hidden],
        "self_attn.v_proj": [kv, hidden],
    }


def llama_3_70b_tensors() -> Tensors:
    """Return the tensors of Llama-3-70B."""
    hidden, inner, kv, vocabulary = 8192, 28672, 1024, 128256
    tensors: Tensors = {"model.embed_tokens.weight": ("BF16", [vocabulary, hidden])}
    for block in range(80):
        shapes = {
            "mlp.down_proj": [hidden, inner],
            "mlp.gate_proj": [inner, hidden],
            "mlp.up_proj": [inner, hidden],
            **attention_shapes(hidden, kv),
        }
        tensors.update((f"model.layers.{block}.{name}.weight", ("BF16", shape)) for name, shape in shapes.items())
    tensors["model.norm.weight"] = ("BF16", [hidden])
    tensors["lm_head.weight"] = ("BF16", [vocabulary, hidden])
    return tensors


def mixtral_8x7b_tensors() -> Tensors:
    """Return the tensors of Mixtral-8x7B."""
    hidden, inner, kv, vocabulary = 4096, 14336, 1024, 32000
    tensors: Tensors = {
        "lm_head.weight": ("BF16", [vocabulary, hidden]),
        "model.embed_tokens.weight": ("BF16", [vocabulary, hidden]),
        "model.norm.weight": ("BF16", [hidden]),
    }
    for block in range(32):
        shapes = {
            "block_sparse_moe.gate": [8, hidden],
            **{f"block_sparse_moe.experts.{expert}.w1": [inner, hidden] for expert in range(8)},
            **{f"block_sparse_moe.experts.{expert}.w2": [hidden, inner] for expert in range(8)},
            **{f"block_sparse_moe.experts.{expert}.w3": [inner, hidden] for expert in range(8)},
            **attention_shapes(hidden, kv),
        }
        tensors.update((f"model.layers.{block}.{name}.weight", ("BF16", shape)) for name, shape in shapes.items())
    return tensors


def deepseek_v3_tensors() -> Tensors:
    """Return the tensors of DeepSeek-V3, including those of its block for multi-token prediction."""
    hidden, inner, expert, vocabulary = 7168, 18432, 2048, 129280

    def projection(name: str, rows: int, columns: int) -> Iterator[tuple[str, tuple[str, list[int]]]]:
        yield f"{name}.weight", ("F8_E4M3", [rows, columns])
        yield f"{name}.weight_scale_inv", ("F32", [-(-rows // 128), -(-columns // 128)])

    def mlp(name: str, width: int) -> Iterator[tuple[str, tuple[str, list[int]]]]:
        yield from projection(f"{name}.down_proj", hidden, width)
        yield from projection(f"{name}.gate_proj", width, hidden)
        yield from projection(f"{name}.up_proj", width, hidden)

    tensors: Tensors = {"model.embed_tokens.weight": ("BF16", [vocabulary, hidden])}
    for block in range(62):
        prefix = f"model.layers.{block}"
        for norm, width in {
            "input_layernorm": hidden,
            "post_attention_layernorm": hidden,
            "self_attn.q_a_layernorm": 1536,
            "self_attn.kv_a_layernorm": 512,
        }.items():
            tensors[f"{prefix}.{norm}.weight"] = ("BF16", [width])
        tensors.update(projection(f"{prefix}.self_attn.q_a_proj", 1536, hidden))
        tensors.update(projection(f"{prefix}.self_attn.q_b_proj", 24576, 1536))
        tensors.update(projection(f"{prefix}.self_attn.kv_a_proj_with_mqa", 576, hidden))
        tensors.update(projection(f"{prefix}.self_attn.kv_b_proj", 32768, 512))
        tensors.update(projection(f"{prefix}.self_attn.o_proj", hidden, 16384))
        if block < 3:
            tensors.update(mlp(f"{prefix}.mlp", inner))
            continue
        tensors[f"{prefix}.mlp.gate.weight"] = ("BF16", [256, hidden])
        tensors[f"{prefix}.mlp.gate.e_score_correction_bias"] = ("F32", [256])
        tensors.update(mlp(f"{prefix}.mlp.shared_experts", expert))
        for number in range(256):
            tensors.update(mlp(f"{prefix}.mlp.experts.{number}", expert))
    for name, shape in {
        "embed_tokens": [vocabulary, hidden],
        "enorm": [hidden],
        "hnorm": [hidden],
        "eh_proj": [hidden, 2 * hidden],
        "shared_head.norm": [hidden],
        "shared_head.head": [vocabulary, hidden],
    }.items():
        tensors[f"model.layers.61.{name}.weight"] = ("BF16", shape)
    tensors["model.norm.weight"] = ("BF16", [hidden])
    tensors["lm_head.weight"] = ("BF16", [vocabulary, hidden])
    return tensors


def write_safetensors_folder(folder: Path, tensors: Tensors, config: dict[str, Any], num_shards: int) -> Path:
    """Write a folder with an index and shards, over which the tensors are divided evenly, and return the folder."""
    folder.mkdir(parents=True)
    folder.joinpath("config.json").write_text(json.dumps(config), encoding="utf-8")
    items = iter(tensors.items())
    weight_map = {}
    for number in range(num_shards):
        name = f"model-{number + 1:05}-of-{num_shards:05}.safetensors"
        shard = dict(islice(items, (number + 1) * len(tensors) // num_shards - number * len(tensors) // num_shards))
        write_safetensors(folder / name, shard)
        weight_map.update(dict.fromkeys(shard, name))
    index = json.dumps({"metadata": {}, "weight_map": weight_map}, indent=2)
    folder.joinpath("model.safetensors.index.json").write_text(index, encoding="utf-8")
    return folder


def write_safetensors(path: Path, tensors: Tensors) -> None:
    """Write a safetensors file without the data of its tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + num_bytes(dtype, shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def num_bytes(dtype: str, shape: list[int]) -> int:
    """Return the number of bytes of a tensor."""
    product = BYTES_PER_ELEMENT[dtype]
    for dimension in shape:
        product *= dimension
    return product


def write_gguf(path: Path, num_tokens: int = 152_064, num_merges: int = 151_387) -> None:
    """Write a GGUF file of a small model with a vocabulary of the size of Qwen2's, without the data of its tensors."""

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def array(key: str, type_: int, items: bytes, length: int) -> bytes:
        return string(key) + struct.pack("<IIQ", 9, type_, length) + items

    metadata = [
        string("general.architecture") + struct.pack("<I", 8) + string("qwen2"),
        string("qwen2.block_count") + struct.pack("<II", 4, 28),
        array(
            "tokenizer.ggml.tokens", 8, b"".join(string(f"token{number}") for number in range(num_tokens)), num_tokens
        ),
        array("tokenizer.ggml.token_type", 5, struct.pack("<i", 1) * num_tokens, num_tokens),
        array(
            "tokenizer.ggml.merges", 8, b"".join(string(f"to ken{number}") for number in range(num_merges)), num_merges
        ),
    ]
    names = ["token_embd", "output_norm", "output"]
    names += [f"blk.{block}.{name}" for block in range(28) for name in ("attn_q", "attn_norm", "ffn_up", "ffn_down")]
    infos = [
        string(f"{name}.weight") + struct.pack("<IQIQ", 1, 256, 12, 160 * number) for number, name in enumerate(names)
    ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(metadata)) + b"".join(metadata) + b"".join(infos)
    with path.open("wb") as file:
        file.write(header)
        # A Q4_K tensor of 256 elements has 144 bytes, which are padded to 160.
        file.truncate(-(-len(header) // 32) * 32 + 160 * len(infos))
