"""Helpers for calls that may raise, and costs that run user code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def ignore_exceptions(function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Call a function and ignore exceptions."""
    try:
        function(*arguments, **options)
    except Exception:
        pass


class MutatingCost:
    """A cost that calls a function when it is converted to a float."""

    def __init__(self, mutate: Callable[[], Any]) -> None:
        self.mutate = mutate

    def __float__(self) -> float:
        self.mutate()
        return 0.5
