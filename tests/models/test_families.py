"""Tests that compare the parts of tiny models of many families with the models of transformers."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from devicemap import Model, ModelError, Part
from tests.models.families import FAMILIES, Family
from tests.subprocess_helpers import run_command

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of other packages

HEADS = {"lm_head", "language_model.lm_head", "embed_out", "classifier"}
"""The names of heads, which come last."""


def saved(family: Family, folder: Path) -> Any:
    """Save the model in a folder, and return it."""
    pytest.importorskip("accelerate")
    transformers = pytest.importorskip("transformers")
    if family.differs_in_transformers_5 and transformers.__version__.startswith("5."):
        pytest.skip(family.differs_in_transformers_5)
    return family.save(folder)


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if not family.error])
def test_the_parts_are_those_of_the_modules(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    module = saved(family, tmp_path)
    model = Model.from_pretrained(tmp_path)
    check_block_names(family, model)
    check_bytes(family, module, model)
    check_names(family.before, model.before)
    check_names(family.after, model.after)
    check_names(family.excluded, model.excluded)
    assert not HEADS.intersection(part.name for part in model.after[:-1])
    assert (model.tied, model.together) == (family.tied, family.together)
    check_tensors(tmp_path, model)


def check_block_names(family: Family, model: Model) -> None:
    """Assert that the blocks are those of the stacks in the files, each numbered from 0."""
    blocks = [part.name.rpartition(".") for part in model.blocks]
    stacks = dict.fromkeys(stack for stack, _, _ in blocks)
    assert in_two_versions(stacks, family.stacks or family.modules) == list(family.stacks or family.modules)
    assert [number for _, _, number in blocks] == [
        str(number) for name in stacks for number in range(sum(stack == name for stack, _, _ in blocks))
    ]
    assert model.num_blocks == family.num_blocks


def check_bytes(family: Family, module: Any, model: Model) -> None:
    """Assert that the blocks and the model have the bytes that accelerate determines for the modules."""
    from accelerate.utils.modeling import compute_module_sizes

    sizes = compute_module_sizes(module)
    modules = dict(module.named_modules())
    lists = [next(modules[name] for name in names.split("|") if name in modules) for names in family.modules]
    names = {id(submodule): name for name, submodule in modules.items()}
    blocks = [names[id(block)] for blocks in lists for block in blocks]
    assert [part.bytes for part in model.blocks] == [sizes[block] - not_saved_bytes(module, block) for block in blocks]
    parts = (*model.blocks, *model.before, *model.after)
    assert sum(part.bytes for part in parts) == sizes[""] - not_saved_bytes(module, "")


def not_saved_bytes(module: Any, block: str) -> float:
    """Return the bytes of the buffers of a block, or of the model, that are not saved, as accelerate counts them."""
    from accelerate.utils.modeling import dtype_byte_size

    saved_names = set(module.state_dict())
    return sum(
        float(buffer.numel() * dtype_byte_size(buffer.dtype))
        for name, buffer in module.named_buffers()
        if name not in saved_names and name.startswith(f"{block}." if block else "")
    )


def check_names(expected: Iterable[str], parts: Iterable[Part]) -> None:
    """Assert that parts have the expected names, in any order."""
    assert sorted(in_two_versions((part.name for part in parts), expected)) == sorted(expected)


def in_two_versions(names: Iterable[str], expected: Iterable[str]) -> list[str]:
    """Replace each name by ``"a|b"``, the names in two versions of transformers, if that is expected."""
    versions = {name: both for both in expected for name in both.split("|")}
    return [versions.get(name, name) for name in names]


def check_tensors(folder: Path, model: Model) -> None:
    """Assert that each tensor belongs to exactly one part, and that the parts have the bytes of their tensors."""
    from safetensors import safe_open

    parts = {part.name: part for part in (*model.blocks, *model.before, *model.after, *model.excluded)}
    expected: Counter[str] = Counter()
    (file,) = folder.glob("*.safetensors")
    with safe_open(file, "pt") as tensors:
        for tensor in list(tensors.keys()):
            prefixes = [tensor[:end] for end in range(len(tensor), 0, -1) if tensor[end : end + 1] in {"", "."}]
            owner = next(prefix for prefix in prefixes if prefix in parts)
            expected[owner] += tensors.get_tensor(tensor).nbytes
    assert {name: part.bytes for name, part in parts.items()} == dict(expected)


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.error])
def test_models_that_are_not_a_sequence_of_blocks_are_refused(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    saved(family, tmp_path)
    with pytest.raises(ModelError, match=re.escape(family.error)):
        Model.from_pretrained(tmp_path)


@pytest.mark.skipif("DEVICEMAP_TRANSFORMERS_5" in os.environ, reason="these tests already use transformers 5")
def test_the_parts_are_those_of_the_modules_of_transformers_5(transformers_5_packages: Path) -> None:
    """Run the tests of this file with transformers 5 and the installed torch."""
    environment = {**os.environ, "PYTHONPATH": str(transformers_5_packages), "DEVICEMAP_TRANSFORMERS_5": "1"}
    output = run_command(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, environment=environment
    )
    assert re.search(r"\b\d\d passed", output), output
