"""The placement rules: where each engine puts the parts outside the blocks of a model."""

from __future__ import annotations

from typing import NamedTuple

from devicemap._errors import short_repr

__all__ = ["PLACEMENT_RULES", "PlacementRule", "placement_rule"]


class PlacementRule(NamedTuple):
    """Where an engine puts the parts outside the blocks. The parts after the blocks are always with the last block."""

    counts_before: bool
    """Whether the parts before the blocks are with the first block. Otherwise they are in host memory."""
    copies_tied_head: bool
    """Whether a tied head is a copy of the embedding with the last block. Otherwise the embedding is used for both."""


PLACEMENT_RULES = {
    # accelerate's hooks need tied weights on one device (check_tied_parameters_on_same_device in utils/modeling.py).
    "transformers": PlacementRule(counts_before=True, copies_tied_head=False),
    # get_pp_indices divides only the blocks. Models create embed_tokens on the first rank, or on the last one too if
    # tie_word_embeddings is set, and norm and lm_head on the last rank (LlamaModel in model_executor/models/llama.py).
    "vllm": PlacementRule(counts_before=True, copies_tied_head=True),
    # The same (LlamaModel in srt/models/llama.py; weights of a tied head are sent or loaded by the last rank).
    "sglang": PlacementRule(counts_before=True, copies_tied_head=True),
    # The input layer is always on the CPU, and the output layer follows the last block. Without output.weight,
    # token_embd.weight is loaded a second time (TENSOR_DUPLICATED in llama-model.cpp).
    "llama.cpp": PlacementRule(counts_before=False, copies_tied_head=True),
    # The first stage has the embedding. A parameter that several stages use is copied to each (_IR.py).
    "torch": PlacementRule(counts_before=True, copies_tied_head=True),
    # generate_llm_fqn_per_model_part puts tok_embeddings in the first part, norm and the head in the last one. Each
    # part is a copy of the module without the modules of the others (distributed/pipeline_parallel.py).
    "torchtitan": PlacementRule(counts_before=True, copies_tied_head=True),
    # The last stage has its own copy of the shared weights, with the same gradients
    # (setup_embeddings_and_output_layer in models/common/language_module/language_module.py).
    "megatron": PlacementRule(counts_before=True, copies_tied_head=True),
}
"""The placement rule of each engine, with its source."""

_ALIASES = {"accelerate": "transformers"}


def placement_rule(engine: str) -> PlacementRule:
    """Return the placement rule of an engine.

    Raises:
        TypeError: The engine is not a str.
        ValueError: The engine is unknown.

    """
    if not isinstance(engine, str):
        raise TypeError(f"engine must be a str, got {type(engine).__name__}")
    name = _ALIASES.get(engine, engine)
    if name not in PLACEMENT_RULES:
        raise ValueError(f"engine must be one of {', '.join(map(repr, PLACEMENT_RULES))}, got {short_repr(engine)}")
    return PLACEMENT_RULES[name]
