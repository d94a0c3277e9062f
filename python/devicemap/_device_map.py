"""Define ``DeviceMap``, a device map in which each device has a consecutive run of blocks."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise

from devicemap import _native
from devicemap._errors import plural, short_repr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import Any, SupportsIndex, TypeVar, overload

    from devicemap._native import _Costs, _Devices, _PerDevice

    _DeviceT = TypeVar("_DeviceT", bound=Hashable)

__all__ = ["DeviceMap"]

_NUM_BLOCKS_LIMIT = 1 << 63
"""The number of blocks must be less than this, since it is the length of a Python sequence."""
_MAX_DEVICES_IN_REPR = 8
"""The largest number of devices that ``repr()`` shows. Of more devices, only the first and the last ones are shown."""
_MAX_DEVICES_IN_STR = 40
"""The largest number of devices that ``str()`` shows. Of more devices, only the first and the last ones are shown."""
_MAX_NAME_LENGTH = 40
"""The largest number of characters of a device that ``str()`` shows without quotation marks."""


class DeviceMap(dict["_DeviceT", range]):
    """A device map as a dict: ``{device: range of blocks}``, in the order of the devices.

    The ranges follow each other from block 0 to the last one, with step 1. A device without blocks has an empty range,
    which starts where the previous one ends. A DeviceMap can be used wherever a device map is expected;
    :func:`devicemap.assert_device_map` checks it without reading single blocks. It is immutable: ``dict(device_map)``
    creates a mutable dict, and :meth:`to_lists` a dict of lists, as the original returns. ``str()`` shows one line per
    device.

    Device maps are returned by :func:`devicemap.split`, :func:`devicemap.balance`, :meth:`from_counts`,
    :meth:`from_boundaries` and :meth:`from_dict`.

    Args:
        runs: The range of each device, as a mapping or as pairs.

    Raises:
        ValueError: The ranges do not follow each other from 0, or a device occurs twice.
        TypeError: The blocks of a device are not a range.

    """

    __slots__ = ("_boundaries", "_devices")

    _boundaries: tuple[int, ...]
    _devices: tuple[_DeviceT, ...]

    def __new__(cls, runs: Mapping[_DeviceT, range] | Iterable[tuple[_DeviceT, range]]) -> DeviceMap[_DeviceT]:
        """Create a device map from ranges that follow each other from block 0."""
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
                message = f"runs[{short_repr(device)}] must start at {end} with step 1, got {short_repr(run)}"
                raise ValueError(message)
            end = run.stop
        return cls._of(names, [run.stop for _, run in pairs])

    def __init__(self, runs: Mapping[_DeviceT, range] | Iterable[tuple[_DeviceT, range]]) -> None:
        """Do nothing, since :meth:`__new__` has already initialised the map."""

    @classmethod
    def _of(cls, devices: tuple[_DeviceT, ...], ends: Sequence[int]) -> DeviceMap[_DeviceT]:
        """Create a device map from valid arguments: distinct devices, and the end of each device's run."""
        if ends[-1] >= _NUM_BLOCKS_LIMIT:
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
        """Create a device map from the number of blocks on each device.

        Args:
            counts: The number of blocks on each device, 0 or more.
            devices: One device per count, in the same order. Devices are hashable and distinct. An int is the number of
                devices, which are then called 0, 1, 2 and so on.

        Raises:
            ValueError: A count is negative, there are more or fewer counts than devices, or a device occurs twice.
            OverflowError: There are 2**63 blocks or more.
            TypeError: A count is not an integer, ``counts`` or ``devices`` is a str, a mapping or a set, or a device is
                not hashable.

        Examples:
            >>> DeviceMap.from_counts([2, 1], ["cuda:0", "cuda:1"])
            DeviceMap({'cuda:0': range(0, 2), 'cuda:1': range(2, 3)})

        """
        names: tuple[Any, ...] = _native.parse_devices(devices)
        numbers = _native.to_integers("counts", counts)
        if len(numbers) != len(names):
            raise ValueError(f"counts must have one value per device ({len(names)}), got {len(numbers)}")
        for index, count in enumerate(numbers):
            if count < 0:
                raise ValueError(f"counts[{index}] must be 0 or more, got {short_repr(count)}")
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
        """Create a device map from the boundaries of the runs of blocks.

        Args:
            boundaries: 0, followed by the end of each device's run, in non-descending order.
            devices: The devices in order, hashable and distinct; or an int, the number of devices, which are then
                called 0, 1, 2, ….

        Raises:
            ValueError: The boundaries do not start at 0, descend, or are not one more than the devices; or a device
                occurs twice.
            OverflowError: There are 2**63 blocks or more.
            TypeError: A boundary is not an integer, ``boundaries`` or ``devices`` is a str, a mapping or a set, or a
                device is not hashable.

        Examples:
            >>> DeviceMap.from_boundaries([0, 2, 3], ["cuda:0", "cuda:1"]).counts
            (2, 1)

        """
        names: tuple[Any, ...] = _native.parse_devices(devices)
        ends = _native.to_integers("boundaries", boundaries)
        if len(ends) != len(names) + 1:
            raise ValueError(f"boundaries must have one value more than devices ({len(names) + 1}), got {len(ends)}")
        if ends[0] != 0:
            raise ValueError(f"boundaries[0] must be 0, got {short_repr(ends[0])}")
        for index, (start, end) in enumerate(pairwise(ends), 1):
            if end < start:
                message = f"boundaries[{index}] must be {short_repr(start)} or more, got {short_repr(end)}"
                raise ValueError(message)
        return cls._of(names, ends[1:])

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DeviceMap[Any]:
        """Create a device map from the result of :meth:`to_dict`.

        Raises:
            ValueError: ``data`` lacks a key, or its values do not form a device map.
            TypeError: ``data`` is not a mapping, or a device is neither an int nor a str.

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
        """The number of blocks of the model."""
        return self._boundaries[-1]

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of blocks of each device, in order."""
        return tuple(end - start for start, end in pairwise(self._boundaries))

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The boundaries of the runs: 0, followed by the end of each device's run."""
        return self._boundaries

    @property
    def devices(self) -> tuple[_DeviceT, ...]:
        """The devices, in order."""
        return self._devices

    def device_of(self, block: SupportsIndex) -> _DeviceT:
        """Return the device of a block, in time logarithmic in the number of devices.

        Raises:
            IndexError: The model has no such block.
            TypeError: The block is not an integer.

        Examples:
            >>> DeviceMap.from_counts([2, 1], ["cuda:0", "cuda:1"]).device_of(2)
            'cuda:1'

        """
        number = _native.to_integer("block", block)
        if not 0 <= number < self.num_blocks:
            raise IndexError(f"block must be in range({self.num_blocks}), got {short_repr(number)}")
        return self._devices[bisect_right(self._boundaries, number) - 1]

    def load_per_device(self, costs: _Costs, speeds: _PerDevice[Any, _DeviceT] | None = None) -> dict[_DeviceT, Any]:
        """Return the load of each device: the sum of the costs of its blocks, divided by its speed.

        Args:
            costs: The cost of each block, as for :func:`devicemap.balance`.
            speeds: The speed of each device, as for :func:`devicemap.balance`.

        Returns:
            ``{device: load}``, in the order of the devices. The loads are ints if all costs are ints and there are no
            speeds, otherwise floats. Floats are summed as by :func:`devicemap.balance`, and the sum is rounded once.

        Raises:
            ValueError: The number of costs is not the number of blocks, or a number is not a valid cost or speed.
            TypeError: A value is not a number.

        Examples:
            >>> DeviceMap.from_counts([2, 1], ["cuda:0", "cuda:1"]).load_per_device([5, 1, 4])
            {'cuda:0': 6, 'cuda:1': 4}

        """
        loads = _native.load_per_device(self._boundaries, self._devices, costs, speeds)
        return dict(zip(self._devices, loads, strict=True))

    def bottleneck(self, costs: _Costs, speeds: _PerDevice[Any, _DeviceT] | None = None) -> Any:  # noqa: ANN401, int or float
        """Return the largest load, which :func:`devicemap.balance` minimises.

        The arguments and exceptions are those of :meth:`load_per_device`.

        Examples:
            >>> DeviceMap.from_counts([2, 1], 2).bottleneck([5, 1, 4])
            6

        """
        return max(self.load_per_device(costs, speeds).values())

    def to_lists(self) -> dict[_DeviceT, list[int]]:
        """Return ``{device: [block, ...]}``, as the original ``get_device_map`` does."""
        return {device: list(run) for device, run in self.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"devices": […], "boundaries": […]}``, which can be serialized as JSON; see :meth:`from_dict`.

        Raises:
            TypeError: A device is neither an int nor a str.

        """
        self._check_devices()
        return {"devices": list(self._devices), "boundaries": list(self._boundaries)}

    def _check_devices(self) -> None:
        """Raise a TypeError if a device is not an int or a str, the only types that the JSON form supports."""
        for index, device in enumerate(self._devices):
            if not isinstance(device, (int, str)):
                raise TypeError(f"devices[{index}] must be an int or a str, got {short_repr(device)}")

    def __repr__(self) -> str:
        runs = [f"{short_repr(device)}: {self[device]!r}" for device in self._first_and_last(_MAX_DEVICES_IN_REPR)]
        if len(self) <= _MAX_DEVICES_IN_REPR:
            return f"DeviceMap({{{', '.join(runs)}}})"
        runs.insert(_MAX_DEVICES_IN_REPR // 2, "...")
        return f"<DeviceMap of {self.num_blocks} blocks on {len(self)} devices: {', '.join(runs)}>"

    def __str__(self) -> str:
        rows = []
        for device in self._first_and_last(_MAX_DEVICES_IN_STR):
            run = self[device]
            blocks = f"{run.start}–{run.stop - 1}" if len(run) > 1 else f"{run.start}" if run else "–"
            rows.append((_display_name(device), f"{len(run):,}", blocks))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{name:{widths[0]}}  {count:>{widths[1]}}  {blocks}" for name, count, blocks in rows]
        if len(self) > _MAX_DEVICES_IN_STR:
            lines.insert(_MAX_DEVICES_IN_STR // 2, f"… {len(self) - _MAX_DEVICES_IN_STR:,} more devices")
        return "\n".join([f"{plural(self.num_blocks, 'block')} on {plural(len(self), 'device')}", *lines])

    def _first_and_last(self, limit: int) -> tuple[_DeviceT, ...]:
        """Return all devices, or the first and the last ``limit // 2`` if there are more than ``limit``."""
        devices = self._devices
        return devices if len(devices) <= limit else (*devices[: limit // 2], *devices[-limit // 2 :])

    def copy(self) -> DeviceMap[_DeviceT]:
        """Return a device map with the same devices and ranges."""
        return self._of(self._devices, self._boundaries[1:])

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> DeviceMap[_DeviceT]:
        # A shallow copy, with the same devices: a copy of a device need not be equal to it.
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_boundaries, (self._boundaries, self._devices)

    # The return type is not NoReturn: type checkers would treat code after a call as unreachable.
    def _raise_immutable(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401, replaces methods with various arguments
        """Raise a TypeError, since a DeviceMap is immutable."""
        raise TypeError("a DeviceMap cannot be changed; dict(device_map) makes a dict that can")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _raise_immutable


def _display_name(device: object) -> str:
    """Return a device as it is shown by ``str()``: a short printable str as it is, anything else as its repr."""
    if isinstance(device, str) and device and device.isprintable() and len(device) <= _MAX_NAME_LENGTH:
        return device
    return short_repr(device)
