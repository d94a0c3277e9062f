"""``patch_transformers()`` together with other code that changes imports: finders, lazy modules, forks, threads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.patch.packages import (
    EMPTY,
    IMPORT,
    OTHER_MODULE,
    PATCH,
    PLACEHOLDERS,
    UNPATCH,
    fill,
    run_steps,
)

LAZY = """
import transformers
spec = importlib.util.find_spec("transformers.utils")
spec.loader = importlib.util.LazyLoader(spec.loader)
lazy = sys.modules["transformers.utils"] = transformers.utils = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lazy)
"""


def test_a_lazy_module_is_not_loaded(folders: dict[str, Path]) -> None:
    """Loading it would run user code while the lock of the patch is held."""
    run_steps(
        folders["transformers 5"],
        *[LAZY, PATCH, "assert object.__getattribute__(lazy, '__class__') is not ModuleType"],
        *["assert_patched()", UNPATCH, "assert_unpatched()"],
    )


def test_unpatching_removes_the_stand_in_from_other_parents(folders: dict[str, Path]) -> None:
    store = 'parent = sys.modules["transformers.utils"]; parent.model_parallel_utils = sys.modules[NAME]'
    run_steps(folders["no transformers"], PATCH, PLACEHOLDERS, store, UNPATCH, "assert_unpatched()")


def test_unpatching_again_removes_a_restored_stand_in(folders: dict[str, Path]) -> None:
    # unittest.mock.patch.dict(sys.modules) restores modules in this way.
    steps = [PATCH, "saved = sys.modules.copy()", UNPATCH, "sys.modules.update(saved)", UNPATCH]
    run_steps(folders["no transformers"], *steps, "assert_unpatched()")


def test_data_files_of_the_parent_are_found_before_its_import(folders: dict[str, Path]) -> None:
    run_steps(
        folders["transformers 5"], PATCH, "import pkgutil; assert pkgutil.get_data('transformers.utils', 'generic.py')"
    )


KEEPING_FINDER = """
spec = importlib.util.find_spec("transformers.utils")
loader = spec.loader
class Finder:
    def find_spec(self, name, path=None, target=None):
        return spec if name == "transformers.utils" else None
sys.meta_path.insert(0, Finder())
"""


def test_the_spec_of_another_finder_is_not_changed(folders: dict[str, Path]) -> None:
    run_steps(
        folders["transformers 5"],
        *[KEEPING_FINDER, PATCH, "importlib.util.find_spec('transformers.utils')", "assert spec.loader is loader"],
    )


NAIVE_FINDER = """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "transformers.utils":
            specs = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
            return next(filter(None, specs), None)
sys.meta_path.insert(0, Finder())
"""


def test_another_finder_may_call_all_finders(folders: dict[str, Path]) -> None:
    run_steps(folders["transformers 5"], NAIVE_FINDER, PATCH, IMPORT, "assert_patched()")


def test_the_parent_may_replace_itself_during_its_import(tmp_path: Path) -> None:
    code = "import sys\nmodule = type(sys)(__name__)\nmodule.__path__ = __path__\nsys.modules[__name__] = module\n"
    run_steps(fill(tmp_path, {**EMPTY, "utils/__init__": code}), PATCH, IMPORT, "assert_patched()")


@pytest.mark.parametrize("between", ["", PATCH], ids=["patched once", "patched again"])
def test_importing_modules_get_their_functions_back(folders: dict[str, Path], between: str) -> None:
    """Even if the module that replaced the stand-in has only one of the functions."""
    save = "user = transformers.model; saved = user.assert_device_map, user.get_device_map"
    steps = ["import transformers.model", save, PATCH, OTHER_MODULE, "sys.modules[NAME] = other", between, UNPATCH]
    run_steps(folders["transformers 4"], *steps, "assert (user.assert_device_map, user.get_device_map) == saved")


RACE = """
real = importlib.import_module
def import_module(name):
    importlib.import_module = real
    devicemap.patch_transformers()  # As another thread may do during the import.
    module = real(name)
    devicemap.unpatch_transformers()
    return module
importlib.import_module = import_module
"""


def test_another_thread_may_patch_while_unpatching_imports(folders: dict[str, Path]) -> None:
    steps = [PATCH, "import transformers.model", RACE, UNPATCH, "assert_unpatched()"]
    run_steps(folders["transformers 4"], *steps)


def test_patching_after_a_second_import_sets_the_new_functions(folders: dict[str, Path]) -> None:
    steps = ["import transformers.model", PATCH, "forget('devicemap')", PATCH]
    assertion = "assert transformers.model.get_device_map is devicemap.get_device_map"
    run_steps(folders["transformers 4"], *steps, assertion, UNPATCH, "assert_unpatched()")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_may_fork_while_another_thread_patches(folders: dict[str, Path]) -> None:
    code = """
import os, signal
for i in range(3000):
    sys.modules[f"transformers.module{i}"] = ModuleType("module")
end = time.monotonic() + 20
def patch():
    while time.monotonic() < end:
        devicemap.patch_transformers()
        devicemap.unpatch_transformers()
thread = threading.Thread(target=patch)
thread.start()
for _ in range(10):
    child = os.fork()
    if not child:
        signal.alarm(5)
        devicemap.patch_transformers()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
end = 0
"""
    run_steps(folders["no transformers"], "import devicemap", code)


def test_a_key_of_sys_modules_may_be_an_int(folders: dict[str, Path]) -> None:
    run_steps(folders["no transformers"], "sys.modules[1] = sys", PATCH, "del sys.modules[1]", "assert_patched()")
