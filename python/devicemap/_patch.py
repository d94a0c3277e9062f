"""Make ``transformers.utils.model_parallel_utils``, the original import path, import this package's functions."""

from __future__ import annotations

import importlib
import os
import sys
from copy import copy
from importlib.machinery import ModuleSpec
from threading import RLock, get_ident
from types import BuiltinFunctionType, ModuleType

from devicemap import model_parallel_utils

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.abc import Loader
    from typing import Any, TypeGuard
else:  # Importing importlib.abc would import many modules of the standard library.
    Loader = object

__all__ = ["patch_transformers", "unpatch_transformers"]

_PACKAGE = "transformers"
_PARENT = "transformers.utils"
_CHILD = "model_parallel_utils"
_MODULE = f"{_PARENT}.{_CHILD}"
_NAMES = model_parallel_utils.__all__


class _Patch:
    """The state of the patch.

    Each process has one instance, which is stored as an attribute of ``sys``: if devicemap is reloaded or imported
    again, the new modules must be able to undo the changes made by the old ones.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        """Guards the other attributes. It is never held during an import, since imports acquire other locks."""
        self.active = False
        self.finder = _ParentFinder()
        self.stand_in = ModuleType(_MODULE, model_parallel_utils.__doc__)
        self.stand_in.__spec__ = ModuleSpec(_MODULE, None, origin=model_parallel_utils.__name__)
        self.stand_in.__package__ = _PARENT
        self.replaced: dict[tuple[int, str], tuple[dict[str, Any], tuple[Any, ...]]] = {}
        """The replaced values. The key is the id of a namespace and a name in it; the value is the namespace, and a
        tuple with the old value, which is empty if the name did not exist."""

    def install(self) -> None:
        """Install the stand-in module, and its functions in the modules that have imported the original functions."""
        originals = []
        for namespace, name in _import_targets():
            module = self._replace(namespace, name, self.stand_in)
            if _is_module(module):
                originals += [_namespace(module)[name] for name in _NAMES if name in _namespace(module)]
        for namespace, name in _names_bound_to(lambda value: _is_ours(value) or any(value is f for f in originals)):
            self._replace(namespace, name, vars(self.stand_in)[name])

    def _replace(self, namespace: dict[str, Any], name: str, value: object) -> object:
        """Set a name in a namespace and return its old value, or None. Store the old value unless the patch set it."""
        old_values = (namespace[name],) if name in namespace else ()
        namespace[name] = value
        if not old_values or not (old_values[0] is self.stand_in or _is_ours(old_values[0])):
            self.replaced[id(namespace), name] = namespace, old_values
        return next(iter(old_values), None)

    def uninstall(self) -> None:
        """Restore the replaced values, except where other code has set another value since."""
        for (_namespace_id, name), (namespace, old_values) in self.replaced.items():
            value = namespace.get(name)
            if value is self.stand_in or _is_ours(value):
                if old_values:
                    (namespace[name],) = old_values
                else:
                    namespace.pop(name, None)
        self.replaced.clear()
        # Other code can have stored the stand-in where an import of the module would store it.
        for namespace, name in _import_targets():
            if namespace.get(name) is self.stand_in:
                namespace.pop(name, None)


def _import_targets() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each namespace and name that an import of the module sets: in ``sys.modules`` and in the parent package."""
    yield sys.modules, _MODULE
    parent = sys.modules.get(_PARENT)
    if _is_module(parent):
        yield _namespace(parent), _CHILD


def _is_module(value: object) -> TypeGuard[ModuleType]:
    """Return whether a value is a module. Unlike ``isinstance``, this runs no user code, such as that of a proxy."""
    return issubclass(type(value), ModuleType)


def _namespace(module: ModuleType) -> dict[str, Any]:
    """Return the namespace of a module. Unlike ``vars``, this runs no user code, such as that of a lazy module."""
    namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return namespace


