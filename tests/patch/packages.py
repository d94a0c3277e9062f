"""Small packages that replace transformers in tests, and statements that subprocesses execute with one of them."""

from __future__ import annotations

from pathlib import Path

from tests.subprocess_helpers import copy_devicemap, run_code

ORIGINAL_MODULE = (
    "def assert_device_map(device_map, num_blocks): pass\ndef get_device_map(n_layers, devices): return {}\n"
)
IMPORTING_MODULE = "from transformers.utils.model_parallel_utils import assert_device_map, get_device_map\n"
# The files of a package without the original module. The key is the path without the suffix, the value is the code.
PACKAGE_WITHOUT_ORIGINAL = {
    "__init__": "",
    "utils/__init__": "",
    "utils/generic": "value = 1\n",
    "model": IMPORTING_MODULE,
}
PACKAGE_WITH_ORIGINAL = {**PACKAGE_WITHOUT_ORIGINAL, "utils/model_parallel_utils": ORIGINAL_MODULE}
# "Eager" packages import submodules of transformers.utils when transformers.utils is imported.
EAGER_UTILS_4 = "from . import generic, model_parallel_utils\nfrom .model_parallel_utils import get_device_map\n"
EAGER_UTILS_5 = "from . import generic\n"
PACKAGES = {
    "transformers 4": PACKAGE_WITH_ORIGINAL,
    "eager transformers 4": {**PACKAGE_WITH_ORIGINAL, "utils/__init__": EAGER_UTILS_4},
    "transformers 5": PACKAGE_WITHOUT_ORIGINAL,
    "eager transformers 5": {**PACKAGE_WITHOUT_ORIGINAL, "utils/__init__": EAGER_UTILS_5},
    "no transformers": {},
}
INSTALLED_PACKAGES = [package for package, files in PACKAGES.items() if files]
# The code of the module `helpers`, from which the statements import all names.
HELPERS = '''
import importlib.util
import sys
from types import ModuleType

MODULE_NAME = "transformers.utils.model_parallel_utils"


def import_state():
    """Return the module in ``sys.modules``, the module that is an attribute of the parent package, and the finders."""
    parent = sys.modules.get("transformers.utils")
    module = sys.modules.get(MODULE_NAME, "nothing")
    return module, getattr(parent, "model_parallel_utils", "nothing"), list(sys.meta_path)


def assert_patched():
    """Assert that each form of import returns the functions of devicemap."""
    module = sys.modules[MODULE_NAME]
    assert module.get_device_map is sys.modules["devicemap"].get_device_map
    if "transformers.utils" in sys.modules:
        assert sys.modules["transformers.utils"].model_parallel_utils is module
    from transformers.utils.model_parallel_utils import assert_device_map, get_device_map
    assert_device_map(get_device_map(12, range(2)), 12)
    assert get_device_map is module.get_device_map


def is_from_devicemap(value):
    """Return whether a value is a function of devicemap, or a module whose ``get_device_map`` is one."""
    function = vars(value).get("get_device_map") if isinstance(value, ModuleType) else value
    return type(function) is type(len) and function.__module__ == sys.modules["devicemap"].get_device_map.__module__


def assert_unpatched():
    """Assert that no module of transformers has a function of devicemap, and that no finder of devicemap remains."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "transformers" and module is not None:
            assert [key for key, value in vars(module).items() if is_from_devicemap(value)] == [], name
    assert [finder for finder in sys.meta_path if type(finder).__module__.startswith("devicemap")] == []


def remove_from_sys_modules(package):
    """Remove a package from ``sys.modules``, so that the next import loads it again."""
    for name in list(sys.modules):
        if name.split(".")[0] == package:
            del sys.modules[name]


# The four guards: ways in which projects test whether the original module is absent.


def absent_in_sys_modules():
    return MODULE_NAME not in sys.modules


def absent_as_attribute():
    return not hasattr(sys.modules["transformers.utils"], "model_parallel_utils")


def absent_for_find_spec():
    try:
        return importlib.util.find_spec(MODULE_NAME) is None
    except ModuleNotFoundError:
        return True


def absent_for_import():
    try:
        from transformers.utils.model_parallel_utils import get_device_map
    except ImportError:
        return True
    return False
'''
# Statements for run_steps.
IMPORT_HELPERS = "from helpers import *\nimport importlib, threading, time"
PATCH = "import devicemap; devicemap.patch_transformers()"
UNPATCH = "devicemap.unpatch_transformers()"
IMPORT_UTILS = "import transformers.utils"
# Some programs store an empty module instead of a package that is not installed.
PLACEHOLDER = 'sys.modules["transformers"] = ModuleType("transformers")'
PLACEHOLDERS = f'{PLACEHOLDER}; sys.modules["transformers.utils"] = ModuleType("transformers.utils")'
CREATE_OTHER_MODULE = 'other = ModuleType("other"); other.get_device_map = lambda n_layers, devices: {}'
SAVE_FINDERS = "finders = list(sys.meta_path)"


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """Write devicemap, the helpers and the files of a package into a folder, and return the folder."""
    copy_devicemap(folder).joinpath("helpers.py").write_text(HELPERS, encoding="utf-8")
    for name, code in files.items():
        file = folder / "transformers" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    return folder


def run_steps(folder: Path, *steps: str) -> None:
    """Run statements in a new process that can only import the standard library and the packages in the folder."""
    # Without the module site (-S), Python finds no installed package.
    run_code("\n".join([IMPORT_HELPERS, *steps]), "-S", path=folder)
