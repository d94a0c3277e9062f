"""Tests for ``patch_transformers()``: that other code finds the functions of devicemap, until they are removed again.

The other code tests whether the original module exists, stores another module under its name, starts worker processes,
imports transformers again, or imports it in several threads.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from tests.patch.packages import (
    CREATE_OTHER_MODULE,
    IMPORT_HELPERS,
    IMPORT_UTILS,
    INSTALLED_PACKAGES,
    ORIGINAL_MODULE,
    PACKAGE_WITHOUT_ORIGINAL,
    PACKAGES,
    PATCH,
    PLACEHOLDER,
    PLACEHOLDERS,
    SAVE_FINDERS,
    UNPATCH,
    run_steps,
    write_files,
)
from tests.subprocess_helpers import run_code, run_command

# Projects test in four ways whether transformers has the original module, `transformers.utils.model_parallel_utils`.
# Such a test is called a guard here: the name of a function of `HELPERS` that returns whether the module is absent.
# Each parameter is the name of one of `PACKAGES`, code that runs before `patch_transformers()`, and code that runs
# after it. With these parameters, `transformers.utils` has been imported when the guard is called; with the others, it
# has not.
UTILS_IMPORTED = [
    *[pytest.param(package, IMPORT_UTILS, "", id=f"{package} imported before") for package in INSTALLED_PACKAGES],
    *[pytest.param(package, "", IMPORT_UTILS, id=f"{package} imported after") for package in INSTALLED_PACKAGES],
    pytest.param("no transformers", PLACEHOLDERS, "", id="placeholders of both packages"),
]
UTILS_NOT_IMPORTED = [
    *[pytest.param(package, "", "", id=f"{package} not imported") for package in PACKAGES],
    pytest.param("no transformers", PLACEHOLDER, "", id="placeholder before"),
    pytest.param("no transformers", "", PLACEHOLDER, id="placeholder after"),
]


def check_guard(folder: Path, guard: str, before: str, after: str) -> None:
    """Assert that a guard finds the original module while the patch is active, and afterwards only if it exists."""
    has_original = folder.joinpath("transformers", "utils", "model_parallel_utils.py").exists()
    steps = [before, PATCH, after, f"assert not {guard}()", "assert_patched()", UNPATCH, "assert_unpatched()"]
    if not has_original:
        steps.append(f"assert {guard}()")
    elif guard in {"absent_for_find_spec", "absent_for_import"}:
        # The other guards find the original only if it has been imported.
        steps.append(f"assert not {guard}()")
    run_steps(folder, *steps)


@pytest.mark.parametrize(("package", "before", "after"), UTILS_IMPORTED + UTILS_NOT_IMPORTED)
@pytest.mark.parametrize("guard", ["absent_in_sys_modules", "absent_for_find_spec", "absent_for_import"])
def test_guards_find_the_module_while_the_patch_is_active(
    package_folders: dict[str, Path], guard: str, package: str, before: str, after: str
) -> None:
    check_guard(package_folders[package], guard, before, after)


@pytest.mark.parametrize(("package", "before", "after"), UTILS_IMPORTED)
def test_the_parent_has_the_attribute_while_the_patch_is_active(
    package_folders: dict[str, Path], package: str, before: str, after: str
) -> None:
    check_guard(package_folders[package], "absent_as_attribute", before, after)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"), [(IMPORT_UTILS, ""), ("", IMPORT_UTILS)], ids=["imported before", "imported after"]
)
def test_guards_find_the_module_with_the_installed_transformers(
    package_folders: dict[str, Path], before: str, after: str
) -> None:
    guards = "absent_in_sys_modules() or absent_as_attribute() or absent_for_find_spec() or absent_for_import()"
    steps = [IMPORT_HELPERS, before, PATCH, after, f"assert not ({guards})", "assert_patched()", UNPATCH]
    # With the module site, Python finds the installed transformers.
    run_code("\n".join([*steps, "assert_unpatched()"]), path=package_folders["no transformers"])


# Other code that stores modules under the names that the patch uses.


@pytest.mark.parametrize("package", ["transformers 4", "transformers 5"])
@pytest.mark.parametrize(
    "overwrite",
    [
        "sys.modules[MODULE_NAME] = other",
        "sys.modules[MODULE_NAME] = None",
        "del sys.modules[MODULE_NAME]",
        "transformers.utils.model_parallel_utils = other",
        "del transformers.utils.model_parallel_utils",
        "sys.meta_path[:] = finders; remove_from_sys_modules('transformers'); import transformers.utils",
    ],
)
def test_a_second_patch_restores_overwritten_names_and_the_finder(
    package_folders: dict[str, Path], package: str, overwrite: str
) -> None:
    steps = [SAVE_FINDERS, IMPORT_UTILS, PATCH, CREATE_OTHER_MODULE, overwrite, PATCH, "assert_patched()"]
    run_steps(
        package_folders[package],
        *steps,
        "remove_from_sys_modules('transformers'); import transformers.utils",
        "assert_patched()",
    )
    run_steps(package_folders[package], *steps, UNPATCH, "assert_unpatched()")


@pytest.mark.parametrize(
    ("overwrite", "expected"),
    [
        ("sys.modules[MODULE_NAME] = other", "other, 'nothing'"),
        ("transformers.utils.model_parallel_utils = other", "'nothing', other"),
        ("sys.modules[MODULE_NAME] = transformers.utils.model_parallel_utils = other", "other, other"),
    ],
)
@pytest.mark.parametrize("second_patch", ["", PATCH], ids=["patched once", "patched again"])
def test_unpatching_keeps_modules_set_by_other_code(
    package_folders: dict[str, Path], overwrite: str, expected: str, second_patch: str
) -> None:
    steps = [IMPORT_UTILS, SAVE_FINDERS, PATCH, CREATE_OTHER_MODULE, overwrite, second_patch, UNPATCH]
    run_steps(
        package_folders["transformers 5"], *steps, f"assert import_state() == ({expected}, finders), import_state()"
    )


@pytest.mark.parametrize("package", ["transformers 4", "transformers 5"])
@pytest.mark.parametrize("value", ["other", "None"])
def test_unpatching_restores_replaced_modules(package_folders: dict[str, Path], package: str, value: str) -> None:
    set_modules = f"sys.modules[MODULE_NAME] = transformers.utils.model_parallel_utils = {value}"
    steps = [
        IMPORT_UTILS,
        CREATE_OTHER_MODULE,
        set_modules,
        "before = import_state()",
        PATCH,
        "assert_patched()",
        UNPATCH,
    ]
    run_steps(package_folders[package], *steps, "assert import_state() == before, import_state()")


# Prints whether the patch is active in the main process and in the worker processes of two kinds of pools.
WORKER_PROCESSES_SCRIPT = """
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
def test_worker_processes_are_patched_only_by_module_level_code_or_an_initializer(
    package_folders: dict[str, Path],
    tmp_path: Path,
    method: str,
    module_level: str,
    initializer: str | None,
    expected: bool,
) -> None:
    script = tmp_path / "script.py"
    code = WORKER_PROCESSES_SCRIPT.format(method=method, module_level=module_level, initializer=initializer)
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(package_folders["transformers 5"])}
    assert run_command(sys.executable, "-S", script, environment=environment) == f"True {expected}\n" * 2


