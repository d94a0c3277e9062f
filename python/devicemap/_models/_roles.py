"""Decide by their names whether modules outside the blocks belong before them, after them, or not to the model."""

from __future__ import annotations

import re

__all__ = ["find_head", "is_before", "is_excluded", "is_head", "token_embedding"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from devicemap._models._part import Part

_MULTI_TOKEN_PREDICTION = re.compile(r"(^|\.)(mtp|nextn)(_\w+)?(\.|$)")
_OTHER_INPUT = re.compile(
    r"vision|visual|image|video|audio|speech|projector|connector|resampler|aligner|(^|\.)(mm|v|a|vpm|apm)(\.|$)"
)
"""Modules that convert images or sound to the input of the first block."""
_EMBEDDING = re.compile(r"emb|(^|\.)(wte|wpe|shared|token_types|project_in|rope_freqs|conv\d)(\.|$)|per_layer|rotary")
"""Modules that compute the input of the first block, or that all blocks use."""
_OUTPUT = re.compile(r"embed_out|unembed|embedding_norm|talker|code2wav|token2wav")
"""Modules that compute the output, although their names contain the word for an embedding or an input."""
_HEAD = re.compile(
    r"(^|\.)(lm_head|embed_out|output|output_layer|ff_out|out_proj|proj_out|head|score|classifier|cls|predictions|qa_outputs)"
    r"(\.|$)"
)
_TOKEN_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings?|tok_embeddings|token_embd|embed_in|embeddings|embedding|shared)(\.|$)"
)


def is_excluded(name: str) -> bool:
    """Return whether a module or stack predicts additional tokens, and is not used in normal generation."""
    return _MULTI_TOKEN_PREDICTION.search(name) is not None


def is_before(name: str) -> bool:
    """Return whether a module outside the blocks belongs before them: everything else belongs after them."""
    if _OUTPUT.search(name):
        return False
    return _OTHER_INPUT.search(name) is not None or _EMBEDDING.search(name) is not None


def is_head(name: str) -> bool:
    """Return whether a module is called like a head, which computes the output from that of the last norm."""
    return _HEAD.search(name) is not None


def find_head(after: Iterable[Part]) -> Part | None:
    """Return the largest of the heads among the parts after the blocks."""
    return max((part for part in after if is_head(part.name)), key=lambda part: part.bytes, default=None)


def token_embedding(before: Iterable[Part]) -> Part | None:
    """Return the embedding of tokens, whose weights a tied head shares."""
    embeddings = [part for part in before if _TOKEN_EMBEDDING.search(part.name) and not _OTHER_INPUT.search(part.name)]
    return max(embeddings, key=lambda part: part.bytes, default=None)
