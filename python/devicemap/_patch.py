"""Serve transformers' own import path, ``transformers.utils.model_parallel_utils``, from this package."""

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
else:  # importlib.abc would import a good part of the library.
    Loader = object

__all__ = ["patch_transformers", "unpatch_transformers"]

_PACKAGE = "transformers"
_PARENT = "transformers.utils"
_CHILD = "model_parallel_utils"
_MODULE = f"{_PARENT}.{_CHILD}"
_NAMES = model_parallel_utils.__all__


class _Patch:
    """The state of the patch.

    There is one per process. It is an attribute of ``sys``, because a reload or a second import of devicemap makes new
    modules, which must still be able to undo what the old ones did.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        """Guards the other attributes. It is never held during an import: imports hold locks of their own."""
        self.active = False
        self.finder = _ParentFinder()
        self.stand_in = ModuleType(_MODULE, model_parallel_utils.__doc__)
        self.stand_in.__spec__ = ModuleSpec(_MODULE, None, origin=model_parallel_utils.__name__)
        self.stand_in.__package__ = _PARENT
        self.replaced: dict[tuple[int, str], tuple[dict[str, Any], tuple[Any, ...]]] = {}
        """For each name in a namespace that has been given another value: the namespace, and the old value if any."""

    def install(self) -> None:
        """Put the stand-in in its places, and its functions in the modules that use the functions it replaces."""
        functions = []
        for namespace, name in _places():
            module = self._replace(namespace, name, self.stand_in)
            if _is_module(module):
                functions += [_namespace(module)[name] for name in _NAMES if name in _namespace(module)]
        for namespace, name in _users(lambda value: _is_ours(value) or any(value is old for old in functions)):
            self._replace(namespace, name, vars(self.stand_in)[name])

    def _replace(self, namespace: dict[str, Any], name: str, value: object) -> object:
        """Set a name in a namespace. Return the old value, if it was not the patch's own."""
        old = (namespace[name],) if name in namespace else ()
        namespace[name] = value
        if not old or not (old[0] is self.stand_in or _is_ours(old[0])):
            self.replaced[id(namespace), name] = namespace, old
        return next(iter(old), None)

    def uninstall(self) -> None:
        """Restore the replaced values, except where other code has set another value since."""
        for (_, name), (namespace, old) in self.replaced.items():
            value = namespace.get(name)
            if value is self.stand_in or _is_ours(value):
                if old:
                    (namespace[name],) = old
                else:
                    namespace.pop(name, None)
        self.replaced.clear()
        # Others may have put the stand-in where it was not before.
        for namespace, name in _places():
            if namespace.get(name) is self.stand_in:
                namespace.pop(name, None)


def _places() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the places where an import leaves the module: ``sys.modules`` and the attribute of the parent package."""
    yield sys.modules, _MODULE
    parent = sys.modules.get(_PARENT)
    if _is_module(parent):
        yield _namespace(parent), _CHILD


def _is_module(value: object) -> TypeGuard[ModuleType]:
    """Whether a value is a module. Unlike ``isinstance``, which asks a proxy for its class, it runs no user code."""
    return issubclass(type(value), ModuleType)


def _namespace(module: ModuleType) -> dict[str, Any]:
    """Return a module's namespace. Unlike ``vars``, which loads a lazy module, it runs no user code."""
    namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return namespace


