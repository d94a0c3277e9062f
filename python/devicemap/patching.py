"""transformers' own import path, served by this package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType

from devicemap import model_parallel_utils

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
else:  # importlib.abc would import a good part of the library.
    Loader = object

__all__ = ["patch_transformers", "unpatch_transformers"]

_PACKAGE = "transformers"
_PARENT = "transformers.utils"
_CHILD = "model_parallel_utils"
_MODULE = f"{_PARENT}.{_CHILD}"


class _Finder(Loader):
    """Gives the module of the two functions to the import system, whether transformers ships one or not."""

    had: tuple[bool, ModuleType | None] = (False, None)
    """Whether anything was loaded under the name when transformers was patched, and what."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == _MODULE else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = model_parallel_utils.__doc__
        for name in model_parallel_utils.__all__:
            setattr(module, name, getattr(model_parallel_utils, name))


_FINDER = _Finder()
_LOCK = RLock()


def patch_transformers() -> None:
    """Serve ``transformers.utils.model_parallel_utils`` from this package.

    From then on ``from transformers.utils.model_parallel_utils import assert_device_map, get_device_map`` gives the
    functions of this package: with transformers 5, which no longer has the module, with transformers 4, and without
    transformers, where only this form of import works. Modules of transformers 4 that have imported the original
    functions already are changed to these; a module outside transformers that has keeps what it imported, so patch
    before importing it. Transformers itself is not imported. Patching twice is harmless.

    See :func:`unpatch_transformers` for the way back.
    """
    with _LOCK:
        if _is_patched():
            return
        # The import system asks the finder only after it has imported the parent. Where that has happened already, or
        # cannot happen, the module has to stand there now.
        at_once = _PARENT in sys.modules or not _is_installed()
        had = _FINDER.had = _MODULE in sys.modules, sys.modules.pop(_MODULE, None)
        sys.meta_path.insert(0, _FINDER)
        if at_once:
            module = importlib.util.module_from_spec(ModuleSpec(_MODULE, _FINDER))
            _FINDER.exec_module(module)
            _place(module)
        if had[1] is not None:
            _rebind(_users(had[1]), model_parallel_utils)


def unpatch_transformers() -> None:
    """Put everything back as it was before :func:`patch_transformers`.

    Modules of transformers 4 get the original functions back, those imported meanwhile too. Without a patch in place
    nothing happens.
    """
    with _LOCK:
        if not _is_patched():
            return
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _FINDER]
        _remove(sys.modules.pop(_MODULE, None))
        (was_there, original), _FINDER.had = _FINDER.had, (False, None)
        users = _users(model_parallel_utils)
        if original is not None:
            _place(original)
        elif was_there:
            # None keeps a module from being imported.
            sys.modules[_MODULE] = None  # type: ignore[assignment]
        elif users:
            original = _import_original()
        if original is not None:
            _rebind(users, original)


def _is_patched() -> bool:
    return any(finder is _FINDER for finder in sys.meta_path)


def _is_installed() -> bool:
    # None in sys.modules is one way to hide an installed package, a finder that raises another.
    if sys.modules.get(_PACKAGE) is not None:
        return True
    try:
        return importlib.util.find_spec(_PACKAGE) is not None
    except (ImportError, ValueError):
        return False


def _import_original() -> ModuleType | None:
    """Import the module that transformers 4 ships; transformers 5 has none."""
    try:
        return importlib.import_module(_MODULE)
    except ModuleNotFoundError:
        return None


def _place(module: ModuleType) -> None:
    """Put a module where an import would."""
    sys.modules[_MODULE] = module
    parent = sys.modules.get(_PARENT)
    if parent is not None:
        setattr(parent, _CHILD, module)


def _remove(module: ModuleType | None) -> None:
    """Take a module out of its parent package."""
    parent = sys.modules.get(_PARENT)
    if module is not None and parent is not None and vars(parent).get(_CHILD) is module:
        delattr(parent, _CHILD)


def _users(source: ModuleType) -> list[tuple[ModuleType, str]]:
    """Find the loaded modules of transformers that have a function of ``source``, each with the function's name."""
    names = [name for name in model_parallel_utils.__all__ if hasattr(source, name)]
    return [
        (module, name)
        for path, module in list(sys.modules.items())
        if path.startswith(f"{_PACKAGE}.") and path != _MODULE and isinstance(module, ModuleType)
        for name in names
        if vars(module).get(name) is getattr(source, name, module)
    ]


def _rebind(users: list[tuple[ModuleType, str]], source: ModuleType) -> None:
    """Let modules have the functions of ``source``."""
    for module, name in users:
        setattr(module, name, getattr(source, name))
