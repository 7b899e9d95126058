"""Measures how deep a query is nested, because DataFusion does not check that before it recurses.

DataFusion's parser limits brackets and prefixes. But ``a OR b OR c ...`` is a tree as deep as the text is long: with
about 8,000 operators the planner overflows the stack, and the process ends (measured).
"""

from __future__ import annotations

from influxdb3_embedded.sql.dialect.lexer import Statement

DEEPEST = 3_000
"""Operators in a row that a query may have. The process ends at about 8,000; planning is slow at 3,000 already."""

_BINDING_LOOSELY = frozenset({"and", "or", "xor", "union", "intersect", "except"})
_BINDING_TIGHTLY = (
    frozenset("+-*/%|&^#~=<>!@?")
    | {"<=", ">=", "<>", "!=", "::", "["}
    | {"is", "like", "ilike", "similar", "between", "div", "collate", "at", "join", "overlaps", "regexp", "rlike"}
)


class _Level:
    """The text between two brackets: counts its operators in a row, and the depth of their operands."""

    def __init__(self) -> None:
        self.loose = self.tight = 0
        self._brackets = self._operand = self._deepest = 0

    def note_brackets(self, inside: int) -> None:
        self._brackets = max(self._brackets, inside)

    def end_operand(self) -> None:
        self._operand = max(self._operand, self.tight + self._brackets)
        self.tight = self._brackets = 0

    def end_row(self) -> int:
        self.end_operand()
        self._deepest = max(self._deepest, self.loose + self._operand)
        self.loose = self._operand = 0
        return self._deepest


def depth(sql: str) -> int:
    """An upper bound for the depth of the deepest expression of a query.

    >>> depth("SELECT a + b * (c - d), e = 1 OR f = 2 FROM t")
    3
    """
    levels = [_Level()]
    after_operand = False
    for token in Statement(sql).tokens:
        text = token.normal
        level = levels[-1]
        if text == "(":
            levels.append(_Level())
            after_operand = False
        elif text == ")":
            if len(levels) > 1:
                levels.pop()
                levels[-1].note_brackets(level.end_row())
            after_operand = True
        elif text in (",", ";"):
            level.end_row()
            after_operand = False
        elif text in _BINDING_LOOSELY:
            level.end_operand()
            level.loose += 1
            after_operand = False
        elif text in _BINDING_TIGHTLY:
            level.tight += after_operand  # a sign has no left operand
            after_operand = False
        else:
            after_operand = True
    return max(level.end_row() for level in levels)
