"""Device maps for neural networks: made, checked, exact and fast."""

from devicemap._native import DeviceMapError, __version__
from devicemap.model_parallel_utils import assert_device_map, get_device_map
from devicemap.patching import patch_transformers, unpatch_transformers

__all__ = [
    "DeviceMapError",
    "__version__",
    "assert_device_map",
    "get_device_map",
    "patch_transformers",
    "unpatch_transformers",
]
