"""The language of ``--where``: what Python's grammar reads, and never runs, as a filter."""

from __future__ import annotations

import ast
import datetime as dt
import re
import warnings
from collections.abc import Callable, Hashable
from functools import reduce
from typing import Any, NoReturn, TypeVar

from ..errors import UnsupportedOptionError, UnsupportedValueError
from ..query import Q

_LONGEST = 10_000
_MARK = "▸"

_COMPARE = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Gt: "gt",
    ast.GtE: "gte",
    ast.Lt: "lt",
    ast.LtE: "lte",
    ast.In: "in",
    ast.NotIn: "nin",
}
_FLIPPED = {"eq": "eq", "ne": "ne", "gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte"}
_METHODS = ("contains", "startswith", "endswith")
_CONSTANTS = {"true": True, "false": False}
_NULLS = ("null", "None")
_TIMES: dict[str, Callable[[str], Any]] = {
    # A day is its first moment: the columns of frames hold times.
    "date": lambda text: dt.datetime.combine(dt.date.fromisoformat(text), dt.time()),
    "datetime": dt.datetime.fromisoformat,
}
_HELP = (
    "It is made of comparisons such as qty > 3, city == 'Rome', city in ['Rome', 'Bari'], "
    "day >= date('2024-01-31'), note is null, name.startswith('a'), joined by and, or, not; a "
    "column whose name is no word is col('unit price')."
)

_CALL = re.compile(r"^Q\.where\((.*?), '(\w+)', \.\.\.\)")

T = TypeVar("T")


