"""``patch_transformers()`` and the import system: guards, overwriting, worker processes, second imports, threads."""

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
    PACKAGES,
    PATCH,
    PLACEHOLDER,
    PLACEHOLDERS,
    START,
    THEIRS,
    UNPATCH,
    fill,
    run_steps,
)
from tests.subprocess_helpers import command, run

# Guards: four ways in which projects ask whether they must install a module of their own.
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
    """Check that a guard finds the module while patched; and afterwards only if transformers ships one."""
    original = folder.joinpath("transformers", "utils", "model_parallel_utils.py").exists()
    searches = guard in {"absent_for_find_spec", "absent_for_import"}
    absent_afterwards = f"{guard}() is {not original}" if searches or not original else "True"
    steps = [before, PATCH, after, f"assert not {guard}()", "assert_patched()"]
    run_steps(folder, *steps, UNPATCH, "assert_nothing_left()", f"assert {absent_afterwards}")


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
        "assert_nothing_left()",
    ]
    # With the site module Python finds the installed transformers.
    run("\n".join(steps), path=folders["no transformers"])


# Other modules in the places of ours.


@pytest.mark.parametrize("package", ["transformers 4", "transformers 5"])
@pytest.mark.parametrize(
    "damage",
    [
        "sys.modules[NAME] = theirs",
        "sys.modules[NAME] = None",
        "del sys.modules[NAME]",
        "transformers.utils.model_parallel_utils = theirs",
        "del transformers.utils.model_parallel_utils",
        "sys.meta_path[:] = finders; forget('transformers'); import transformers.utils",
    ],
)
def test_patching_again_repairs(folders: dict[str, Path], package: str, damage: str) -> None:
    steps = [FINDERS, IMPORT, PATCH, THEIRS, damage, PATCH, "assert_patched()"]
    # The finder, too, is there again.
    run_steps(folders[package], *steps, "forget('transformers'); import transformers.utils", "assert_patched()")
    run_steps(folders[package], *steps, UNPATCH, "assert_nothing_left()")


@pytest.mark.parametrize(
    ("overwrite", "expected"),
    [
        ("sys.modules[NAME] = theirs", "theirs, 'nothing'"),
        ("transformers.utils.model_parallel_utils = theirs", "'nothing', theirs"),
        ("sys.modules[NAME] = transformers.utils.model_parallel_utils = theirs", "theirs, theirs"),
    ],
)
@pytest.mark.parametrize("again", ["", PATCH], ids=["patched once", "patched again"])
def test_unpatching_keeps_the_users_module(folders: dict[str, Path], overwrite: str, expected: str, again: str) -> None:
    steps = [IMPORT, FINDERS, PATCH, THEIRS, overwrite, again, UNPATCH]
    run_steps(folders["transformers 5"], *steps, f"assert places() == ({expected}, finders), places()")


@pytest.mark.parametrize("package", ["transformers 4", "transformers 5"])
@pytest.mark.parametrize("value", ["theirs", "None"])
def test_unpatching_puts_back_what_was_replaced(folders: dict[str, Path], package: str, value: str) -> None:
    own = f"sys.modules[NAME] = transformers.utils.model_parallel_utils = {value}"
    steps = [IMPORT, THEIRS, own, "before = places()", PATCH, "assert_patched()", UNPATCH]
    run_steps(folders[package], *steps, "assert places() == before, places()")


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


# What may happen between patching and unpatching: second imports, and other finders.


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
def test_unpatching_restores_everything_after(folders: dict[str, Path], between: str, early: str) -> None:
    run_steps(
        folders["transformers 4"],
        *[early, FINDERS, "before = places()", PATCH, between],
        "import transformers.model; assert is_ours(transformers.model)",
        *[UNPATCH, "assert_nothing_left()", f"assert {not early} or places() == before"],
        "assert transformers.model.get_device_map is sys.modules[NAME].get_device_map",
    )


@pytest.mark.parametrize("again", ["forget('transformers'); import transformers.utils", "importlib.reload(parent)"])
@pytest.mark.parametrize("package", INSTALLED)
def test_importing_transformers_again_while_patched(folders: dict[str, Path], package: str, again: str) -> None:
    run_steps(
        folders[package],
        *[IMPORT, PATCH, "parent = transformers.utils", again, "assert_patched()"],
        "assert type(transformers.utils.__spec__.loader).__name__ == 'SourceFileLoader'",
        *[UNPATCH, "assert_nothing_left()", "assert not is_ours(vars(parent).get('model_parallel_utils'))"],
    )


# Tools that instrument modules have such a finder.
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
def test_another_finder_wraps_the_loader(folders: dict[str, Path], steps: list[str]) -> None:
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
    importlib.import_module(other_module)  # Has nothing to do with transformers, and must always be found.
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
def test_threads_patch_while_others_import(folders: dict[str, Path], package: str) -> None:
    # The original is imported first: while it is being imported, Python sets the attribute in its own time.
    early = f"{IMPORT}.model_parallel_utils" if "4" in package else ""
    run_steps(folders[package], "import devicemap", early, THREADS, "assert_nothing_left()")


@pytest.mark.parametrize("placeholder", ["", PLACEHOLDER], ids=["absent", "placeholder"])
def test_threads_patch_without_transformers(folders: dict[str, Path], placeholder: str) -> None:
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
    """Else a thread that imports a module that patches, and a thread that patches, could wait for each other."""
    patching = {"utils/__init__": PATCH_IN_THREAD, "utils/model_parallel_utils": ORIGINAL + PATCH_IN_THREAD}
    folder = fill(tmp_path, {**EMPTY, **patching})
    steps = [PATCHING_FINDER, PATCH, "import transformers.utils, transformers.model", "assert_patched()"]
    # Unpatching imports the original for the model, and the original patches again.
    run_steps(folder, *steps, UNPATCH, "assert_patched()", UNPATCH, "assert_nothing_left()")
