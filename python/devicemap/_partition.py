"""Make device maps: ``split`` by the number of blocks, ``balance`` by what they cost."""

from __future__ import annotations

from devicemap import _native
from devicemap._device_map import DeviceMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any, SupportsIndex, TypeVar, overload

    from devicemap._native import _Along, _Amounts, _Devices, _Sizes

    _DeviceT = TypeVar("_DeviceT", bound=Hashable)

__all__ = ["balance", "split"]

if TYPE_CHECKING:  # To import typing takes longer than to import all of this package.

    @overload
    def split(
        num_blocks: SupportsIndex, devices: SupportsIndex, *, shares: _Along[Any, int] | None = None
    ) -> DeviceMap[int]: ...
    @overload
    def split(
        num_blocks: SupportsIndex, devices: _Devices[_DeviceT], *, shares: _Along[Any, _DeviceT] | None = None
    ) -> DeviceMap[_DeviceT]: ...


def split(
    num_blocks: SupportsIndex,
    devices: _Devices[_DeviceT] | SupportsIndex,
    *,
    shares: _Along[Any, _DeviceT] | None = None,
) -> DeviceMap[Any]:
    """Cut a model's blocks into consecutive runs, one a device, by the number of blocks.

    Without shares the runs differ by one block at most, the earlier devices having the larger ones, so that no device
    is idle while there are as many blocks as devices. With shares the blocks are apportioned by the largest remainder
    (Hamilton's method): each device gets its quota ``num_blocks * share / sum(shares)`` rounded down, and the blocks
    that are then left go, one each, to the devices whose quotas lost most, of equals to the earlier. The arithmetic is
    exact. A device with a share above 0 gets at least one block, as long as there are enough blocks for all of them:
    where the largest remainder leaves such devices without, each of them gets one block, and the rest is apportioned
    anew to the others.

    Args:
        num_blocks: how many blocks the model has, 0 or more. The time does not depend on it.
        devices: the devices in order, each hashable and named once; or an int, the number of devices, which are then
            called 0, 1, 2, ….
        shares: what each device is to get in proportion, 0 or more: ints, floats, Fractions or Decimals, as a sequence
            along the devices or as a mapping by device. A device with a share of 0 gets no block.

    Returns:
        The device map. Devices without blocks are in it, with an empty range.

    Raises:
        ValueError: ``num_blocks`` is negative; there are no devices, or one is named twice; a share is missing,
            negative or not finite; all are 0; or their proportions do not fit in 128 bits.
        TypeError: ``num_blocks`` is no integer, a share is no number, a device is not hashable, or the devices are a
            mapping, a set or a text.
        OverflowError: there are more blocks than a Python sequence can have.

    Examples:
        >>> split(10, ["cuda:0", "cuda:1", "cuda:2"]).counts
        (4, 3, 3)
        >>> split(10, ["cuda:0", "cpu"], shares=[4, 1])
        DeviceMap({'cuda:0': range(0, 8), 'cpu': range(8, 10)})
        >>> split(20, 3, shares=[0.975, 0.0125, 0.0125]).counts
        (18, 1, 1)

    """
    names = _native.parse_devices(devices)
    return DeviceMap._of(names, _native.split(num_blocks, names, shares))


if TYPE_CHECKING:

    @overload
    def balance(
        costs: _Amounts,
        devices: SupportsIndex,
        *,
        speeds: _Along[Any, int] | None = None,
        sizes: _Sizes | None = None,
        max_memory: _Along[Any, int] | None = None,
        allow_idle: bool = False,
    ) -> DeviceMap[int]: ...
    @overload
    def balance(
        costs: _Amounts,
        devices: _Devices[_DeviceT],
        *,
        speeds: _Along[Any, _DeviceT] | None = None,
        sizes: _Sizes | None = None,
        max_memory: _Along[Any, _DeviceT] | None = None,
        allow_idle: bool = False,
    ) -> DeviceMap[_DeviceT]: ...


