"""Tests for the sources of ``Model.from_pretrained``: folders, files, and the local cache of huggingface_hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants, try_to_load_from_cache

from devicemap import Model, ModelError
from tests.models.files import LLAMA, LLAMA_NAMES, write_folder, write_shards, write_tensors
from tests.subprocess_helpers import run_code


def total_bytes(model: Model) -> int:
    return sum(part.bytes for part in (*model.blocks, *model.before, *model.after, *model.excluded))


LLAMA_BYTES = sum(4 * size for size in range(1, len(LLAMA_NAMES) + 1))


def test_a_folder_with_a_single_file(tmp_path: Path) -> None:
    model = Model.from_pretrained(write_folder(tmp_path / "my-model", LLAMA_NAMES, LLAMA))
    assert (model.name, model.format, model.architecture) == ("my-model", "safetensors", "LlamaForCausalLM")
    assert model.source == str(tmp_path / "my-model")
    assert dict(model.config) == LLAMA
    assert [part.name for part in model.blocks] == ["model.layers.0", "model.layers.1", "model.layers.2"]
    assert [part.name for part in model.before] == ["model.embed_tokens"]
    assert [part.name for part in model.after] == ["model.norm", "lm_head"]
    # The tensors have 4, 8, 12, … bytes in the order of LLAMA_NAMES.
    assert [part.bytes for part in model.blocks] == [8 + 12, 16 + 20, 24 + 28]
    assert [part.bytes for part in (*model.before, *model.after)] == [4, 32, 36]
    assert model.blocks[0].dtypes == {"F32": 20}
    assert (model.num_blocks, model.tied, model.together, model.notes, model.excluded) == (3, False, (), (), ())


def test_only_the_files_of_the_index_are_read(tmp_path: Path) -> None:
    shards = {"model-00001-of-00002.safetensors": LLAMA_NAMES[:4], "model-00002-of-00002.safetensors": LLAMA_NAMES[4:]}
    folder = write_shards(tmp_path, shards, LLAMA)
    # Repositories of Mistral contain all weights twice.
    write_tensors(folder / "consolidated.safetensors", LLAMA_NAMES)
    (folder / "broken.safetensors").write_bytes(b"")
    expected = sum(4 * size for names in shards.values() for size in range(1, len(names) + 1))
    assert total_bytes(Model.from_pretrained(folder)) == expected
    model = Model.from_pretrained(folder / "model.safetensors.index.json")
    assert (total_bytes(model), model.num_blocks) == (expected, 3)
    assert (model.name, model.architecture) == (folder.name, "LlamaForCausalLM")


def test_a_single_file_with_and_without_a_config(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, LLAMA_NAMES, {**LLAMA, "num_hidden_layers": 2})
    file = folder / "model.safetensors"
    model = Model.from_pretrained(file)
    assert (model.name, model.num_blocks, len(model.excluded)) == ("model", 2, 1)
    (folder / "config.json").unlink()
    model = Model.from_pretrained(str(file))
    assert (model.num_blocks, dict(model.config), model.architecture) == (3, {}, "")
    assert "config.json is missing or empty" in model.notes[0]
    assert total_bytes(model) == LLAMA_BYTES


def test_a_file_with_any_name_is_read_if_it_is_the_only_one(tmp_path: Path) -> None:
    write_tensors(tmp_path / "diffusion_pytorch_model.safetensors", LLAMA_NAMES)
    assert Model.from_pretrained(tmp_path).num_blocks == 3
    write_tensors(tmp_path / "other.safetensors", LLAMA_NAMES)
    with pytest.raises(ModelError, match=r"diffusion_pytorch_model.safetensors, other.safetensors, but no"):
        Model.from_pretrained(tmp_path)


# The local cache of huggingface_hub, in the layout that the package itself reads.

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_cached_model(cache: Path, model_id: str = "org/model", revision: str = "main") -> None:
    folder = cache / f"models--{model_id.replace('/', '--')}"
    write_folder(folder / "snapshots" / COMMIT, LLAMA_NAMES, LLAMA)
    reference = folder / "refs" / revision
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(COMMIT, encoding="utf-8")


def test_a_model_in_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for revision in ("main", "v1.0", "refs/pr/3"):
        write_cached_model(tmp_path, revision=revision)
        # huggingface_hub itself finds the model in this layout.
        assert try_to_load_from_cache("org/model", "config.json", cache_dir=tmp_path, revision=revision) is not None
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for revision_argument in (None, "main", "v1.0", "refs/pr/3", COMMIT):
        model = Model.from_pretrained("org/model", revision=revision_argument)
        assert (model.name, model.source, model.num_blocks) == ("org/model", "org/model", 3)
    for missing in ("v2.0", COMMIT[::-1], "../refs/main", str(tmp_path / "models--org--model" / "refs" / "main")):
        with pytest.raises(
            ModelError,
            match=r"revision .* of org/model is not in the local cache .*; run `hf download org/model --revision",
        ):
            Model.from_pretrained("org/model", revision=missing)
    with pytest.raises(ModelError, match="hf download org/other`"):
        Model.from_pretrained("org/other")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HF_HOME": "{home}/hf"},
        {"HF_HOME": "$HOME/hf"},
        {"HF_HOME": "~/hf"},
        {"XDG_CACHE_HOME": "{home}/xdg"},
        {"HF_HUB_CACHE": "~/hub", "HF_HOME": "/nowhere"},
        {"HUGGINGFACE_HUB_CACHE": "{home}/hub2", "HF_HOME": "/nowhere"},
    ],
    ids=str,
)
def test_the_folder_of_the_cache_is_that_of_huggingface_hub(tmp_path: Path, variables: dict[str, str]) -> None:
    cache_variables = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"]
    assert constants.HF_HUB_CACHE  # the name of the oracle's constant
    values = {name: value.format(home=tmp_path) for name, value in variables.items()}
    run_code(
        f"""
        import os
        for name in {cache_variables}:
            os.environ.pop(name, None)
        os.environ.update({values} | {{"HOME": {str(tmp_path)!r}}})
        from huggingface_hub import constants
        from devicemap._models._files import _hub_cache
        assert str(_hub_cache()) == constants.HF_HUB_CACHE, (_hub_cache(), constants.HF_HUB_CACHE)
        """
    )


def test_huggingface_hub_is_not_imported(tmp_path: Path) -> None:
    write_cached_model(tmp_path)
    run_code(
        f"""
        import os, sys
        os.environ["HF_HUB_CACHE"] = {str(tmp_path)!r}
        import devicemap
        assert "devicemap._models" not in sys.modules
        devicemap.Model.from_pretrained("org/model")
        assert not {{"huggingface_hub", "torch", "numpy", "safetensors"}} & set(sys.modules)
        """
    )


@pytest.mark.parametrize(
    "source", ["model", "org/model/more", "org/model.gguf", "./model", "org/mod el", "\0", "a" * 9999]
)
def test_text_that_is_neither_a_path_nor_an_id_is_not_found(source: str) -> None:
    with pytest.raises(ModelError, match=r"is not found|cannot be read"):
        Model.from_pretrained(source)
    with pytest.raises(ModelError, match="got an empty str"):
        Model.from_pretrained("")


def test_a_revision_is_refused_for_a_path(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="revision must be None for a path"):
        Model.from_pretrained(write_folder(tmp_path, LLAMA_NAMES, LLAMA), revision="main")