class _ParentFinder:
    """Finds ``transformers.utils`` where the finders after it find it, so that it can be given the stand-in."""

    def __init__(self) -> None:
        self.searching: set[int] = set()
        """The threads that are in :meth:`find_spec`, to which a finder that asks all others would come back."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders give, with a loader that installs the stand-in."""
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
        # The finder may keep the spec.
        wrapped = copy(spec)
        wrapped.loader = _ParentLoader(spec.loader)
        return wrapped

    def _find_after(self, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        finders = list(sys.meta_path)
        place = next((place for place, finder in enumerate(finders) if finder is self), -1)
        for finder in finders[place + 1 :]:
            find_spec = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find_spec and find_spec(_PARENT, path, target)
            if spec is not None:
                return spec
        return None


class _ParentLoader(Loader):
    """Loads ``transformers.utils`` with its own loader, and installs the stand-in."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401, whatever the loader has
        """Return what else the module's own loader has, ``get_data`` for example."""
        if name == "loader":  # A copy in the making has none yet.
            raise AttributeError(name)
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as its own loader does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, which may import the stand-in, and may put another module in its own place."""
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        _install_if_active()
        self.loader.exec_module(module)
        _install_if_active()


def _the_patch() -> _Patch:
    patch: _Patch = vars(sys).setdefault("_devicemap_patch", _Patch())
    return patch


def _install_if_active() -> None:
    patch = _the_patch()
    with patch.lock:
        if patch.active:
            patch.install()


def _renew_lock() -> None:
    """Give a forked process a lock that no thread of its parent holds."""
    _the_patch().lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def patch_transformers() -> None:
    """Serve ``transformers.utils.model_parallel_utils`` from this package.

    From then on ``from transformers.utils.model_parallel_utils import assert_device_map, get_device_map`` gives the
    functions of this package: with transformers 5, which no longer has the module, with transformers 4, and without
    transformers, where only this form of import works. The module is found in ``sys.modules`` at once, and as an
    attribute of ``transformers.utils`` as soon as that is imported; transformers itself is not imported. Modules of
    transformers 4 that have imported the original functions already are changed to these; a module outside transformers
    keeps what it has imported, so patch before importing it.

    Patching again repairs what has been overwritten since.

    The patch belongs to the process. A child process that is started with the methods ``spawn`` or ``forkserver`` does
    not inherit it: it imports the main module, but not what is under ``if __name__ == "__main__":``. Patch outside of
    that block, or let each worker patch: ``ProcessPoolExecutor(initializer=devicemap.patch_transformers)``.

    See :func:`unpatch_transformers` for the way back.
    """
    patch = _the_patch()
    with patch.lock:
        # The functions of this import of devicemap, which may be newer than the stand-in.
        vars(patch.stand_in).update({name: getattr(model_parallel_utils, name) for name in _NAMES})
        patch.active = True
        if not any(finder is patch.finder for finder in sys.meta_path):
            sys.meta_path.insert(0, patch.finder)
        patch.install()


def unpatch_transformers() -> None:
    """Undo :func:`patch_transformers`.

    The modules that the patch replaced are put back; a module that has replaced the patch's own meanwhile stays.
    Modules of transformers 4 get the original functions back, those that were imported while patched too. Without a
    patch in place nothing happens.
    """
    patch = _the_patch()
    with patch.lock:
        patch.active = False
        # A new list, since another thread may be iterating over the old one in the midst of an import.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not patch.finder]
        patch.uninstall()
        users = _users(_is_ours)
    if users:
        # They were imported while patched, and have never had the original functions.
        original = _import_original()
        with patch.lock:
            # Meanwhile another thread may have patched, and even have unpatched.
            if original is not None and original is not patch.stand_in and not patch.active:
                functions = _namespace(original)
                for namespace, name in users:
                    if name in functions:
                        namespace[name] = functions[name]


def _is_ours(value: object) -> bool:
    """Whether a value is a function of this package, of this import or an earlier one."""
    ours = model_parallel_utils.get_device_map.__module__
    return type(value) is BuiltinFunctionType and value.__module__ == ours


def _import_original() -> ModuleType | None:
    """Import the module that transformers 4 ships; transformers 5 has none."""
    try:
        return importlib.import_module(_MODULE)
    except ImportError:
        return None


def _users(is_used: Callable[[object], bool]) -> list[tuple[dict[str, Any], str]]:
    """Find the helpers in loaded modules of transformers for which ``is_used`` is true: their namespaces and names."""
    return [
        (_namespace(module), name)
        for path, module in list(sys.modules.items())
        if str(path).startswith(f"{_PACKAGE}.") and path != _MODULE and _is_module(module)
        for name in _NAMES
        if is_used(_namespace(module).get(name))
    ]
