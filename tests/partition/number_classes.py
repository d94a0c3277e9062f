"""Numbers whose methods are user code."""

from __future__ import annotations


class Moody:
    """A number that says which one it is only as a float, or not at all."""

    def __init__(self, value: float | None) -> None:
        self.value = value

    def __index__(self) -> int:
        raise TypeError("no int")

    def __float__(self) -> float:
        if self.value is None:
            raise LookupError("no number today")
        return self.value


class Odd(int):
    """An int whose text and order are its own."""

    def __str__(self) -> str:
        return "\N{EURO SIGN}" * 50

    def __lt__(self, other: object) -> bool:
        raise LookupError("no order")
