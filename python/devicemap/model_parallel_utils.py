"""The drop-in for ``transformers.utils.model_parallel_utils``: the same two functions under the same module name."""

from devicemap._native import assert_device_map, get_device_map

__all__ = ["assert_device_map", "get_device_map"]
