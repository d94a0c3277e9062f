"""``patch_transformers()``: guards, modules of other code, worker processes, second imports, threads."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from tests.patch.packages import (
    EMPTY,
    FINDERS,
    IMPORT,
    INSTALLED,
    ORIGINAL,
    OTHER_MODULE,
    PACKAGES,
    PATCH,
    PLACEHOLDER,
    PLACEHOLDERS,
    START,
    UNPATCH,
    fill,
    run_steps,
)
from tests.subprocess_helpers import command, run

# Guards: four ways in which projects test whether the module exists.
UTILS_IMPORTED = [
    *[pytest.param(package, IMPORT, "", id=f"{package} imported before") for package in INSTALLED],
    *[pytest.param(package, "", IMPORT, id=f"{package} imported after") for package in INSTALLED],
    pytest.param("no transformers", PLACEHOLDERS, "", id="placeholders of both packages"),
]
UTILS_NOT_IMPORTED = [
    *[pytest.param(package, "", "", id=f"{package} not imported") for package in PACKAGES],
    pytest.param("no transformers", PLACEHOLDER, "", id="placeholder before"),
    pytest.param("no transformers", "", PLACEHOLDER, id="placeholder after"),
]


def check_guard(folder: Path, guard: str, before: str, after: str) -> None:
    """Assert that a guard finds the module while the patch is active, and afterwards only if transformers has it."""
    original = folder.joinpath("transformers", "utils", "model_parallel_utils.py").exists()
    searches = guard in {"absent_for_find_spec", "absent_for_import"}
    is_absent = f"{guard}() is {not original}" if searches or not original else "True"
    steps = [before, PATCH, after, f"assert not {guard}()", "assert_patched()"]
    run_steps(folder, *steps, UNPATCH, "assert_unpatched()", f"assert {is_absent}")


@pytest.mark.parametrize(("package", "before", "after"), UTILS_IMPORTED + UTILS_NOT_IMPORTED)
@pytest.mark.parametrize("guard", ["absent_in_sys_modules", "absent_for_find_spec", "absent_for_import"])
def test_a_guard_finds_the_module(folders: dict[str, Path], guard: str, package: str, before: str, after: str) -> None:
    check_guard(folders[package], guard, before, after)


@pytest.mark.parametrize(("package", "before", "after"), UTILS_IMPORTED)
def test_a_guard_finds_the_attribute(folders: dict[str, Path], package: str, before: str, after: str) -> None:
    check_guard(folders[package], "absent_as_attribute", before, after)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(IMPORT, ""), ("", IMPORT)], ids=["imported before", "imported after"])
def test_guards_with_the_real_transformers(folders: dict[str, Path], before: str, after: str) -> None:
    guards = "absent_in_sys_modules() or absent_as_attribute() or absent_for_find_spec() or absent_for_import()"
    steps = [
        START,
        before,
        PATCH,
        after,
        f"assert not ({guards})",
        "assert_patched()",
        UNPATCH,
        "assert_unpatched()",
    ]
    # With the module site, Python finds the installed transformers.
    run("\n".join(steps), path=folders["no transformers"])


# Other modules under the same names.


@pytest.mark.parametrize("package", ["transformers 4", "transformers 5"])
@pytest.mark.parametrize(
    "damage",
    [
        "sys.modules[NAME] = other",
        "sys.modules[NAME] = None",
        "del sys.modules[NAME]",
        "transformers.utils.model_parallel_utils = other",
        "del transformers.utils.model_parallel_utils",
        "sys.meta_path[:] = finders; forget('transformers'); import transformers.utils",
    ],
)
def test_a_second_patch_restores_overwritten_names(folders: dict[str, Path], package: str, damage: str) -> None:
    steps = [FINDERS, IMPORT, PATCH, OTHER_MODULE, damage, PATCH, "assert_patched()"]
    # The finder is restored as well.
    run_steps(folders[package], *steps, "forget('transformers'); import transformers.utils", "assert_patched()")
    run_steps(folders[package], *steps, UNPATCH, "assert_unpatched()")


@pytest.mark.parametrize(
    ("overwrite", "expected"),
    [
        ("sys.modules[NAME] = other", "other, 'nothing'"),
        ("transformers.utils.model_parallel_utils = other", "'nothing', other"),
        ("sys.modules[NAME] = transformers.utils.model_parallel_utils = other", "other, other"),
    ],
)
@pytest.mark.parametrize("again", ["", PATCH], ids=["patched once", "patched again"])
def test_unpatching_keeps_modules_set_by_other_code(
    folders: dict[str, Path], overwrite: str, expected: str, again: str
) -> None:
    steps = [IMPORT, FINDERS, PATCH, OTHER_MODULE, overwrite, again, UNPATCH]
    run_steps(folders["transformers 5"], *steps, f"assert import_targets() == ({expected}, finders), import_targets()")


@pytest.mark.parametrize("package", ["transformers 4", "transformers 5"])
@pytest.mark.parametrize("value", ["other", "None"])
def test_unpatching_restores_replaced_modules(folders: dict[str, Path], package: str, value: str) -> None:
    set_modules = f"sys.modules[NAME] = transformers.utils.model_parallel_utils = {value}"
    steps = [IMPORT, OTHER_MODULE, set_modules, "before = import_targets()", PATCH, "assert_patched()", UNPATCH]
    run_steps(folders[package], *steps, "assert import_targets() == before, import_targets()")


# Worker processes.
SCRIPT = """
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import devicemap
{module_level}