# Tests that import transformers or devicemap again, or change sys.meta_path, while the patch is active.


@pytest.mark.parametrize(
    "early_import", ["import transformers.model", ""], ids=["transformers imported", "not imported"]
)
@pytest.mark.parametrize(
    "extra_step",
    [
        "importlib.reload(devicemap._patch); importlib.reload(devicemap)",
        "importlib.reload(devicemap._patch); devicemap._patch.patch_transformers()",
        "remove_from_sys_modules('devicemap'); import devicemap",
        "remove_from_sys_modules('devicemap'); import devicemap; devicemap.patch_transformers()",
        "sys.meta_path[:] = finders",
        "sys.meta_path[:] = finders; devicemap.patch_transformers()",
    ],
)
def test_unpatching_restores_the_original_after_reimports_and_changes_of_the_finders(
    package_folders: dict[str, Path], extra_step: str, early_import: str
) -> None:
    run_steps(
        package_folders["transformers 4"],
        *[early_import, SAVE_FINDERS, "before = import_state()", PATCH, extra_step],
        "import transformers.model; assert is_from_devicemap(transformers.model)",
        *[UNPATCH, "assert_unpatched()", f"assert {not early_import} or import_state() == before"],
        "assert transformers.model.get_device_map is sys.modules[MODULE_NAME].get_device_map",
    )


