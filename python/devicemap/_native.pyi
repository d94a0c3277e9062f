from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol, SupportsIndex, TypeVar

__all__ = ["DeviceMapError", "__version__", "assert_device_map", "get_device_map"]

_Device = TypeVar("_Device", bound=Hashable)
_Device_co = TypeVar("_Device_co", bound=Hashable, covariant=True)

class _Devices(Protocol[_Device_co]):
    # What has a length and can be iterated over: a list, a range, a string, the keys of a dict.
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_Device_co]: ...

class _DeviceMap(Protocol):
    # A dict, or anything else whose values() gives iterables of blocks.
    def values(self) -> Iterable[Iterable[object]]: ...

__version__: str

class DeviceMapError(AssertionError, ValueError):
    duplicate_blocks: Sequence[Any]
    missing_blocks: Sequence[int]
    extra_blocks: Sequence[Any]

def assert_device_map(device_map: _DeviceMap, num_blocks: SupportsIndex) -> None: ...
def get_device_map(n_layers: SupportsIndex, devices: _Devices[_Device]) -> dict[_Device, list[int]]: ...
