"""Real architectures, with the bytes of each part computed from the fields of their public configs.

A parameter has two bytes, as in bfloat16. Buffers, such as rotary tables, are not included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

BYTES = 2
"""The bytes of a parameter in bfloat16."""


@dataclass(frozen=True, eq=False)
class Architecture:
    """An architecture, with the fields of its config.json that determine sizes."""

    name: str
    family: str
    """The ``model_type`` of the config."""
    config: Mapping[str, int | bool]
    parameters: int
    """The published number of parameters, which must be that of ``parts``."""

    @property
    def is_tied(self) -> bool:
        """Whether the head shares the weights of the embedding. Then it is not a part."""
        return bool(self.config["tie_word_embeddings"])

    @property
    def parts(self) -> dict[str, int]:
        """The bytes of each part, in order, by its module name in transformers.

        The parts are the embedding, each decoder block, the final norm and, unless it is tied, the head.
        """
        count = _gpt2 if self.family == "gpt2" else _llama
        return {name: BYTES * parameters for name, parameters in count(self.family, self.config).items()}

    @property
    def costs(self) -> list[int]:
        """The bytes of each block. The first includes the embedding, the last the final norm and the head."""
        costs: list[int] = []
        before = 0
        for name, size in self.parts.items():
            if name.rpartition(".")[2].isdecimal():
                costs.append(size + before)
                before = 0
            elif costs:
                costs[-1] += size
            else:
                before += size
        return costs


@cache
def meta_model(architecture: Architecture) -> Any:
    """Return transformers' model of an architecture in bfloat16 on the device ``meta``, without data."""
    import torch
    import transformers

    config = transformers.AutoConfig.for_model(architecture.family, **architecture.config)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)


def _llama(family: str, config: Mapping[str, int | bool]) -> dict[str, int]:
    """Return the parameters of each part of Llama and similar architectures: Qwen2, Gemma, Mixtral."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head = config.get("head_dim", hidden // heads)
    queries, keys = heads * head, config["num_key_value_heads"] * head

    attention = (
        hidden * queries + 2 * hidden * keys + queries * hidden
    )  # the projections to queries, to keys and values, and of the output
    if family == "qwen2":
        attention += queries + 2 * keys  # the biases of these three, which the config does not mention
    mlp = 3 * hidden * config["intermediate_size"]  # the projections gate, up and down
    if family == "mixtral":
        mlp = config["num_local_experts"] * (mlp + hidden)  # each expert, and its row of the router
    norms = 2 * hidden
    embedding = config["vocab_size"] * hidden

    return {
        "model.embed_tokens": embedding,
        **{f"model.layers.{block}": attention + mlp + norms for block in range(config["num_hidden_layers"])},
        "model.norm": hidden,
        **({} if config["tie_word_embeddings"] else {"lm_head": embedding}),
    }


def _gpt2(_: str, config: Mapping[str, int | bool]) -> dict[str, int]:
    """Return the parameters of each part of GPT-2, in which all layers have biases."""
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


def _llama_70b(vocab_size: int) -> dict[str, int | bool]:
    return {
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": vocab_size,
        "tie_word_embeddings": False,
    }


def _gemma_2b(*, tied: bool) -> dict[str, int | bool]:
    return {
        "hidden_size": 2048,
        "intermediate_size": 16384,
        "num_hidden_layers": 18,
        "num_attention_heads": 8,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "vocab_size": 256_000,
        "tie_word_embeddings": tied,
    }


ARCHITECTURES = [
    Architecture("Llama-2-70B", "llama", _llama_70b(vocab_size=32_000), parameters=68_976_648_192),
    Architecture("Llama-3-70B", "llama", _llama_70b(vocab_size=128_256), parameters=70_553_706_496),
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
        parameters=8_030_261_248,
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
        parameters=7_615_616_512,
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
        parameters=46_702_792_704,
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
        parameters=1_557_611_200,
    ),
    Architecture("Gemma-2B", "gemma", _gemma_2b(tied=True), parameters=2_506_172_416),
    # As in a pipeline, whose last stage has a copy of the embedding of the first stage.
    Architecture("Gemma-2B, untied head", "gemma", _gemma_2b(tied=False), parameters=2_506_172_416 + 256_000 * 2048),
]
