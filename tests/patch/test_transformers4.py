"""Tests for ``patch_transformers()`` with transformers 4, whose models call the original functions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import transformers.utils.model_parallel_utils as original

import devicemap
from tests.subprocess_helpers import run_code

torch = pytest.importorskip("torch")
from transformers import GPT2Config, GPT2Model, T5Config, T5EncoderModel  # noqa: E402 (needs torch)
from transformers.models.gpt2 import modeling_gpt2  # noqa: E402
from transformers.models.t5 import modeling_t5  # noqa: E402

MODULE_NAME = "transformers.utils.model_parallel_utils"
FUNCTION_NAMES = ["assert_device_map", "get_device_map"]
ORIGINAL_FUNCTIONS = [original.assert_device_map, original.get_device_map]

pytestmark = pytest.mark.filterwarnings("ignore:.*parallelize` is deprecated:FutureWarning")


@pytest.fixture
def patched() -> Iterator[None]:
    """Patch transformers during a test."""
    devicemap.patch_transformers()
    yield
    devicemap.unpatch_transformers()


@pytest.fixture(params=["GPT-2", "T5"])
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Create a model of three blocks, and make PyTorch report two GPUs."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_: module)
    if request.param == "GPT-2":
        return GPT2Model(GPT2Config(n_layer=3, n_head=1, n_embd=4, vocab_size=8))
    return T5EncoderModel(T5Config(num_layers=3, num_heads=1, d_model=4, d_kv=4, d_ff=4, vocab_size=8))


@contextmanager
def record_builtin_calls() -> Iterator[list[Callable[..., object]]]:
    """Record which functions written in C or Rust are called."""
    called_functions: list[Callable[..., object]] = []
    sys.setprofile(lambda _frame, event, function: called_functions.append(function) if event == "c_call" else None)
    try:
        yield called_functions
    finally:
        sys.setprofile(None)


@pytest.mark.usefixtures("patched")
def test_parallelize_calls_the_functions_of_devicemap(model: Any) -> None:
    with record_builtin_calls() as called_functions:
        model.parallelize()
    assert model.device_map == {0: [0, 1], 1: [2]}
    assert any(function is devicemap.get_device_map for function in called_functions)
    assert any(function is devicemap.assert_device_map for function in called_functions)


@pytest.mark.usefixtures("patched")
def test_parallelize_raises_the_error_of_devicemap(model: Any) -> None:
    with pytest.raises(devicemap.DeviceMapError, match=r"not specified in the device_map.*: \[1\]$") as caught:
        model.parallelize({0: [0], 1: [2]})
    assert caught.value.missing_blocks == [1]


def test_unpatched_parallelize_does_not_call_devicemap(model: Any) -> None:
    with pytest.raises(ValueError, match=r"not specified in the device_map.*: \[1\]$") as caught:
        model.parallelize({0: [0], 1: [2]})
    assert type(caught.value) is ValueError


def import_state() -> dict[str, object]:
    """Return copies of all objects that a patch can change."""
    modules = [original, modeling_gpt2, modeling_t5]
    return {
        "finders": list(sys.meta_path),
        "modules": dict(sys.modules),
        "parent": dict(vars(sys.modules["transformers.utils"])),
        "functions": [getattr(module, name) for module in modules for name in FUNCTION_NAMES],
    }


def test_loaded_models_are_patched_and_restored() -> None:
    before = import_state()
    devicemap.patch_transformers()
    for module in [modeling_gpt2, modeling_t5, sys.modules[MODULE_NAME]]:
        for name in FUNCTION_NAMES:
            assert getattr(module, name) is getattr(devicemap, name)
    devicemap.unpatch_transformers()
    assert import_state() == before
    assert [getattr(modeling_t5, name) for name in FUNCTION_NAMES] == ORIGINAL_FUNCTIONS


def test_a_second_patch_and_a_second_unpatch_change_nothing() -> None:
    before = import_state()
    devicemap.patch_transformers()
    patched_once = import_state()
    devicemap.patch_transformers()
    assert import_state() == patched_once
    devicemap.unpatch_transformers()
    assert import_state() == before
    devicemap.unpatch_transformers()
    assert import_state() == before


@pytest.mark.usefixtures("patched")
def test_all_forms_of_import_return_the_functions_of_devicemap() -> None:
    import transformers.utils.model_parallel_utils
    import transformers.utils.model_parallel_utils as module
    from transformers.utils import model_parallel_utils
    from transformers.utils.model_parallel_utils import assert_device_map, get_device_map

    assert transformers.utils.model_parallel_utils is module is model_parallel_utils
    assert module.assert_device_map is assert_device_map is devicemap.assert_device_map
    assert module.get_device_map is get_device_map is devicemap.get_device_map


def test_transformers_can_be_patched_before_it_is_imported() -> None:
    run_code(
        f"""
        import sys
        import devicemap
        devicemap.patch_transformers()
        assert "transformers" not in sys.modules

        import {MODULE_NAME}
        import {MODULE_NAME} as module
        assert transformers.utils.model_parallel_utils is module
        from {MODULE_NAME} import assert_device_map
        assert assert_device_map is devicemap.assert_device_map
        from transformers.models.gpt2 import modeling_gpt2
        assert modeling_gpt2.get_device_map is devicemap.get_device_map

        devicemap.unpatch_transformers()
        import {MODULE_NAME} as original
        assert original.__file__.endswith("model_parallel_utils.py")
        assert transformers.utils.model_parallel_utils is original is not module
        assert modeling_gpt2.get_device_map is original.get_device_map is not devicemap.get_device_map
        """
    )


def test_unpatching_imports_nothing_and_restores_the_finders_and_the_parent() -> None:
    run_code(
        f"""
        import sys
        import devicemap
        finders = list(sys.meta_path)

        devicemap.patch_transformers()
        import transformers.utils
        devicemap.unpatch_transformers()
        assert "{MODULE_NAME}" not in sys.modules
        assert not hasattr(transformers.utils, "model_parallel_utils")
        assert sys.meta_path == finders

        devicemap.patch_transformers()
        from {MODULE_NAME} import get_device_map
        assert get_device_map is devicemap.get_device_map
        devicemap.unpatch_transformers()
        assert "{MODULE_NAME}" not in sys.modules
        assert not hasattr(transformers.utils, "model_parallel_utils")
        """
    )
