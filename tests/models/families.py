"""Families of models of transformers: tiny configurations, and the parts that their forward passes define.

Usage: ``python -m tests.models.families`` prints a table of the families. With ``--write``, it writes the table into
``docs/models.md``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import sys
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
    """The names of the parts before the blocks in the files, all of them. ``"a|b"`` as above."""
    after: tuple[str, ...] = ()
    """The same for the parts after the blocks. A head is the last one."""
    num_blocks: int = 3
    stacks: tuple[str, ...] = ()
    """The names of the module lists in the files, if they differ: transformers saves the names of older checkpoints."""
    excluded: tuple[str, ...] = ()
    """The names of the blocks that predict additional tokens, which transformers does not save."""
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
        for name in self.excluded:
            add_prediction_block(folder, name)
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


def add_prediction_block(folder: Path, name: str) -> None:
    """Add a block for multi-token prediction as in the files of DeepSeek-V3: a block with an embedding and a head."""
    import torch
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    last_block = re.sub(r"\d+$", lambda match: str(int(match[0]) - 1), name)
    block = {
        tensor.removeprefix(f"{last_block}."): value
        for tensor, value in tensors.items()
        if tensor.startswith(f"{last_block}.")
    }
    embedding, norm = tensors["model.embed_tokens.weight"], tensors["model.norm.weight"]
    block |= dict.fromkeys(("embed_tokens.weight", "shared_head.head.weight"), embedding)
    block |= dict.fromkeys(("enorm.weight", "hnorm.weight", "shared_head.norm.weight"), norm)
    block["eh_proj.weight"] = torch.zeros(len(norm), 2 * len(norm))
    tensors |= {f"{name}.{tensor}": value.clone() for tensor, value in block.items()}
    save_file(tensors, path)


LLAMA_BEFORE, LLAMA_AFTER = ("model.embed_tokens",), ("model.norm", "lm_head")
BERT_BEFORE = (
    "embeddings.word_embeddings",
    "embeddings.position_embeddings",
    "embeddings.token_type_embeddings",
    "embeddings.LayerNorm",
)
# transformers 4 saves the text model with the names of the multimodal model, transformers 5 with its own.
GEMMA_3N = "model.language_model.{0}|model.{0}"
# The class of the tower has no vision_model in transformers 5.
VISION_TOWER = "vision_tower.vision_model.{0}|vision_tower.{0}"
T5 = {
    "vocab_size": 96,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 4,
}
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
            "num_nextn_predict_layers": 1,
        },
        ("model.layers",),
        LLAMA_BEFORE,
        LLAMA_AFTER,
        excluded=("model.layers.3",),
    ),
    "Phi": Family(
        "PhiForCausalLM",
        {**SMALL, "num_key_value_heads": 4},
        ("model.layers",),
        LLAMA_BEFORE,
        ("model.final_layernorm", "lm_head"),
    ),
    "Gemma-3, text": Family(
        "Gemma3ForCausalLM",
        {**SMALL, "head_dim": 8},
        ("model.layers",),
        LLAMA_BEFORE,
        LLAMA_AFTER[:1],
        tied=True,
    ),
    "Gemma-3n, text": Family(
        "Gemma3nForCausalLM",
        {
            **SMALL,
            "vocab_size_per_layer_input": 96,
            "hidden_size_per_layer_input": 8,
            "head_dim": 8,
            "laurel_rank": 8,
            "num_hidden_layers": 4,
            # Block 3 uses the cache of block 1, the last block before it with the same type.
            "num_kv_shared_layers": 1,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
            "activation_sparsity_pattern": [0.0] * 4,
        },
        ("model.layers",),
        (
            *map(
                GEMMA_3N.format,
                ("embed_tokens", "embed_tokens_per_layer", "per_layer_projection_norm", "altup_projections"),
            ),
            # transformers 4 replaces both "model".
            "model.language_model.per_layer_model.language_model_projection|model.per_layer_model_projection",
        ),
        tuple(map(GEMMA_3N.format, ("altup_unembed_projections", "norm"))),
        num_blocks=4,
        stacks=(GEMMA_3N.format("layers"),),
        tied=True,
        together=(range(1, 4),),
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
        ("model.final_layernorm", "lm_head"),
    ),
    "LFM2": Family(
        "Lfm2ForCausalLM",
        {**SMALL, "layer_types": ["conv", "full_attention", "conv"], "block_multiple_of": 8},
        ("model.layers",),
        LLAMA_BEFORE,
        ("model.embedding_norm",),
        tied=True,
    ),
    "Falcon": Family(
        "FalconForCausalLM",
        {**SMALL, "tie_word_embeddings": True},
        ("transformer.h",),
        ("transformer.word_embeddings",),
        ("transformer.ln_f",),
        tied=True,
    ),
    "GPT-2": Family(
        "GPT2LMHeadModel",
        {"vocab_size": 96, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
        ("transformer.h",),
        ("transformer.wte", "transformer.wpe"),
        ("transformer.ln_f",),
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
        ("transformer.wte",),
        ("transformer.ln_f", "lm_head"),
    ),
    "Bloom": Family(
        "BloomForCausalLM",
        {"vocab_size": 96, "hidden_size": 32, "n_layer": 3, "n_head": 4},
        ("transformer.h",),
        ("transformer.word_embeddings", "transformer.word_embeddings_layernorm"),
        ("transformer.ln_f",),
        tied=True,
    ),
    "GPT-NeoX": Family(
        "GPTNeoXForCausalLM",
        SMALL,
        ("gpt_neox.layers",),
        ("gpt_neox.embed_in",),
        ("gpt_neox.final_layer_norm", "embed_out"),
    ),
    "OPT": Family(
        "OPTForCausalLM",
        {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32},
        ("model.decoder.layers",),
        ("model.decoder.embed_tokens", "model.decoder.embed_positions"),
        ("model.decoder.final_layer_norm",),
        tied=True,
    ),
    "OPT, narrower embedding": Family(
        "OPTForCausalLM",
        {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 16},
        ("model.decoder.layers",),
        ("model.decoder.embed_tokens", "model.decoder.embed_positions", "model.decoder.project_in"),
        ("model.decoder.final_layer_norm", "model.decoder.project_out"),
        tied=True,
    ),
    "MPT": Family(
        "MptForCausalLM",
        {"vocab_size": 96, "d_model": 32, "n_layers": 3, "n_heads": 4, "max_seq_len": 64},
        ("transformer.blocks",),
        ("transformer.wte",),
        ("transformer.norm_f",),
        tied=True,
    ),
    "Mamba": Family(
        "MambaForCausalLM",
        {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 3, "state_size": 4},
        ("backbone.layers",),
        ("backbone.embeddings",),
        ("backbone.norm_f",),
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
        ("model.final_layernorm",),
        num_blocks=6,
        tied=True,
        together=(range(2, 5),),
    ),
    "T5": Family(
        "T5ForConditionalGeneration",
        T5,
        ("encoder.block", "decoder.block"),
        ("shared",),
        ("encoder.final_layer_norm", "decoder.final_layer_norm"),
        num_blocks=5,
        tied=True,
    ),
    "T5 v1.1": Family(
        "T5ForConditionalGeneration",
        {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        ("encoder.block", "decoder.block"),
        ("shared",),
        ("encoder.final_layer_norm", "decoder.final_layer_norm", "lm_head"),
        num_blocks=5,
        differs_in_transformers_5="T5Config sets tie_word_embeddings to True",
    ),
    "BART": Family(
        "BartForConditionalGeneration",
        ENCODER_DECODER,
        ("model.encoder.layers", "model.decoder.layers"),
        (
            "model.shared",
            "model.encoder.embed_positions",
            "model.encoder.layernorm_embedding",
            "model.decoder.embed_positions",
            "model.decoder.layernorm_embedding",
        ),
        ("final_logits_bias",),
        num_blocks=5,
        tied=True,
    ),
    "Whisper": Family(
        "WhisperForConditionalGeneration",
        {**ENCODER_DECODER, "num_mel_bins": 8, "max_source_positions": 16, "max_target_positions": 16},
        ("model.encoder.layers", "model.decoder.layers"),
        (
            "model.encoder.conv1",
            "model.encoder.conv2",
            "model.encoder.embed_positions",
            "model.decoder.embed_tokens",
            "model.decoder.embed_positions",
        ),
        ("model.encoder.layer_norm", "model.decoder.layer_norm"),
        num_blocks=5,
        tied=True,
    ),
    "BERT": Family(
        "BertModel",
        SMALL,
        ("encoder.layer",),
        BERT_BEFORE,
        ("pooler.dense",),
    ),
    "BERT, masked tokens": Family(
        "BertForMaskedLM",
        SMALL,
        ("bert.encoder.layer",),
        tuple(f"bert.{name}" for name in BERT_BEFORE),
        # The decoder in cls.predictions has the weights of the embedding, but `tied` is about heads for the next token.
        ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions"),
    ),
    "ViT": Family(
        "ViTForImageClassification",
        VISION,
        ("vit.encoder.layer|vit.layers",),
        ("vit.embeddings", "vit.embeddings.patch_embeddings.projection"),
        ("vit.layernorm", "classifier"),
        num_blocks=2,
        stacks=("vit.encoder.layer",),
    ),
    "Gemma-3": Family(
        "Gemma3ForConditionalGeneration",
        {"text_config": {**SMALL, "head_dim": 8}, "vision_config": VISION, "mm_tokens_per_image": 4},
        ("model.language_model.layers",),
        (
            "language_model.model.embed_tokens",
            "multi_modal_projector",
            "multi_modal_projector.mm_soft_emb_norm",
            *map(
                VISION_TOWER.format,
                (
                    "embeddings.patch_embedding",
                    "embeddings.position_embedding",
                    "encoder.layers",
                    "post_layernorm",
                    "head",
                    "head.attention",
                    "head.attention.out_proj",
                    "head.layernorm",
                    "head.mlp.fc1",
                    "head.mlp.fc2",
                ),
            ),
        ),
        ("language_model.model.norm",),
        stacks=("language_model.model.layers",),
        tied=True,
    ),
    "LLaVA": Family(
        "LlavaForConditionalGeneration",
        {
            "text_config": {**SMALL, "model_type": "llama"},
            "vision_config": {**VISION, "model_type": "clip_vision_model", "projection_dim": 16},
        },
        ("model.language_model.layers",),
        (
            "language_model.model.embed_tokens",
            "multi_modal_projector.linear_1",
            "multi_modal_projector.linear_2",
            *map(
                VISION_TOWER.format,
                (
                    "embeddings",
                    "embeddings.patch_embedding",
                    "embeddings.position_embedding",
                    "pre_layrnorm",
                    "encoder.layers",
                    "post_layernorm",
                ),
            ),
        ),
        ("language_model.model.norm", "language_model.lm_head"),
        stacks=("language_model.model.layers",),
    ),
    "Qwen2-VL": Family(
        "Qwen2VLForConditionalGeneration",
        {
            "text_config": {**SMALL, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}},
            "vision_config": {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "patch_size": 4},
        },
        ("model.language_model.layers",),
        (
            "model.embed_tokens",
            "visual.patch_embed.proj",
            "visual.blocks",
            "visual.merger.ln_q",
            "visual.merger.mlp",
        ),
        ("model.norm", "lm_head"),
        stacks=("model.layers",),
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
        ("embeddings.patch_embeddings.projection", "embeddings.norm"),
        ("layernorm",),
    ),
}


def stack_name(model: Model) -> str:
    """Return the names of the stacks, without the numbers of the blocks."""
    return ", ".join(dict.fromkeys(re.sub(r"\.\d+$", "", part.name) for part in model.blocks))


def table() -> str:
    """Return a table with the parts of each family, which are read from saved models."""
    oracle = f"accelerate {importlib.metadata.version('accelerate')} compute_module_sizes"
    version = importlib.metadata.version("transformers")
    rows = [
        "| family | stacks | blocks | before | after | tied | oracle | transformers |",
        "| --- | --- | ---: | --- | --- | --- | --- | --- |",
    ]
    for name, family in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            family.save(Path(folder))
            if family.error:
                rows.append(f"| {name} | refused: {family.error} | | | | | | {version} |")
                continue
            model = Model.from_pretrained(folder)
        tied = "yes" if model.tied else ""
        before, after = (", ".join(f"`{part.name}`" for part in parts) for parts in (model.before, model.after))
        cells = (name, f"`{stack_name(model)}`", model.num_blocks, before, after, tied, oracle, version)
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def write(families: str) -> None:
    """Write the table of the families into the documentation."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("devicemap", "transformers", "accelerate", "torch")
    )
    path = Path(__file__).parents[2] / "docs" / "models.md"
    begin, end = "<!-- families:begin -->\n", "<!-- families:end -->\n"
    head, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}{families}\n\nRead with {versions}.\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):  # what other packages write
        families = table()
    if sys.argv[1:] == ["--write"]:
        write(families)
    else:
        print(families)  # noqa: T201, the output of the command
