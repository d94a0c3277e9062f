"""The placement rules: where each engine puts the parts outside the blocks of a model."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from devicemap._errors import short_repr

__all__ = ["PLACEMENT_RULES", "PlacementRule", "placement_rule"]


class PlacementRule(NamedTuple):
    """Where an engine puts the parts outside the blocks. The parts after the blocks are always with the last block."""

    counts_before: bool
    """Whether the parts before the blocks are with the first block. Otherwise they are in host memory."""
    copies_tied_head: bool
    """Whether the last of several devices has a copy of the embedding as the tied head."""


# Read in November 2026: transformers 5.24, accelerate 1.15, vLLM 0.33, SGLang 0.5.23, llama.cpp 0c1e570, torch 2.15,
# torchtitan b5bcd76 and Megatron-LM d98e8a6.
PLACEMENT_RULES = {
    # infer_auto_device_map puts a tied head on the device of the embedding and counts it once (utils/modeling.py of
    # accelerate, integrations/accelerate.py of transformers).
    "transformers": PlacementRule(counts_before=True, copies_tied_head=False),
    # get_pp_indices divides only the blocks (distributed/utils.py). embed_tokens is on the first rank, and on the last
    # one if it is tied; norm and lm_head are on the last rank (LlamaModel and LlamaForCausalLM in
    # model_executor/models/llama.py). Some models, such as Gemma-3 and Qwen3-MoE, have copies on all ranks.
    "vllm": PlacementRule(counts_before=True, copies_tied_head=True),
    # The head is on the last rank. A tied head is a copy of the weights of embed_tokens (Qwen2ForCausalLM in
    # srt/models/qwen2.py). Some models, such as Mixtral, create an untied head on all ranks.
    "sglang": PlacementRule(counts_before=True, copies_tied_head=True),
    # The input layer is on the CPU, and the output is one more layer after the last block (load_tensors in
    # llama-model.cpp). Without output.weight, token_embd.weight is loaded a second time (TENSOR_DUPLICATED in
    # llama-model-loader.cpp).
    "llama.cpp": PlacementRule(counts_before=False, copies_tied_head=True),
    # A parameter that several stages use is copied to each of them (Pipe.__init__ in distributed/pipelining/_IR.py). In
    # torch 2.15, the first stage also has an unused copy of a tied head, which is not counted here.
    "torch": PlacementRule(counts_before=True, copies_tied_head=True),
    # _generate_llm_fqn_per_model_part puts tok_embeddings in the first part, and norm and lm_head in the last one
    # (distributed/pipeline_parallel.py). Tied heads are refused (models/common/decoder.py), so that users untie them.
    "torchtitan": PlacementRule(counts_before=True, copies_tied_head=True),
    # The last stage has its own copy of the shared weights (setup_embeddings_and_output_layer in
    # core/models/common/language_module/language_module.py).
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
        close = difflib.get_close_matches(name.casefold().replace("_", "."), PLACEMENT_RULES, n=1)
        hint = f"; the closest engine is {close[0]!r}" if close else ""
        names = ", ".join(map(repr, [*PLACEMENT_RULES, *_ALIASES]))
        raise ValueError(f"engine must be one of {names}, got {short_repr(engine)}{hint}")
    return PLACEMENT_RULES[name]
