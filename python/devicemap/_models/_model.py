"""Define ``Model``: the parts of a model in order, with their bytes."""

from __future__ import annotations

import copy
import os
from types import MappingProxyType

from devicemap._errors import ModelError, short_repr
from devicemap._models._config import ModelConfig
from devicemap._models._files import read_checkpoint
from devicemap._models._part import Part, first_to_last
from devicemap._models._parts import divide
from devicemap._models._roles import find_head, token_embedding
from devicemap._placement import placement_rule
from devicemap._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Model"]

_PARTS = "blocks", "before", "after", "excluded"


class Model(Record):
    """The parts of a model in order, with their bytes.

    Models are immutable, compare by value, and can be pickled and copied. They are created by :meth:`from_pretrained`.

    Attributes:
        name: The name of the folder or file, or the id on the Hub.
        format: ``"safetensors"`` or ``"gguf"``.
        architecture: The name of the architecture, such as ``"LlamaForCausalLM"`` or ``"llama"`` (GGUF). It is empty if
            the files do not contain it.
        blocks: The blocks in order, as :class:`Part`.
        before: The parts that are used before the first block: embeddings, and the towers of models of several
            modalities.
        after: The parts that are used after the last block: norms and heads.
        excluded: Parts that are in the files, but that the model does not use in normal generation: the blocks for
            multi-token prediction.
        tied: Whether the files contain no head for the next token because it shares the weights of the embedding. Heads
            of masked language models, such as BERT, are not regarded as tied.
        together: Ranges of blocks that share weights or state, which engines need on the same device.
        config: The contents of ``config.json``, or the metadata of the GGUF file without its long arrays.
        notes: Sentences that say what was assumed.
        source: The path or id from which the model was read.

    """

    name: str
    format: str
    architecture: str
    blocks: tuple[Part, ...]
    before: tuple[Part, ...]
    after: tuple[Part, ...]
    excluded: tuple[Part, ...]
    tied: bool
    together: tuple[range, ...]
    config: Mapping[str, Any]
    notes: tuple[str, ...]
    source: str | None

    __slots__ = tuple(__annotations__)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike[str], *, blocks: str | None = None, revision: str | None = None
    ) -> Model:
        """Read the headers of a checkpoint: names and bytes of the tensors, but no weights. Nothing is downloaded.

        Args:
            source: A folder with ``config.json`` and weights, a ``.safetensors`` file, a ``.safetensors.index.json``
                file, a ``.gguf`` file (of a split model, any of its files), or the id of a model on the Hub, which is
                looked up in the local cache of huggingface_hub.
            blocks: The name of the stack that provides the blocks, such as ``"model.layers"``. By default, it is the
                stack whose length is the number of layers in the configuration.
            revision: The branch, tag or commit of a model on the Hub. The default is ``"main"``.

        Returns:
            The model. The bytes are those in the files, whatever the dtype or quantisation.

        Raises:
            TypeError: An argument has a wrong type.
            ModelError: The source does not exist, has no weights in these formats or has an invalid header, or it is
                not clear which stack provides the blocks.

        Example:
            >>> model = Model.from_pretrained("models/Mixtral-8x7B-v0.1")
            >>> model.num_blocks, model.blocks[0].bytes, model.tied
            (32, 2902540288, False)
            >>> model.before
            (<Part model.embed_tokens: 262,144,000 B>,)

        """
        if blocks is not None and not isinstance(blocks, str):
            raise TypeError(f"blocks must be a str or None, got {type(blocks).__name__}")
        if revision is not None and not isinstance(revision, str):
            raise TypeError(f"revision must be a str or None, got {type(revision).__name__}")
        checkpoint = read_checkpoint(source, revision)
        config = ModelConfig(checkpoint.config, checkpoint.format)
        try:
            parts = divide(checkpoint.groups, config, blocks)
        except ModelError as error:
            raise ModelError(f"{checkpoint.path}: {error}") from None
        embedding = token_embedding(parts.before)
        head = find_head(parts.after, embedding)
        notes = parts.notes
        tied = head is None and embedding is not None and config.has_head
        if tied and config.tie_flag is False:
            notes.append(
                "the configuration says that the head is not tied, but the files have no head: it is regarded as tied"
            )
        if head is not None and config.tie_flag and embedding is not None:
            notes.append(
                f"the configuration says that the head is tied, but the files contain {head.name}: it is counted since "
                f"the headers do not tell whether its weights are those of {embedding.name}"
            )
        if not checkpoint.config:
            notes.append("config.json is missing or empty: all blocks are used, and the head is not regarded as tied")
        return cls(
            checkpoint.name,
            checkpoint.format,
            config.architecture,
            *(tuple(getattr(parts, name)) for name in _PARTS),
            tied,
            config.together(len(parts.blocks)),
            MappingProxyType(checkpoint.config),
            tuple(notes),
            os.fspath(source),
        )

    @property
    def num_blocks(self) -> int:
        """The number of blocks."""
        return len(self.blocks)

    def sizes(self, engine: str = "transformers") -> list[int]:
        """Return the bytes of each block, including the parts outside the blocks that the engine puts with it.

        Args:
            engine: The engine that runs the model: ``"transformers"`` (or ``"accelerate"``), ``"vllm"``, ``"sglang"``,
                ``"llama.cpp"``, ``"torch"``, ``"torchtitan"`` or ``"megatron"``. All put parts after the blocks with
                the last block, and all except llama.cpp, which keeps them in host memory, put those before the blocks
                with the first one. A tied head is counted once in transformers, and twice in the other engines, which
                copy the embedding to the device of the last block.

        Returns:
            A list of ``num_blocks`` ints.

        Raises:
            TypeError: The engine is not a str.
            ValueError: The engine is unknown.

        """
        rule = placement_rule(engine)
        sizes = [block.bytes for block in self.blocks]
        if rule.counts_before:
            sizes[0] += sum(part.bytes for part in self.before)
        sizes[-1] += sum(part.bytes for part in self.after)
        if self.tied and rule.copies_tied_head and (embedding := token_embedding(self.before)):
            sizes[-1] += embedding.bytes
        return sizes

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as a dict of JSON types, with each of ``together`` as ``[start, stop]``."""
        values = {name: getattr(self, name) for name in self.__slots__}
        for name in _PARTS:
            values[name] = [part.to_dict() for part in values[name]]
        values["together"] = [[blocks.start, blocks.stop] for blocks in self.together]
        return {**values, "config": copy.deepcopy(dict(self.config)), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Model:
        """Return the model with the attributes of a dict that :meth:`to_dict` returned.

        Raises:
            ModelError: An attribute is missing or has a wrong value.

        """
        try:
            values = {name: values[name] for name in cls.__slots__}
        except (KeyError, TypeError) as error:
            raise ModelError(f"the model has no {error}") from None
        for name in _PARTS:
            values[name] = tuple(Part.from_dict(part) for part in _list(name, values[name]))
        if not values["blocks"]:
            raise ModelError("blocks must have at least 1 item, got []")
        values["together"] = tuple(_range(pair) for pair in _list("together", values["together"]))
        values["notes"] = tuple(_list("notes", values["notes"]))
        for name, types in _TYPES.items():
            if not isinstance(values[name], types):
                raise ModelError(f"{name} must be {types[0].__name__}, got {short_repr(values[name])}")
        values["config"] = MappingProxyType(dict(values["config"]))
        return cls(*values.values())

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return type(self).from_dict, (self.to_dict(),)

    def __repr__(self) -> str:
        num_bytes = sum(part.bytes for name in _PARTS for part in getattr(self, name))
        return f"<Model {self.name}: {self.num_blocks} blocks, {num_bytes:,} B, {self.format}>"

    def __str__(self) -> str:
        return _summary(self)


_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "format", "architecture"), (str,)),
    "tied": (bool,),
    "config": (dict, MappingProxyType),
    "source": (str, type(None)),
}


def _list(name: str, values: object) -> list[Any]:
    if not isinstance(values, list | tuple):
        raise ModelError(f"{name} must be a list, got {short_repr(values)}")
    return list(values)


def _range(pair: object) -> range:
    start_and_stop = _list("a range of together", pair)
    if len(start_and_stop) != 2 or not all(type(end) is int for end in start_and_stop):  # noqa: PLR2004, a pair
        raise ModelError(f"a range of together must be [start, stop], got {short_repr(pair)}")
    return range(*start_and_stop)


def _summary(model: Model) -> str:
    """Return the parts of a model with their bytes, one line per part or run of equal blocks, and the notes."""
    lines = [repr(model)[1:-1]]
    for title in ("before", "blocks", "after", "excluded"):
        runs: list[list[Part]] = []
        for part in getattr(model, title):
            if title == "blocks" and runs and runs[-1][0].bytes == part.bytes:
                runs[-1].append(part)
            else:
                runs.append([part])
        for run in runs:
            count = "" if len(run) == 1 else f"{len(run)} × "
            lines.append(f"  {title:<8} {first_to_last(run):<44} {count:>6}{run[0].bytes:>15,} B")
    if model.tied:
        lines.append("note: the head is tied to the embedding")
    lines += [f"note: blocks {blocks.start} to {blocks.stop - 1} share weights or state" for blocks in model.together]
    return "\n".join([*lines, *(f"note: {note}" for note in model.notes)])