@pytest.mark.parametrize(
    "second_import", ["remove_from_sys_modules('transformers'); import transformers.utils", "importlib.reload(parent)"]
)
@pytest.mark.parametrize("package", INSTALLED_PACKAGES)
def test_a_second_import_of_transformers_is_patched(
    package_folders: dict[str, Path], package: str, second_import: str
) -> None:
    run_steps(
        package_folders[package],
        *[IMPORT_UTILS, PATCH, "parent = transformers.utils", second_import, "assert_patched()"],
        "assert type(transformers.utils.__spec__.loader).__name__ == 'SourceFileLoader'",
        *[UNPATCH, "assert_unpatched()", "assert not is_from_devicemap(vars(parent).get('model_parallel_utils'))"],
    )


# A finder that wraps the loader of transformers.utils, as tools that instrument modules do.
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
def test_another_finder_can_wrap_the_loader_of_the_patched_package(
    package_folders: dict[str, Path], steps: list[str]
) -> None:
    run_steps(
        package_folders["transformers 5"],
        *steps,
        IMPORT_UTILS,
        "assert_patched()",
        "assert executed == {'transformers.utils'}",
    )


# Four threads patch and unpatch, while four others import the module in different ways.
PATCH_AND_IMPORT_IN_THREADS = """
def patch_and_unpatch():
    devicemap.patch_transformers()
    devicemap.unpatch_transformers()

def import_from_module(): from transformers.utils.model_parallel_utils import get_device_map
def import_from_parent(): from transformers.utils import model_parallel_utils
def import_module(): import transformers.utils.model_parallel_utils
def import_by_name(): importlib.import_module(MODULE_NAME)

def try_import(import_function, unrelated_module):
    try:
        import_function()
    except ImportError:
        pass
    importlib.import_module(unrelated_module)  # An unrelated module must always be found.
    del sys.modules[unrelated_module]

def call_repeatedly(function, *arguments):
    while not errors and time.monotonic() < deadline:
        try:
            function(*arguments)
        except BaseException as error:
            errors.append(error)

sys.setswitchinterval(1e-6)
errors, deadline = [], time.monotonic() + 1
import_functions = [import_from_module, import_from_parent, import_module, import_by_name]
unrelated_modules = ["colorsys", "quopri", "sched", "stringprep"]
calls = [[patch_and_unpatch]] * 4 + [[try_import, *pair] for pair in zip(import_functions, unrelated_modules)]
threads = [threading.Thread(target=call_repeatedly, args=call) for call in calls]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert errors == [], errors
"""


@pytest.mark.parametrize("package", INSTALLED_PACKAGES)
def test_threads_can_patch_while_other_threads_import_transformers(
    package_folders: dict[str, Path], package: str
) -> None:
    # The original is imported first. Otherwise Python sets it as an attribute of its parent some time after the import,
    # which can overwrite the attribute that the patch has set in the meantime.
    early_import = f"{IMPORT_UTILS}.model_parallel_utils" if "4" in package else ""
    run_steps(
        package_folders[package], "import devicemap", early_import, PATCH_AND_IMPORT_IN_THREADS, "assert_unpatched()"
    )


@pytest.mark.parametrize("placeholder", ["", PLACEHOLDER], ids=["absent", "placeholder"])
def test_threads_can_patch_while_other_threads_import_and_transformers_is_not_installed(
    package_folders: dict[str, Path], placeholder: str
) -> None:
    steps = ["import devicemap", placeholder, PATCH_AND_IMPORT_IN_THREADS, "assert MODULE_NAME not in sys.modules"]
    run_steps(package_folders["no transformers"], *steps)


PATCH_IN_THREAD = """
from threading import Thread
from devicemap import patch_transformers

thread = Thread(target=patch_transformers, daemon=True)
thread.start()
thread.join(20)
assert not thread.is_alive()
"""
# A finder that patches in another thread when transformers.utils is searched.
PATCHING_FINDER = f"""
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "transformers.utils":
            exec({PATCH_IN_THREAD!r}, {{}})

sys.meta_path.insert(0, Finder())
"""


def test_the_patch_holds_no_lock_while_user_code_runs(tmp_path: Path) -> None:
    """Otherwise, code that is imported and waits for a thread that patches would cause a deadlock."""
    patching = {"utils/__init__": PATCH_IN_THREAD, "utils/model_parallel_utils": ORIGINAL_MODULE + PATCH_IN_THREAD}
    folder = write_files(tmp_path, {**PACKAGE_WITHOUT_ORIGINAL, **patching})
    steps = [PATCHING_FINDER, PATCH, "import transformers.utils, transformers.model", "assert_patched()"]
    # Unpatching imports the original module, whose code patches again.
    run_steps(folder, *steps, UNPATCH, "assert_patched()", UNPATCH, "assert_unpatched()")