def parse_where(text: str) -> Q:
    """Return the filter that an expression says.

    Raises
    ------
    UnsupportedOptionError
        Naming what is not understood, with a mark before it.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = " ".join(text.split("\n"))

    def read(self) -> Q:
        if len(self._text) > _LONGEST:
            raise UnsupportedOptionError(f"--where has more than {_LONGEST} characters.")
        if not self._text.strip():
            raise UnsupportedOptionError(f"--where is empty. {_HELP}")
        indent = len(self._text) - len(self._text.lstrip())
        self._text = self._text[indent:]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes and of comparisons with literals
                tree = ast.parse(self._text, mode="eval")
            return self._condition(tree.body)
        except SyntaxError as error:
            at = error.offset - 1 if error.offset else len(self._text)
            raise self._error(at, self._misspelt(at) or str(error.msg)) from None
        except (RecursionError, MemoryError):
            raise UnsupportedOptionError("--where is nested too deeply.") from None
        except ValueError as error:
            raise UnsupportedOptionError(f"--where is no text: {error}.") from None

    # --- conditions --------------------------------------------------------------------------

    def _condition(self, node: ast.expr) -> Q:
        if isinstance(node, ast.BoolOp):
            parts = [self._condition(value) for value in node.values]
            if isinstance(node.op, ast.And):
                return reduce(lambda one, two: one & two, parts)
            return reduce(lambda one, two: one | two, parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self._condition(node.operand)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            links = zip(sides, node.ops, sides[1:], strict=False)
            return reduce(lambda one, two: one & two, (self._comparison(*link) for link in links))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._method(node, node.func)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            word = "and" if isinstance(node.op, ast.BitAnd) else "or"
            self._refuse(node, f"conditions are joined by {word}, not by a sign")
        if self._is_label(node):
            return self._made(node, lambda: Q.where(self._label(node), "eq", True))
        self._refuse(node, "this is no condition")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Q:
        if isinstance(op, ast.Is | ast.IsNot):
            if not self._is_null(right):
                self._refuse(right, "after is comes null or not null")
            return self._made(
                left, lambda: Q.where(self._label(left), "isnull", isinstance(op, ast.Is))
            )
        operator = _COMPARE[type(op)]
        if self._is_label(left) and self._is_label(right):
            self._refuse(right, "a column is compared with a value; text needs quotes")
        for side in (left, right):
            if self._is_null(side):
                self._refuse(side, "nothing equals null: write is null or is not null")
        if self._is_label(left):
            label, value = left, self._value(right)
        elif operator in _FLIPPED:
            label, value, operator = right, self._value(left), _FLIPPED[operator]
        else:
            # 'x' in tags
            inside = self._made(
                right, lambda: Q.where(self._label(right), "contains", self._value(left))
            )
            return inside if operator == "in" else ~inside
        return self._made(label, lambda: Q.where(self._label(label), operator, value))

    def _method(self, node: ast.Call, function: ast.Attribute) -> Q:
        if function.attr not in _METHODS:
            self._refuse(node, f"there is no {function.attr}(); there are {', '.join(_METHODS)}")
        if len(node.args) != 1 or node.keywords:
            self._refuse(node, f"{function.attr}() takes one text")
        label, text = self._label(function.value), self._value(node.args[0])
        return self._made(node, lambda: Q.where(label, function.attr, text))

    # --- labels and values -------------------------------------------------------------------

    def _is_null(self, node: ast.expr) -> bool:
        named = isinstance(node, ast.Name) and node.id in _NULLS
        return named or (isinstance(node, ast.Constant) and node.value is None)

    def _is_label(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id not in (*_CONSTANTS, *_NULLS)
        if isinstance(node, ast.Attribute):
            return self._is_label(node.value)
        return self._is_call(node, "col")

    def _label(self, node: ast.expr) -> Hashable:
        if isinstance(node, ast.Name) and self._is_label(node):
            return node.id
        if isinstance(node, ast.Attribute) and self._is_label(node):
            return f"{self._label(node.value)}.{node.attr}"
        if self._is_call(node, "col"):
            assert isinstance(node, ast.Call)
            made: Hashable = self._value(node.args[0])
            return made
        self._refuse(node, "a comparison begins with a column")

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool):
            return node.value
        if isinstance(node, ast.Name) and node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            number = self._value(node.operand)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -number if isinstance(node.op, ast.USub) else number
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [self._value(item) for item in node.elts]
        for name, read in _TIMES.items():
            if self._is_call(node, name):
                assert isinstance(node, ast.Call)
                text = self._value(node.args[0])
                try:
                    return read(text)
                except (TypeError, ValueError):
                    self._refuse(node, f"{text!r} is no {name} such as '2024-01-31'")
        if self._is_label(node) and not isinstance(node, ast.Call):
            self._refuse(node, "a value is expected; text needs quotes")
        self._refuse(node, "a value is a number, a text in quotes, true, false, a date or a list")

    def _is_call(self, node: ast.expr, name: str) -> bool:
        """Return whether this is ``name(constant)``."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == name
            and len(node.args) == 1
            and not node.keywords
        )

    # --- errors ------------------------------------------------------------------------------

    def _made(self, node: ast.expr, make: Callable[[], T]) -> T:
        """Return what ``make`` does; what filters refuse is told with its place."""
        try:
            return make()
        except (UnsupportedOptionError, UnsupportedValueError) as error:
            if str(error).startswith("--where"):
                raise
            raise self._error(self._at(node), _CALL.sub(r"\1 \2", str(error))) from None

    def _refuse(self, node: ast.expr, reason: str) -> NoReturn:
        raise self._error(self._at(node), reason)

    def _at(self, node: ast.expr) -> int:
        return len(self._text.encode()[: node.col_offset].decode(errors="ignore"))

    def _error(self, at: int, reason: str) -> UnsupportedOptionError:
        before, after = self._text[max(at - 60, 0) : at], self._text[at : at + 60]
        marked = f"{before}{_MARK}{after}"
        return UnsupportedOptionError(
            f"--where, at {_MARK} in {marked}: {reason.strip().rstrip('.')}. {_HELP}"
        )

    def _misspelt(self, at: int) -> str | None:
        """Return what is meant by what other languages write, near the place of an error."""
        around = self._text[max(at - 8, 0) : at + 8]
        if "<>" in around:
            return "unequal is !="
        if "=" in around and not any(op in around for op in ("==", "!=", "<=", ">=")):
            return "equal is =="
        upper = next((w for w in ("AND", "OR", "NOT", "IN", "IS", "LIKE") if w in around), None)
        if upper == "LIKE" or re.search(r"\b(like|contains|startswith)\b", around):
            return "text is searched as in name.contains('a'), .startswith(), .endswith()"
        if upper is not None:
            return f"{upper} is written {upper.lower()}"
        if "&&" in around or "||" in around or "!" in around.replace("!=", ""):
            return "conditions are joined by and, or, not"
        return None
