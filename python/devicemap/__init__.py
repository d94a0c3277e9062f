"""Create and check device maps of neural networks."""

from devicemap._check import Report, check
from devicemap._device_map import DeviceMap
from devicemap._errors import DeviceMapError, InfeasibleError
from devicemap._native import __version__, parse_memory
from devicemap._partition import balance, split
from devicemap._patch import patch_transformers, unpatch_transformers
from devicemap.model_parallel_utils import assert_device_map, get_device_map

__all__ = [
    "DeviceMap",
    "DeviceMapError",
    "InfeasibleError",
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