def is_patched():
    return "transformers.utils.model_parallel_utils" in sys.modules

if __name__ == "__main__":
    devicemap.patch_transformers()
    context = multiprocessing.get_context("{method}")
    with ProcessPoolExecutor(1, context, initializer={initializer}) as pool:
        print(is_patched(), pool.submit(is_patched).result())
    with context.Pool(1, initializer={initializer}) as pool:
        print(is_patched(), pool.apply(is_patched))
"""


@pytest.mark.parametrize("method", sorted({"spawn", "forkserver"} & set(multiprocessing.get_all_start_methods())))
@pytest.mark.parametrize(
    ("module_level", "initializer", "expected"),
    [
        pytest.param("", None, False, id="patched in the main block only"),
        pytest.param("", "devicemap.patch_transformers", True, id="with the initializer"),
        pytest.param("devicemap.patch_transformers()", None, True, id="patched at module level"),
    ],
)
def test_worker_processes(
    folders: dict[str, Path], tmp_path: Path, method: str, module_level: str, initializer: str | None, expected: bool
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(method=method, module_level=module_level, initializer=initializer), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folders["transformers 5"])}
    assert command(sys.executable, "-S", script, environment=environment) == f"True {expected}\n" * 2


# Second imports, and changes of the finders, between patching and unpatching.


@pytest.mark.parametrize("early", ["import transformers.model", ""], ids=["transformers imported", "not imported"])
@pytest.mark.parametrize(
    "between",
    [
        "importlib.reload(devicemap._patch); importlib.reload(devicemap)",
        "importlib.reload(devicemap._patch); devicemap._patch.patch_transformers()",
        "forget('devicemap'); import devicemap",
        "forget('devicemap'); import devicemap; devicemap.patch_transformers()",
        "sys.meta_path[:] = finders",
        "sys.meta_path[:] = finders; devicemap.patch_transformers()",
    ],
)
def test_unpatching_restores_everything(folders: dict[str, Path], between: str, early: str) -> None:
    run_steps(
        folders["transformers 4"],
        *[early, FINDERS, "before = import_targets()", PATCH, between],
        "import transformers.model; assert is_ours(transformers.model)",
        *[UNPATCH, "assert_unpatched()", f"assert {not early} or import_targets() == before"],
        "assert transformers.model.get_device_map is sys.modules[NAME].get_device_map",
    )


@pytest.mark.parametrize("again", ["forget('transformers'); import transformers.utils", "importlib.reload(parent)"])
@pytest.mark.parametrize("package", INSTALLED)
def test_a_second_import_of_transformers_is_patched(folders: dict[str, Path], package: str, again: str) -> None:
    run_steps(
        folders[package],
        *[IMPORT, PATCH, "parent = transformers.utils", again, "assert_patched()"],
        "assert type(transformers.utils.__spec__.loader).__name__ == 'SourceFileLoader'",
        *[UNPATCH, "assert_unpatched()", "assert not is_ours(vars(parent).get('model_parallel_utils'))"],
    )


# A finder as in tools that instrument modules.
WRAPPING_FINDER = """
class Wrapper:
    def __init__(self, loader): self.loader = loader
    def create_module(self, spec): return self.loader.create_module(spec)
    def exec_module(self, module): self.loader.exec_module(module); executed.add(module.__name__)

