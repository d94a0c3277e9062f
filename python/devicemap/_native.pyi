from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeAlias, TypeVar, overload

__all__ = [
    "__version__",
    "assert_device_map",
    "balance",
    "check",
    "get_device_map",
    "integer",
    "integers",
    "load_per_device",
    "parse_devices",
    "parse_memory",
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

# Devices in order.
_Devices: TypeAlias = Iterable[_Device]
# One number a block.
_Amounts: TypeAlias = Iterable[SupportsIndex | SupportsFloat] | _Row
# One amount of memory a block.
_Sizes: TypeAlias = Iterable[SupportsIndex | SupportsFloat | str] | _Row
# One value a device, in their order or by device.
_Along: TypeAlias = Sequence[_Value] | Iterable[_Value] | Mapping[_Device, _Value]

__version__: str

def assert_device_map(device_map: _DeviceMap, num_blocks: SupportsIndex) -> None: ...
def balance(
    costs: _Amounts,
    devices: tuple[_Device, ...],
    speeds: _Along[Any, _Device] | None,
    sizes: _Sizes | None,
    max_memory: _Along[Any, _Device] | None,
    allow_idle: bool,
) -> list[int]: ...
def check(
    device_map: _Items, num_blocks: SupportsIndex, devices: Iterable[Hashable] | SupportsIndex | None
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
    tuple[tuple[Any, ...], ...],
]: ...
def get_device_map(n_layers: SupportsIndex, devices: _SizedDevices[_Device]) -> dict[_Device, list[int]]: ...
def integer(name: str, value: SupportsIndex) -> int: ...
def integers(name: str, values: Iterable[SupportsIndex]) -> list[int]: ...
def load_per_device(
    boundaries: Sequence[int],
    devices: tuple[_Device, ...],
    costs: _Amounts,
    speeds: _Along[Any, _Device] | None,
) -> list[Any]: ...
@overload
def parse_devices(devices: SupportsIndex) -> tuple[int, ...]: ...
@overload
def parse_devices(devices: _Devices[_Device]) -> tuple[_Device, ...]: ...
def parse_memory(text: str) -> int: ...
def split(
    num_blocks: SupportsIndex, devices: tuple[_Device, ...], shares: _Along[Any, _Device] | None
) -> list[int]: ...
