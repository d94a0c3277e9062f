"""Tests that run the code of the README and the examples of the docstrings, and check the length of documents."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

import devicemap
from devicemap import _check, _device_map, _native, _partition
from devicemap._models import _model
from tests.models.real_headers import MIXTRAL_8X7B, mixtral_8x7b_tensors, write_safetensors_folder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The language and the code of each code block.
CODE_BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def code_blocks_in(language: str) -> list[str]:
    """Return the code of the README's code blocks in a language."""
    found = [code for block_language, code in CODE_BLOCKS if block_language == language]
    assert found, f"the README has no block of {language}"
    return found


def write_mixtral(folder: Path) -> None:
    """Write the headers of Mixtral-8x7B, which the README and a docstring read."""
    folder = folder / "models" / "Mixtral-8x7B-v0.1"
    write_safetensors_folder(folder, mixtral_8x7b_tensors(), MIXTRAL_8X7B, num_shards=19)


def test_python_blocks_of_the_readme_print_what_their_comments_say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks are executed in order in one namespace, in a folder with the headers of Mixtral-8x7B."""
    write_mixtral(tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    try:
        for code in code_blocks_in("python"):
            exec(code, namespace)  # noqa: S102, the code of the README
            # The expected output is in comments after calls of print and in comment lines.
            expected = re.findall(r"(?m)(?:print\(.*\)  |^)# (.*)", code)
            assert capsys.readouterr().out.splitlines() == expected
            if "patch_transformers" in code:
                assert namespace["assert_device_map"] is devicemap.assert_device_map
    finally:
        devicemap.unpatch_transformers()


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.filterwarnings("ignore")  # of other packages
def test_accelerate_accepts_the_module_map_of_the_readme(tmp_path: Path, tied: bool) -> None:
    """The model is loaded on the CPU and the disk instead of two GPUs, and gives the same result as on one device."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    transformers = pytest.importorskip("transformers")
    config = transformers.Qwen2Config(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_hidden_layers=32,
        tie_word_embeddings=tied,
    )
    model = transformers.Qwen2ForCausalLM(config)
    model.save_pretrained(tmp_path)

    (code,) = [code for code in code_blocks_in("python") if "by_module" in code]
    namespace: dict[str, Any] = {
        "device_map": devicemap.split(32, ["cuda:0", "cuda:1"]),
        "model": devicemap.Model.from_pretrained(tmp_path),
    }
    assert namespace["model"].tied == tied
    exec(code, namespace)  # noqa: S102, the code of the README
    by_module = {module: ["cpu", "disk"][gpu] for module, gpu in namespace["by_module"].items()}
    assert set(by_module.values()) == {"cpu", "disk"}
    loaded = transformers.Qwen2ForCausalLM.from_pretrained(
        tmp_path, device_map=by_module, offload_folder=tmp_path / "offloaded"
    )
    tokens = torch.arange(8)[None]
    torch.testing.assert_close(loaded(tokens).logits, model(tokens).logits)


def test_the_import_that_the_readme_proposes_works() -> None:
    (diff,) = code_blocks_in("diff")
    namespace: dict[str, object] = {}
    for line in diff.splitlines():
        if line.startswith("+"):
            exec(line[1:], namespace)  # noqa: S102, the code of the README
    assert namespace["get_device_map"] is devicemap.get_device_map


def test_examples_of_docstrings_are_correct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mixtral(tmp_path)
    monkeypatch.chdir(tmp_path)
    for module in (_check, _device_map, _model, _partition):
        results = doctest.testmod(module)
        assert results.attempted > 0
        assert results.failed == 0


@pytest.mark.parametrize("name", ["assert_device_map", "get_device_map", "parse_memory"])
def test_examples_of_docstrings_in_rust_are_correct(name: str) -> None:
    function = getattr(_native, name)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={name: function})
    results = doctest.DocTestRunner().run(test)
    assert results.attempted > 0
    assert results.failed == 0


def test_the_readme_and_the_design_document_are_short() -> None:
    assert len(README.splitlines()) <= 150
    assert len((ROOT / "DESIGN.md").read_text(encoding="utf-8").splitlines()) <= 250
