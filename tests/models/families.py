"""Families of models of transformers: tiny configurations, and the parts that their forward passes define.

Usage: ``python -m tests.models.families`` writes the table of ``docs/models.md``.
"""

from __future__ import annotations

import importlib.metadata
import re
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devicemap import Model

SMALL = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 3,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "image_size": 16,
    "patch_size": 8,
}
ENCODER_DECODER = {
    "vocab_size": 96,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}


@dataclass(frozen=True)
class Family:
    """A model class with a tiny configuration, and its parts by the definition of its forward pass."""

    model_class: str
    config: Mapping[str, Any]
    modules: tuple[str, ...]
    """The module lists with the blocks, in order of use. ``"a|b"`` are the names in two versions of transformers."""
    before: tuple[str, ...] = ()
    """Regular expressions for the names of the parts before the blocks, each of which matches at least one part."""
    after: tuple[str, ...] = ()
    """The same for the parts after the blocks."""
    tied: bool = False
    together: tuple[range, ...] = ()
    error: str = ""
    """A part of the message, if the model is refused."""
    differs_in_transformers_5: str = ""
    """Why transformers 5 does not create this model."""

    def save(self, folder: Path) -> Any:
        """Create the model, save it in a folder, and return it."""
        import torch
        import transformers

        torch.manual_seed(0)
        model_class = getattr(transformers, self.model_class)
        model = model_class(model_class.config_class(**self.config))
        try:
            model.save_pretrained(folder, safe_serialization=True)
        except RuntimeError:
            # transformers 4.57 cannot save the weights that several blocks of Zamba2 share.
            save_without_duplicates(model, folder)
        return model


def save_without_duplicates(model: Any, folder: Path) -> None:
    """Save a model, with only the first of several names of the same tensor."""
    from safetensors.torch import save_file

    names = {tensor.data_ptr(): name for name, tensor in reversed(model.state_dict().items())}
    save_file(
        {name: tensor for name, tensor in model.state_dict().items() if name in names.values()},
        folder / "model.safetensors",
    )
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)


