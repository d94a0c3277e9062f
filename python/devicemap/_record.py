"""Define ``Record``, the base class of the immutable results."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["Record"]


class Record:
    """An immutable object with named attributes, which compares by value and can be pickled and copied.

    A subclass declares the attributes by annotations and sets ``__slots__ = tuple(__annotations__)``.

    Args:
        values: The values of the attributes, in order.

    """

    # This is not a dataclass, since importing dataclasses takes longer than importing this package.
    __slots__: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *values: Any) -> None:  # noqa: ANN401, the attributes have various types
        if len(values) != len(self.__slots__):
            raise TypeError(
                f"a {type(self).__name__} has {len(self.__slots__)} values, got {len(values)}; see its docstring"
            )
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: cannot delete {name!r}")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, type(self)) else NotImplemented

    def __reduce__(self) -> tuple[type[Record], tuple[Any, ...]]:
        return type(self), self._values()
