"""transformers' own import path, served by this package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from devicemap import model_parallel_utils

__all__ = ["patch_transformers", "unpatch_transformers"]

_PACKAGE = "transformers"
_PARENT = "transformers.utils"
_CHILD = "model_parallel_utils"
_MODULE = f"{_PARENT}.{_CHILD}"


class _Finder(MetaPathFinder, Loader):
    """Gives ``transformers.utils.model_parallel_utils`` to the import system, whatever transformers ships."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, origin=model_parallel_utils.__file__) if name == _MODULE else None

    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = model_parallel_utils.__doc__
        for name in model_parallel_utils.__all__:
            setattr(module, name, getattr(model_parallel_utils, name))


_FINDER = _Finder()
