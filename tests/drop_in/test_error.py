"""The exception classes, and how messages show values."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import devicemap
from devicemap._errors import short_repr
from tests.subprocess_helpers import run


def caught() -> devicemap.DeviceMapError:
    with pytest.raises(devicemap.DeviceMapError) as info:
        devicemap.assert_device_map({0: [0, 1, 1], 1: [7, "x", 7]}, 4)
    return info.value


def test_both_kinds_of_callers_catch_it() -> None:
    assert devicemap.DeviceMapError.__bases__ == (AssertionError, ValueError)
    for kind in (AssertionError, ValueError):
        with pytest.raises(kind):
            devicemap.assert_device_map({}, 1)


def test_it_carries_all_faults_though_it_names_one() -> None:
    error = caught()
    assert str(error) == (
        "Duplicate attention blocks specified in device_map. Attention blocks must be specified to one device. "
        "These attention blocks were specified more than once: [1, 7]"
    )
    assert error.duplicate_blocks == [1, 7]
    assert error.missing_blocks == [2, 3]
    assert error.extra_blocks == [7, "x", 7]


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        (
            [0, 2],
            (
                "There are attention blocks for this model that are not specified in the device_map. Add these "
                "attention blocks to a device on the device_map: [1]"
            ),
        ),
        (
            [0, 1, 2, 3],
            "The device_map contains more attention blocks than this model has. Remove these from the device_map:[3]",
        ),
    ],
)
def test_the_other_texts(blocks: list[int], text: str) -> None:
    with pytest.raises(devicemap.DeviceMapError) as info:
        devicemap.assert_device_map({0: blocks}, 3)
    assert str(info.value) == text


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, *(lambda e, p=p: pickle.loads(pickle.dumps(e, p)) for p in range(6))],
)
def test_it_pickles_and_copies(duplicate: Callable[[devicemap.DeviceMapError], devicemap.DeviceMapError]) -> None:
    error = caught()
    again = duplicate(error)
    assert again is not error
    assert type(again) is devicemap.DeviceMapError
    assert again.args == error.args
    assert vars(again) == vars(error)


def test_it_has_what_is_being_handled_as_its_context() -> None:
    def check_while_handling() -> None:
        try:
            [].pop()
        except IndexError:
            devicemap.assert_device_map({}, 1)

    with pytest.raises(devicemap.DeviceMapError) as info:
        check_while_handling()
    assert isinstance(info.value.__context__, IndexError)


def test_one_made_by_hand_has_no_blocks() -> None:
    error = devicemap.DeviceMapError("by hand")
    assert (error.duplicate_blocks, error.missing_blocks, error.extra_blocks) == ((), (), ())
    assert f"{type(error).__module__}.{type(error).__qualname__}" == "devicemap.DeviceMapError"


def test_what_a_devicemap_imported_again_raises_is_of_its_own_classes() -> None:
    run(
        """
        import sys
        import devicemap

        old = devicemap
        for name in [name for name in sys.modules if name.partition(".")[0] == "devicemap"]:
            del sys.modules[name]
        import devicemap

        assert devicemap.DeviceMapError is not old.DeviceMapError
        failing = [
            lambda: devicemap.assert_device_map({}, 1),
            lambda: devicemap.check({}, 1).raise_for_faults(),
            lambda: devicemap.balance([2], 1, sizes=[2], max_memory=[1]),
        ]
        for call in failing:
            try:
                call()
            except (devicemap.DeviceMapError, devicemap.InfeasibleError) as error:
                assert type(error).__module__ == "devicemap"
                assert type(error) is getattr(devicemap, type(error).__name__)
            else:
                raise SystemExit("no error")
        """
    )


def test_the_module_of_the_classes_imports_nothing_of_the_package() -> None:
    assert (
        run(
            """
        import ast, pathlib, devicemap._errors
        tree = ast.parse(pathlib.Path(devicemap._errors.__file__).read_text())
        print(*[name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names])
        print(*[node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)])
        """
        ).find("devicemap")
        == -1
    )


class Shown:
    """An object with a repr."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __repr__(self) -> Any:
        return self.text


class Text(str):
    """A repr with a split of its own."""

    __slots__ = ()

    def split(self, *_: Any) -> Any:
        raise ZeroDivisionError


def no_name(_cls: type) -> str:
    raise ZeroDivisionError


# The type of a type without a name.
Nameless: Any = type("Nameless", (type,), {"__name__": property(no_name)})


def no_repr(_self: object) -> str:
    raise ZeroDivisionError


# The type of an object without a repr.
Raising: Any = Nameless("Raising", (), {"__repr__": no_repr})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        ("x" * 38, repr("x" * 38)),
        ("x" * 39, f"'{'x' * 17}...{'x' * 18}'"),
        (Shown("x" * 40), "x" * 40),
        (Shown("a" * 30 + "b" * 11), f"{'a' * 26}…{'a' * 2}{'b' * 11}"),
        (Shown("two\n   lines\t"), "two lines"),
        (Shown("\x1b[31m\ud800é"), r"\x1b[31m\ud800\xe9"),
        (Shown("é"), "é"),
        (Shown(5), "<Shown>"),
        (Shown(Text("a b")), "a b"),
        (Raising(), "<Raising>"),
        ((1, Raising()), "<tuple>"),
        (10**5000, "<int>"),
        ([[[[1]]]], "[[[...]]]"),
        (list(range(10**6)), "[0, 1, 2, ...]"),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "{'a': 1, 'b': 2, 'c': 3, ...}"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str) else "value",
)
def test_values_are_shown_on_one_short_line(value: object, text: str) -> None:
    assert short_repr(value) == text


def test_only_exceptions_are_kept_from_the_message() -> None:
    class Stopping:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        short_repr(Stopping())
