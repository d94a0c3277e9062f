"""All faults of a device map at once, and what is allowed in one but rarely meant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, chain, groupby
from operator import eq
from reprlib import Repr

from devicemap._native import DeviceMapError
from devicemap._native import check as _check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from typing import Any, NoReturn, SupportsIndex, overload

    from devicemap._native import _Items

__all__ = ["Report", "check"]

_ALLOWED = "idle", "scattered", "unordered"
"""What is no fault."""
_WIDTH = 120
"""How long a line of a report may become, if what it has to show lets it."""
_LONGEST = 30
"""And how long one thing in it."""
_FEW = 40
"""And how long a list within a list."""


class Report:
    """What :func:`check` found. It never changes, compares by all that it holds, and can be pickled and copied.

    It is true if there are no faults. ``str()`` tells them, in a few lines whatever their number. All is in the map's
    order. What is ``idle``, ``scattered`` or ``unordered`` is allowed, and no fault.

    Attributes:
        num_blocks: how many blocks the model has.
        num_devices: how many devices the map has.
        duplicates: ``{block: devices}`` of blocks given more than once, with a device for each time.
        missing: the runs of blocks that are given to no device, ascending.
        extra: ``{block: devices}`` of ints that are given and no block of the model. One that is given more than once
            is among the duplicates as well.
        invalid: ``{device: items}`` of items that stand for no int. Bools do not.
        unknown: the map's devices that are not among the devices that there are, if those were told.
        idle: devices without a block: first the map's, then those that were told and the map does not have.
        scattered: devices whose blocks, as listed, are not one ascending run.
        unordered: devices whose first block does not come after the last block of the device before.

    """

    __slots__ = (
        "duplicates",
        "extra",
        "idle",
        "invalid",
        "missing",
        "num_blocks",
        "num_devices",
        "scattered",
        "unknown",
        "unordered",
    )

    num_blocks: int
    num_devices: int
    duplicates: dict[int, tuple[Any, ...]]
    missing: tuple[range, ...]
    extra: dict[int, tuple[Any, ...]]
    invalid: dict[Any, tuple[object, ...]]
    unknown: tuple[Any, ...]
    idle: tuple[Any, ...]
    scattered: tuple[Any, ...]
    unordered: tuple[Any, ...]

    # By hand what dataclasses would do, whose import takes longer than all of this package.
    def __init__(  # noqa: PLR0913, PLR0917 (one for each attribute)
        self,
        num_blocks: int,
        num_devices: int,
        duplicates: dict[int, tuple[Any, ...]],
        missing: tuple[range, ...],
        extra: dict[int, tuple[Any, ...]],
        invalid: dict[Any, tuple[object, ...]],
        unknown: tuple[Any, ...],
        idle: tuple[Any, ...],
        scattered: tuple[Any, ...],
        unordered: tuple[Any, ...],
    ) -> None:
        put = object.__setattr__
        put(self, "num_blocks", num_blocks)
        put(self, "num_devices", num_devices)
        put(self, "duplicates", duplicates)
        put(self, "missing", missing)
        put(self, "extra", extra)
        put(self, "invalid", invalid)
        put(self, "unknown", unknown)
        put(self, "idle", idle)
        put(self, "scattered", scattered)
        put(self, "unordered", unordered)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Report does not change: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Report does not change: cannot delete {name!r}")

    def _fields(self) -> tuple[Any, ...]:
        """Give all attributes in the order in which they make a new one."""
        return (
            self.num_blocks,
            self.num_devices,
            self.duplicates,
            self.missing,
            self.extra,
            self.invalid,
            self.unknown,
            self.idle,
            self.scattered,
            self.unordered,
        )

    def __eq__(self, other: object) -> bool:
        return self._fields() == other._fields() if isinstance(other, Report) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        return type(self), self._fields()

    @property
    def ok(self) -> bool:
        """Whether there are no faults."""
        return not (self.duplicates or self.missing or self.extra or self.invalid or self.unknown)

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_faults(self) -> None:
        """Raise an error if there are faults.

        Raises:
            DeviceMapError: there are. Its text is the report's; its ``duplicate_blocks``, ``missing_blocks`` and
                ``extra_blocks`` are sequences that hold each block once.

        """
        if self.ok:
            return
        error = DeviceMapError(str(self))
        error.duplicate_blocks = tuple(self.duplicates)
        error.missing_blocks = _Blocks(self.missing)
        error.extra_blocks = tuple(self.extra)
        raise error

    def __repr__(self) -> str:
        found = [f"{count:,} {kind}" for kind, count, *_ in self._findings() if count]
        return f"<Report: {self._size()}: {', '.join(found) or 'ok'}>"

    def __str__(self) -> str:
        lines = [f"{'ok' if self.ok else 'not ok'}: {self._size()}"]
        for kind, count, noun, listed in self._findings():
            if count:
                head = f"{'note: ' if kind in _ALLOWED else ''}{kind} {_many(count, noun)}: "
                lines.append(head + listed(_WIDTH - len(head)))
        return "\n".join(lines)

    def _size(self) -> str:
        return f"{_many(self.num_blocks, 'block')} on {_many(self.num_devices, 'device')}"

    def _findings(self) -> Iterator[tuple[str, int, str, Callable[[int], str]]]:
        """Give each kind of finding with how many there are of what, and with what lists them in a given width."""
        missing, invalid = sum(map(len, self.missing)), sum(map(len, self.invalid.values()))
        items = (f"{_few(items)} on {_shown(device)}" for device, items in self.invalid.items())
        yield "duplicate", len(self.duplicates), "block", _given(self.duplicates)
        yield "missing", missing, "block", partial(_listed, map(_run, self.missing), len(self.missing), "run", ", ")
        yield "extra", len(self.extra), "block", _given(self.extra)
        yield "invalid", invalid, "item", partial(_listed, items, len(self.invalid), "device", "; ")
        for kind in ("unknown", *_ALLOWED):
            devices = getattr(self, kind)
            yield kind, len(devices), "device", partial(_listed, map(_shown, devices), len(devices), "device", ", ")


class _Blocks(Sequence[int]):
    """The blocks of some runs, of which there may be more than memory could hold one by one."""

    __slots__ = ("_ends", "_runs")

    def __init__(self, runs: tuple[range, ...]) -> None:
        self._runs = runs
        self._ends = list(accumulate(map(len, runs)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    if TYPE_CHECKING:  # To import typing takes longer than to import all of this package.

        @overload
        def __getitem__(self, at: SupportsIndex, /) -> int: ...
        @overload
        def __getitem__(self, at: slice, /) -> list[int]: ...

    def __getitem__(self, at: SupportsIndex | slice, /) -> int | list[int]:
        blocks = range(len(self))
        if isinstance(at, slice):
            return [self[i] for i in blocks[at]]
        # A range knows which indices there are, and counts the negative ones.
        i = blocks[at]
        run = bisect_right(self._ends, i)
        return self._runs[run][i - self._ends[run]]

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._runs)

    def __contains__(self, block: object) -> bool:
        return any(block in run for run in self._runs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Blocks):
            return self._runs == other._runs
        if isinstance(other, (list, tuple, range)):
            return len(self) == len(other) and all(map(eq, self, other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{_many(len(self), 'block')}: {_listed(map(_run, self._runs), len(self._runs), 'run', ', ', 60)}>"


def check(device_map: _Items, num_blocks: SupportsIndex, *, devices: Iterable[Hashable] | None = None) -> Report:
    """Find all faults of a device map at once, and what is allowed in one but rarely meant.

    It has no faults if each block of ``range(num_blocks)`` is given to exactly one device, and nothing else is: then
    :func:`assert_device_map` passes too. Time is linear in the blocks.

    Blocks are ints and what :func:`operator.index` makes one of, such as numpy's integers; bools are not.

    Args:
        device_map: ``{device: blocks}``: a mapping, or anything whose ``items()`` gives pairs of a device and an
            iterable of blocks. A str is no iterable of blocks but one item that is none.
        num_blocks: how many blocks the model has.
        devices: the devices that there are, if those that are not, and those without a block, are to be told.

    Returns:
        A :class:`Report`, which is true if there are no faults.

    Raises:
        TypeError: ``device_map`` has no ``items()``, a device's value is not iterable, ``num_blocks`` is no integer, or
            ``devices`` is a str or no iterable of hashables.
        ValueError: ``num_blocks`` is negative.
        OverflowError, MemoryError: memory cannot hold what is asked for.

    Examples:
        >>> print(check({"cuda:0": [0, 1, 2], "cuda:1": [2, 3]}, 5))
        not ok: 5 blocks on 2 devices
        duplicate 1 block: 2 on 'cuda:0', 'cuda:1'
        missing 1 block: 4
        note: unordered 1 device: 'cuda:1'

    """
    return Report(*_check(device_map, num_blocks, devices))


_REPR = Repr()
_REPR.maxlevel = 2
_REPR.maxtuple = _REPR.maxlist = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = _REPR.maxarray = 3
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = _LONGEST


def _shown(thing: object) -> str:
    """Show an object in one short line, whatever its repr is and does."""
    try:
        text = " ".join(_REPR.repr(thing).split())
    except Exception:  # noqa: BLE001 (of the object's own, or of an int with too many digits)
        text = f"<{type(thing).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[1 - _LONGEST // 2 :]}"


def _run(blocks: range) -> str:
    return f"{blocks[0]}–{blocks[-1]}" if len(blocks) > 1 else str(blocks[0])


def _given(blocks: dict[int, tuple[Any, ...]]) -> Callable[[int], str]:
    pieces = (f"{_shown(block)} on {_each(devices)}" for block, devices in blocks.items())
    return partial(_listed, pieces, len(blocks), "block", "; ")


def _each(devices: tuple[object, ...]) -> str:
    # The same one stands once for each time, one after the other.
    runs = [tuple(run) for _, run in groupby(devices, id)]
    pieces = (_shown(run[0]) + (f" ({len(run)} times)" if len(run) > 1 else "") for run in runs)
    # One alone would not tell which collide.
    return _listed(pieces, len(runs), "", ", ", _FEW, least=2)


def _few(items: tuple[object, ...]) -> str:
    return _listed(map(_shown, items), len(items), "", ", ", _FEW)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _listed(  # noqa: PLR0913, PLR0917 (one for each way in which lists differ)
    pieces: Iterable[str], of: int, unit: str, separator: str, width: int, least: int = 1
) -> str:
    """Join as many of so many pieces as fit, but at least so many, and say how many more there are."""
    text = rest = ""
    for shown, piece in enumerate(pieces, 1):
        longer = text + separator + piece if text else piece
        more = _many(of - shown, f"more {unit}") if unit else f"{of - shown:,} more"
        tail = f"{separator}… and {more}" if shown < of else ""
        if shown > least and len(longer) + len(tail) > width:
            break
        text, rest = longer, tail
    return text + rest
