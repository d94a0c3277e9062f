"""Create and check device maps of neural networks."""

from devicemap._check import Report, check
from devicemap._device_map import DeviceMap
from devicemap._errors import DeviceMapError, InfeasibleError, ModelError
from devicemap._native import __version__, parse_memory
from devicemap._partition import balance, split
from devicemap._patch import patch_transformers, unpatch_transformers
from devicemap.model_parallel_utils import assert_device_map, get_device_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devicemap._models._model import Model
    from devicemap._models._part import Part

__all__ = [
    "DeviceMap",
    "DeviceMapError",
    "InfeasibleError",
    "Model",
    "ModelError",
    "Part",
    "Report",
    "__version__",
    "assert_device_map",
    "balance",
    "check",
    "get_device_map",
    "parse_memory",
    "patch_transformers",
    "split",
    "unpatch_transformers",
]

_LAZY = {"Model": "devicemap._models._model", "Part": "devicemap._models._part"}
"""The modules of the names that are loaded on first use, so that ``import devicemap`` stays fast (PEP 562)."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415, only needed here

    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
