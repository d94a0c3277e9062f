"""Define the exception classes, and how messages show values. The binding imports this module when it raises errors."""

from __future__ import annotations

from reprlib import Repr
from threading import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["DeviceMapError", "InfeasibleError", "ModelError", "plural", "short_repr"]


class DeviceMapError(AssertionError, ValueError):
    """A device map does not assign each block of the model to exactly one device.

    The class is both an ``AssertionError`` and a ``ValueError``: transformers' ``assert_device_map`` raised the first
    in earlier 4.x versions and the second in later ones, with the same message. The message of
    :func:`devicemap.assert_device_map` names only the first kind of fault, as in the original; the attributes contain
    all faults.

    Attributes:
        duplicate_blocks: The blocks that are assigned more than once, each listed once, in the order of the map.
        missing_blocks: The blocks of the model that are not assigned, in ascending order.
        extra_blocks: The items of the map that are not blocks of the model, in the order of the map.

    Each attribute is a sequence, which is empty if there is no such fault. The attributes set by ``assert_device_map``
    are lists; ``duplicate_blocks`` and ``extra_blocks`` contain the objects of the map itself.

    """

    __module__ = "devicemap"

    duplicate_blocks: Sequence[Any] = ()
    missing_blocks: Sequence[int] = ()
    extra_blocks: Sequence[Any] = ()


class InfeasibleError(ValueError):
    """No device map exists, because the blocks do not fit in the memory of the devices.

    Attributes:
        reason: The reason, as one word:

            ``"block"``
                ``block`` needs ``needed`` bytes; the largest device has ``available``.
            ``"total"``
                All blocks together need ``needed`` bytes; all devices together have ``available``.
            ``"order"``
                In the given order, the devices can hold only the blocks before ``block``, which needs ``needed`` bytes;
                the largest of the remaining devices has ``available`` bytes, or 0 if no device remains.
            ``"idle"``
                Each device must get a block, but ``device`` can hold none of the blocks that the order allows it: it
                has ``available`` bytes, and the smallest of these blocks needs ``needed``. All three attributes are
                None if no single device is the reason.
        block: The number of the block, or None.
        device: The device, or None.
        needed: The number of bytes that are needed, or None.
        available: The number of bytes that are available, or None.

    """

    __module__ = "devicemap"

    reason: str | None = None
    block: int | None = None
    device: Any = None
    needed: int | None = None
    available: int | None = None


class ModelError(ValueError):
    """A model cannot be read: its files are missing or invalid, or their tensors do not form a sequence of blocks."""

    __module__ = "devicemap"


_MAX_LENGTH = 40
"""The largest number of characters of a value in a message."""


class _ShortRepr(Repr):
    """A :class:`reprlib.Repr` with short limits."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxtuple = self.maxlist = self.maxset = self.maxfrozenset = self.maxdict = self.maxarray = 3
        self.maxstring = self.maxlong = self.maxother = _MAX_LENGTH

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002 (the signature of the base class)
        """Return the whole repr, which :func:`short_repr` shortens."""
        return repr(x)


_SHORT_REPR = _ShortRepr()
_MAX_DEPTH = 2
"""The largest depth of nested calls of short_repr: the ``repr`` of a value can call it again."""
_THREAD = local()


def short_repr(value: object) -> str:
    """Return the repr of a value for a message, on one line of at most 40 characters.

    In a longer repr, the middle is replaced by ``…``. If ``__repr__`` raises an exception or calls this function
    recursively, the result is the name of the type in angle brackets.
    """
    depth = getattr(_THREAD, "depth", 0)
    _THREAD.depth = depth + 1
    try:
        text = _SHORT_REPR.repr(value) if depth < _MAX_DEPTH else _type_name(value)
    except Exception:  # noqa: BLE001 (__repr__ may raise anything, as may the repr of an int with too many digits)
        text = _type_name(value)
    finally:
        _THREAD.depth = depth
    # The repr can be an instance of a subclass of str whose `split` is overridden.
    text = _shorten(" ".join(str.split(text)))
    # Non-printable characters are escaped, since printing some of them, such as a lone surrogate, raises an error.
    return text if text.isprintable() else _shorten(ascii(text)[1:-1])


def _type_name(value: object) -> str:
    # `type(value).__name__` would run user code if the metaclass overrides it.
    name = type.__dict__["__name__"].__get__(type(value))
    return f"<{name}>"


def _shorten(text: str) -> str:
    """Replace the middle of a string of more than ``_MAX_LENGTH`` characters by ``…``."""
    if len(text) <= _MAX_LENGTH:
        return text
    return f"{text[: _MAX_LENGTH * 2 // 3]}…{text[_MAX_LENGTH * 2 // 3 + 1 - _MAX_LENGTH :]}"


def plural(count: int, noun: str) -> str:
    """Return a number with a noun in the singular or plural, such as ``"1 block"`` or ``"2,000 blocks"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
