"""Tests for the division of a checkpoint into blocks and other parts, on the names of real checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from devicemap import Model, ModelError
from tests.models.files import LLAMA, LLAMA_NAMES, write_folder


def blocks(stack: str, count: int, *modules: str) -> list[str]:
    """Return the names of the tensors of a stack."""
    return [
        f"{stack}.{block}.{module}.weight" for block in range(count) for module in (modules or ("attn.q", "mlp.up"))
    ]


def read(tmp_path: Path, names: Iterable[str], config: dict[str, Any] | None = None, **arguments: Any) -> Model:
    return Model.from_pretrained(write_folder(tmp_path, names, config), **arguments)


def error_message(tmp_path: Path, names: Iterable[str], config: dict[str, Any] | None = None, **arguments: Any) -> str:
    folder = write_folder(tmp_path, names, config)
    with pytest.raises(ModelError) as caught:
        Model.from_pretrained(folder, **arguments)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'model.safetensors'}: ")
    return message.removeprefix(f"{folder / 'model.safetensors'}: ")


def names(model: Model, list_name: str) -> list[str]:
    return [part.name for part in getattr(model, list_name)]


# Blocks for multi-token prediction


@pytest.mark.parametrize(
    ("extra", "excluded"),
    [
        # DeepSeek-V3 and GLM-4.5: an additional block with its own embedding and head.
        (
            [
                *blocks("model.layers", 4)[6:],
                "model.layers.3.embed_tokens.weight",
                "model.layers.3.shared_head.head.weight",
            ],
            ["model.layers.3"],
        ),
        # Qwen3-Next
        (
            [*blocks("mtp.layers", 1), "mtp.fc.weight", "mtp.norm.weight"],
            ["mtp.fc", "mtp.layers", "mtp.norm"],
        ),
        # MiMo
        (blocks("model.mtp_layers", 1), ["model.mtp_layers"]),
        (blocks("model.mtp.layers", 3), ["model.mtp.layers"]),
        # ERNIE-4.5
        (
            ["model.mtp_block.0.mlp.up_proj.weight", "model.mtp_emb_norm.0.weight"],
            ["model.mtp_block", "model.mtp_emb_norm"],
        ),
    ],
)
def test_blocks_for_multi_token_prediction_are_excluded(tmp_path: Path, extra: list[str], excluded: list[str]) -> None:
    model = read(tmp_path, [*LLAMA_NAMES, *extra], LLAMA)
    assert (model.num_blocks, names(model, "excluded")) == (3, excluded)
    assert names(model, "before") == ["model.embed_tokens"]
    assert names(model, "after") == ["model.norm", "lm_head"]
    assert sum(part.bytes for part in model.excluded) == sum(
        4 * size for size in range(len(LLAMA_NAMES) + 1, len(LLAMA_NAMES) + len(extra) + 1)
    )
    explicit = read(tmp_path, [*LLAMA_NAMES, *extra], LLAMA, blocks="model.layers")
    assert names(explicit, "excluded") == excluded


# Several stacks

LLAVA = [
    *blocks("language_model.model.layers", 4),
    "language_model.model.embed_tokens.weight",
    "language_model.model.norm.weight",
    "language_model.lm_head.weight",
    *blocks("vision_tower.vision_model.encoder.layers", 3),
    "vision_tower.vision_model.embeddings.class_embedding",
    "vision_tower.vision_model.post_layernorm.weight",
    "multi_modal_projector.linear_1.weight",
]
LLAVA_BEFORE = [
    "language_model.model.embed_tokens",
    "multi_modal_projector.linear_1",
    "vision_tower.vision_model.embeddings",
    "vision_tower.vision_model.encoder.layers",
    "vision_tower.vision_model.post_layernorm",
]


@pytest.mark.parametrize(
    "config",
    [
        {"text_config": {"num_hidden_layers": 4}, "vision_config": {"num_hidden_layers": 3}},
        # LLaVA-1.5 does not say how many layers the language model has.
        {"text_config": {"model_type": "llama"}, "vision_config": {"num_hidden_layers": 3}},
        {"num_hidden_layers": 4, "text_config": {"model_type": "llama"}, "vision_config": {"depth": 3}},
        {"thinker_config": {"text_config": {"num_hidden_layers": 4}}},
        {"llm_config": {"num_hidden_layers": 4}},
    ],
)
def test_the_stack_of_the_language_model_provides_the_blocks(tmp_path: Path, config: dict[str, Any]) -> None:
    model = read(tmp_path, LLAVA, {"architectures": ["LlavaForConditionalGeneration"], **config})
    assert (model.num_blocks, model.blocks[0].name) == (4, "language_model.model.layers.0")
    assert names(model, "before") == LLAVA_BEFORE
    assert names(model, "after") == ["language_model.model.norm", "language_model.lm_head"]
    assert not model.tied


def test_a_stack_can_be_chosen(tmp_path: Path) -> None:
    config = {"text_config": {"num_hidden_layers": 4}}
    model = read(tmp_path, LLAVA, config, blocks="vision_tower.vision_model.encoder.layers")
    assert model.num_blocks == 3
    # The language model is not a part of the vision tower.
    assert "language_model.model.layers" in names(model, "before")
    message = error_message(tmp_path, LLAVA, config, blocks="model.layers")
    assert message == (
        "there is no stack 'model.layers'; the stacks are language_model.model.layers (4 blocks), "
        'vision_tower.vision_model.encoder.layers (3 blocks); pass blocks="language_model.model.layers", for example'
    )


def test_a_note_says_that_a_chosen_stack_has_another_length(tmp_path: Path) -> None:
    model = read(tmp_path, LLAMA_NAMES, {**LLAMA, "num_hidden_layers": 7}, blocks="model.layers")
    assert model.notes == ("model.layers has 3 blocks, the configuration has 7 layers",)
    assert read(tmp_path, LLAMA_NAMES, LLAMA, blocks="model.layers").notes == ()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_hidden_layers": 5}, "no stack has 5 blocks, as the configuration says: the stacks are language_model"),
        ({}, "the configuration does not give the number of layers of the language model; the stacks are language"),
    ],
)
def test_the_stacks_are_listed_if_none_matches(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    without_embedding = [name for name in LLAVA if "embed" not in name and "projector" not in name]
    error = error_message(tmp_path, without_embedding, config)
    assert error.startswith(message)
    assert error.endswith('; pass blocks="language_model.model.layers", for example')


def test_the_stacks_are_listed_if_several_match(tmp_path: Path) -> None:
    names = [*blocks("model.layers", 3), *blocks("second.layers", 3), "model.embed_tokens.weight"]
    assert error_message(tmp_path, names, LLAMA) == (
        "several stacks have 3 blocks, as the configuration says: the stacks are model.layers (3 blocks), "
        'second.layers (3 blocks); pass blocks="model.layers", for example'
    )
    assert read(tmp_path, names, LLAMA, blocks="model.layers").num_blocks == 3


@pytest.mark.parametrize("tower", ["vision_model.encoder.layers", "audio_tower.layers", "visual.blocks"])
def test_a_tower_of_the_same_length_is_not_the_language_model(tmp_path: Path, tower: str) -> None:
    model = read(tmp_path, [*LLAMA_NAMES, *blocks(tower, 3)], LLAMA)
    assert model.blocks[0].name == "model.layers.0"
    assert tower in names(model, "before")


def test_a_small_stack_next_to_larger_ones_is_refused(tmp_path: Path) -> None:
    # Flux has 19 blocks of one kind and 38 of another.
    tensors = [*blocks("transformer_blocks", 3), *blocks("single_transformer_blocks", 9)]
    message = error_message(tmp_path, tensors, {"num_layers": 3})
    assert message.startswith(
        "transformer_blocks would be the blocks, but most of the bytes are in other stacks; the stacks"
    )
    assert read(tmp_path, tensors, {"num_layers": 3}, blocks="transformer_blocks").num_blocks == 3


def test_the_decoder_alone_has_the_number_of_blocks_of_the_decoder(tmp_path: Path) -> None:
    tensors = ["model.decoder.embed_tokens.weight", *blocks("model.decoder.layers", 4), "lm_head.weight"]
    model = read(tmp_path, tensors, {"num_hidden_layers": 2, "encoder_layers": 2, "decoder_layers": 4})
    assert (model.num_blocks, model.excluded) == (4, ())


def test_an_encoder_and_a_decoder_of_another_part_are_not_the_blocks(tmp_path: Path) -> None:
    tensors = [*LLAMA_NAMES, *blocks("codec.encoder.layers", 2), *blocks("codec.decoder.layers", 2)]
    with pytest.raises(ModelError, match="most of the bytes are in other stacks"):
        read(tmp_path, tensors, LLAMA)
    model = read(tmp_path, tensors, LLAMA, blocks="model.layers")
    assert names(model, "blocks") == ["model.layers.0", "model.layers.1", "model.layers.2"]


# Encoders and decoders


@pytest.mark.parametrize(
    ("encoder", "decoder", "config"),
    [
        ("encoder.block", "decoder.block", {"num_layers": 2, "num_decoder_layers": 3}),
        (
            "model.encoder.layers",
            "model.decoder.layers",
            {"encoder_layers": 2, "decoder_layers": 3, "num_hidden_layers": 2},
        ),
        ("encoder.block", "decoder.block", {}),
    ],
)
def test_a_decoder_follows_its_encoder(tmp_path: Path, encoder: str, decoder: str, config: dict[str, int]) -> None:
    # In the files of T5, the decoder comes first.
    tensors = [*blocks(decoder, 3), *blocks(encoder, 2), "shared.weight", "encoder.final_layer_norm.weight"]
    model = read(tmp_path, tensors, {"architectures": ["T5ForConditionalGeneration"], **config})
    expected = [f"{encoder}.0", f"{encoder}.1", f"{decoder}.0", f"{decoder}.1", f"{decoder}.2"]
    assert (names(model, "blocks"), names(model, "before")) == (expected, ["shared"])
    assert names(model, "after") == ["encoder.final_layer_norm"]
    assert model.tied


def test_an_encoder_with_fewer_blocks_than_the_configuration_is_refused(tmp_path: Path) -> None:
    tensors = [*blocks("encoder.block", 2), *blocks("decoder.block", 2)]
    message = "encoder.block has 2 blocks, but the configuration has 4 layers"
    assert error_message(tmp_path, tensors, {"num_layers": 4, "num_decoder_layers": 2}) == message


# Models that are not one sequence of blocks


def test_two_towers_are_refused(tmp_path: Path) -> None:
    towers = [*blocks("text_model.encoder.layers", 2), *blocks("vision_model.encoder.layers", 3), "logit_scale"]
    config = {"text_config": {"num_hidden_layers": 2}, "vision_config": {"num_hidden_layers": 3}}
    assert error_message(tmp_path, towers, config).startswith(
        "the model compares the outputs of two towers, which are not one sequence of blocks; the stacks are text_model."
    )
    assert read(tmp_path, towers, config, blocks="text_model.encoder.layers").num_blocks == 2


def test_a_shared_block_is_refused(tmp_path: Path) -> None:
    albert = [
        "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight",
        "albert.embeddings.word_embeddings.weight",
    ]
    assert error_message(tmp_path, albert, {"num_hidden_layers": 12}) == (
        "albert.encoder.albert_layer_groups has 1 block, but the configuration has 12 layers: layers that share the "
        "weights of one block cannot be placed on several devices"
    )


def test_embeddings_that_are_numbered_with_the_blocks_are_refused(tmp_path: Path) -> None:
    # The first version of Phi-2.
    layers = ["layers.0.wte.weight", *blocks("layers", 4)[2:], "layers.4.linear.weight"]
    assert error_message(tmp_path, layers, {"n_layer": 3}) == (
        "layers has 5 blocks, but the configuration has 3 layers: the embedding and the head seem to be numbered "
        "together with the blocks; convert the checkpoint to the current format"
    )


@pytest.mark.parametrize(
    "tensors",
    [
        ["conv.weight"],
        # Bare weights, one block.
        ["mlp.0.weight", "mlp.1.weight"],
        ["layers.0.a.w"],
        [],
    ],
)
def test_checkpoints_without_a_stack_are_refused(tmp_path: Path, tensors: list[str]) -> None:
    assert "contain no stack of blocks" in error_message(tmp_path, tensors, {})


def test_a_missing_block_is_named(tmp_path: Path) -> None:
    tensors = [name for name in LLAMA_NAMES if "layers.1." not in name]
    assert error_message(tmp_path, tensors, LLAMA) == "model.layers lacks block 1: the files are incomplete"


def test_a_single_block_is_a_stack_if_the_configuration_says_so(tmp_path: Path) -> None:
    tensors = ["model.embed_tokens.weight", *blocks("model.layers", 1)]
    assert read(tmp_path, tensors, {"num_hidden_layers": 1}).num_blocks == 1


# Roles


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["transformer.word_embeddings", "transformer.word_embeddings_layernorm"], ["transformer.ln_f"]),
        (["gpt_neox.embed_in"], ["gpt_neox.final_layer_norm", "embed_out"]),
        (["transformer.wpe", "transformer.wte"], ["transformer.ln_f"]),
        (["model.decoder.embed_positions", "model.decoder.project_in"], ["model.decoder.project_out"]),
        (["transformer.embedding.word_embeddings", "transformer.rotary_pos_emb"], ["transformer.output_layer"]),
        (["model.embed_tokens"], ["model.embedding_norm"]),
        (["model.embed_tokens_per_layer", "model.per_layer_projection_norm"], ["model.altup_unembed_projections"]),
        (["model.encoder.conv1", "model.encoder.conv2"], ["model.decoder.layer_norm", "proj_out"]),
        (["bert.embeddings.LayerNorm"], ["bert.pooler.dense", "cls.predictions.transform.dense"]),
        (["model.transformer.wte"], ["model.transformer.ln_f", "model.transformer.ff_out"]),
        (["model.embed_tokens", "model.mlp1"], ["model.norm"]),
        (["altup_projections", "feature_projection"], ["altup_unembd_proj", "talker.x"]),
    ],
)
def test_roles_are_decided_by_names(tmp_path: Path, before: list[str], after: list[str]) -> None:
    tensors = [f"{name}.weight" for name in [*after, *before]]
    model = read(tmp_path, [*tensors, *blocks("stack.layers", 2)], {"num_hidden_layers": 2})
    assert (names(model, "before"), names(model, "after")) == (before, after)


def test_modules_with_gaps_or_bare_weights_are_parts(tmp_path: Path) -> None:
    tensors = [*blocks("visual.blocks", 4), "visual.merger.mlp.0.weight", "visual.merger.mlp.2.weight"]
    model = read(tmp_path, [*LLAMA_NAMES, *tensors], LLAMA)
    assert names(model, "before") == ["model.embed_tokens", "visual.blocks", "visual.merger.mlp"]


# Tied heads


@pytest.mark.parametrize(
    ("architecture", "tied"),
    [
        ("LlamaForCausalLM", True),
        ("GPT2LMHeadModel", True),
        ("Gemma3ForConditionalGeneration", True),
        ("InternVLChatModel", True),
        ("BertModel", False),
        ("ViTForImageClassification", False),
        ("GPTNeoXRewardModel", False),
    ],
)
def test_a_head_that_is_missing_is_tied_if_the_architecture_has_one(
    tmp_path: Path, architecture: str, tied: bool
) -> None:
    model = read(tmp_path, LLAMA_NAMES[:-1], {**LLAMA, "architectures": [architecture]})
    assert (model.tied, model.architecture, model.notes) == (tied, architecture, ())


def test_a_note_says_that_the_flag_is_overruled(tmp_path: Path) -> None:
    model = read(tmp_path, LLAMA_NAMES[:-1], {**LLAMA, "tie_word_embeddings": False})
    assert model.tied
    (note,) = model.notes
    assert note.startswith("the configuration says that the head is not tied, but the files have no head")


def test_what_a_tied_head_leaves_is_not_a_head(tmp_path: Path) -> None:
    # The bias of the head has 4 bytes, the embedding 40.
    tensors = [
        "lm_head.bias",
        *blocks("model.layers", 3, "a.b", "c.d"),
        "model.norm.weight",
        "x.y",
        "model.embed_tokens.weight",
    ]
    model = read(tmp_path, tensors, {**LLAMA, "tie_word_embeddings": True})
    assert (model.tied, model.notes) == (True, ())


@pytest.mark.parametrize("head", ["lm_head", "embed_out", "output", "output_layer", "ff_out", "out_proj", "proj_out"])
def test_a_head_in_the_files_is_not_tied(tmp_path: Path, head: str) -> None:
    tensors = [*LLAMA_NAMES[:-1], f"{head}.weight"]
    model = read(tmp_path, tensors, LLAMA)
    assert (model.tied, model.notes, names(model, "after")[-1]) == (False, (), head)
    for config in ({"tie_word_embeddings": True}, {"text_config": {"tie_word_embeddings": True}}):
        model = read(tmp_path, tensors, {**LLAMA, **config})
        assert not model.tied
        (note,) = model.notes
        assert note == (
            f"the configuration says that the head is tied, but the files contain {head}: it is counted since the "
            "headers do not tell whether its weights are those of model.embed_tokens"
        )


@pytest.mark.parametrize(("architecture", "tied"), [(None, True), ("MiniCPMV", True), ("BertModel", False)])
def test_the_flag_decides_if_the_architecture_is_not_known(
    tmp_path: Path, architecture: str | None, tied: bool
) -> None:
    config = {"num_hidden_layers": 3, "tie_word_embeddings": True, "architectures": architecture and [architecture]}
    assert read(tmp_path, LLAMA_NAMES[:-1], config).tied == tied


def test_without_a_config_the_head_is_not_tied(tmp_path: Path) -> None:
    model = read(tmp_path, LLAMA_NAMES[:-1])
    assert not model.tied
    assert len(model.notes) == 1


# Shared weights and state


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # Zamba2: blocks 2 and 4 use the same weights, which the file contains once.
        ({"layers_block_type": ["mamba", "mamba", "hybrid", "mamba", "hybrid", "mamba"]}, (range(2, 5),)),
        ({"hybrid_layer_ids": [1, 3]}, (range(1, 4),)),
        ({"layers_block_type": ["mamba", "hybrid", "mamba", "mamba", "mamba", "mamba"]}, ()),
        # Gemma-3n: blocks 4 and 5 use the cache of blocks 3 (sliding) and 2 (full).
        (
            {"num_kv_shared_layers": 2, "layer_types": ["s", "s", "full", "s", "s", "full"]},
            (range(2, 6),),
        ),
        ({"num_kv_shared_layers": 2, "layer_types": ["full", "s", "s", "s", "s", "s"]}, (range(3, 6),)),
        ({"num_kv_shared_layers": 0, "layer_types": ["s"] * 6}, ()),
    ],
)
def test_blocks_that_share_weights_or_state_are_together(
    tmp_path: Path, config: dict[str, Any], expected: tuple[range, ...]
) -> None:
    tensors = ["embed.weight", *blocks("layers", 6)]
    assert read(tmp_path, tensors, {"num_hidden_layers": 6, **config}).together == expected


def test_the_bytes_of_routed_experts_are_counted(tmp_path: Path) -> None:
    modules = ["mlp.experts.0.up_proj", "mlp.experts.gate_up_proj", "mlp.shared_experts.up_proj", "mlp.gate"]
    model = read(tmp_path, [*blocks("layers", 2, *modules), "embed.weight"], {"num_hidden_layers": 2})
    # The tensors have 4, 8, 12, … bytes.
    assert [(part.bytes, part.expert_bytes) for part in model.blocks] == [(4 + 8 + 12 + 16, 4 + 8), (104, 20 + 24)]


# Numbers of layers in configurations


@pytest.mark.parametrize(
    "config",
    [
        *({key: 3} for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers")),
        {"layers_block_type": ["mamba", "attention", "mlp"]},
        {"num_hidden_layers": 6, "num_layers": 3},
        {"num_hidden_layers": 0},
        {},
    ],
)
def test_names_of_the_number_of_layers(tmp_path: Path, config: dict[str, Any]) -> None:
    names = LLAMA_NAMES if any(config.values()) else [name for name in LLAMA_NAMES if "embed" not in name]
    assert read(tmp_path, names, config).num_blocks == 3
