"""The exception classes, and how values are shown in messages. The binding looks both up here when it needs them."""

from __future__ import annotations

from reprlib import Repr
from threading import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["DeviceMapError", "InfeasibleError", "plural", "short_repr"]


class DeviceMapError(AssertionError, ValueError):
    """A device map that does not give each block of the model to exactly one device.

    It is both an ``AssertionError`` and a ``ValueError``: transformers' ``assert_device_map`` raised the first up to
    some 4.x and the second later, with the same text. The message of :func:`devicemap.assert_device_map` names only the
    first kind of fault, as the original's does; the attributes hold all.

    Attributes:
        duplicate_blocks: the blocks that are given more than once, each listed once, in the map's order.
        missing_blocks: the blocks of the model that are given to no device, ascending.
        extra_blocks: what the map gives that is no block of the model, in the map's order.

    Each is a sequence, empty where there is no fault of the kind. Those of ``assert_device_map`` are lists; the first
    and the last hold the map's own objects.

    """

    __module__ = "devicemap"

    duplicate_blocks: Sequence[Any] = ()
    missing_blocks: Sequence[int] = ()
    extra_blocks: Sequence[Any] = ()


class InfeasibleError(ValueError):
    """No device map exists: the memory of the devices cannot hold the blocks.

    Attributes:
        reason: why there is none, as one word:

            ``"block"``
                ``block`` needs ``needed`` bytes; the largest device has ``available``.
            ``"total"``
                All blocks together need ``needed`` bytes; all devices together have ``available``.
            ``"order"``
                In this order the devices hold only the blocks before ``block``, which needs ``needed`` bytes; the
                largest of the devices that remain then has ``available``, 0 if none remains.
            ``"idle"``
                Each device must get a block and ``device`` cannot: it has ``available`` bytes, and the smallest of the
                blocks within its reach needs ``needed``. All three are None if no single device is to blame.
        block: the number of the block in question, or None.
        device: the device in question, or None.
        needed: bytes that are needed, or None.
        available: bytes that are available, or None.

    """

    __module__ = "devicemap"

    reason: str | None = None
    block: int | None = None
    device: Any = None
    needed: int | None = None
    available: int | None = None


_LONGEST = 40
"""The largest number of characters of a value in a message."""


class _ShortRepr(Repr):
    """The repr of the standard library that shortens long values, on one line and with no address in it."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxtuple = self.maxlist = self.maxset = self.maxfrozenset = self.maxdict = self.maxarray = 3
        self.maxstring = self.maxlong = self.maxother = _LONGEST

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002 (what the standard library calls)
        """Return the whole repr: what is cut off is decided by :func:`short_repr`."""
        return repr(x)


_SHORT_REPR = _ShortRepr()
_DEEPEST = 2
"""The largest number of calls of short_repr within each other: a value may show what it is in."""
_THREAD = local()


def short_repr(value: object) -> str:
    """Return the repr of a value, on one line of at most 40 characters, as messages show it.

    A longer one loses its middle. Where the value's ``__repr__`` raises, or shows what the value is in, it is the name
    of the value's type, in angle brackets.
    """
    depth = getattr(_THREAD, "depth", 0)
    _THREAD.depth = depth + 1
    try:
        text = _SHORT_REPR.repr(value) if depth < _DEEPEST else _type_name(value)
    except Exception:  # noqa: BLE001 (the value's own, or of an int with too many digits)
        text = _type_name(value)
    finally:
        _THREAD.depth = depth
    # A repr may be of a subclass of str.
    text = _shortened(" ".join(str.split(text)))
    # A lone surrogate, for example, would raise an error again when the message is printed.
    return text if text.isprintable() else _shortened(ascii(text)[1:-1])


def _type_name(value: object) -> str:
    # Not type(value).__name__, which a metaclass may define.
    name = type.__dict__["__name__"].__get__(type(value))
    return f"<{name}>"


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST * 2 // 3]}…{text[_LONGEST * 2 // 3 + 1 - _LONGEST :]}"


def plural(count: int, noun: str) -> str:
    """Return a number and its noun, ``"1 block"`` or ``"2,000 blocks"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
