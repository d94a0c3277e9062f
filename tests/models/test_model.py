"""Tests for ``Model`` and ``Part``: values, ``sizes()``, conversion to JSON, and text."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import devicemap
from devicemap import Model, ModelError, Part
from tests.models.files import LLAMA, LLAMA_NAMES, write_folder

ENGINES = ["transformers", "accelerate", "vllm", "sglang", "llama.cpp", "torch", "torchtitan", "megatron"]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Return a model whose embedding has 4 bytes, its blocks 20, 36 and 52, its norm 32 and its head 36."""
    return Model.from_pretrained(write_folder(tmp_path / "llama", LLAMA_NAMES, LLAMA))


@pytest.fixture
def tied_model(tmp_path: Path) -> Model:
    """Return the same model without a head."""
    return Model.from_pretrained(write_folder(tmp_path / "tied", LLAMA_NAMES[:-1], LLAMA))


@pytest.mark.parametrize("engine", ENGINES)
def test_sizes_of_an_untied_model(model: Model, engine: str) -> None:
    first = 20 if engine == "llama.cpp" else 4 + 20
    assert model.sizes(engine) == [first, 36, 52 + 32 + 36]
    assert model.sizes() == model.sizes("transformers")


@pytest.mark.parametrize("engine", ENGINES)
def test_sizes_of_a_tied_model(tied_model: Model, engine: str) -> None:
    assert tied_model.tied
    first = 20 if engine == "llama.cpp" else 4 + 20
    copied = 0 if engine in {"transformers", "accelerate"} else 4
    assert tied_model.sizes(engine) == [first, 36, 52 + 32 + copied]


def test_only_the_embedding_of_tokens_is_copied(tmp_path: Path) -> None:
    names = ["transformer.wpe.weight", "transformer.wte.weight", "visual.patch_embed.weight", *LLAMA_NAMES[1:-1]]
    model = Model.from_pretrained(write_folder(tmp_path, names, LLAMA))
    assert model.sizes("vllm")[-1] - model.sizes("transformers")[-1] == 8


def test_balance_takes_the_sizes(model: Model) -> None:
    assert devicemap.balance(model.sizes(), 2) == {0: range(2), 1: range(2, 3)}


def test_unknown_engines_are_errors(model: Model) -> None:
    with pytest.raises(
        ValueError,
        match=r"engine must be one of 'transformers', 'vllm'.*, 'accelerate', got 'vlm'; the closest engine is 'vllm'",
    ):
        model.sizes("vlm")
    with pytest.raises(ValueError, match=r"the closest engine is 'llama\.cpp'"):
        model.sizes("Llama_cpp")
    with pytest.raises(TypeError, match="engine must be a str, got int"):
        model.sizes(3)  # type: ignore[arg-type]


def test_models_are_immutable_values(model: Model) -> None:
    with pytest.raises(AttributeError, match="a Model cannot be changed"):
        model.tied = True
    with pytest.raises(AttributeError, match="a Part cannot be changed"):
        model.blocks[0].bytes = 3
    with pytest.raises(TypeError):
        model.config["a"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError, match="a Model cannot be changed: cannot delete 'tied'"):
        del model.tied
    with pytest.raises(TypeError, match="unhashable"):
        hash(model)
    for other in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert other == model
        assert type(other) is Model
    assert Model.from_pretrained(str(model.source)) == model
    assert model != Model.from_dict({**model.to_dict(), "tied": True})
    assert model != 3


def test_models_can_be_converted_to_json(model: Model, tied_model: Model) -> None:
    for original in (model, tied_model, Model.from_dict({**model.to_dict(), "together": [[0, 2]], "source": None})):
        values = json.loads(json.dumps(original.to_dict()))
        assert Model.from_dict(values) == original
    values = model.to_dict()
    values["config"]["architectures"].clear()
    values = model.to_dict()
    assert list(values) == [
        *("name", "format", "architecture", "blocks", "before", "after", "excluded", "tied", "together", "config"),
        *("notes", "source"),
    ]
    assert values["before"] == [{"name": "model.embed_tokens", "bytes": 4, "expert_bytes": 0, "dtypes": {"F32": 4}}]
    assert values["config"] == LLAMA


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": []}, "blocks must have at least 1 item"),
        ({"blocks": 3}, "blocks must be a list, got 3"),
        ({"before": [{"name": "a"}]}, "a part must be a dict with name, bytes, expert_bytes, dtypes"),
        (
            {"before": [{"name": "a", "bytes": -1, "expert_bytes": 0, "dtypes": {}}]},
            "a part must have a name, and bytes as ints",
        ),
        ({"before": [{"name": "a", "bytes": 1, "expert_bytes": 0, "dtypes": []}]}, "a part must have a name"),
        ({"together": [[1]]}, r"a range of together must be \[start, stop\], got \[1\]"),
        ({"together": [3]}, "a range of together must be a list"),
        ({"tied": 1}, "tied must be bool, got 1"),
        ({"name": None}, "name must be str, got None"),
        ({"source": 3}, "source must be str, got 3"),
        ({"config": []}, r"config must be dict, got \[\]"),
        ({"notes": "text"}, "notes must be a list"),
    ],
)
def test_invalid_values_in_dicts_are_errors(model: Model, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Model.from_dict({**model.to_dict(), **changes})


def test_missing_values_in_dicts_are_errors(model: Model) -> None:
    values = model.to_dict()
    del values["tied"]
    with pytest.raises(ModelError, match="the model has no 'tied'"):
        Model.from_dict(values)
    with pytest.raises(ModelError):
        Model.from_dict([])  # type: ignore[arg-type]


def test_the_constructor_needs_all_values() -> None:
    with pytest.raises(TypeError, match="a Model has 12 values, got 1; see its docstring"):
        Model("models/llama")


def test_text(model: Model, tied_model: Model) -> None:
    assert repr(model) == "<Model llama: 3 blocks, 180 B, safetensors>"
    assert repr(model.blocks[1]) == "<Part model.layers.1: 36 B>"
    lines = str(model).splitlines()
    assert lines[0] == "Model llama: 3 blocks, 180 B, safetensors"
    assert [line.split() for line in lines[1:]] == [
        ["before", "model.embed_tokens", "4", "B"],
        ["blocks", "model.layers.0", "20", "B"],
        ["blocks", "model.layers.1", "36", "B"],
        ["blocks", "model.layers.2", "52", "B"],
        ["after", "model.norm", "32", "B"],
        ["after", "lm_head", "36", "B"],
    ]
    assert "tied" in str(tied_model)


def test_blocks_of_the_same_size_are_one_line_of_text() -> None:
    part = Part("layers.0", 8, 0, {"F32": 8})
    other = [Part(f"layers.{block}", 8, 0, {"F32": 8}) for block in range(1, 4)]
    model = Model("m", "gguf", "llama", (part, *other), (), (), (), False, (range(1, 3),), {}, ("a note",), None)
    assert str(model).splitlines() == [
        "Model m: 4 blocks, 32 B, gguf",
        f"  blocks   {'layers.0 to layers.3':<44} {'4 × ':>6}{8:>15,} B",
        "note: blocks 1 to 2 share weights or state",
        "note: a note",
    ]
