"""Check device maps: report all faults at once, with notes on maps that are allowed but unusual."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, chain, groupby
from math import isfinite
from operator import eq, is_

from devicemap._errors import DeviceMapError, plural, short_repr
from devicemap._native import check as _check
from devicemap._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from typing import Any, SupportsIndex, overload

    from devicemap._native import _Items

__all__ = ["Report", "check"]

_NOTES = "idle", "scattered", "unordered", "aliased"
"""The kinds of findings that are not faults."""
_MAX_LINE_WIDTH = 120
"""The largest number of characters in a line of a report, unless a single value needs more."""
_MAX_INNER_WIDTH = 40
"""The largest number of characters of a list within a line, such as the devices of a block."""


class Report(Record):
    """The result of :func:`check`: the faults of a device map, and notes on it.

    A report is true if there are no faults. ``str()`` summarises all findings in a few lines, whatever their number.
    The attributes cannot be set. Reports compare by value, and can be pickled and copied.

    The attributes ``duplicates``, ``missing``, ``extra``, ``invalid`` and ``unknown`` are faults; ``idle``,
    ``scattered``, ``unordered`` and ``aliased`` are notes, which do not make a map invalid. Except for ``missing``, all
    are in the order of the map.

    Attributes:
        num_blocks: The number of blocks of the model.
        num_devices: The number of devices of the map.
        duplicates: ``{block: devices}`` of the blocks that are assigned more than once. A device that has a block twice
            is listed twice.
        missing: The runs of blocks that are not assigned, in ascending order.
        extra: ``{block: devices}`` of the ints in the map that are not blocks of the model. Extra blocks that occur
            more than once are also in ``duplicates``.
        invalid: ``{device: items}`` of the items that are not integers. Bools are not integers here.
        unknown: The devices of the map that are not available, if ``devices`` was given.
        idle: The devices without blocks: first those of the map, then the available devices that are not in the map.
        scattered: The devices whose blocks, in the order listed, are not one ascending run.
        unordered: The devices whose first block does not come after the last block of the previous device.
        aliased: Groups of devices that are names of the same physical device: an int and the str of that CUDA device,
            such as ``0`` and ``"cuda:0"``, or a str and the corresponding ``torch.device``.

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

    @property
    def ok(self) -> bool:
        """Whether there are no faults."""
        return not (self.duplicates or self.missing or self.extra or self.invalid or self.unknown)

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_faults(self) -> None:
        """Raise an error if there are faults.

        Raises:
            DeviceMapError: There are faults. The message is the text of the report; the attributes
                ``duplicate_blocks``, ``missing_blocks`` and ``extra_blocks`` are sequences with each block once.

        """
        if self.ok:
            return
        error = DeviceMapError(str(self))
        error.duplicate_blocks = tuple(self.duplicates)
        error.missing_blocks = _Blocks(self.missing)
        error.extra_blocks = tuple(self.extra)
        raise error

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a dict of JSON types.

        The keys are ``"ok"`` and the names of the attributes. Ranges become ``[start, stop]``, and dicts become lists
        of pairs, since their keys need not be strings. Devices and items of other types become strings.

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
        findings = [f"{count:,} {kind}" for kind, count, *_ in self._findings() if count]
        return f"<Report: {self._size()}: {', '.join(findings) or 'ok'}>"

    def __str__(self) -> str:
        lines = [f"{'ok' if self.ok else 'not ok'}: {self._size()}"]
        for kind, count, noun, format_list in self._findings():
            if count:
                head = f"{'note: ' if kind in _NOTES else ''}{kind} {plural(count, noun)}: "
                lines.append(head + format_list(_MAX_LINE_WIDTH - len(head)))
        return "\n".join(lines)

    def _size(self) -> str:
        """Return the numbers of blocks and devices, such as ``"32 blocks on 2 devices"``."""
        return f"{plural(self.num_blocks, 'block')} on {plural(self.num_devices, 'device')}"

    def _findings(self) -> Iterator[tuple[str, int, str, Callable[[int], str]]]:
        """Yield each kind of finding, with the number of findings, a noun for them, and a function that formats them.

        The function takes the largest number of characters, and returns a list of the findings that fit.
        """
        missing, invalid = sum(map(len, self.missing)), sum(map(len, self.invalid.values()))
        runs = ((_format_run(run), len(run)) for run in self.missing)
        items = (
            (f"{_format_items(items)} on {short_repr(device)}", len(items)) for device, items in self.invalid.items()
        )
        groups = ((", ".join(map(short_repr, group)), 1) for group in self.aliased)
        duplicates, extra = (_group_by_devices(blocks) for blocks in (self.duplicates, self.extra))
        yield "duplicate", len(self.duplicates), "block", partial(_join, duplicates, len(self.duplicates))
        yield "missing", missing, "block", partial(_join, runs, missing, separator=", ")
        yield "extra", len(self.extra), "block", partial(_join, extra, len(self.extra))
        yield "invalid", invalid, "item", partial(_join, items, invalid)
        for kind in ("unknown", "idle", "scattered", "unordered"):
            devices = getattr(self, kind)
            pieces = ((short_repr(device), 1) for device in devices)
            yield kind, len(devices), "device", partial(_join, pieces, len(devices), separator=", ")
        yield "aliased", len(self.aliased), "group", partial(_join, groups, len(self.aliased))


