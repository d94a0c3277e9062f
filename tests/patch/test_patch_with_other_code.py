"""``patch_transformers()`` beside other code that changes what is imported: finders, lazy modules, forks, threads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.patch.packages import (
    EMPTY,
    IMPORT,
    PATCH,
    PLACEHOLDERS,
    THEIRS,
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


def test_a_lazy_module_stays_unloaded(folders: dict[str, Path]) -> None:
    """Loading it would run user code under the patch's lock."""
    run_steps(
        folders["transformers 5"],
        *[LAZY, PATCH, "assert object.__getattribute__(lazy, '__class__') is not ModuleType"],
        *["assert_patched()", UNPATCH, "assert_nothing_left()"],
    )


def test_unpatching_removes_ours_where_others_have_put_it(folders: dict[str, Path]) -> None:
    put = 'parent = sys.modules["transformers.utils"]; parent.model_parallel_utils = sys.modules[NAME]'
    run_steps(folders["no transformers"], PATCH, PLACEHOLDERS, put, UNPATCH, "assert_nothing_left()")


def test_unpatching_again_removes_ours_if_others_have_put_it_back(folders: dict[str, Path]) -> None:
    # As unittest.mock.patch.dict(sys.modules) does.
    steps = [PATCH, "saved = sys.modules.copy()", UNPATCH, "sys.modules.update(saved)", UNPATCH]
    run_steps(folders["no transformers"], *steps, "assert_nothing_left()")


def test_the_parents_files_are_found_before_it_is_imported(folders: dict[str, Path]) -> None:
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


def test_another_finder_asks_all_finders(folders: dict[str, Path]) -> None:
    run_steps(folders["transformers 5"], NAIVE_FINDER, PATCH, IMPORT, "assert_patched()")


def test_the_parent_replaces_itself_as_it_is_imported(tmp_path: Path) -> None:
    code = "import sys\nmodule = type(sys)(__name__)\nmodule.__path__ = __path__\nsys.modules[__name__] = module\n"
    run_steps(fill(tmp_path, {**EMPTY, "utils/__init__": code}), PATCH, IMPORT, "assert_patched()")


@pytest.mark.parametrize("between", ["", PATCH], ids=["patched once", "patched again"])
def test_users_get_back_the_functions_they_had(folders: dict[str, Path], between: str) -> None:
    """Even if the user's module that overwrote ours has only one of them."""
    had = "user = transformers.model; had = user.assert_device_map, user.get_device_map"
    steps = ["import transformers.model", had, PATCH, THEIRS, "sys.modules[NAME] = theirs", between, UNPATCH]
    run_steps(folders["transformers 4"], *steps, "assert (user.assert_device_map, user.get_device_map) == had")


RACE = """
real = importlib.import_module
def import_module(name):
    importlib.import_module = real
    devicemap.patch_transformers()  # As another thread may do at this moment,
    module = real(name)
    devicemap.unpatch_transformers()  # and at this.
    return module
importlib.import_module = import_module
"""


def test_unpatching_while_others_patch_and_unpatch(folders: dict[str, Path]) -> None:
    steps = [PATCH, "import transformers.model", RACE, UNPATCH, "assert_nothing_left()"]
    run_steps(folders["transformers 4"], *steps)


def test_patching_again_after_a_second_import_gives_the_new_functions(folders: dict[str, Path]) -> None:
    steps = ["import transformers.model", PATCH, "forget('devicemap')", PATCH]
    assertion = "assert transformers.model.get_device_map is devicemap.get_device_map"
    run_steps(folders["transformers 4"], *steps, assertion, UNPATCH, "assert_nothing_left()")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_while_another_thread_patches(folders: dict[str, Path]) -> None:
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


def test_an_unusual_key_in_sys_modules(folders: dict[str, Path]) -> None:
    run_steps(folders["no transformers"], "sys.modules[1] = sys", PATCH, "del sys.modules[1]", "assert_patched()")
