"""Tests for the exception classes, and for how values are shown in error messages."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import devicemap
from devicemap import _errors
from devicemap._errors import short_repr
from tests.subprocess_helpers import run_code


def caught_error() -> devicemap.DeviceMapError:
    """Return the error for a map with duplicate, missing and extra blocks."""
    with pytest.raises(devicemap.DeviceMapError) as caught:
        devicemap.assert_device_map({0: [0, 1, 1], 1: [7, "x", 7]}, 4)
    return caught.value


def test_device_map_error_is_an_assertion_error_and_a_value_error() -> None:
    assert devicemap.DeviceMapError.__bases__ == (AssertionError, ValueError)
    for error_type in (AssertionError, ValueError):
        with pytest.raises(error_type):
            devicemap.assert_device_map({}, 1)


# The three messages are copied verbatim from transformers 4.57.6.


def test_device_map_error_contains_all_faults_but_the_message_only_names_the_duplicates() -> None:
    error = caught_error()
    assert str(error) == (
        "Duplicate attention blocks specified in device_map. Attention blocks must be specified to one device. "
        "These attention blocks were specified more than once: [1, 7]"
    )
    assert error.duplicate_blocks == [1, 7]
    assert error.missing_blocks == [2, 3]
    assert error.extra_blocks == [7, "x", 7]


@pytest.mark.parametrize(
    ("blocks", "message"),
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
def test_messages_for_missing_and_extra_blocks_are_those_of_the_original(blocks: list[int], message: str) -> None:
    with pytest.raises(devicemap.DeviceMapError) as caught:
        devicemap.assert_device_map({0: blocks}, 3)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "make_copy",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_device_map_error_can_be_copied_and_pickled(
    make_copy: Callable[[devicemap.DeviceMapError], devicemap.DeviceMapError],
) -> None:
    error = caught_error()
    copied = make_copy(error)
    assert copied is not error
    assert type(copied) is devicemap.DeviceMapError
    assert copied.args == error.args
    assert vars(copied) == vars(error)


def test_context_of_device_map_error_is_the_exception_being_handled() -> None:
    def check_while_handling() -> None:
        try:
            [].pop()
        except IndexError:
            devicemap.assert_device_map({}, 1)

    with pytest.raises(devicemap.DeviceMapError) as caught:
        check_while_handling()
    assert isinstance(caught.value.__context__, IndexError)


def test_device_map_error_created_by_the_caller_has_no_blocks() -> None:
    error = devicemap.DeviceMapError("message")
    assert (error.duplicate_blocks, error.missing_blocks, error.extra_blocks) == ((), (), ())
    assert f"{type(error).__module__}.{type(error).__qualname__}" == "devicemap.DeviceMapError"


def test_reimported_package_raises_its_own_exception_classes() -> None:
    run_code(
        """
        import sys
        import devicemap

        first_import = devicemap
        for name in [name for name in sys.modules if name.partition(".")[0] == "devicemap"]:
            del sys.modules[name]
        import devicemap

        assert devicemap.DeviceMapError is not first_import.DeviceMapError
        failing_calls = [
            lambda: devicemap.assert_device_map({}, 1),
            lambda: devicemap.check({}, 1).raise_for_faults(),
            lambda: devicemap.balance([2], 1, sizes=[2], max_memory=[1]),
        ]
        for call in failing_calls:
            try:
                call()
            except (devicemap.DeviceMapError, devicemap.InfeasibleError) as error:
                assert type(error).__module__ == "devicemap"
                assert type(error) is getattr(devicemap, type(error).__name__)
            else:
                raise SystemExit("the call raised no exception")
        """
    )


def test_errors_module_imports_nothing_from_the_package() -> None:
    tree = ast.parse(Path(_errors.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert imports
    assert "devicemap" not in " ".join(map(ast.unparse, imports))
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in imports)


class ObjectWithRepr:
    """An object whose ``__repr__`` returns a given value."""

    def __init__(self, repr_value: object) -> None:
        self.repr_value = repr_value

    def __repr__(self) -> Any:
        return self.repr_value


class StrWhoseSplitRaises(str):
    """A str whose ``split`` raises an exception. ``short_repr`` must split a repr into words without calling it."""

    __slots__ = ()

    def split(self, *_: Any) -> Any:
        raise ZeroDivisionError


def raise_on_name(_cls: type) -> str:
    raise ZeroDivisionError


# A metaclass for classes whose `__name__` raises an exception.
RaisingNameMeta: Any = type("RaisingNameMeta", (type,), {"__name__": property(raise_on_name)})


def raise_on_repr(_self: object) -> str:
    raise ZeroDivisionError


# A class whose `__name__` raises an exception, as does the repr of its instances.
RaisingRepr: Any = RaisingNameMeta("RaisingRepr", (), {"__repr__": raise_on_repr})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "'x'"),
        ("x" * 38, repr("x" * 38)),
        # `reprlib` shortens strings, lists and dicts with "..."; `short_repr` itself shortens other reprs with "…".
        ("x" * 39, f"'{'x' * 17}...{'x' * 18}'"),
        (ObjectWithRepr("x" * 40), "x" * 40),
        (ObjectWithRepr("a" * 30 + "b" * 11), f"{'a' * 26}…{'a' * 2}{'b' * 11}"),
        (ObjectWithRepr("two\n   lines\t"), "two lines"),
        (ObjectWithRepr("\x1b[31m\ud800é"), r"\x1b[31m\ud800\xe9"),
        (ObjectWithRepr("é"), "é"),
        (ObjectWithRepr(5), "<ObjectWithRepr>"),
        (ObjectWithRepr(StrWhoseSplitRaises("a b")), "a b"),
        (RaisingRepr(), "<RaisingRepr>"),
        ((1, RaisingRepr()), "<tuple>"),
        (10**5000, "<int>"),
        ([[[[1]]]], "[[[...]]]"),
        (list(range(10**6)), "[0, 1, 2, ...]"),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "{'a': 1, 'b': 2, 'c': 3, ...}"),
    ],
    ids=lambda parameter: ascii(parameter)[:20] if isinstance(parameter, str) else "value",
)
def test_short_repr_is_one_printable_line_of_at_most_40_characters(value: object, expected: str) -> None:
    assert short_repr(value) == expected


def test_short_repr_does_not_catch_keyboard_interrupt() -> None:
    class InterruptingRepr:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        short_repr(InterruptingRepr())
