"""The sizes of the architectures are those that are published, and those of the models that transformers builds."""

from __future__ import annotations

import pytest

from benches.quality.architectures import ARCHITECTURES, BYTES, Architecture, meta_model


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)
def test_size_is_the_published_one(architecture: Architecture) -> None:
    assert sum(architecture.pieces.values()) == sum(architecture.costs) == BYTES * architecture.parameters


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)
def test_each_piece_is_as_large_as_in_the_model(architecture: Architecture) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    model = meta_model(architecture)
    sizes = {
        name: sum(weight.numel() * weight.element_size() for weight in model.get_submodule(name).parameters())
        for name in architecture.pieces
    }
    assert sizes == architecture.pieces
    assert sum(weight.numel() for weight in model.parameters()) == architecture.parameters
    assert (model.get_output_embeddings().weight is model.get_input_embeddings().weight) == architecture.is_tied
