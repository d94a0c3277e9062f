"""Device maps for neural networks: made, checked, exact and fast."""

from devicemap._native import DeviceMapError, __version__
from devicemap.model_parallel_utils import assert_device_map, get_device_map

__all__ = ["DeviceMapError", "__version__", "assert_device_map", "get_device_map"]