def balance(  # noqa: PLR0913, each is a part of the problem, most by keyword
    costs: _Amounts,
    devices: _Devices[_DeviceT] | SupportsIndex,
    *,
    speeds: _Along[Any, _DeviceT] | None = None,
    sizes: _Sizes | None = None,
    max_memory: _Along[Any, _DeviceT] | None = None,
    allow_idle: bool = False,
) -> DeviceMap[Any]:
    """Cut a model's blocks into consecutive runs, one a device, so that the largest load is as small as it can be.

    The load of a device is the sum of its blocks' costs over its speed; the largest is the bottleneck. No contiguous
    device map in this order of devices, within the limits of memory, has a smaller one: the result is exact, in integer
    arithmetic of 128 bits. If one of the costs is a float, all of them become floats, which are scaled once by a power
    of two into 128 bits: a cost is rounded only if it is less than some 2**-50 of the largest, and then by less than
    2**-100 of it.

    Of the maps that reach the bottleneck it is an even one. Each cut between two devices has some room: the blocks at
    which it can lie if no device is to carry more than the bottleneck. Through that room goes a taut string, the line
    with the most even loads; each cut, from the first to the last, is set where the costs before it come nearest to
    that line. Among blocks that cost nothing it is set where the number of blocks is most even.

    The search raises a lower bound from one load that might do to the next until it can be reached, in the manner
    of Pinar and Aykanat, "Fast optimal load balancing algorithms for 1D partitioning" (2004). Other threads run
    meanwhile if it is a long one.

    Args:
        costs: what each block costs, 0 or more and finite, in any unit: bytes, FLOPs, milliseconds. A sequence of ints
            or floats; in lists, tuples, ``array.array``, numpy arrays and other one-dimensional buffers they are read
            in place. If the embedding and the head count, add their costs to those of the first and the last block.
        devices: the devices in order, each hashable and named once; or an int, the number of devices, which are then
            called 0, 1, 2, ….
        speeds: how much of the costs each device does in a unit of time, above 0: a sequence along the devices, or a
            mapping by device. None or absent is a speed of 1.
        sizes: the memory that each block takes, a sequence of amounts of memory. Required by ``max_memory``.
        max_memory: the most that the sizes of each device's blocks may add up to: a sequence of amounts of memory along
            the devices, or a mapping by device; None or absent is no limit.
        allow_idle: whether a device may get no blocks where that makes the bottleneck smaller, or a map possible.
            Otherwise each device gets one, as long as there are as many blocks as devices.

    An amount of memory is a whole number of bytes below 2**127, or text such as ``"24GiB"``, as
    :func:`devicemap.parse_memory` reads it.

    Returns:
        The device map. Devices without blocks are in it, with an empty range.

    Raises:
        InfeasibleError: the devices cannot hold the blocks in this order; the message says why, in numbers, and so do
            the attributes.
        ValueError: there are no devices, or one is named twice; a cost is negative or not finite, a speed not above 0,
            a size or a limit no amount of memory; ``max_memory`` is given without ``sizes``; the proportions of the
            speeds do not fit in 128 bits; or there are more or fewer of something than there should be. The message
            names the place.
        TypeError: something is no number, a device is not hashable, or the devices are a mapping, a set or a text.

    Examples:
        >>> costs = [9, 2, 2, 2, 2, 2, 2, 2, 2, 8]
        >>> balance(costs, ["cuda:0", "cuda:1", "cuda:2"])
        DeviceMap({'cuda:0': range(0, 2), 'cuda:1': range(2, 8), 'cuda:2': range(8, 10)})
        >>> balance(costs, ["cuda:0", "cuda:1"], sizes=["1GiB"] * 10, max_memory=["4GiB", None]).counts
        (4, 6)

    """
    names = _native.parse_devices(devices)
    return DeviceMap._of(names, _native.balance(costs, names, speeds, sizes, max_memory, bool(allow_idle)))
