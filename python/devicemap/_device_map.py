"""``DeviceMap``: a device map whose devices hold consecutive runs of blocks."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise

from devicemap import _native
from devicemap._errors import plural, short_repr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import Any, SupportsIndex, TypeVar, overload

    from devicemap._native import _Along, _Amounts, _Devices

    _DeviceT = TypeVar("_DeviceT", bound=Hashable)

__all__ = ["DeviceMap"]

_MOST_BLOCKS = 1 << 63
"""One more than the largest number of blocks: a sequence of Python's can have no more items."""
_SHOWN = 8
"""How many devices a repr shows; of more, the first and the last ones."""
_LINES = 40
"""How many devices the text shows, one a line; of more, the first and the last ones."""


class DeviceMap(dict["_DeviceT", range]):
    """A device map as a dict: ``{device: range of blocks}``, in the order of the devices.

    The ranges follow each other from block 0 to the last; a device without blocks has an empty one. Everything that
    takes a device map takes it, and :func:`devicemap.assert_device_map` passes it without a look at single blocks. It
    cannot be changed: ``dict(device_map)`` is a plain dict that can, and :meth:`to_lists` gives the original's lists.
    ``str()`` shows it with a line for each device. Made by :func:`devicemap.split`, :func:`devicemap.balance`,
    :meth:`from_counts`, :meth:`from_boundaries` and :meth:`from_dict`.

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
        try:
            pairs = [(device, run) for device, run in (dict(runs).items() if hasattr(runs, "keys") else runs)]
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"runs must be a mapping, or pairs of a device and a range, got {short_repr(runs)}"
            ) from error
        if not pairs:
            raise ValueError(f"runs must not be empty, got {short_repr(runs)}")
        names = _native.parse_devices([device for device, _ in pairs])
        end = 0
        for device, run in pairs:
            if not isinstance(run, range):
                message = f"runs[{short_repr(device)}] must be a range, got {short_repr(run)}; see from_counts"
                raise TypeError(message)
            if run.step != 1 or run.start != end or run.stop < end:
                message = f"runs[{short_repr(device)}] must start at {end} and ascend, got {short_repr(run)}"
                raise ValueError(message)
            end = run.stop
        return cls._of(names, [run.stop for _, run in pairs])

    def __init__(self, runs: Mapping[_DeviceT, range] | Iterable[tuple[_DeviceT, range]]) -> None:
        """Do nothing: :meth:`__new__` has made the map, which cannot be changed."""

    @classmethod
    def _of(cls, devices: tuple[_DeviceT, ...], ends: Sequence[int]) -> DeviceMap[_DeviceT]:
        """Make the map of distinct devices in which the run of each ends there."""
        if ends[-1] >= _MOST_BLOCKS:
            raise OverflowError("the number of blocks must be less than 2**63")
        self: DeviceMap[_DeviceT] = dict.__new__(cls)
        self._devices = devices
        self._boundaries = (0, *ends)
        dict.__init__(self, zip(devices, map(range, self._boundaries, ends), strict=True))
        return self

    if TYPE_CHECKING:

        @overload
        @classmethod
        def from_counts(cls, counts: Iterable[SupportsIndex], devices: SupportsIndex) -> DeviceMap[int]: ...
        @overload
        @classmethod
        def from_counts(cls, counts: Iterable[SupportsIndex], devices: _Devices[_DeviceT]) -> DeviceMap[_DeviceT]: ...

    @classmethod
    def from_counts(
        cls, counts: Iterable[SupportsIndex], devices: _Devices[_DeviceT] | SupportsIndex
    ) -> DeviceMap[Any]:
        """Make a device map from the number of blocks of each device.

        Args:
            counts: the number of blocks of each device, 0 or more.
            devices: as many devices, in order, each hashable and named once; or an int, the number of devices, which
                are then called 0, 1, 2, ….

        Raises:
            ValueError: a count is negative, there are more or fewer counts than devices, or a device is named twice.
            OverflowError: there are more blocks than a Python sequence can have.
            TypeError: a count is no integer, the counts are a text, a mapping or a set, a device is not hashable, or
                the devices are a mapping, a set or a text.

        """
        names: tuple[Any, ...] = _native.parse_devices(devices)
        numbers = _native.integers("counts", counts)
        if len(numbers) != len(names):
            raise ValueError(f"counts must have one value per device ({len(names)}), got {len(numbers)}")
        for place, count in enumerate(numbers):
            if count < 0:
                raise ValueError(f"counts[{place}] must be 0 or more, got {short_repr(count)}")
        return cls._of(names, list(accumulate(numbers)))

    if TYPE_CHECKING:

        @overload
        @classmethod
        def from_boundaries(cls, boundaries: Iterable[SupportsIndex], devices: SupportsIndex) -> DeviceMap[int]: ...
        @overload
        @classmethod
        def from_boundaries(
            cls, boundaries: Iterable[SupportsIndex], devices: _Devices[_DeviceT]
        ) -> DeviceMap[_DeviceT]: ...

    @classmethod
    def from_boundaries(
        cls, boundaries: Iterable[SupportsIndex], devices: _Devices[_DeviceT] | SupportsIndex
    ) -> DeviceMap[Any]:
        """Make a device map from where the runs of blocks begin and end.

        Args:
            boundaries: 0, then where the run of each device ends: one more than there are devices, none less than the
                one before it.
            devices: the devices in order, each hashable and named once; or an int, the number of devices, which are
                then called 0, 1, 2, ….

        Raises:
            ValueError: the boundaries do not start at 0, descend, or are not one more than the devices; or a device is
                named twice.
            OverflowError: there are more blocks than a Python sequence can have.
            TypeError: a boundary is no integer, the boundaries are a text, a mapping or a set, a device is not
                hashable, or the devices are a mapping, a set or a text.

        """
        names: tuple[Any, ...] = _native.parse_devices(devices)
        ends = _native.integers("boundaries", boundaries)
        if len(ends) != len(names) + 1:
            raise ValueError(f"boundaries must have one value more than devices ({len(names) + 1}), got {len(ends)}")
        if ends[0] != 0:
            raise ValueError(f"boundaries[0] must be 0, got {short_repr(ends[0])}")
        for place, (start, end) in enumerate(pairwise(ends), 1):
            if end < start:
                message = f"boundaries[{place}] must be {short_repr(start)} or more, got {short_repr(end)}"
                raise ValueError(message)
        return cls._of(names, ends[1:])

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DeviceMap[Any]:
        """Make a device map from what :meth:`to_dict` returns.

        Raises:
            ValueError: ``data`` lacks one of its two keys, or its values make no device map.
            TypeError: ``data`` is no mapping, or a device is neither an int nor a str.

        """
        try:
            devices, boundaries = data["devices"], data["boundaries"]
        except KeyError:
            message = f"data must have the keys 'devices' and 'boundaries', got {short_repr(data)}"
            raise ValueError(message) from None
        except TypeError:
            raise TypeError(f"data must be a mapping, got {short_repr(data)}") from None
        self = cls.from_boundaries(boundaries, devices)
        self._check_devices()
        return self

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

    @property
    def devices(self) -> tuple[_DeviceT, ...]:
        """The devices, in order."""
        return self._devices

    def device_of(self, block: SupportsIndex) -> _DeviceT:
        """Find the device that has a block, in time logarithmic in the devices.

        Raises:
            IndexError: the model has no such block.
            TypeError: the block is no integer.

        """
        number = _native.integer("block", block)
        if not 0 <= number < self.num_blocks:
            raise IndexError(f"block must be in range({self.num_blocks}), got {short_repr(number)}")
        return self._devices[bisect_right(self._boundaries, number) - 1]

    def load_per_device(self, costs: _Amounts, speeds: _Along[Any, _DeviceT] | None = None) -> dict[_DeviceT, Any]:
        """Sum up the load of each device: the costs of its blocks, over its speed.

        Args:
            costs: the cost of each block, as :func:`devicemap.balance` takes them.
            speeds: the speed of each device, as :func:`devicemap.balance` takes them; 1 if absent.

        Returns:
            ``{device: load}``, in the order of the devices: ints where all costs are ints and there are no speeds,
            floats otherwise. Floats are summed as :func:`devicemap.balance` does, and the sums rounded once.

        Raises:
            ValueError: there are more or fewer costs than blocks, or a number cannot be a cost or a speed.
            TypeError: something is no number.

        Examples:
            >>> DeviceMap.from_counts([2, 1], ["cuda:0", "cuda:1"]).load_per_device([5, 1, 4])
            {'cuda:0': 6, 'cuda:1': 4}

        """
        loads = _native.load_per_device(self._boundaries, self._devices, costs, speeds)
        return dict(zip(self._devices, loads, strict=True))

    def bottleneck(self, costs: _Amounts, speeds: _Along[Any, _DeviceT] | None = None) -> Any:  # noqa: ANN401, a number
        """Return the largest load, which :func:`devicemap.balance` minimises.

        Takes and raises what :meth:`load_per_device` does.

        Examples:
            >>> DeviceMap.from_counts([2, 1], 2).bottleneck([5, 1, 4])
            6

        """
        return max(self.load_per_device(costs, speeds).values())

    def to_lists(self) -> dict[_DeviceT, list[int]]:
        """Give the device map in the form of the original's ``get_device_map``: ``{device: [block, ...]}``."""
        return {device: list(run) for device, run in self.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"devices": […], "boundaries": […]}``, which can be written as JSON; see :meth:`from_dict`.

        Raises:
            TypeError: a device is neither an int nor a str.

        """
        self._check_devices()
        return {"devices": list(self._devices), "boundaries": list(self._boundaries)}

    def _check_devices(self) -> None:
        for place, device in enumerate(self._devices):
            if not isinstance(device, (int, str)):
                raise TypeError(f"devices[{place}] must be an int or a str, got {short_repr(device)}")

    def __repr__(self) -> str:
        runs = [f"{short_repr(device)}: {self[device]!r}" for device in self._some(_SHOWN)]
        if len(self) <= _SHOWN:
            return f"DeviceMap({{{', '.join(runs)}}})"
        runs.insert(_SHOWN // 2, "...")
        return f"<DeviceMap of {self.num_blocks} blocks on {len(self)} devices: {', '.join(runs)}>"

    def __str__(self) -> str:
        rows = []
        for device in self._some(_LINES):
            run = self[device]
            name = device if isinstance(device, str) and device.isprintable() and len(device) <= _LINES else None
            blocks = f"{run.start}–{run.stop - 1}" if len(run) > 1 else f"{run.start}" if run else "–"
            rows.append((name or short_repr(device), f"{len(run):,}", blocks))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{name:{widths[0]}}  {count:>{widths[1]}}  {blocks}" for name, count, blocks in rows]
        if len(self) > _LINES:
            lines.insert(_LINES // 2, f"… {len(self) - _LINES:,} more devices")
        return "\n".join([f"{plural(self.num_blocks, 'block')} on {plural(len(self), 'device')}", *lines])

    def _some(self, most: int) -> tuple[_DeviceT, ...]:
        """Return all devices or, of more than ``most``, the first and the last ones."""
        devices = self._devices
        return devices if len(devices) <= most else (*devices[: most // 2], *devices[-most // 2 :])

    def copy(self) -> DeviceMap[_DeviceT]:
        """Return an equal device map, of the same devices."""
        return self._of(self._devices, self._boundaries[1:])

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> DeviceMap[_DeviceT]:
        # The devices are names: a copy of one need not be equal to it.
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_boundaries, (self._boundaries, self._devices)

    # Not NoReturn, after which a type checker would look at nothing.
    def _refuse(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401, in place of methods of any arguments
        """Refuse to change."""
        raise TypeError("a DeviceMap cannot be changed; dict(device_map) makes a dict that can")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse
