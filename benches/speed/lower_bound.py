"""Compile ``lower_bound.c``, whose time is a lower bound for the time of any check."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benches.speed.maps import DeviceMapLike


@cache
def compile_sum_of_blocks() -> Callable[[DeviceMapLike, int], int] | None:
    """Return the C function that reads each int of a map once, or None without a C compiler or Python's headers."""
    with TemporaryDirectory() as directory:
        library = Path(directory) / "lower_bound.so"
        command = ["cc", "-O2", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}"]
        if sys.platform == "darwin":
            command += ["-undefined", "dynamic_lookup"]
        try:
            subprocess.run([*command, str(Path(__file__).with_suffix(".c")), "-o", str(library)], check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        # The library remains loaded after its file is deleted.
        function = ctypes.PyDLL(str(library)).sum_of_blocks
    function.argtypes = [ctypes.py_object, ctypes.c_ssize_t]
    function.restype = ctypes.c_longlong
    return function
