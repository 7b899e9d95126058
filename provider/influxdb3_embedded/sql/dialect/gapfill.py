"""``date_bin_gapfill`` with ``locf`` and ``interpolate``: one row for each bin of time, with or without data.

A SELECT that groups by ``date_bin_gapfill`` becomes a SELECT over a subquery:

1. Group with ``date_bin``.
2. Give each series (the other keys of GROUP BY) all bins between the bounds of time.
3. Fill the aggregates of the bins without data.

A filling applies to an aggregate in the whole SELECT, as on the real server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from influxdb3_embedded.sql.dialect.blocks import Block, enclosing_block, visible_tables
from influxdb3_embedded.sql.dialect.fillings import Filling, fill
from influxdb3_embedded.sql.dialect.lexer import Statement
from influxdb3_embedded.sql.dialect.selectors import SELECTORS
from influxdb3_embedded.sql.dialect.time_bounds import time_bounds
from influxdb3_embedded.sql.errors import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pyarrow as pa

    from influxdb3_embedded.sql.dialect.lexer import Call

    Describe = Callable[[str], pa.Schema]
    CheckBins = Callable[[str], None]

_GAPFILL = "date_bin_gapfill"
_BIN = "__bin"


def fill_gaps(sql: str, aggregates: Collection[str], describe: Describe, check_bins: CheckBins) -> str:
    """Rewrite each SELECT that fills gaps into DataFusion's SQL.

    Args:
        sql: Any SQL.
        aggregates: Names of DataFusion's aggregate functions.
        describe: Plans a query, which may use selectors, and returns its columns.
        check_bins: Runs a query for ``first`` and ``last`` (nanoseconds) and ``stride`` of bins. Raises `QueryFailed`
            for too many bins.

    Raises:
        QueryFailed: The gaps cannot be filled (with the real server's text), or there are too many bins.
    """
    while _GAPFILL in sql.lower():
        statement = Statement(sql)
        calls = statement.calls(range(len(statement.tokens)), {_GAPFILL})
        blocks = {block.span: block for call in calls if (block := enclosing_block(statement, call.span.start))}
        if not blocks:
            return sql
        # The SELECT that ends first may be inside another one, or be a table of it.
        block = blocks[min(blocks, key=lambda span: (span.stop, -span.start))]
        replacement = _GapFilledBlock(block, aggregates, describe, check_bins).to_sql()
        sql = statement.text(range(len(statement.tokens)), [(block.span, replacement)])
    return sql


class _Part(NamedTuple):
    """A part of an expression that the subquery computes as a column."""

    span: range
    column: str
    function: str = ""


class _GapFilledBlock:
    """One SELECT that groups by ``date_bin_gapfill``."""

    def __init__(self, block: Block, aggregates: Collection[str], describe: Describe, check_bins: CheckBins) -> None:
        self._block = block
        self._check_bins = check_bins
        self._statement = block.statement
        self._aggregate_names = SELECTORS.union(aggregates)
        self._keys: dict[str, range] = {}
        self._aggregates: dict[tuple[str, ...], tuple[str, range]] = {}
        self._fillings: dict[str, Filling] = {}
        self._bin = self._find_keys()
        items = [self._parts(item.expression) for item in block.items]
        having, order = self._parts(block.clause("having")), self._parts_of_order()
        self._groups = self._describe(describe)
        names = dict(zip(self._columns, self._groups.names, strict=True))
        self._items = [self._item(index, parts, names) for index, parts in enumerate(items)]
        self._having = self._text(block.clause("having"), having)
        self._rest = self._text(range(block.core.stop, block.span.stop), order)
        if self._having and self._fillings:
            _refuse(f"{next(iter(self._fillings.values()))} may only be used in the SELECT list of a gap-filling query")

    def to_sql(self) -> str:
        """The SELECT over the groups with all bins."""
        block = self._block
        distinct = "DISTINCT " if block.distinct else ""
        having = f" WHERE {self._having}" if self._having else ""
        rest = f" {self._rest}" if self._rest else ""
        if not (block.clause("order", length=2) or block.distinct or block.is_operand):
            # The real server returns one series after the other.
            rest = f" ORDER BY {''.join(f'{key} NULLS FIRST, ' for key in self._keys)}{_BIN}{rest}"
        return f"SELECT {distinct}{', '.join(self._items)} FROM ({self._filled()}) AS __filled{having}{rest}"  # noqa: S608 - consists of the client's own query

    @property
    def _columns(self) -> list[str]:
        return [_BIN, *self._keys, *(column for column, _ in self._aggregates.values())]

    def _find_keys(self) -> Call:
        statement, block = self._statement, self._block
        bins: list[Call] = []
        for term in statement.split(block.clause("group", length=2)):
            key = self._resolve(term)
            calls = list(statement.calls(key, {_GAPFILL}))
            bins += calls
            if not calls:
                self._keys[f"__key{len(self._keys)}"] = key
            elif calls[0].span != key:
                _refuse(
                    "DATE_BIN_GAPFILL must be a top-level expression in the GROUP BY clause when gap filling. "
                    "It cannot be part of another expression or cast"
                )
        if not bins:
            _refuse("date_bin_gapfill may only be used as a GROUP BY expression")
        if len(bins) > 1:
            _refuse("DATE_BIN_GAPFILL specified more than once")
        if len(bins[0].arguments) not in {2, 3}:
            _refuse(f"DATE_BIN_GAPFILL expects 2 or 3 arguments, got {len(bins[0].arguments)}")
        if not statement.is_column(bins[0].arguments[1]):
            _refuse("DATE_BIN_GAPFILL requires a column as the source argument")
        return bins[0]

    def _resolve(self, term: range) -> range:
        """The expression of a term of GROUP BY, which may be a position or an alias."""
        items = self._block.items
        if len(term) == 1:
            word = self._statement.tokens[term.start]
            if word.text.isdecimal() and 0 < int(word.text) <= len(items):
                return items[int(word.text) - 1].expression
            for item in items:
                if item.alias is not None and Statement(item.alias).tokens[0].normal == word.normal:
                    return item.expression
        return term

    def _parts(self, span: range) -> list[_Part]:
        """The parts of an expression that the subquery computes, from left to right."""
        parts: list[_Part] = []
        index = span.start
        while index < span.stop:
            part = self._part(index, span)
            if part is not None:
                parts.append(part)
                index = part.span.stop
            elif self._statement.word(index) == "(" and self._statement.word(index + 1) in {"select", "with"}:
                index = self._statement.closing.get(index, index) + 1
            else:
                index += 1
        return parts

    def _part(self, index: int, span: range) -> _Part | None:
        statement = self._statement
        filled = statement.call(index, set(Filling))
        if filled is not None:
            return self._filled_part(filled)
        aggregate = self._aggregate(index)
        if aggregate is not None:
            return _Part(aggregate, self._aggregate_column(aggregate))
        if statement.word(index - 1) == ".":
            return None
        for column, key in {_BIN: self._bin.span, **self._keys}.items():
            here = range(index, min(index + len(key), span.stop))
            if statement.is_column(key):
                here = self._column_at(index, span)
                same = bool(here) and self._is_same_column(key, here)
            else:
                same = statement.normal(here) == statement.normal(key)
            if same:
                return _Part(here, column)
        return None

    def _filled_part(self, call: Call) -> _Part:
        argument = call.arguments[0] if call.arguments else range(0)
        if not argument or self._aggregate(argument.start) != argument:
            _refuse(f"{call.name} must be called on an aggregate column in a gap-filling query")
        column = self._aggregate_column(argument)
        if column in self._fillings:
            text = "This feature is not implemented: multiple fill strategies for the same column"
            raise QueryFailed(405, text)
        self._fillings[column] = Filling(call.name)
        return _Part(call.span, column, call.name)

    def _aggregate(self, index: int) -> range | None:
        """The call of an aggregate function that starts at a token, with its clauses, such as FILTER."""
        statement = self._statement
        call = statement.call(index, self._aggregate_names)
        if call is None:
            return None
        stop = call.span.stop
        if statement.word(stop) in {"ignore", "respect"}:
            stop += 2
        if statement.word(stop) == "within":
            stop = statement.closing.get(stop + 2, stop) + 1
        if statement.word(stop) == "filter":
            stop = statement.closing.get(stop + 1, stop) + 1
        return None if statement.word(stop) == "over" else range(index, stop)

    def _aggregate_column(self, span: range) -> str:
        known = self._aggregates.setdefault(
            tuple(self._statement.normal(span)), (f"__aggregate{len(self._aggregates)}", span)
        )
        return known[0]

    def _column_at(self, index: int, span: range) -> range:
        statement, stop = self._statement, index + 1
        while stop + 1 < span.stop and statement.word(stop) == ".":
            stop += 2
        here = range(index, stop)
        return here if statement.is_column(here) and statement.word(stop) not in {"(", "."} else range(0)

    def _is_same_column(self, left: range, right: range) -> bool:
        names, others = self._statement.normal(left)[::-2], self._statement.normal(right)[::-2]
        return all(name == other for name, other in zip(names, others, strict=False))

    def _parts_of_order(self) -> list[_Part]:
        """The parts of ORDER BY, without the names of columns of the result."""
        items = self._block.items
        named = {tuple(self._statement.normal(item.expression)) for item in items if item.alias is None}
        aliases = {Statement(item.alias).tokens[0].normal for item in items if item.alias is not None}
        return [
            part
            for part in self._parts(self._block.clause("order", length=2))
            if not (
                self._statement.is_column(part.span)
                and (
                    self._statement.normal(part.span)[-1] in aliases
                    or (self._block.distinct and tuple(self._statement.normal(part.span)) in named)
                )
            )
        ]

    def _text(self, span: range, parts: Sequence[_Part]) -> str:
        return self._statement.text(span, [(part.span, part.column) for part in parts])

    def _item(self, index: int, parts: list[_Part], names: dict[str, str]) -> str:
        item = self._block.items[index]
        alias = item.alias
        if alias is None:
            written = [
                (part.span, f"{part.function}({names[part.column]})" if part.function else names[part.column])
                for part in parts
            ]
            name = self._statement.text(item.expression, written).replace("['", "[").replace("']", "]")
            alias = '"{}"'.format(name.replace('"', '""'))
        return f"{self._text(item.expression, parts)} AS {alias}"

    def _describe(self, describe: Describe) -> pa.Schema:
        """Names and types of the subquery's columns, from the planner."""
        sql = visible_tables(self._statement, self._block.span.start) + self._grouped(aliases=False)
        schema = describe(sql)
        return schema.set(0, schema.field(0).with_name(schema.names[0].replace("date_bin(", f"{_GAPFILL}(", 1)))

    def _grouped(self, *, aliases: bool = True) -> str:
        statement, block = self._statement, self._block
        bin_arguments = statement.text(range(self._bin.span.start + 1, self._bin.span.stop))
        expressions = [f"date_bin{bin_arguments}", *map(statement.text, self._keys.values())]
        keys = ", ".join(map(str, range(1, len(expressions) + 1)))
        expressions += [statement.text(span) for _, span in self._aggregates.values()]
        if aliases:
            pairs = zip(expressions, self._columns, strict=True)
            expressions = [f"{expression} AS {column}" for expression, column in pairs]
        where = block.clause("where")
        condition = f" WHERE {statement.text(where)}" if where else ""
        source = statement.text(block.clause("from"))
        return f"SELECT {', '.join(expressions)} FROM {source}{condition} GROUP BY {keys}"  # noqa: S608 - consists of the client's own query

    def _filled(self) -> str:
        """The subquery: all bins of all series, with their aggregates."""
        statement = self._statement
        stride, time, *origin = self._bin.arguments
        bounds = time_bounds(statement, self._block.clause("where"), statement.tokens[time.stop - 1].normal)
        interval = f"CAST({statement.text(stride)} AS INTERVAL)"
        more = "".join(f", {statement.text(argument)}" for argument in origin)
        first, last = (f"date_bin({interval}, {bound}{more})" for bound in bounds)
        # generate_series makes all bins at once, in memory that DataFusion does not count.
        self._check_bins(
            f"{visible_tables(statement, self._block.span.start)}"
            f"SELECT CAST({first} AS BIGINT) AS first, CAST({last} AS BIGINT) AS last, {interval} AS stride"
        )
        keys = list(self._keys)
        # No SELECT DISTINCT: DataFusion 55 takes its columns for a key of the CROSS JOIN, and then does not sort.
        number = f"row_number() OVER (PARTITION BY {', '.join(keys)})" if keys else "row_number() OVER ()"
        series = ", ".join([*keys, f"{number} AS __number"])
        # IS NOT DISTINCT FROM for all columns: together with =, DataFusion would not use a hash join.
        same = " AND ".join(f"(s.{column} IS NOT DISTINCT FROM g.{column})" for column in [_BIN, *keys])
        aggregates = [column for column, _ in self._aggregates.values()]
        kept = ", ".join([f"s.{_BIN}", *(f"s.{key}" for key in keys), *(f"g.{column}" for column in aggregates)])
        names = {column: statement.word(span.start) for column, span in self._aggregates.values()}
        filled = [
            f"{fill(column, self._fillings.get(column), names[column], self._groups.field(index).type)} AS {column}"
            for index, column in enumerate(aggregates, 1 + len(keys))
        ]
        partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
        return (
            f"WITH __groups AS ({self._grouped()}), "  # noqa: S608 - consists of the client's own query
            f"__bins AS (SELECT unnest(generate_series({first}, {last}, {interval})) AS {_BIN}), "
            f"__series AS (SELECT {', '.join([_BIN, *keys])} FROM (SELECT {series} FROM __groups) CROSS JOIN __bins "
            "WHERE __number = 1), "
            f"__rows AS (SELECT {kept} FROM __series s LEFT JOIN __groups g ON {same}) "
            f"SELECT {', '.join([_BIN, *keys, *filled])} FROM __rows "
            f"WINDOW __before AS ({partition}ORDER BY {_BIN} ROWS UNBOUNDED PRECEDING), "
            f"__after AS ({partition}ORDER BY {_BIN} DESC ROWS UNBOUNDED PRECEDING)"
        )


def _refuse(text: str) -> NoReturn:
    raise QueryFailed(400, f"Error during planning: {text}")
