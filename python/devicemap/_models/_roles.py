"""Decide by their names whether modules outside the blocks belong before them, after them, or not to the model."""

from __future__ import annotations

import re

__all__ = ["find_head", "is_before", "is_excluded", "is_head", "is_other_input", "is_output", "token_embedding"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from devicemap._models._part import Part

_MULTI_TOKEN_PREDICTION = re.compile(r"(^|\.)(mtp|nextn|medusa_heads?)(_\w+)?(\.|$)")
_OTHER_INPUT = re.compile(
    r"vision|visual|image|video|audio|speech|projector|connector|resampler|aligner|feature_projection|conv_layers"
    r"|(^|\.)(mm|v|a|vpm|apm|vte|mlp1|img_in|txt_in|x_in|vq_adaptor)(\.|$)"
)
"""Modules that convert images or sound to the input of the first block."""
_EMBEDDING = re.compile(
    r"emb|(^|\.)(wte|wpe|shared|token_types|project_in|rope_freqs|conv\d)(\.|$)|per_layer|rotary|altup_proj"
)
"""Modules that compute the input of the first block, or that all blocks use."""
_OUTPUT = re.compile(
    r"embed_out|unembe?d|embedding_norm|(^|\.)(talker|code2wav|token2wav|depth_decoder|tts|mimo_layers|vocoder)(\.|$)"
)
"""Modules that compute the output, although their names contain the word for an embedding or an input."""
_HEAD = re.compile(
    r"(^|\.)(lm_heads?|embed_out|output|output_layer|ff_out|out_proj|proj_out|head|score|classifier|cls|predictions"
    r"|qa_outputs|lm_loss|logits_dense|codec_head|pred_layer|generator_lm_head|vocab_projector)(\.|$)"
)
_TOKEN_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings?|tok_embeddings|token_embd|embed_in|embeddings?|shared|tokens_embed"
    r"|input_embedding|token_embeddings?|word_emb)(\.|$)"
)
_MIN_HEAD_SHARE = 1 / 8
"""The smallest ratio of the bytes of a head to those of the embedding, whose weights may have a larger dtype."""


def is_excluded(name: str) -> bool:
    """Return whether a module or stack predicts additional tokens, and is not used in normal generation."""
    return _MULTI_TOKEN_PREDICTION.search(name) is not None


def is_other_input(name: str) -> bool:
    """Return whether a module or stack converts images or sound to the input of the first block."""
    return _OTHER_INPUT.search(name) is not None


def is_output(name: str) -> bool:
    """Return whether a module computes the output, although its name resembles that of an embedding or a tower."""
    return _OUTPUT.search(name) is not None


def is_before(name: str) -> bool:
    """Return whether a module outside the blocks belongs before them: everything else belongs after them."""
    return not is_output(name) and (is_other_input(name) or _EMBEDDING.search(name) is not None)


def is_head(name: str) -> bool:
    """Return whether a module is called like a head, which computes the output from that of the last norm."""
    return _HEAD.search(name) is not None


def find_head(after: Iterable[Part], embedding: Part | None) -> Part | None:
    """Return the largest of the heads among the parts after the blocks.

    What a tied head leaves in the files, such as a bias, is much smaller than the embedding, and is not a head.
    """
    min_bytes = 0 if embedding is None else embedding.bytes * _MIN_HEAD_SHARE
    heads = [part for part in after if is_head(part.name) and part.bytes >= min_bytes]
    return max(heads, key=lambda part: part.bytes, default=None)


def token_embedding(before: Iterable[Part]) -> Part | None:
    """Return the embedding of tokens, whose weights a tied head shares."""
    embeddings = [part for part in before if _TOKEN_EMBEDDING.search(part.name) and not is_other_input(part.name)]
    return max(embeddings, key=lambda part: part.bytes, default=None)
