"""Small packages that replace transformers, and code that is executed with one of them."""

from __future__ import annotations

from pathlib import Path

from tests.subprocess_helpers import copy_devicemap, run

# The code of each file of a package, by its path without the suffix.
ORIGINAL = "def assert_device_map(device_map, num_blocks): pass\ndef get_device_map(n_layers, devices): return {}\n"
USER = "from transformers.utils.model_parallel_utils import assert_device_map, get_device_map\n"
EMPTY = {"__init__": "", "utils/__init__": "", "utils/generic": "value = 1\n", "model": USER}
EAGER = "from . import generic, model_parallel_utils\nfrom .model_parallel_utils import get_device_map\n"
PACKAGES = {
    "transformers 4": {**EMPTY, "utils/model_parallel_utils": ORIGINAL},
    "eager transformers 4": {**EMPTY, "utils/__init__": EAGER, "utils/model_parallel_utils": ORIGINAL},
    "transformers 5": EMPTY,
    "eager transformers 5": {**EMPTY, "utils/__init__": "from . import generic\n"},
    "no transformers": {},
}
INSTALLED = [package for package, files in PACKAGES.items() if files]
HELPERS = '''
import importlib.util
import sys
from types import ModuleType

NAME = "transformers.utils.model_parallel_utils"


def import_targets():
    """Return the module in ``sys.modules``, the attribute of the parent package, and the finders."""
    parent = sys.modules.get("transformers.utils")
    return sys.modules.get(NAME, "nothing"), getattr(parent, "model_parallel_utils", "nothing"), list(sys.meta_path)


def assert_patched():
    module = sys.modules[NAME]
    assert module.get_device_map is sys.modules["devicemap"].get_device_map
    if "transformers.utils" in sys.modules:
        assert sys.modules["transformers.utils"].model_parallel_utils is module
    from transformers.utils.model_parallel_utils import assert_device_map, get_device_map
    assert_device_map(get_device_map(12, range(2)), 12)
    assert get_device_map is module.get_device_map


def is_ours(value):
    """Return whether a value is a function of devicemap, or a module with its get_device_map."""
    function = vars(value).get("get_device_map") if isinstance(value, ModuleType) else value
    return type(function) is type(len) and function.__module__ == sys.modules["devicemap"].get_device_map.__module__


def assert_unpatched():
    """Assert that no module of transformers has a function of devicemap, and that no finder is left."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "transformers" and module is not None:
            assert [key for key, value in vars(module).items() if is_ours(value)] == [], name
    assert [finder for finder in sys.meta_path if type(finder).__module__.startswith("devicemap")] == []


def forget(package):
    """Remove a package from ``sys.modules``, so that the next import loads it again."""
    for name in list(sys.modules):
        if name.split(".")[0] == package:
            del sys.modules[name]


def absent_in_sys_modules():
    return NAME not in sys.modules


def absent_as_attribute():
    return not hasattr(sys.modules["transformers.utils"], "model_parallel_utils")


def absent_for_find_spec():
    try:
        return importlib.util.find_spec(NAME) is None
    except ModuleNotFoundError:
        return True


def absent_for_import():
    try:
        from transformers.utils.model_parallel_utils import get_device_map
    except ImportError:
        return True
    return False
'''
START = "from helpers import *\nimport importlib, threading, time"
PATCH = "import devicemap; devicemap.patch_transformers()"
UNPATCH = "devicemap.unpatch_transformers()"
IMPORT = "import transformers.utils"
PLACEHOLDER = 'sys.modules["transformers"] = ModuleType("transformers")'
PLACEHOLDERS = f'{PLACEHOLDER}; sys.modules["transformers.utils"] = ModuleType("transformers.utils")'
OTHER_MODULE = 'other = ModuleType("other"); other.get_device_map = lambda n_layers, devices: {}'
FINDERS = "finders = list(sys.meta_path)"


def fill(folder: Path, files: dict[str, str]) -> Path:
    """Copy devicemap, the helpers and a package into a folder."""
    copy_devicemap(folder).joinpath("helpers.py").write_text(HELPERS, encoding="utf-8")
    for name, code in files.items():
        file = folder / "transformers" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    return folder


def run_steps(folder: Path, *steps: str) -> None:
    """Run statements in a new process, which can import the standard library and the packages in the folder only."""
    # Without the module site (-S), Python finds no installed package.
    run("\n".join([START, *steps]), "-S", path=folder)