class _Blocks(Sequence[int]):
    """A read-only sequence of all blocks in a tuple of runs. Only the runs are stored, not the single blocks."""

    __slots__ = ("_ends", "_runs")

    def __init__(self, runs: tuple[range, ...]) -> None:
        self._runs = runs
        self._ends = list(accumulate(map(len, runs)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    if TYPE_CHECKING:  # Importing typing takes longer than importing this package.

        @overload
        def __getitem__(self, index: SupportsIndex, /) -> int: ...
        @overload
        def __getitem__(self, index: slice, /) -> list[int]: ...

    def __getitem__(self, index: SupportsIndex | slice, /) -> int | list[int]:
        indices = range(len(self))
        if isinstance(index, slice):
            return [self[i] for i in indices[index]]
        # A range converts negative indices and checks the bounds.
        i = indices[index]
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
        runs = ((_format_run(run), len(run)) for run in self._runs)
        return f"<{plural(len(self), 'block')}: {_join(runs, len(self), 60, ', ')}>"


def check(
    device_map: _Items, num_blocks: SupportsIndex, *, devices: Iterable[Hashable] | SupportsIndex | None = None
) -> Report:
    """Check a device map and report all of its faults at once, with notes on anything that is allowed but unusual.

    A map has no faults if each block of ``range(num_blocks)`` is assigned to exactly one device, and nothing else is
    assigned. If all blocks are ints, :func:`assert_device_map` then passes, too. The time is linear in the number of
    blocks.

    A block is an int or any object that :func:`operator.index` converts to one, such as a numpy integer; bools are not
    blocks.

    Args:
        device_map: ``{device: blocks}``: a mapping, or any object whose ``items()`` returns pairs of a device and an
            iterable of blocks.
        num_blocks: The number of blocks of the model.
        devices: The available devices, or their number if they are called 0, 1, 2, …. Devices of the map that are not
            among them are reported as ``unknown``, and available devices that the map does not use as ``idle``.

    Returns:
        A :class:`Report`, which is true if there are no faults.

    Raises:
        TypeError: ``device_map`` has no ``items()``; the blocks of a device are a mapping, text, bytes or not iterable
            (the message recognises nested maps and ``{block: device}``); ``num_blocks`` is not an integer; or
            ``devices`` is a str or bytes, or not an iterable of hashable objects.
        ValueError: ``num_blocks`` is negative, or ``devices`` is an int below 1.
        OverflowError, MemoryError: There is not enough memory. A map whose runs ascend without gaps needs no memory for
            the check; any other map needs one or two bits per block.

    Examples:
        >>> print(check({"cuda:0": [0, 1, 2], "cuda:1": [2, 3]}, 5))
        not ok: 5 blocks on 2 devices
        duplicate 1 block: 2 on 'cuda:0', 'cuda:1'
        missing 1 block: 4
        note: unordered 1 device: 'cuda:1'

    """
    return Report(*_check(device_map, num_blocks, devices))


def _json(value: object) -> object:
    """Return a value if it can be serialized as JSON, otherwise the value converted to a str."""
    # Subclasses are excluded, since they may override anything. json.dumps raises for an int with more digits than
    # Python's limit, which is at least 640, and JSON has no infinity.
    if value is None or type(value) in {str, bool}:
        return value
    if type(value) is int and value.bit_length() <= 1 << 11:
        return value
    if type(value) is float and isfinite(value):
        return value
    try:
        return str(value)
    except Exception:  # noqa: BLE001 (__str__ may raise anything)
        return short_repr(value)


def _format_run(blocks: range) -> str:
    first, last = blocks[0], blocks[-1]
    return f"{short_repr(first)}–{short_repr(last)}" if last > first else short_repr(first)


def _group_by_devices(blocks: dict[int, tuple[Any, ...]]) -> Iterator[tuple[str, int]]:
    """Yield each run of consecutive blocks with the same devices, formatted as a str, and its number of blocks."""
    first = last = 0
    run_devices: tuple[Any, ...] = ()
    for block, devices in blocks.items():
        if block == last + 1 and len(devices) == len(run_devices) and all(map(is_, devices, run_devices)):
            last = block
            continue
        if run_devices:
            yield f"{_format_run(range(first, last + 1))} on {_format_devices(run_devices)}", last + 1 - first
        first = last = block
        run_devices = devices
    if run_devices:
        yield f"{_format_run(range(first, last + 1))} on {_format_devices(run_devices)}", last + 1 - first


def _format_devices(devices: tuple[object, ...]) -> str:
    # A device that has the block several times is listed once for each time, in succession.
    groups = [tuple(group) for _, group in groupby(devices, id)]
    pieces = ((short_repr(group[0]) + (f" ({len(group)} times)" if len(group) > 1 else ""), 1) for group in groups)
    # At least two devices are shown, since one alone would not show the conflict.
    return _join(pieces, len(groups), _MAX_INNER_WIDTH, ", ", min_pieces=2)


def _format_items(items: tuple[object, ...]) -> str:
    return _join(((short_repr(item), 1) for item in items), len(items), _MAX_INNER_WIDTH, ", ")


def _join(
    pieces: Iterable[tuple[str, int]], total: int, max_width: int, separator: str = "; ", min_pieces: int = 1
) -> str:
    """Join as many pieces as fit, and append the number of findings in the omitted pieces.

    Args:
        pieces: Strings, each with the number of findings that it contains.
        total: The total number of findings.
        max_width: The largest number of characters of the result.
        separator: The string between two pieces.
        min_pieces: The number of pieces that are shown even if the result then exceeds ``max_width``.

    """
    joined = tail = ""
    remaining = total
    for index, (piece, findings) in enumerate(pieces):
        remaining -= findings
        longer_joined = joined + separator + piece if joined else piece
        longer_tail = f"{separator}… and {remaining:,} more" if remaining else ""
        if index >= min_pieces and len(longer_joined) + len(longer_tail) > max_width:
            break
        joined, tail = longer_joined, longer_tail
    return joined + tail
