from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeAlias, TypeVar, overload

__all__ = [
    "__version__",
    "assert_device_map",
    "balance",
    "check",
    "get_device_map",
    "layout_is_known",
    "load_per_device",
    "parse_devices",
    "parse_memory",
    "read_gguf",
    "read_safetensors",
    "read_sharded",
    "split",
    "to_integer",
    "to_integers",
]

_Device = TypeVar("_Device", bound=Hashable)
_Device_co = TypeVar("_Device_co", bound=Hashable, covariant=True)
_Value = TypeVar("_Value")

class _SizedDevices(Protocol[_Device_co]):
    # An iterable with a length: a list, a range, a str, the keys of a dict.
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_Device_co]: ...

class _DeviceMap(Protocol):
    # A dict, or any object whose values() returns iterables of blocks.
    def values(self) -> Iterable[Iterable[object]]: ...

class _Items(Protocol):
    # A dict, or any object whose items() returns pairs of a device and an iterable of blocks.
    def items(self) -> Iterable[tuple[Any, Iterable[object]]]: ...

class _Indexable(Protocol):
    # A sequence, an array or a buffer of numbers.
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> object: ...

# Devices, in order.
_Devices: TypeAlias = Iterable[_Device]
# Costs: one number per block.
_Costs: TypeAlias = Iterable[SupportsIndex | SupportsFloat] | _Indexable
# Sizes: one amount of memory per block.
_Sizes: TypeAlias = Iterable[SupportsIndex | SupportsFloat | str] | _Indexable
# One value per device, as a sequence or a mapping.
_PerDevice: TypeAlias = Sequence[_Value] | Iterable[_Value] | Mapping[_Device, _Value]

# The tensors of a block or module, as the fields of _models._part.Group.
_Group: TypeAlias = tuple[str, str | None, int | None, bool, int, dict[str, int]]

__version__: str
layout_is_known: bool

def assert_device_map(device_map: _DeviceMap, num_blocks: SupportsIndex) -> None: ...
def balance(
    costs: _Costs,
    devices: tuple[_Device, ...],
    speeds: _PerDevice[Any, _Device] | None,
    sizes: _Sizes | None,
    max_memory: _PerDevice[Any, _Device] | None,
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
def load_per_device(
    boundaries: Sequence[int],
    devices: tuple[_Device, ...],
    costs: _Costs,
    speeds: _PerDevice[Any, _Device] | None,
) -> list[Any]: ...
@overload
def parse_devices(devices: SupportsIndex) -> tuple[int, ...]: ...
@overload
def parse_devices(devices: _Devices[_Device]) -> tuple[_Device, ...]: ...
def parse_memory(text: str) -> int: ...
def read_gguf(paths: Sequence[PathLike[str]]) -> tuple[list[dict[str, Any]], list[_Group]]: ...
def read_safetensors(path: PathLike[str]) -> list[_Group]: ...
def read_sharded(index_path: PathLike[str]) -> list[_Group]: ...
def split(
    num_blocks: SupportsIndex, devices: tuple[_Device, ...], shares: _PerDevice[Any, _Device] | None
) -> list[int]: ...
def to_integer(argument: str, value: SupportsIndex) -> int: ...
def to_integers(argument: str, values: Iterable[SupportsIndex]) -> list[int]: ...
