"""The noun: a device map whose devices hold consecutive runs of blocks."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from operator import index

from devicemap import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import Any, SupportsIndex, TypeVar

    from devicemap._native import _Along, _Amounts, _Devices

    _DeviceT = TypeVar("_DeviceT", bound=Hashable)

__all__ = ["DeviceMap"]

_SHOWN = 8
"""How many devices a repr shows; of more, the first and the last ones."""
_LONG = 40
"""How many characters of a device it shows."""


class DeviceMap(dict["_DeviceT", range]):
    """A device map as a dict: ``{device: range of blocks}``, in the order of the devices.

    The ranges follow each other from block 0 to the last; a device without blocks has an empty one. Everything that
    takes a device map takes it, and :func:`devicemap.assert_device_map` passes it without a look at single blocks. It
    does not change: ``dict(device_map)`` and ``device_map.copy()`` are plain dicts that do, and :meth:`to_lists` gives
    the original's lists. Made by :func:`devicemap.split`, :func:`devicemap.balance`, :meth:`from_counts` and
    :meth:`from_boundaries`.

    Args:
        runs: the range of each device: a mapping, or pairs.

    Raises:
        ValueError: the ranges do not follow each other from 0, or a device is named twice.
        TypeError: the blocks of a device are no range.

    """

    __slots__ = ("_boundaries", "_devices")

    _boundaries: tuple[int, ...]
    _devices: tuple[_DeviceT, ...]

    def __new__(cls, runs: Mapping[_DeviceT, range] | Iterable[tuple[_DeviceT, range]]) -> DeviceMap[_DeviceT]:
        """Make a device map of ranges that follow each other."""
        pairs = [(device, run) for device, run in (dict(runs).items() if hasattr(runs, "keys") else runs)]
        names = _native.distinct([device for device, _ in pairs])
        end = 0
        for device, run in pairs:
            blocks = f"the blocks of device {_short(device)} are"
            if not isinstance(run, range):
                raise TypeError(f"{blocks} of type {type(run).__name__}, not a range: see from_counts")
            if run.step != 1 or run.start != end or run.stop < end:
                raise ValueError(f"{blocks} {run!r}, and do not start at {end} and ascend")
            end = run.stop
        return cls._of(names, [run.stop for _, run in pairs])

    def __init__(self, runs: Mapping[_DeviceT, range] | Iterable[tuple[_DeviceT, range]]) -> None:
        """Do nothing: all is made, and does not change."""

    @classmethod
    def _of(cls, devices: tuple[_DeviceT, ...], ends: Sequence[int]) -> DeviceMap[_DeviceT]:
        """Make the map of distinct devices in which the run of each ends there."""
        self: DeviceMap[_DeviceT] = dict.__new__(cls)
        self._devices = devices
        self._boundaries = (0, *ends)
        dict.__init__(self, zip(devices, map(range, self._boundaries, ends), strict=True))
        return self

    @classmethod
    def from_counts(cls, counts: Iterable[SupportsIndex], devices: _Devices[_DeviceT]) -> DeviceMap[_DeviceT]:
        """Make a device map from how many blocks each device gets.

        Args:
            counts: the number of blocks of each device, 0 or more.
            devices: as many devices, in order; each hashable and named once.

        Raises:
            ValueError: a count is negative, there are more or fewer counts than devices, or a device is named twice.
            TypeError: a count is no integer, a device is not hashable, or the devices are a mapping, a set or a text.

        """
        names = _native.distinct(devices)
        numbers = list(map(index, counts))
        if len(numbers) != len(names):
            raise ValueError(f"counts has length {len(numbers)}, but devices {len(names)}")
        for place, count in enumerate(numbers):
            if count < 0:
                raise ValueError(f"counts[{place}] is negative: {count}")
        return cls._of(names, list(accumulate(numbers)))

    @classmethod
    def from_boundaries(cls, boundaries: Iterable[SupportsIndex], devices: _Devices[_DeviceT]) -> DeviceMap[_DeviceT]:
        """Make a device map from where the runs of blocks begin and end.

        Args:
            boundaries: 0, then where the run of each device ends: one more than there are devices, none less than the
                one before it.
            devices: the devices in order; each hashable and named once.

        Raises:
            ValueError: the boundaries do not start at 0, descend, or are not one more than the devices; or a device is
                named twice.
            TypeError: a boundary is no integer, a device is not hashable, or the devices are a mapping, a set or a
                text.

        """
        names = _native.distinct(devices)
        ends = list(map(index, boundaries))
        if len(ends) != len(names) + 1:
            raise ValueError(f"boundaries has length {len(ends)}, not one more than devices, {len(names)}")
        if ends[0] != 0:
            raise ValueError(f"boundaries[0] is {ends[0]}, not 0")
        for place, (start, end) in enumerate(pairwise(ends)):
            if end < start:
                raise ValueError(f"boundaries[{place + 1}] is {end}, less than the {start} before it")
        return cls._of(names, ends[1:])

    @property
    def num_blocks(self) -> int:
        """How many blocks the model has."""
        return self._boundaries[-1]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many blocks each device has, in order."""
        return tuple(end - start for start, end in pairwise(self._boundaries))

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Where the runs begin and end: 0, then the end of each device's run."""
        return self._boundaries

    def device_of(self, block: SupportsIndex) -> _DeviceT:
        """Find the device that has a block, in time logarithmic in the devices.

        Raises:
            IndexError: the model has no such block.
            TypeError: the block is no integer.

        """
        number = index(block)
        if not 0 <= number < self.num_blocks:
            raise IndexError(f"there is no block {number} among {self.num_blocks}")
        return self._devices[bisect_right(self._boundaries, number) - 1]

    def loads(self, costs: _Amounts, speeds: _Along[Any, _DeviceT] | None = None) -> dict[_DeviceT, Any]:
        """Sum up what each device carries: the costs of its blocks, over its speed.

        Args:
            costs: the cost of each block, as :func:`devicemap.balance` takes them.
            speeds: the speed of each device, as :func:`devicemap.balance` takes them; 1 if absent.

        Returns:
            ``{device: load}``, in the order of the devices: ints where all costs are ints and there are no speeds,
            floats otherwise. Sums of floats are exact, rounded once, unless the costs span more than 128 bits.

        Raises:
            ValueError: there are more or fewer costs than blocks, or a number cannot be a cost or a speed.
            TypeError: something is no number.

        """
        return dict(zip(self._devices, _native.loads(self._boundaries, self._devices, costs, speeds), strict=True))

    def to_lists(self) -> dict[_DeviceT, list[int]]:
        """Give the device map in the form of the original's ``get_device_map``: ``{device: [block, ...]}``."""
        return {device: list(run) for device, run in self.items()}

    def __repr__(self) -> str:
        shown = self._devices
        if len(self) > _SHOWN:
            shown = (*shown[: _SHOWN // 2], *shown[-_SHOWN // 2 :])
        runs = [f"{_short(device)}: {self[device]!r}" for device in shown]
        if len(self) <= _SHOWN:
            return f"DeviceMap({{{', '.join(runs)}}})"
        runs.insert(_SHOWN // 2, "...")
        return f"<DeviceMap of {self.num_blocks} blocks on {len(self)} devices: {', '.join(runs)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_boundaries, (self._boundaries, self._devices)

    # Not NoReturn, after which a type checker would look at nothing.
    def _refuse(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401, in place of methods of any arguments
        """Refuse to change."""
        raise TypeError("a DeviceMap does not change; dict(device_map) makes a dict that does")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def _short(device: object) -> str:
    text = repr(device)
    return text if len(text) <= _LONG else f"{text[: _LONG - 10]}...{text[-7:]}"
