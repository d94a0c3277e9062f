from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeAlias, TypeVar

__all__ = [
    "DeviceMapError",
    "InfeasibleError",
    "__version__",
    "assert_device_map",
    "balance",
    "check",
    "distinct",
    "get_device_map",
    "loads",
    "split",
]

_Device = TypeVar("_Device", bound=Hashable)
_Device_co = TypeVar("_Device_co", bound=Hashable, covariant=True)
_Value = TypeVar("_Value")

class _SizedDevices(Protocol[_Device_co]):
    # What has a length and can be iterated over: a list, a range, a string, the keys of a dict.
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_Device_co]: ...

class _DeviceMap(Protocol):
    # A dict, or anything else whose values() gives iterables of blocks.
    def values(self) -> Iterable[Iterable[object]]: ...

class _Items(Protocol):
    # A dict, or anything else whose items() gives devices with iterables of blocks.
    def items(self) -> Iterable[tuple[Any, Iterable[object]]]: ...

class _Row(Protocol):
    # What numbers can be taken from: a sequence, an array, a buffer.
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> object: ...

# The devices of the verbs that make maps.
_Devices: TypeAlias = Iterable[_Device]
# One number a block.
_Amounts: TypeAlias = Iterable[SupportsIndex | SupportsFloat] | _Row
# One value a device, in their order or by device.
_Along: TypeAlias = Sequence[_Value] | Iterable[_Value] | Mapping[_Device, _Value]

__version__: str

class DeviceMapError(AssertionError, ValueError):
    duplicate_blocks: Sequence[Any]
    missing_blocks: Sequence[int]
    extra_blocks: Sequence[Any]

class InfeasibleError(ValueError): ...

def assert_device_map(device_map: _DeviceMap, num_blocks: SupportsIndex) -> None: ...
def balance(
    costs: _Amounts,
    devices: tuple[_Device, ...],
    speeds: _Along[Any, _Device] | None,
    sizes: _Amounts | None,
    max_memory: _Along[Any, _Device] | None,
    allow_idle: bool,
) -> list[int]: ...
def check(
    device_map: _Items, num_blocks: SupportsIndex, devices: Iterable[Hashable] | None
) -> tuple[
    int,
    int,
    dict[int, tuple[Any, ...]],
    tuple[range, ...],
    dict[int, tuple[Any, ...]],
    dict[Any, tuple[object, ...]],
    tuple[Any, ...],
    tuple[Any, ...],
    tuple[Any, ...],
    tuple[Any, ...],
]: ...
def distinct(devices: _Devices[_Device]) -> tuple[_Device, ...]: ...
def get_device_map(n_layers: SupportsIndex, devices: _SizedDevices[_Device]) -> dict[_Device, list[int]]: ...
def loads(
    boundaries: Sequence[int],
    devices: tuple[_Device, ...],
    costs: _Amounts,
    speeds: _Along[Any, _Device] | None,
) -> list[Any]: ...
def split(n_blocks: int, devices: tuple[_Device, ...], shares: _Along[Any, _Device] | None) -> list[int]: ...
