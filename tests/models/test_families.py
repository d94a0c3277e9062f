"""Tests that compare the parts of tiny models of many families with the models of transformers."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from devicemap import Model, ModelError, Part
from tests.models.families import FAMILIES, Family
from tests.subprocess_helpers import run_command

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of other packages


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
    check_blocks(family, module, model)
    check_roles(family.before, model.before)
    check_roles(family.after, model.after)
    assert (model.tied, model.together, model.excluded) == (family.tied, family.together, ())
    check_tensors(tmp_path, model)


def check_blocks(family: Family, module: Any, model: Model) -> None:
    """Assert that the blocks have the bytes that accelerate determines for the modules."""
    from accelerate.utils.modeling import compute_module_sizes

    sizes = compute_module_sizes(module)
    modules = dict(module.named_modules())
    lists = [next(modules[name] for name in names.split("|") if name in modules) for names in family.modules]
    names = {id(submodule): name for name, submodule in modules.items()}
    blocks = [block for blocks in lists for block in blocks]
    expected = [sizes[names[id(block)]] - not_saved_bytes(module, names[id(block)]) for block in blocks]
    assert [part.bytes for part in model.blocks] == expected


def not_saved_bytes(module: Any, block: str) -> float:
    """Return the bytes of the buffers of a block that are not saved, as accelerate counts them."""
    from accelerate.utils.modeling import dtype_byte_size

    saved_names = set(module.state_dict())
    return sum(
        float(buffer.numel() * dtype_byte_size(buffer.dtype))
        for name, buffer in module.named_buffers()
        if name not in saved_names and name.startswith(f"{block}.")
    )


def check_roles(patterns: tuple[str, ...], parts: tuple[Part, ...]) -> None:
    """Assert that each pattern matches the name of at least one part."""
    for pattern in patterns:
        assert any(re.fullmatch(pattern, part.name) for part in parts), (pattern, parts)


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
