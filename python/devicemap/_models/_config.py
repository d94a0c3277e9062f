"""Read what the configuration of a model says about its blocks, in ``config.json`` or the metadata of a GGUF file."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

__all__ = ["ModelConfig"]

_TEXT_CONFIGS = "text_config", "llm_config", "language_config", "thinker_config", "llm"
"""The keys of the language model's configuration in models of several modalities."""
_NUM_LAYERS = "num_hidden_layers", "n_layer", "n_layers", "num_layers"
_NUM_DECODER_LAYERS = "decoder_layers", "num_decoder_layers", "decoder_block_count"
_MAX_NESTING = 4
"""The largest number of configurations that are nested in each other."""
_LAYER_LISTS = "layers_block_type", "layer_types", "block_configs"
"""Keys of lists with one item per layer."""
_CAUSAL_ARCHITECTURES = "ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "WithLMHead", "ChatModel", "MTModel"
"""What the names of architectures contain that predict the next token, and therefore have a head."""
_OTHER_ARCHITECTURE = re.compile("Model$|For[A-Z]")
"""The names of all other architectures of transformers: ``BertModel``, ``ViTForImageClassification``."""
_GGUF_ENCODERS = {"t5encoder", "clip", "gemma-embedding"}
"""Architectures in GGUF files that have no head, besides those with ``attention.causal`` = False."""


class ModelConfig:
    """The configuration of a model.

    Args:
        values: The contents of ``config.json``, or the metadata of a GGUF file. It may be empty.
        format_: ``"safetensors"`` or ``"gguf"``.

    """

    def __init__(self, values: Mapping[str, Any], format_: str) -> None:
        self._values = values
        self._is_gguf = format_ == "gguf"
        # In a GGUF file, the keys of an architecture start with its name.
        self._text = _strip_prefix(values, f"{self.architecture}.") if self._is_gguf else _text_config(values)

    @property
    def architecture(self) -> str:
        """The name of the architecture, or an empty str."""
        architectures = self._values.get("architectures")
        names = [self._values.get("general.architecture"), *(architectures if isinstance(architectures, list) else [])]
        return next((name for name in [*names, self._values.get("model_type")] if isinstance(name, str)), "")

    @property
    def layer_counts(self) -> list[int]:
        """The numbers of blocks of the language model that the configuration names, the most reliable first."""
        counts = [self._text[key] for key in _NUM_LAYERS if _is_count(self._text.get(key))]
        counts += [len(self._text[key]) for key in _LAYER_LISTS if isinstance(self._text.get(key), list)]
        if self._is_gguf:
            # Blocks for multi-token prediction are included in the number of blocks.
            num_predicted = _first_count(self._text, ["nextn_predict_layers"])
            counts = [_first_count(self._text, ["block_count"]) - num_predicted]
        return list(dict.fromkeys(count for count in counts if count > 0))

    @property
    def tower_layer_counts(self) -> set[int]:
        """The numbers of blocks of the other parts of a model of several modalities, such as the vision encoder."""
        towers = [value for key, value in self._values.items() if isinstance(value, dict) and key not in _TEXT_CONFIGS]
        keys = [*_NUM_LAYERS, "depth", "encoder_layers"]
        return {tower[key] for tower in towers for key in keys if _is_count(tower.get(key))}

    @property
    def encoder_and_decoder_layers(self) -> tuple[int, int]:
        """The numbers of blocks of the encoder and the decoder, or 0 if the configuration does not name them."""
        num_layers = next(iter(self.layer_counts), 0)
        encoder = _first_count(self._text, ["encoder_layers"])
        return encoder or num_layers, self.num_decoder_layers or num_layers

    @property
    def num_decoder_layers(self) -> int:
        """The number of blocks of the decoder, or 0 if the configuration does not name it."""
        return _first_count(self._text, _NUM_DECODER_LAYERS)

    @property
    def tie_flag(self) -> bool | None:
        """Whether the configuration says that the head is tied to the embedding, or None if it does not say."""
        nested = [value for key in _TEXT_CONFIGS if isinstance(value := self._values.get(key), dict)]
        configs = [self._values, self._text, *nested]
        flags = [config.get("tie_word_embeddings") for config in configs]
        return True if True in flags else False if False in flags else None

    @property
    def has_head(self) -> bool:
        """Whether the architecture has a head that computes the probabilities of tokens.

        If its name does not tell, it has one if the configuration says that the head is tied.
        """
        if self._is_gguf:
            return self._text.get("attention.causal") is not False and self.architecture not in _GGUF_ENCODERS
        if any(part in self.architecture for part in _CAUSAL_ARCHITECTURES):
            return True
        # The configuration of transformers 5 has the flag in base models and classifiers, too.
        return self.tie_flag is True and _OTHER_ARCHITECTURE.search(self.architecture) is None

    def together(self, num_blocks: int) -> tuple[range, ...]:
        """Return the ranges of blocks that share weights or state, so that they must be on one device."""
        ranges = [_shared_weights(self._text), _shared_cache(self._text, num_blocks)]
        return tuple(blocks for blocks in ranges if blocks.stop <= num_blocks and len(blocks) > 1)


def _shared_weights(config: Mapping[str, Any]) -> range:
    """Return the range of the blocks of Zamba and Zamba2 that use the weights of the first "hybrid" block."""
    types = config.get("layers_block_type") or config.get("layer_types")
    hybrid = [block for block, type_ in enumerate(types) if type_ == "hybrid"] if isinstance(types, list) else []
    if not hybrid and isinstance(config.get("hybrid_layer_ids"), list):
        hybrid = sorted(block for block in config["hybrid_layer_ids"] if _is_count(block))
    return range(hybrid[0], hybrid[-1] + 1) if hybrid else range(0)


def _shared_cache(config: Mapping[str, Any], num_blocks: int) -> range:
    """Return the range of the last blocks, which use the cache of other blocks, and of these other blocks.

    In Gemma-3n and Gemma-4, each of the last ``num_kv_shared_layers`` blocks uses the cache of the last block of the
    same type that has one (``modeling_gemma3n.py`` of transformers).
    """
    num_shared = _first_count(config, ["num_kv_shared_layers", "attention.shared_kv_layers"])
    first_shared = num_blocks - num_shared
    if num_shared == 0 or first_shared < 1:
        return range(0)
    types = config.get("layer_types")
    if not isinstance(types, list) or len(types) != num_blocks or not all(isinstance(type_, str) for type_ in types):
        # Without the types, any two kinds of attention alternate at least every six blocks.
        return range(max(0, first_shared - 6), num_blocks)
    last_of_type = {type_: block for block, type_ in enumerate(types[:first_shared])}
    sources = [last_of_type[type_] for type_ in types[first_shared:] if type_ in last_of_type]
    return range(min(sources, default=first_shared), num_blocks)


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration of the language model, which is nested in models of several modalities."""
    for _ in range(_MAX_NESTING):
        nested = next((config[key] for key in _TEXT_CONFIGS if isinstance(config.get(key), dict)), None)
        # Molmo and others have the keys of the language model at the top, next to a nested configuration.
        if nested is None or any(key in config for key in _NUM_LAYERS):
            break
        config = nested
    return config


def _strip_prefix(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key[len(prefix) :]: value for key, value in values.items() if key.startswith(prefix)}


def _first_count(config: Mapping[str, Any], keys: Iterable[str]) -> int:
    """Return the first of some entries of a configuration that is a count, or 0."""
    counts: Iterator[int] = (config[key] for key in keys if _is_count(config.get(key)))
    return next(counts, 0)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
