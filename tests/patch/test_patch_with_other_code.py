"""Tests for ``patch_transformers()`` with other code that affects imports: finders, lazy modules, forks, threads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.patch.packages import (
    CREATE_OTHER_MODULE,
    IMPORT_UTILS,
    PACKAGE_WITHOUT_ORIGINAL,
    PATCH,
    PLACEHOLDERS,
    UNPATCH,
    run_steps,
    write_files,
)

# Replaces transformers.utils by a module that is loaded when one of its attributes is read.
MAKE_UTILS_LAZY = """
import transformers
spec = importlib.util.find_spec("transformers.utils")
spec.loader = importlib.util.LazyLoader(spec.loader)
lazy = sys.modules["transformers.utils"] = transformers.utils = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lazy)
"""


def test_patching_does_not_load_a_lazy_module(package_folders: dict[str, Path]) -> None:
    """Loading it would run user code while the lock of the patch is held."""
    run_steps(
        package_folders["transformers 5"],
        # A lazy module becomes an ordinary ModuleType when it is loaded.
        *[MAKE_UTILS_LAZY, PATCH, "assert object.__getattribute__(lazy, '__class__') is not ModuleType"],
        *["assert_patched()", UNPATCH, "assert_unpatched()"],
    )


def test_unpatching_removes_the_stand_in_from_a_parent_that_other_code_created(
    package_folders: dict[str, Path],
) -> None:
    set_attribute = 'parent = sys.modules["transformers.utils"]; parent.model_parallel_utils = sys.modules[MODULE_NAME]'
    run_steps(package_folders["no transformers"], PATCH, PLACEHOLDERS, set_attribute, UNPATCH, "assert_unpatched()")


def test_a_second_unpatching_removes_a_stand_in_that_other_code_restored(package_folders: dict[str, Path]) -> None:
    # unittest.mock.patch.dict(sys.modules) restores modules in this way.
    steps = [PATCH, "saved = sys.modules.copy()", UNPATCH, "sys.modules.update(saved)", UNPATCH]
    run_steps(package_folders["no transformers"], *steps, "assert_unpatched()")


def test_data_files_of_transformers_utils_are_found_before_it_is_imported(package_folders: dict[str, Path]) -> None:
    run_steps(
        package_folders["transformers 5"],
        PATCH,
        "import pkgutil; assert pkgutil.get_data('transformers.utils', 'generic.py')",
    )


# A finder that always returns the same spec.
CACHING_FINDER = """
spec = importlib.util.find_spec("transformers.utils")
loader = spec.loader
class Finder:
    def find_spec(self, name, path=None, target=None):
        return spec if name == "transformers.utils" else None
sys.meta_path.insert(0, Finder())
"""


def test_the_spec_of_another_finder_is_not_changed(package_folders: dict[str, Path]) -> None:
    run_steps(
        package_folders["transformers 5"],
        *[CACHING_FINDER, PATCH, "importlib.util.find_spec('transformers.utils')", "assert spec.loader is loader"],
    )


# A finder that calls all other finders, including the finder of the patch.
DELEGATING_FINDER = """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "transformers.utils":
            specs = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
            return next(filter(None, specs), None)
sys.meta_path.insert(0, Finder())
"""


def test_another_finder_can_call_all_finders_including_the_finder_of_the_patch(
    package_folders: dict[str, Path],
) -> None:
    run_steps(package_folders["transformers 5"], DELEGATING_FINDER, PATCH, IMPORT_UTILS, "assert_patched()")


def test_transformers_utils_can_replace_itself_in_sys_modules_while_it_is_imported(tmp_path: Path) -> None:
    code = "import sys\nmodule = type(sys)(__name__)\nmodule.__path__ = __path__\nsys.modules[__name__] = module\n"
    folder = write_files(tmp_path, {**PACKAGE_WITHOUT_ORIGINAL, "utils/__init__": code})
    run_steps(folder, PATCH, IMPORT_UTILS, "assert_patched()")


@pytest.mark.parametrize("second_patch", ["", PATCH], ids=["patched once", "patched again"])
def test_unpatching_restores_the_functions_in_modules_that_imported_them(
    package_folders: dict[str, Path], second_patch: str
) -> None:
    """Other code has replaced the stand-in by a module with only one of the functions."""
    save_functions = "model = transformers.model; functions = model.assert_device_map, model.get_device_map"
    replace_stand_in = f"{CREATE_OTHER_MODULE}; sys.modules[MODULE_NAME] = other"
    steps = ["import transformers.model", save_functions, PATCH, replace_stand_in, second_patch, UNPATCH]
    run_steps(
        package_folders["transformers 4"], *steps, "assert (model.assert_device_map, model.get_device_map) == functions"
    )


# While unpatch_transformers imports the original module, patches and unpatches, as another thread can do at that time.
PATCH_DURING_IMPORT = """
real_import_module = importlib.import_module
def import_module(name):
    importlib.import_module = real_import_module
    devicemap.patch_transformers()
    module = real_import_module(name)
    devicemap.unpatch_transformers()
    return module
importlib.import_module = import_module
"""


def test_another_thread_can_patch_while_the_original_is_imported_for_unpatching(
    package_folders: dict[str, Path],
) -> None:
    steps = [PATCH, "import transformers.model", PATCH_DURING_IMPORT, UNPATCH, "assert_unpatched()"]
    run_steps(package_folders["transformers 4"], *steps)


def test_patching_after_a_second_import_of_devicemap_sets_the_new_functions(package_folders: dict[str, Path]) -> None:
    steps = ["import transformers.model", PATCH, "remove_from_sys_modules('devicemap')", PATCH]
    assertion = "assert transformers.model.get_device_map is devicemap.get_device_map"
    run_steps(package_folders["transformers 4"], *steps, assertion, UNPATCH, "assert_unpatched()")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_can_fork_while_another_thread_patches(package_folders: dict[str, Path]) -> None:
    code = """
import os, signal
# The patch searches these modules while it holds its lock. Their number makes the search so long that the process
# nearly always forks during it.
for number in range(3000):
    sys.modules[f"transformers.module{number}"] = ModuleType("module")
deadline = time.monotonic() + 20
def patch_and_unpatch():
    while time.monotonic() < deadline:
        devicemap.patch_transformers()
        devicemap.unpatch_transformers()
thread = threading.Thread(target=patch_and_unpatch)
thread.start()
for _ in range(10):
    child = os.fork()
    if not child:
        # Ends the child process if it waits for the lock forever.
        signal.alarm(5)
        devicemap.patch_transformers()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
# Ends the thread.
deadline = 0
"""
    run_steps(package_folders["no transformers"], "import devicemap", code)


def test_a_key_of_sys_modules_can_be_an_int(package_folders: dict[str, Path]) -> None:
    run_steps(
        package_folders["no transformers"], "sys.modules[1] = sys", PATCH, "del sys.modules[1]", "assert_patched()"
    )
