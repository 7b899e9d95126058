"""Splits SQL into tokens, to find calls and clauses. All text that is not replaced stays as the client wrote it.

A parser that writes SQL, such as sqlglot, would have to know all of DataFusion's dialect.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_TOKEN = re.compile(
    r"""(?P<skipped>\s+|--[^\n]*|/\*.*?\*/)
      | '(?:[^']|'')*'
      | "(?:[^"]|"")*" | `[^`]*`
      | \$?[^\W\d]\w* | \$\d+
      | \d+\.?\d*(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)?
      | <=|>=|<>|!=|::|.
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "case": "end"}
_CLOSERS = frozenset(_CLOSING.values())


class Token(NamedTuple):
    """A token and its position in the text.

    Attributes:
        text: The token as written.
        start: Index of its first character.
        end: Index after its last character.
    """

    text: str
    start: int
    end: int

    @property
    def normal(self) -> str:
        """A form that is equal for tokens with the same meaning: lower case, identifiers without quotes."""
        if self.text[0] in '"`':
            return self.text[1:-1].replace('""', '"')
        return self.text if self.text[0] == "'" else self.text.lower()

    @property
    def is_name(self) -> bool:
        """Whether the token is a word or a quoted identifier."""
        return self.text[0] in '"`' or self.text[0] == "_" or self.text[0].isalpha()


class Call(NamedTuple):
    """A function call. Spans are indexes of tokens.

    Attributes:
        name: The function, in lower case.
        span: The whole call.
        arguments: One span for each argument.
    """

    name: str
    span: range
    arguments: list[range]


class Statement:
    """A text of SQL.

    Attributes:
        sql: The text.
        tokens: Its tokens, without comments.
        closing: Index of an opening bracket to the index of its closing bracket. CASE and END count as brackets.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [
            Token(match.group(), match.start(), match.end())
            for match in _TOKEN.finditer(sql)
            if match["skipped"] is None
        ]
        self.closing = _match_brackets(self.tokens)

    def word(self, index: int) -> str:
        """The token at an index in lower case, identifiers with quotes. Empty if the index is out of range."""
        return self.tokens[index].text.lower() if 0 <= index < len(self.tokens) else ""

    def text(self, span: range, replacements: Iterable[tuple[range, str]] = ()) -> str:
        """The text of a span.

        Args:
            span: The tokens.
            replacements: Parts of the span, in their order, and the text that replaces each.
        """
        if not span:
            return ""
        parts, at = [], self.tokens[span.start].start
        for part, text in replacements:
            parts += [self.sql[at : self.tokens[part.start].start], text]
            at = self.tokens[part.stop - 1].end
        return "".join([*parts, self.sql[at : self.tokens[span.stop - 1].end]])

    def normal(self, span: range) -> list[str]:
        """The tokens of a span in their normal form (`Token.normal`)."""
        return [self.tokens[index].normal for index in span]

    def level(self, span: range) -> Iterator[int]:
        """The tokens of a span outside brackets, and the opening brackets."""
        index = span.start
        while index < span.stop:
            yield index
            index = self.closing.get(index, index) + 1

    def split(self, span: range, separator: str = ",") -> list[range]:
        """The parts of a span between separators outside brackets. An empty span has no parts."""
        if not span:
            return []
        parts, start = [], span.start
        for index in self.level(span):
            if self.word(index) == separator:
                parts.append(range(start, index))
                start = index + 1
        return [*parts, range(start, span.stop)]

    def call(self, index: int, names: Collection[str]) -> Call | None:
        """The call of a named function that starts at a token, or None."""
        name = self.word(index)
        if name not in names or self.word(index + 1) != "(" or self.word(index - 1) == ".":
            return None
        close = self.closing.get(index + 1, len(self.tokens) - 1)
        return Call(name, range(index, close + 1), self.split(range(index + 2, close)))

    def calls(self, span: range, names: Collection[str]) -> Iterator[Call]:
        """All calls of the named functions in a span, also those inside arguments."""
        for index in span:
            if (call := self.call(index, names)) is not None:
                yield call

    def is_column(self, span: range) -> bool:
        """Whether a span is the name of a column, with or without the table."""
        return len(span) % 2 == 1 and all(
            self.word(index) == "." if offset % 2 else self.tokens[index].is_name for offset, index in enumerate(span)
        )


def _match_brackets(tokens: list[Token]) -> dict[int, int]:
    closing, opened = {}, []
    for index, token in enumerate(tokens):
        word = token.text.lower()
        if word in _CLOSING:
            opened.append((index, _CLOSING[word]))
        elif word in _CLOSERS and opened and opened[-1][1] == word:
            closing[opened.pop()[0]] = index
    return closing
