"""Compare the sizes of the architectures with published numbers, and with the models that transformers creates."""

from __future__ import annotations

import pytest

from benches.quality.architectures import ARCHITECTURES, BYTES_PER_PARAMETER, Architecture, meta_model


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)
def test_parts_have_the_published_number_of_parameters(architecture: Architecture) -> None:
    expected_bytes = BYTES_PER_PARAMETER * architecture.num_parameters
    assert sum(architecture.parts.values()) == sum(architecture.costs) == expected_bytes


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)
def test_each_part_has_the_size_of_the_module(architecture: Architecture) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    model = meta_model(architecture)
    sizes = {
        name: sum(weight.numel() * weight.element_size() for weight in model.get_submodule(name).parameters())
        for name in architecture.parts
    }
    assert sizes == architecture.parts
    assert sum(weight.numel() for weight in model.parameters()) == architecture.num_parameters
    assert (model.get_output_embeddings().weight is model.get_input_embeddings().weight) == architecture.is_tied
