"""Serve transformers' own import path, ``transformers.utils.model_parallel_utils``, from this package."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from threading import RLock
from types import BuiltinFunctionType, ModuleType

from devicemap import model_parallel_utils

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.abc import Loader
    from typing import Any
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
        """Guards the rest. It is never held while a module is imported: the import system has locks of its own."""
        self.active = False
        self.finder = _ParentFinder()
        self.stand_in = ModuleType(_MODULE, model_parallel_utils.__doc__)
        self.stand_in.__spec__ = ModuleSpec(_MODULE, None, origin=model_parallel_utils.__name__)
        self.stand_in.__package__ = _PARENT
        self.displaced: dict[tuple[int, str], tuple[dict[str, Any], tuple[Any, ...]]] = {}
        """What the stand-in has replaced: for each place, its namespace and the old value, if there was one."""

    def install(self) -> list[Any]:
        """Put the stand-in in all its places. Return the values that it replaces."""
        replaced: list[Any] = []
        for namespace, name in _places():
            old = (namespace[name],) if name in namespace else ()
            if namespace.get(name) is not self.stand_in:
                self.displaced[id(namespace), name] = namespace, old
                namespace[name] = self.stand_in
                replaced.extend(old)
        return replaced

    def uninstall(self) -> None:
        """Put back what the stand-in has replaced, where nobody has replaced the stand-in meanwhile."""
        for (_, name), (namespace, old) in self.displaced.items():
            if namespace.get(name) is self.stand_in:
                if old:
                    (namespace[name],) = old
                else:
                    del namespace[name]
        self.displaced.clear()


def _places() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the places where an import leaves the module: ``sys.modules`` and the attribute of the parent package."""
    yield sys.modules, _MODULE
    parent = sys.modules.get(_PARENT)
    if isinstance(parent, ModuleType):
        yield vars(parent), _CHILD


class _ParentFinder:
    """Finds ``transformers.utils`` where the finders after it find it, so that it can be given the stand-in."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders give, with a loader that installs the stand-in."""
        if fullname != _PARENT:
            return None
        finders = list(sys.meta_path)
        place = next((place for place, finder in enumerate(finders) if finder is self), -1)
        for finder in finders[place + 1 :]:
            find_spec = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find_spec and find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _ParentLoader(spec.loader)
                return spec
        return None


class _ParentLoader(Loader):
    """Loads ``transformers.utils`` with its own loader, and installs the stand-in."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as its own loader does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Install the stand-in, then execute the module; both in this order, as the module may import the stand-in."""
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        patch = _the_patch()
        with patch.lock:
            if patch.active:
                patch.install()
        self.loader.exec_module(module)


def _the_patch() -> _Patch:
    patch: _Patch = vars(sys).setdefault("_devicemap_patch", _Patch())
    return patch


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
        modules = [vars(replaced) for replaced in patch.install() if isinstance(replaced, ModuleType)]
        functions = [module[name] for module in modules for name in _NAMES if name in module]
        users = _users(lambda value: any(value is function for function in functions))
        _rebind(users, patch.stand_in)


def unpatch_transformers() -> None:
    """Undo :func:`patch_transformers`.

    The modules that the patch replaced are put back; a module that has replaced the patch's own meanwhile stays.
    Modules of transformers 4 get the original functions back, those that were imported while patched too. Without a
    patch in place nothing happens.
    """
    patch = _the_patch()
    with patch.lock:
        if not patch.active:
            return
        patch.active = False
        # A new list, since another thread may be iterating over the old one in the midst of an import.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not patch.finder]
        patch.uninstall()
        users = _users(_is_ours)
    if users:
        original = _import_original()
        with patch.lock:
            if original is not None and not patch.active:
                _rebind(users, original)


def _is_ours(value: object) -> bool:
    """Whether a value is a function of this package, of this import or an earlier one."""
    ours = model_parallel_utils.get_device_map.__module__
    return isinstance(value, BuiltinFunctionType) and value.__module__ == ours


def _import_original() -> ModuleType | None:
    """Import the module that transformers 4 ships; transformers 5 has none."""
    try:
        return importlib.import_module(_MODULE)
    except ImportError:
        return None


def _users(is_used: Callable[[object], bool]) -> list[tuple[ModuleType, str]]:
    """Find the loaded modules of transformers with a helper for which ``is_used`` is true, each with its name."""
    return [
        (module, name)
        for path, module in list(sys.modules.items())
        if path.startswith(f"{_PACKAGE}.") and path != _MODULE and isinstance(module, ModuleType)
        for name in _NAMES
        if is_used(vars(module).get(name))
    ]


def _rebind(users: list[tuple[ModuleType, str]], source: ModuleType) -> None:
    """Give modules the functions of ``source``, as far as it has them."""
    for module, name in users:
        if name in vars(source):
            vars(module)[name] = vars(source)[name]
