"""Helpers for tests in which user code runs during a call, and can change the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def call_ignoring_exceptions(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call ``function`` and ignore any exception that it raises."""
    try:
        function(*args, **kwargs)
    except Exception:
        pass


class MutatingCost:
    """A cost that calls ``mutation``, which may change the list of costs, when it is converted to a float."""

    def __init__(self, mutation: Callable[[], Any]) -> None:
        self.mutation = mutation

    def __float__(self) -> float:
        self.mutation()
        return 0.5
