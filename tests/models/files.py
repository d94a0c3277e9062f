"""Write small checkpoints with the libraries that define the formats, safetensors and gguf."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 3}
LLAMA_NAMES = [
    "model.embed_tokens.weight",
    *(f"model.layers.{block}.{name}.weight" for block in range(3) for name in ("mlp.up_proj", "self_attn.q_proj")),
    "model.norm.weight",
    "lm_head.weight",
]


def write_folder(folder: Path, names: Iterable[str], config: Mapping[str, Any] | None = None) -> Path:
    """Write a folder with one safetensors file, whose tensors have 4, 8, 12, … bytes, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / "model.safetensors", names)
    if config is not None:
        folder.joinpath("config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def write_tensors(path: Path, names: Iterable[str]) -> None:
    """Write a safetensors file, whose tensors have 4, 8, 12, … bytes."""
    save_file({name: np.zeros(size, np.float32) for size, name in enumerate(names, 1)}, path)


def write_shards(folder: Path, shards: Mapping[str, Iterable[str]], config: Mapping[str, Any] | None = None) -> Path:
    """Write a folder with an index, and with files that contain the given tensors, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, names in shards.items():
        write_tensors(folder / file, names)
    weight_map = {name: file for file, names in shards.items() for name in names}
    write_index(folder, weight_map)
    if config is not None:
        folder.joinpath("config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def write_index(folder: Path, weight_map: Mapping[str, str]) -> Path:
    """Write an index, and return its path."""
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}), encoding="utf-8")
    return path
