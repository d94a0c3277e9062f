"""Find all faults of a device map at once, and what is allowed in one but rarely meant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, chain, groupby
from math import isfinite
from operator import eq, is_

from devicemap._errors import DeviceMapError, plural, short_repr
from devicemap._native import check as _check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from typing import Any, NoReturn, SupportsIndex, overload

    from devicemap._native import _Items

__all__ = ["Report", "check"]

_ALLOWED = "idle", "scattered", "unordered", "aliased"
"""The kinds of findings that are no faults."""
_WIDTH = 120
"""The largest number of characters in a line of a report, unless a few long values need more."""
_INNER_WIDTH = 40
"""The same for a list within a list."""


class Report:
    """What :func:`check` found. It never changes, compares by all that it holds, and can be pickled and copied.

    It is true if there are no faults. ``str()`` tells them, in a few lines whatever their number. All is in the map's
    order. What is ``idle``, ``scattered``, ``unordered`` or ``aliased`` is allowed, and no fault.

    Attributes:
        num_blocks: how many blocks the model has.
        num_devices: how many devices the map has.
        duplicates: ``{block: devices}`` of blocks given more than once, with a device for each time.
        missing: the runs of blocks that are given to no device, ascending.
        extra: ``{block: devices}`` of ints that are given and no block of the model. One that is given more than once
            is among the duplicates as well.
        invalid: ``{device: items}`` of items that stand for no int. Bools do not.
        unknown: the map's devices that are not among the available ``devices``, if those were given.
        idle: devices without a block: first those of the map, then available ones that it does not have.
        scattered: devices whose blocks, as listed, are not one ascending run.
        unordered: devices whose first block does not come after the last block of the device before.
        aliased: groups of devices that name the same card: an int and the text of that CUDA device, such as ``0`` and
            ``"cuda:0"``, or a text and the ``torch.device`` of it.

    """

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
    aliased: tuple[tuple[Any, ...], ...]

    __slots__ = tuple(__annotations__)
    __hash__ = None  # type: ignore[assignment]

    # Not a dataclass, whose module takes longer to import than all of this package.
    def __init__(self, *values: Any) -> None:  # noqa: ANN401, those of the attributes, in their order
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Report cannot be changed: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Report cannot be changed: cannot delete {name!r}")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Report) else NotImplemented

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        return type(self), self._values()

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

    def to_dict(self) -> dict[str, Any]:
        """Return the report in JSON types.

        The keys are the names of the attributes, and ``"ok"``. Ranges are ``[start, stop]``, and dicts are lists of
        pairs, since their keys need not be text. Devices and items of other types than JSON's are their text.

        Examples:
            >>> check({"cuda:0": [0, 1], "cuda:1": [1]}, 4).to_dict()["duplicates"]
            [[1, ['cuda:0', 'cuda:1']]]

        """
        return {
            "ok": self.ok,
            "num_blocks": self.num_blocks,
            "num_devices": self.num_devices,
            "missing": [[run.start, run.stop] for run in self.missing],
            **{
                name: [[_json(key), [*map(_json, values)]] for key, values in getattr(self, name).items()]
                for name in ("duplicates", "extra", "invalid")
            },
            **{name: [*map(_json, getattr(self, name))] for name in ("unknown", "idle", "scattered", "unordered")},
            "aliased": [[*map(_json, group)] for group in self.aliased],
        }

    def __repr__(self) -> str:
        found = [f"{count:,} {kind}" for kind, count, *_ in self._findings() if count]
        return f"<Report: {self._size()}: {', '.join(found) or 'ok'}>"

    def __str__(self) -> str:
        lines = [f"{'ok' if self.ok else 'not ok'}: {self._size()}"]
        for kind, count, noun, listed in self._findings():
            if count:
                head = f"{'note: ' if kind in _ALLOWED else ''}{kind} {plural(count, noun)}: "
                lines.append(head + listed(_WIDTH - len(head)))
        return "\n".join(lines)

    def _size(self) -> str:
        return f"{plural(self.num_blocks, 'block')} on {plural(self.num_devices, 'device')}"

    def _findings(self) -> Iterator[tuple[str, int, str, Callable[[int], str]]]:
        """Yield each kind of finding, the number of findings, their noun, and what lists them in a given width."""
        missing, invalid = sum(map(len, self.missing)), sum(map(len, self.invalid.values()))
        runs = ((_run(run), len(run)) for run in self.missing)
        items = ((f"{_few(items)} on {short_repr(device)}", len(items)) for device, items in self.invalid.items())
        groups = ((", ".join(map(short_repr, group)), 1) for group in self.aliased)
        yield "duplicate", len(self.duplicates), "block", partial(_list, _given(self.duplicates), len(self.duplicates))
        yield "missing", missing, "block", partial(_list, runs, missing, separator=", ")
        yield "extra", len(self.extra), "block", partial(_list, _given(self.extra), len(self.extra))
        yield "invalid", invalid, "item", partial(_list, items, invalid)
        for kind in ("unknown", "idle", "scattered", "unordered"):
            devices = getattr(self, kind)
            pieces = ((short_repr(device), 1) for device in devices)
            yield kind, len(devices), "device", partial(_list, pieces, len(devices), separator=", ")
        yield "aliased", len(self.aliased), "card", partial(_list, groups, len(self.aliased))


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

    def __reduce__(self) -> tuple[type[_Blocks], tuple[tuple[range, ...]]]:
        return type(self), (self._runs,)

    def __repr__(self) -> str:
        runs = ((_run(run), len(run)) for run in self._runs)
        return f"<{plural(len(self), 'block')}: {_list(runs, len(self), 60, ', ')}>"


def check(
    device_map: _Items, num_blocks: SupportsIndex, *, devices: Iterable[Hashable] | SupportsIndex | None = None
) -> Report:
    """Find all faults of a device map at once, and what is allowed in one but rarely meant.

    It has no faults if each block of ``range(num_blocks)`` is given to exactly one device, and nothing else is: then
    :func:`assert_device_map` passes too. Time is linear in the blocks.

    Blocks are ints and what :func:`operator.index` makes one of, such as numpy's integers; bools are not.

    Args:
        device_map: ``{device: blocks}``: a mapping, or anything whose ``items()`` gives pairs of a device and an
            iterable of blocks.
        num_blocks: how many blocks the model has.
        devices: the available devices, or their number if they are called 0, 1, 2, …. Devices of the map that are not
            among them are reported as ``unknown``, and available devices that the map does not use as ``idle``.

    Returns:
        A :class:`Report`, which is true if there are no faults.

    Raises:
        TypeError: ``device_map`` has no ``items()``; the blocks of a device are a mapping, text, bytes or not iterable
            (the message recognises nested maps and ``{block: device}``); ``num_blocks`` is no integer; or ``devices``
            is a str or no iterable of hashables.
        ValueError: ``num_blocks`` is negative, or ``devices`` is an int below 1.
        OverflowError, MemoryError: memory cannot hold what is asked for. The blocks of a map whose runs ascend without
            a gap take none; any other map takes a bit or two a block.

    Examples:
        >>> print(check({"cuda:0": [0, 1, 2], "cuda:1": [2, 3]}, 5))
        not ok: 5 blocks on 2 devices
        duplicate 1 block: 2 on 'cuda:0', 'cuda:1'
        missing 1 block: 4
        note: unordered 1 device: 'cuda:1'

    """
    return Report(*_check(device_map, num_blocks, devices))


def _json(value: object) -> object:
    """Return a value if JSON can hold it, else its text."""
    # The types themselves, whose subclasses may be anything. json.dumps writes no int of more digits than the limit of
    # Python, which is 640 or more, and JSON knows no infinity.
    if value is None or type(value) in {str, bool}:
        return value
    if type(value) is int and value.bit_length() <= 1 << 11:
        return value
    if type(value) is float and isfinite(value):
        return value
    try:
        return str(value)
    except Exception:  # noqa: BLE001 (the value's own)
        return short_repr(value)


def _run(blocks: range) -> str:
    first, last = blocks[0], blocks[-1]
    return f"{short_repr(first)}–{short_repr(last)}" if last > first else short_repr(first)


def _given(blocks: dict[int, tuple[Any, ...]]) -> Iterator[tuple[str, int]]:
    """Yield the runs of consecutive blocks that are given to the same devices, and their lengths."""
    first = last = 0
    owners: tuple[Any, ...] = ()
    for block, devices in blocks.items():
        if owners and block == last + 1 and len(devices) == len(owners) and all(map(is_, devices, owners)):
            last = block
            continue
        if owners:
            yield f"{_run(range(first, last + 1))} on {_each(owners)}", last + 1 - first
        first = last = block
        owners = devices
    if owners:
        yield f"{_run(range(first, last + 1))} on {_each(owners)}", last + 1 - first


def _each(devices: tuple[object, ...]) -> str:
    # The same one stands once for each time, one after the other.
    runs = [tuple(run) for _, run in groupby(devices, id)]
    pieces = ((short_repr(run[0]) + (f" ({len(run)} times)" if len(run) > 1 else ""), 1) for run in runs)
    # One alone would not tell which collide.
    return _list(pieces, len(runs), _INNER_WIDTH, ", ", least=2)


def _few(items: tuple[object, ...]) -> str:
    return _list(((short_repr(item), 1) for item in items), len(items), _INNER_WIDTH, ", ")


def _list(pieces: Iterable[tuple[str, int]], total: int, width: int, separator: str = "; ", least: int = 1) -> str:
    """Join as many pieces as fit in a width, but no fewer than ``least``, and say how many findings are left out.

    Args:
        pieces: texts, and the number of findings that each stands for.
        total: the number of findings.
        width: the largest number of characters.
        separator: what stands between two pieces.
        least: the number of pieces that are shown in any case.

    """
    text = rest = ""
    for place, (piece, findings) in enumerate(pieces):
        total -= findings
        longer = text + separator + piece if text else piece
        tail = f"{separator}… and {total:,} more" if total else ""
        if place >= least and len(longer) + len(tail) > width:
            break
        text, rest = longer, tail
    return text + rest
