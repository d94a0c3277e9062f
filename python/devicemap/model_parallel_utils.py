"""Drop-in replacement for ``transformers.utils.model_parallel_utils``, with the same two functions."""

from devicemap._native import assert_device_map, get_device_map

__all__ = ["assert_device_map", "get_device_map"]
