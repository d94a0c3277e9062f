"""Define ``Part``, a module of a model with its bytes, and ``Group``, the tensors of a block or module in the files."""

from __future__ import annotations

from typing import NamedTuple

from devicemap._errors import ModelError, short_repr
from devicemap._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Group", "Part", "first_to_last"]


class Group(NamedTuple):
    """The tensors of one block or module."""

    name: str
    """The prefix of the names of the tensors."""
    stack: str | None
    """The part of ``name`` before the number of the block, or None for a module outside of all stacks."""
    number: int | None
    """The number of the block."""
    has_modules: bool
    """Whether the block has modules, and not only tensors such as ``weight`` and ``bias``."""
    expert_bytes: int
    """The bytes of routed experts."""
    dtypes: dict[str, int]
    """``{dtype: bytes}``."""


class Part(Record):
    """A module of a model: a block, an embedding, the final norm, a head.

    Attributes:
        name: The prefix of the names of its tensors, as in the files: ``"model.layers.3"``, ``"lm_head"``.
        bytes: The bytes of its tensors.
        expert_bytes: How many of these bytes belong to routed experts.
        dtypes: ``{dtype: bytes}``, with the names of the dtypes as in the files.

    """

    name: str
    bytes: int
    expert_bytes: int
    dtypes: dict[str, int]

    __slots__ = tuple(__annotations__)

    def __repr__(self) -> str:
        return f"<Part {self.name}: {self.bytes:,} B>"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as a dict of JSON types."""
        return {"name": self.name, "bytes": self.bytes, "expert_bytes": self.expert_bytes, "dtypes": dict(self.dtypes)}

    @classmethod
    def from_dict(cls, values: Any) -> Part:  # noqa: ANN401, the result of a JSON parser
        """Return the part with the attributes of a dict that :meth:`to_dict` returned."""
        try:
            name, num_bytes, expert_bytes, dtypes = (values[key] for key in cls.__slots__)
        except (KeyError, TypeError, IndexError):
            raise ModelError(
                f"a part must be a dict with {', '.join(cls.__slots__)}, got {short_repr(values)}"
            ) from None
        amounts = [num_bytes, expert_bytes, *(dtypes.values() if isinstance(dtypes, dict) else [None])]
        if not isinstance(name, str) or not all(type(amount) is int and amount >= 0 for amount in amounts):
            raise ModelError(f"a part must have a name, and bytes as ints of at least 0, got {short_repr(values)}")
        return cls(name, num_bytes, expert_bytes, dict(dtypes))


def first_to_last(parts: Sequence[Part]) -> str:
    """Return the names of the first and the last of several parts."""
    return parts[0].name if len(parts) == 1 else f"{parts[0].name} to {parts[-1].name}"
