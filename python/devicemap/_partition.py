"""Create device maps: ``split`` divides blocks by their number, ``balance`` by their cost."""

from __future__ import annotations

from devicemap import _native
from devicemap._device_map import DeviceMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any, SupportsIndex, TypeVar, overload

    from devicemap._native import _Costs, _Devices, _PerDevice, _Sizes

    _DeviceT = TypeVar("_DeviceT", bound=Hashable)

__all__ = ["balance", "split"]

if TYPE_CHECKING:  # Importing typing takes longer than importing this package.

    @overload
    def split(
        num_blocks: SupportsIndex, devices: SupportsIndex, *, shares: _PerDevice[Any, int] | None = None
    ) -> DeviceMap[int]: ...
    @overload
    def split(
        num_blocks: SupportsIndex, devices: _Devices[_DeviceT], *, shares: _PerDevice[Any, _DeviceT] | None = None
    ) -> DeviceMap[_DeviceT]: ...


def split(
    num_blocks: SupportsIndex,
    devices: _Devices[_DeviceT] | SupportsIndex,
    *,
    shares: _PerDevice[Any, _DeviceT] | None = None,
) -> DeviceMap[Any]:
    """Divide the blocks of a model into consecutive runs, one per device, by the number of blocks.

    Without ``shares`` the numbers of blocks differ by at most one, with the larger runs on the earlier devices. With
    ``shares`` the blocks are apportioned by the largest-remainder method (Hamilton's method): each device gets its
    quota ``num_blocks * share / sum(shares)`` rounded down, and the remaining blocks go one each to the devices with
    the largest fractional parts, the earlier device if two are equal. The arithmetic is exact. If there are enough
    blocks, each device with a share above 0 gets at least one: devices for which the method yields no block get one
    each, and the method is repeated for the other devices and blocks.

    Args:
        num_blocks: The number of blocks of the model, 0 or more. The time does not depend on it.
        devices: The devices in order, hashable and distinct; or an int, the number of devices, which are then called
            0, 1, 2, ….
        shares: The proportions in which the devices get blocks, each 0 or more: ints, floats, Fractions or Decimals, as
            a sequence in the order of the devices or as a mapping by device. A device with a share of 0 gets no block.

    Returns:
        The device map. It also contains the devices without blocks, with an empty range.

    Raises:
        ValueError: ``num_blocks`` is negative; ``devices`` is empty or contains a device twice; a share is missing,
            negative or not finite; all shares are 0; or the proportions do not fit in 128 bits.
        TypeError: ``num_blocks`` is not an integer, a share is not a number, a device is not hashable, or ``devices``
            is a mapping, a set or a str.
        OverflowError: There are 2**63 blocks or more.

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
        costs: _Costs,
        devices: SupportsIndex,
        *,
        speeds: _PerDevice[Any, int] | None = None,
        sizes: _Sizes | None = None,
        max_memory: _PerDevice[Any, int] | None = None,
        allow_idle: bool = False,
    ) -> DeviceMap[int]: ...
    @overload
    def balance(
        costs: _Costs,
        devices: _Devices[_DeviceT],
        *,
        speeds: _PerDevice[Any, _DeviceT] | None = None,
        sizes: _Sizes | None = None,
        max_memory: _PerDevice[Any, _DeviceT] | None = None,
        allow_idle: bool = False,
    ) -> DeviceMap[_DeviceT]: ...


def balance(  # noqa: PLR0913, each argument is a part of the problem, and most are keywords
    costs: _Costs,
    devices: _Devices[_DeviceT] | SupportsIndex,
    *,
    speeds: _PerDevice[Any, _DeviceT] | None = None,
    sizes: _Sizes | None = None,
    max_memory: _PerDevice[Any, _DeviceT] | None = None,
    allow_idle: bool = False,
) -> DeviceMap[Any]:
    """Divide the blocks of a model into consecutive runs, one per device, such that the largest load is minimal.

    The load of a device is the sum of the costs of its blocks, divided by its speed. The largest load is the
    bottleneck. No other contiguous device map with this order of devices that respects the memory limits has a smaller
    bottleneck. The result is exact: it is computed with integers of 128 bits. If any cost is a float, all costs are
    converted to floats and scaled by a power of two such that their sum fits in 128 bits; only costs below about
    2**-50 of the largest one are rounded, by less than 2**-100 of the largest one.

    Among the device maps with the smallest bottleneck, one with even loads is returned. The most even loads are given
    by the taut string through the ranges of possible cuts, and each cut between two devices is placed as close to it as
    possible. Between blocks that cost nothing, the cut is placed where the numbers of blocks are most even.

    The search raises a lower bound of the bottleneck until it is feasible, as in Pinar and Aykanat, "Fast optimal load
    balancing algorithms for 1D partitioning" (2004). A long search releases the GIL.

    Args:
        costs: The cost of each block, finite and 0 or more, in any unit: bytes, FLOPs, milliseconds. A sequence of ints
            or floats; lists, tuples and one-dimensional buffers of native numbers, such as NumPy arrays, are read in
            place. To include the embedding and the head, add their costs to those of the first and the last block.
        devices: The devices in order, hashable and distinct; or an int, the number of devices, which are then called
            0, 1, 2, ….
        speeds: The cost that each device processes per unit of time, greater than 0: a sequence in the order of the
            devices, or a mapping by device. If it is None or absent, the speed is 1.
        sizes: The memory that each block needs: a sequence of amounts of memory. Required if ``max_memory`` is given.
        max_memory: The largest total size of the blocks of each device: a sequence of amounts of memory in the order of
            the devices, or a mapping by device. If it is None or absent, there is no limit.
        allow_idle: Whether devices without blocks are allowed. The result has such devices only if that lowers the
            bottleneck or makes a device map possible. By default each device gets at least one block, provided that
            there are at least as many blocks as devices.

    An amount of memory is a whole number of bytes below 2**127, or a str such as ``"24GiB"``, which
    :func:`devicemap.parse_memory` converts.

    Returns:
        The device map. It also contains the devices without blocks, with an empty range.

    Raises:
        InfeasibleError: The devices cannot hold the blocks in this order. The message and the attributes give the
            reason with the amounts of memory.
        ValueError: ``devices`` is empty or contains a device twice; a cost is negative or not finite, a speed is not
            greater than 0, or a size or a limit is not an amount of memory; ``max_memory`` is given without ``sizes``;
            the proportions of the speeds do not fit in 128 bits; the costs or the sizes add up to 2**128 or more; or an
            argument has the wrong length. The message names the argument.
        TypeError: A value is not a number, a device is not hashable, or ``devices`` is a mapping, a set or a str.

    Examples:
        >>> costs = [9, 2, 2, 2, 2, 2, 2, 2, 2, 8]
        >>> balance(costs, ["cuda:0", "cuda:1", "cuda:2"])
        DeviceMap({'cuda:0': range(0, 2), 'cuda:1': range(2, 8), 'cuda:2': range(8, 10)})
        >>> balance(costs, ["cuda:0", "cuda:1"], sizes=["1GiB"] * 10, max_memory=["4GiB", None]).counts
        (4, 6)

    """
    names = _native.parse_devices(devices)
    return DeviceMap._of(names, _native.balance(costs, names, speeds, sizes, max_memory, bool(allow_idle)))