LLAMA_BEFORE, LLAMA_AFTER = (r"model\.embed_tokens",), (r"model\.norm", "lm_head")
MOE = {**SMALL, "num_local_experts": 4, "num_experts_per_tok": 2}
FAMILIES: dict[str, Family] = {
    "Llama": Family("LlamaForCausalLM", SMALL, ("model.layers",), LLAMA_BEFORE, LLAMA_AFTER),
    "Qwen2": Family("Qwen2ForCausalLM", SMALL, ("model.layers",), LLAMA_BEFORE, LLAMA_AFTER),
    "Qwen2, tied": Family(
        "Qwen2ForCausalLM",
        {**SMALL, "tie_word_embeddings": True},
        ("model.layers",),
        LLAMA_BEFORE,
        LLAMA_AFTER[:1],
        tied=True,
    ),
    "Mixtral": Family("MixtralForCausalLM", MOE, ("model.layers",), LLAMA_BEFORE, LLAMA_AFTER),
    "Qwen3-MoE": Family(
        "Qwen3MoeForCausalLM",
        {**SMALL, "num_experts": 4, "moe_intermediate_size": 16, "head_dim": 8},
        ("model.layers",),
        LLAMA_BEFORE,
        LLAMA_AFTER,
    ),
    "DeepSeek-V3": Family(
        "DeepseekV3ForCausalLM",
        {
            **SMALL,
            "num_key_value_heads": 4,
            "moe_intermediate_size": 16,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_group": 2,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "q_lora_rank": 16,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 8,
        },
        ("model.layers",),
        LLAMA_BEFORE,
        LLAMA_AFTER,
    ),
    "Phi": Family(
        "PhiForCausalLM",
        {**SMALL, "num_key_value_heads": 4},
        ("model.layers",),
        LLAMA_BEFORE,
        (r"model\.final_layernorm", "lm_head"),
    ),
    "Gemma-3, text": Family(
        "Gemma3ForCausalLM",
        {**SMALL, "head_dim": 8},
        ("model.layers",),
        LLAMA_BEFORE,
        LLAMA_AFTER[:1],
        tied=True,
    ),
    "GPT-OSS": Family("GptOssForCausalLM", {**MOE, "head_dim": 8}, ("model.layers",), LLAMA_BEFORE, LLAMA_AFTER),
    "Jamba": Family(
        "JambaForCausalLM",
        {
            **SMALL,
            "num_experts": 2,
            "attn_layer_period": 3,
            "attn_layer_offset": 1,
            "use_mamba_kernels": False,
            "mamba_d_state": 4,
            "mamba_dt_rank": 4,
            "tie_word_embeddings": False,
        },
        ("model.layers",),
        LLAMA_BEFORE,
        (r"model\.final_layernorm", "lm_head"),
    ),
    "LFM2": Family(
        "Lfm2ForCausalLM",
        {**SMALL, "layer_types": ["conv", "full_attention", "conv"], "block_multiple_of": 8},
        ("model.layers",),
        LLAMA_BEFORE,
        (r"model\.embedding_norm",),
        tied=True,
    ),
    "Falcon": Family(
        "FalconForCausalLM",
        {**SMALL, "tie_word_embeddings": True},
        ("transformer.h",),
        (r"transformer\.word_embeddings",),
        (r"transformer\.ln_f",),
        tied=True,
    ),
    "GPT-2": Family(
        "GPT2LMHeadModel",
        {"vocab_size": 96, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
        ("transformer.h",),
        (r"transformer\.wte", r"transformer\.wpe"),
        (r"transformer\.ln_f",),
        tied=True,
    ),
    "GPT-2, base model": Family(
        "GPT2Model",
        {"vocab_size": 96, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
        ("h",),
        ("wte", "wpe"),
        ("ln_f",),
    ),
    "GPT-J": Family(
        "GPTJForCausalLM",
        {"vocab_size": 96, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
        ("transformer.h",),
        (r"transformer\.wte",),
        (r"transformer\.ln_f", "lm_head"),
    ),
    "Bloom": Family(
        "BloomForCausalLM",
        {"vocab_size": 96, "hidden_size": 32, "n_layer": 3, "n_head": 4},
        ("transformer.h",),
        (r"transformer\.word_embeddings", r"transformer\.word_embeddings_layernorm"),
        (r"transformer\.ln_f",),
        tied=True,
    ),
    "GPT-NeoX": Family(
        "GPTNeoXForCausalLM",
        SMALL,
        ("gpt_neox.layers",),
        (r"gpt_neox\.embed_in",),
        (r"gpt_neox\.final_layer_norm", "embed_out"),
    ),
    "OPT": Family(
        "OPTForCausalLM",
        {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 16, "do_layer_norm_before": True},
        ("model.decoder.layers",),
        (r"model\.decoder\.embed_tokens", r"model\.decoder\.embed_positions", r"model\.decoder\.project_in"),
        (r"model\.decoder\.final_layer_norm", r"model\.decoder\.project_out"),
        tied=True,
    ),
    "MPT": Family(
        "MptForCausalLM",
        {"vocab_size": 96, "d_model": 32, "n_layers": 3, "n_heads": 4, "max_seq_len": 64},
        ("transformer.blocks",),
        (r"transformer\.wte",),
        (r"transformer\.norm_f",),
        tied=True,
    ),
    "Mamba": Family(
        "MambaForCausalLM",
        {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 3, "state_size": 4},
        ("backbone.layers",),
        (r"backbone\.embeddings",),
        (r"backbone\.norm_f",),
        tied=True,
    ),
    "Zamba2": Family(
        "Zamba2ForCausalLM",
        {
            **SMALL,
            "num_hidden_layers": 6,
            "hybrid_layer_ids": [2, 4],
            "layers_block_type": ["mamba", "mamba", "hybrid", "mamba", "hybrid", "mamba"],
            "num_mem_blocks": 1,
            "mamba_d_state": 8,
            "mamba_headdim": 8,
            "mamba_ngroups": 1,
            "n_mamba_heads": 8,
            "use_mamba_kernels": False,
        },
        ("model.layers",),
        LLAMA_BEFORE,
        (r"model\.final_layernorm",),
        tied=True,
        together=(range(2, 5),),
    ),
    "T5": Family(
        "T5ForConditionalGeneration",
        {
            "vocab_size": 96,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 48,
            "num_layers": 2,
            "num_decoder_layers": 3,
            "num_heads": 4,
        },
        ("encoder.block", "decoder.block"),
        ("shared",),
        (r"encoder\.final_layer_norm", r"decoder\.final_layer_norm"),
        tied=True,
    ),
    "T5 v1.1": Family(
        "T5ForConditionalGeneration",
        {
            "vocab_size": 96,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 48,
            "num_layers": 2,
            "num_decoder_layers": 3,
            "num_heads": 4,
            "feed_forward_proj": "gated-gelu",
            "tie_word_embeddings": False,
        },
        ("encoder.block", "decoder.block"),
        ("shared",),
        (r"encoder\.final_layer_norm", r"decoder\.final_layer_norm", "lm_head"),
        differs_in_transformers_5="T5Config sets tie_word_embeddings to True",
    ),
    "BART": Family(
        "BartForConditionalGeneration",
        ENCODER_DECODER,
        ("model.encoder.layers", "model.decoder.layers"),
        (r"model\.shared", r"model\.encoder\.embed_positions", r"model\.decoder\.layernorm_embedding"),
        (),
        tied=True,
    ),
    "Whisper": Family(
        "WhisperForConditionalGeneration",
        {**ENCODER_DECODER, "num_mel_bins": 8, "max_source_positions": 16, "max_target_positions": 16},
        ("model.encoder.layers", "model.decoder.layers"),
        (r"model\.encoder\.conv1", r"model\.encoder\.conv2", r"model\.decoder\.embed_tokens"),
        (r"model\.encoder\.layer_norm", r"model\.decoder\.layer_norm"),
        tied=True,
    ),
    "BERT": Family(
        "BertModel",
        SMALL,
        ("encoder.layer",),
        (r"embeddings\.word_embeddings", r"embeddings\.LayerNorm"),
        (r"pooler\.dense",),
    ),
    "BERT, masked tokens": Family(
        "BertForMaskedLM",
        SMALL,
        ("bert.encoder.layer",),
        (r"bert\.embeddings\.word_embeddings", r"bert\.embeddings\.LayerNorm"),
        (r"cls\.predictions\.transform\.dense", r"cls\.predictions"),
    ),
    "ViT": Family(
        "ViTForImageClassification",
        VISION,
        ("vit.encoder.layer|vit.layers",),
        (r"vit\.embeddings", r"vit\.embeddings\.patch_embeddings\.projection"),
        (r"vit\.layernorm", "classifier"),
    ),
    "Gemma-3": Family(
        "Gemma3ForConditionalGeneration",
        {"text_config": {**SMALL, "head_dim": 8}, "vision_config": VISION, "mm_tokens_per_image": 4},
        ("model.language_model.layers",),
        (r".*embed_tokens", r"multi_modal_projector.*|model\.multi_modal_projector.*", r".*vision_tower.*layers"),
        (r".*norm",),
        tied=True,
    ),
    "LLaVA": Family(
        "LlavaForConditionalGeneration",
        {
            "text_config": {**SMALL, "model_type": "llama"},
            "vision_config": {**VISION, "model_type": "clip_vision_model", "projection_dim": 16},
        },
        ("model.language_model.layers",),
        (r".*embed_tokens", r".*multi_modal_projector\.linear_1", r".*vision_tower.*layers"),
        (r".*norm", r".*lm_head"),
    ),
    "Qwen2-VL": Family(
        "Qwen2VLForConditionalGeneration",
        {
            "text_config": {**SMALL, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}},
            "vision_config": {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "patch_size": 4},
        },
        ("model.language_model.layers",),
        (r".*embed_tokens", r".*visual\.blocks", r".*visual\.merger\.mlp", r".*visual\.patch_embed\.proj"),
        (r".*norm", "lm_head"),
    ),
    "CLIP": Family(
        "CLIPModel",
        {"text_config": SMALL, "vision_config": VISION},
        (),
        error="the model compares the outputs of two towers",
    ),
    "ALBERT": Family(
        "AlbertModel",
        {**SMALL, "embedding_size": 16},
        (),
        error="has 1 block, but the configuration has 3 layers",
    ),
    "Swin": Family(
        "SwinModel",
        {
            "image_size": 32,
            "patch_size": 4,
            "embed_dim": 8,
            "depths": [1, 1, 2],
            "num_heads": [2, 2, 2],
            "window_size": 2,
        },
        ("encoder.layers",),
        (r"embeddings\.patch_embeddings\.projection", r"embeddings\.norm"),
        ("layernorm",),
    ),
}


def stack_name(model: Model) -> str:
    """Return the names of the stacks, without the numbers of the blocks."""
    return ", ".join(dict.fromkeys(re.sub(r"\.\d+$", "", part.name) for part in model.blocks))


def table() -> str:
    """Return a table with the parts of each family, which are read from saved models."""
    rows = ["| family | stacks | blocks | before | after | tied |", "| --- | --- | ---: | --- | --- | --- |"]
    for name, family in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            family.save(Path(folder))
            if family.error:
                rows.append(f"| {name} | refused: {family.error} | | | | |")
                continue
            model = Model.from_pretrained(folder)
        tied = "yes" if model.tied else ""
        before, after = (", ".join(f"`{part.name}`" for part in parts) for parts in (model.before, model.after))
        rows.append(f"| {name} | `{stack_name(model)}` | {model.num_blocks} | {before} | {after} | {tied} |")
    return "\n".join(rows)


def main() -> None:
    """Write the table into the documentation."""
    warnings.simplefilter("ignore")
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("devicemap", "transformers", "accelerate", "torch")
    )
    path = Path(__file__).parents[2] / "docs" / "models.md"
    begin, end = "<!-- families:begin -->\n", "<!-- families:end -->\n"
    head, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}{table()}\n\nRead with {versions}.\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