class Finder:
    searching = False
    def find_spec(self, name, path=None, target=None):
        if not self.searching and name == "transformers.utils":
            self.searching = True
            spec = importlib.util.find_spec(name)
            spec.loader = Wrapper(spec.loader)
            return spec

executed = set()
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("steps", [[WRAPPING_FINDER, PATCH], [PATCH, WRAPPING_FINDER]], ids=["before", "after"])
def test_another_finder_may_wrap_the_loader(folders: dict[str, Path], steps: list[str]) -> None:
    run_steps(
        folders["transformers 5"], *steps, IMPORT, "assert_patched()", "assert executed == {'transformers.utils'}"
    )


# Threads.
THREADS = """
def patch():
    devicemap.patch_transformers()
    devicemap.unpatch_transformers()

def import_from_module(): from transformers.utils.model_parallel_utils import get_device_map
def import_from_parent(): from transformers.utils import model_parallel_utils
def import_module(): import transformers.utils.model_parallel_utils
def import_by_name(): importlib.import_module(NAME)

def try_import(work, other_module):
    try:
        work()
    except ImportError:
        pass
    importlib.import_module(other_module)  # An unrelated module, which must always be found.
    del sys.modules[other_module]

def repeat(work, *arguments):
    while not errors and time.monotonic() < end:
        try:
            work(*arguments)
        except BaseException as error:
            errors.append(error)

sys.setswitchinterval(1e-6)
errors, end = [], time.monotonic() + 1
importers = [import_from_module, import_from_parent, import_module, import_by_name]
works = [[patch]] * 4 + [[try_import, *pair] for pair in zip(importers, ["colorsys", "quopri", "sched", "stringprep"])]
threads = [threading.Thread(target=repeat, args=work) for work in works]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert errors == [], errors
"""


@pytest.mark.parametrize("package", INSTALLED)
def test_threads_may_patch_while_others_import(folders: dict[str, Path], package: str) -> None:
    # The original is imported first, since Python sets the attribute some time after the end of an import.
    early = f"{IMPORT}.model_parallel_utils" if "4" in package else ""
    run_steps(folders[package], "import devicemap", early, THREADS, "assert_unpatched()")


@pytest.mark.parametrize("placeholder", ["", PLACEHOLDER], ids=["absent", "placeholder"])
def test_threads_may_patch_without_transformers(folders: dict[str, Path], placeholder: str) -> None:
    run_steps(folders["no transformers"], "import devicemap", placeholder, THREADS, "assert NAME not in sys.modules")


PATCH_IN_THREAD = """
from threading import Thread
from devicemap import patch_transformers

thread = Thread(target=patch_transformers, daemon=True)
thread.start()
thread.join(20)
assert not thread.is_alive()
"""
PATCHING_FINDER = f"""
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "transformers.utils":
            exec({PATCH_IN_THREAD!r}, {{}})

sys.meta_path.insert(0, Finder())
"""


def test_no_lock_is_held_while_user_code_runs(tmp_path: Path) -> None:
    """Otherwise a thread whose import calls the patch could deadlock with a thread that patches."""
    patching = {"utils/__init__": PATCH_IN_THREAD, "utils/model_parallel_utils": ORIGINAL + PATCH_IN_THREAD}
    folder = fill(tmp_path, {**EMPTY, **patching})
    steps = [PATCHING_FINDER, PATCH, "import transformers.utils, transformers.model", "assert_patched()"]
    # Unpatching imports the original, which calls the patch again.
    run_steps(folder, *steps, UNPATCH, "assert_patched()", UNPATCH, "assert_unpatched()")