class _ParentFinder:
    """A meta path finder that finds ``transformers.utils`` with the finders after it, and wraps the loader."""

    def __init__(self) -> None:
        self.searching: set[int] = set()
        """The threads that are in :meth:`find_spec`. They return at once if another finder calls it recursively."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec found by the other finders, with a loader that installs the stand-in."""
        thread = get_ident()
        if fullname != _PARENT or thread in self.searching:
            return None
        self.searching.add(thread)
        try:
            spec = self._find_after(path, target)
        finally:
            self.searching.discard(thread)
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return spec
        # The spec is copied, since the finder may have stored it.
        wrapped = copy(spec)
        wrapped.loader = _ParentLoader(spec.loader)
        return wrapped

    def _find_after(self, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        """Return the spec found by the finders after this one on ``sys.meta_path``."""
        finders = list(sys.meta_path)
        index = next((index for index, finder in enumerate(finders) if finder is self), -1)
        for finder in finders[index + 1 :]:
            find_spec = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find_spec and find_spec(_PARENT, path, target)
            if spec is not None:
                return spec
        return None


class _ParentLoader(Loader):
    """A loader that loads ``transformers.utils`` with its original loader and installs the stand-in."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401, any attribute of the loader
        """Return any other attribute of the original loader, such as ``get_data``."""
        if name == "loader":  # An instance that is being copied does not have it yet.
            raise AttributeError(name)
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module with the original loader."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module with the original loader, and install the stand-in before and after."""
        # Before, since the module itself can import the stand-in; after, since it can replace itself in `sys.modules`.
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        _install_if_active()
        self.loader.exec_module(module)
        _install_if_active()


def _process_patch() -> _Patch:
    """Return the patch of the process, which is created if it does not exist."""
    patch: _Patch = vars(sys).setdefault("_devicemap_patch", _Patch())
    return patch


def _install_if_active() -> None:
    patch = _process_patch()
    with patch.lock:
        if patch.active:
            patch.install()


def _renew_lock() -> None:
    """Replace the lock in a forked process, since a thread of the parent process can have held it during the fork."""
    _process_patch().lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def patch_transformers() -> None:
    """Make ``transformers.utils.model_parallel_utils`` import the functions of this package.

    After the call, ``from transformers.utils.model_parallel_utils import assert_device_map, get_device_map`` imports
    the functions of this package: with transformers 5, which no longer has the module, with transformers 4, and without
    transformers, where only this form of import works. The module is in ``sys.modules`` immediately, and an attribute
    of ``transformers.utils`` as soon as that is imported; transformers itself is not imported.

    Modules of transformers 4 that have already imported the original functions are updated. Modules outside
    transformers are not: call this function before importing them. A second call restores whatever other code has
    overwritten since the first one.

    The patch applies to the current process. A child process started with ``spawn`` or ``forkserver`` does not inherit
    it: such a process imports the main module, but does not execute its block ``if __name__ == "__main__":``. Patch
    outside that block, or in each worker: ``ProcessPoolExecutor(initializer=devicemap.patch_transformers)``.

    :func:`unpatch_transformers` undoes the patch.
    """
    patch = _process_patch()
    with patch.lock:
        # The stand-in may have been created by an earlier import of devicemap.
        vars(patch.stand_in).update({name: getattr(model_parallel_utils, name) for name in _NAMES})
        patch.active = True
        if not any(finder is patch.finder for finder in sys.meta_path):
            sys.meta_path.insert(0, patch.finder)
        patch.install()


def unpatch_transformers() -> None:
    """Undo :func:`patch_transformers`.

    The modules that the patch replaced are restored; a module that has replaced the stand-in since then is kept.
    Modules of transformers 4 get the original functions, even if they were imported while the patch was active. If the
    patch is not active, the function has no effect.
    """
    patch = _process_patch()
    with patch.lock:
        patch.active = False
        # A new list is assigned, since another thread may be iterating over the old one during an import.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not patch.finder]
        patch.uninstall()
        patched_names = _names_bound_to(_is_ours)
    if patched_names:
        # The modules with these names were imported while the patch was active, so that they never had the original
        # functions.
        original = _import_original()
        with patch.lock:
            # Another thread can have called patch_transformers, or both functions, during the import.
            if original is not None and original is not patch.stand_in and not patch.active:
                functions = _namespace(original)
                for namespace, name in patched_names:
                    if name in functions:
                        namespace[name] = functions[name]


def _is_ours(value: object) -> bool:
    """Return whether a value is a function of this package, from this or an earlier import."""
    ours = model_parallel_utils.get_device_map.__module__
    return type(value) is BuiltinFunctionType and value.__module__ == ours


def _import_original() -> ModuleType | None:
    """Import the original module, if the installed transformers has it."""
    try:
        return importlib.import_module(_MODULE)
    except ImportError:
        return None


def _names_bound_to(matches: Callable[[object], bool]) -> list[tuple[dict[str, Any], str]]:
    """Return where the loaded modules of transformers bind one of the function names to a value that ``matches``.

    Each result is the namespace of a module, and the name.
    """
    return [
        (_namespace(module), name)
        for path, module in list(sys.modules.items())
        if str(path).startswith(f"{_PACKAGE}.") and path != _MODULE and _is_module(module)
        for name in _NAMES
        if matches(_namespace(module).get(name))
    ]
