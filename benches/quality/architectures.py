"""Real architectures, with the bytes of each part computed from the fields of their public configs.

A parameter has two bytes, as in bfloat16. Buffers, such as rotary tables, are not included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

BYTES_PER_PARAMETER = 2
"""The bytes of a parameter in bfloat16."""


@dataclass(frozen=True, eq=False)
class Architecture:
    """An architecture, with the fields of its config.json that determine sizes."""

    name: str
    family: str
    """The ``model_type`` of the config."""
    config: Mapping[str, int | bool]
    num_parameters: int
    """The published number of parameters. A test compares it with the total size of ``parts``."""

    @property
    def is_tied(self) -> bool:
        """Whether the head shares the weights of the embedding. Then it is not a part."""
        return bool(self.config["tie_word_embeddings"])

    @property
    def parts(self) -> dict[str, int]:
        """The bytes of each part, in order, by its module name in transformers.

        The parts are the embedding, each decoder block, the final norm and, unless it is tied, the head.
        """
        count_parameters = _gpt2_parameters if self.family == "gpt2" else _llama_parameters
        counts = count_parameters(self.family, self.config)
        return {name: BYTES_PER_PARAMETER * count for name, count in counts.items()}

    @property
    def costs(self) -> list[int]:
        """The bytes of each block. The first includes the embedding, the last the final norm and the head."""
        costs: list[int] = []
        bytes_before_blocks = 0
        for name, size in self.parts.items():
            is_block = name.rpartition(".")[2].isdecimal()
            if is_block:
                costs.append(size + bytes_before_blocks)
                bytes_before_blocks = 0
            elif costs:
                costs[-1] += size
            else:
                bytes_before_blocks += size
        return costs


@cache
def meta_model(architecture: Architecture) -> Any:
    """Return the model that transformers creates for an architecture, in bfloat16 on the device ``meta``."""
    import torch
    import transformers

    config = transformers.AutoConfig.for_model(architecture.family, **architecture.config)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)


def _llama_parameters(family: str, config: Mapping[str, int | bool]) -> dict[str, int]:
    """Return the number of parameters of each part of Llama and similar architectures: Qwen2, Gemma, Mixtral."""
    hidden, num_heads = config["hidden_size"], config["num_attention_heads"]
    head_dim = config.get("head_dim", hidden // num_heads)
    query_dim, key_dim = num_heads * head_dim, config["num_key_value_heads"] * head_dim

    # The projections to queries, to keys and values, and of the output.
    attention = hidden * query_dim + 2 * hidden * key_dim + query_dim * hidden
    if family == "qwen2":
        # The biases of the projections to queries, keys and values, which the config does not mention.
        attention += query_dim + 2 * key_dim
    # The projections gate, up and down.
    mlp = 3 * hidden * config["intermediate_size"]
    if family == "mixtral":
        # Each expert has an MLP and a row of the router.
        mlp = config["num_local_experts"] * (mlp + hidden)
    norms = 2 * hidden
    embedding = config["vocab_size"] * hidden

    return {
        "model.embed_tokens": embedding,
        **{f"model.layers.{block}": attention + mlp + norms for block in range(config["num_hidden_layers"])},
        "model.norm": hidden,
        **({} if config["tie_word_embeddings"] else {"lm_head": embedding}),
    }


def _gpt2_parameters(_family: str, config: Mapping[str, int | bool]) -> dict[str, int]:
    """Return the number of parameters of each part of GPT-2, in which all layers have biases."""
    hidden = config["n_embd"]
    attention = hidden * 3 * hidden + 3 * hidden + hidden * hidden + hidden
    mlp = hidden * 4 * hidden + 4 * hidden + 4 * hidden * hidden + hidden
    norm = 2 * hidden
    embedding = config["vocab_size"] * hidden
    return {
        "transformer.wte": embedding,
        "transformer.wpe": config["n_positions"] * hidden,
        **{f"transformer.h.{block}": attention + mlp + 2 * norm for block in range(config["n_layer"])},
        "transformer.ln_f": norm,
        **({} if config["tie_word_embeddings"] else {"lm_head": embedding}),
    }


def _llama_70b_config(vocab_size: int) -> dict[str, int | bool]:
    """Return the config that Llama 2 and Llama 3 share except for the vocabulary."""
    return {
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": vocab_size,
        "tie_word_embeddings": False,
    }


def _gemma_2b_config(*, tie_word_embeddings: bool) -> dict[str, int | bool]:
    return {
        "hidden_size": 2048,
        "intermediate_size": 16384,
        "num_hidden_layers": 18,
        "num_attention_heads": 8,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "vocab_size": 256_000,
        "tie_word_embeddings": tie_word_embeddings,
    }


ARCHITECTURES = [
    Architecture("Llama-2-70B", "llama", _llama_70b_config(vocab_size=32_000), num_parameters=68_976_648_192),
    Architecture("Llama-3-70B", "llama", _llama_70b_config(vocab_size=128_256), num_parameters=70_553_706_496),
    Architecture(
        "Llama-3-8B",
        "llama",
        {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "vocab_size": 128_256,
            "tie_word_embeddings": False,
        },
        num_parameters=8_030_261_248,
    ),
    Architecture(
        "Qwen2-7B",
        "qwen2",
        {
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152_064,
            "tie_word_embeddings": False,
        },
        num_parameters=7_615_616_512,
    ),
    Architecture(
        "Mixtral-8x7B",
        "mixtral",
        {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "num_local_experts": 8,
            "vocab_size": 32_000,
            "tie_word_embeddings": False,
        },
        num_parameters=46_702_792_704,
    ),
    Architecture(
        "GPT-2 XL",
        "gpt2",
        {
            "n_embd": 1600,
            "n_layer": 48,
            "n_head": 25,
            "n_positions": 1024,
            "vocab_size": 50_257,
            "tie_word_embeddings": True,
        },
        num_parameters=1_557_611_200,
    ),
    Architecture("Gemma-2B", "gemma", _gemma_2b_config(tie_word_embeddings=True), num_parameters=2_506_172_416),
    # As in a pipeline, whose last stage has a copy of the embedding of the first stage.
    Architecture(
        "Gemma-2B, untied head",
        "gemma",
        _gemma_2b_config(tie_word_embeddings=False),
        num_parameters=2_506_172_416 + 256_000 * 2048,
    ),
]
