"""Device maps for neural networks: made, checked, exact and fast."""

from devicemap._native import DeviceMapError, InfeasibleError, __version__
from devicemap.checking import Report, check
from devicemap.device_map import DeviceMap
from devicemap.making import balance, split
from devicemap.model_parallel_utils import assert_device_map, get_device_map
from devicemap.patching import patch_transformers, unpatch_transformers

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
    "patch_transformers",
    "split",
    "unpatch_transformers",
]
