"""The exception classes, and the text of values in messages."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import devicemap
from devicemap._errors import short_repr
from tests.subprocess_helpers import run


def caught_error() -> devicemap.DeviceMapError:
    with pytest.raises(devicemap.DeviceMapError) as info:
        devicemap.assert_device_map({0: [0, 1, 1], 1: [7, "x", 7]}, 4)
    return info.value


def test_it_is_caught_as_assertion_error_and_as_value_error() -> None:
    assert devicemap.DeviceMapError.__bases__ == (AssertionError, ValueError)
    for kind in (AssertionError, ValueError):
        with pytest.raises(kind):
            devicemap.assert_device_map({}, 1)


def test_it_has_all_faults_and_names_the_first_kind() -> None:
    error = caught_error()
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
def test_texts_for_missing_and_extra_blocks(blocks: list[int], text: str) -> None:
    with pytest.raises(devicemap.DeviceMapError) as info:
        devicemap.assert_device_map({0: blocks}, 3)
    assert str(info.value) == text


@pytest.mark.parametrize(
    "make_copy",
    [copy.copy, copy.deepcopy, *(lambda e, p=p: pickle.loads(pickle.dumps(e, p)) for p in range(6))],
)
def test_it_can_be_copied_and_pickled(
    make_copy: Callable[[devicemap.DeviceMapError], devicemap.DeviceMapError],
) -> None:
    error = caught_error()
    copied = make_copy(error)
    assert copied is not error
    assert type(copied) is devicemap.DeviceMapError
    assert copied.args == error.args
    assert vars(copied) == vars(error)


def test_its_context_is_the_exception_being_handled() -> None:
    def check_while_handling() -> None:
        try:
            [].pop()
        except IndexError:
            devicemap.assert_device_map({}, 1)

    with pytest.raises(devicemap.DeviceMapError) as info:
        check_while_handling()
    assert isinstance(info.value.__context__, IndexError)


def test_an_instance_created_by_the_caller_has_no_blocks() -> None:
    error = devicemap.DeviceMapError("by hand")
    assert (error.duplicate_blocks, error.missing_blocks, error.extra_blocks) == ((), (), ())
    assert f"{type(error).__module__}.{type(error).__qualname__}" == "devicemap.DeviceMapError"


def test_a_second_import_raises_its_own_classes() -> None:
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


def test_the_module_of_the_errors_imports_nothing_from_the_package() -> None:
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


class WithRepr:
    """An object with a given repr."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __repr__(self) -> Any:
        return self.text


class StrWithRaisingSplit(str):
    """A str whose ``split`` raises."""

    __slots__ = ()

    def split(self, *_: Any) -> Any:
        raise ZeroDivisionError


def no_name(_cls: type) -> str:
    raise ZeroDivisionError


# A metaclass whose classes have no name.
Nameless: Any = type("Nameless", (type,), {"__name__": property(no_name)})


def no_repr(_self: object) -> str:
    raise ZeroDivisionError


# A class whose instances have no repr.
Raising: Any = Nameless("Raising", (), {"__repr__": no_repr})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        ("x" * 38, repr("x" * 38)),
        ("x" * 39, f"'{'x' * 17}...{'x' * 18}'"),
        (WithRepr("x" * 40), "x" * 40),
        (WithRepr("a" * 30 + "b" * 11), f"{'a' * 26}…{'a' * 2}{'b' * 11}"),
        (WithRepr("two\n   lines\t"), "two lines"),
        (WithRepr("\x1b[31m\ud800é"), r"\x1b[31m\ud800\xe9"),
        (WithRepr("é"), "é"),
        (WithRepr(5), "<WithRepr>"),
        (WithRepr(StrWithRaisingSplit("a b")), "a b"),
        (Raising(), "<Raising>"),
        ((1, Raising()), "<tuple>"),
        (10**5000, "<int>"),
        ([[[[1]]]], "[[[...]]]"),
        (list(range(10**6)), "[0, 1, 2, ...]"),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "{'a': 1, 'b': 2, 'c': 3, ...}"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str) else "value",
)
def test_short_repr_is_one_short_line(value: object, text: str) -> None:
    assert short_repr(value) == text


def test_short_repr_does_not_catch_keyboard_interrupt() -> None:
    class Stopping:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        short_repr(Stopping())
