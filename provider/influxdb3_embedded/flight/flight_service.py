"""The operations of ``arrow.flight.protocol.FlightService``. gRPC calls them in threads of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import pyarrow as pa

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.flight.flight_sql import (
    ServerFacts,
    Statement,
    creation_answer,
    handle_with,
    new_handle,
    read_command,
    read_creation,
)
from influxdb3_embedded.flight.metadata import database_of, secret_in, status_of
from influxdb3_embedded.flight.protobuf import (
    MalformedMessage,
    bytes_field,
    bytes_of,
    fields,
    int_field,
    text_of,
)
from influxdb3_embedded.flight.server_facts import SCHEMA as FACTS_SCHEMA
from influxdb3_embedded.flight.server_facts import server_facts
from influxdb3_embedded.flight.table_listing import list_with_schemas, schema_with_schemas
from influxdb3_embedded.flight.tickets import Ticket, command_ticket, read_ticket
from influxdb3_embedded.sql import SCHEMA, QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.flight.open_results import OpenResults

Result = TypeVar("Result")

_SERVICE = "arrow.flight.protocol.FlightService"
_COMMAND = 2
"""The kind of a descriptor that holds a command."""

_log = logging.getLogger(__name__)


class FlightService:
    """Answers calls.

    Args:
        engine: Runs the queries and checks the tokens.
        loop: The event loop of the engine.
        results: Counts what clients have not read.
        product: Name and version of the server.
    """

    def __init__(
        self, engine: EmbeddedEngine, loop: asyncio.AbstractEventLoop, results: OpenResults, product: tuple[str, str]
    ) -> None:
        self._engine = engine
        self._loop = loop
        self._results = results
        self._product = product

    def handler(self) -> grpc.GenericRpcHandler:
        """All operations, for a gRPC server."""
        streams = {"DoGet": self._do_get, "DoAction": self._do_action}
        methods = {name: grpc.unary_stream_rpc_method_handler(self._stream(method)) for name, method in streams.items()}
        methods["GetFlightInfo"] = grpc.unary_unary_rpc_method_handler(self._single(self._get_flight_info))
        methods["DoPut"] = grpc.stream_stream_rpc_method_handler(self._stream(self._do_put))
        methods["Handshake"] = grpc.stream_stream_rpc_method_handler(self._handshake)
        for name, text in (("GetSchema", "get_schema"), ("PollFlightInfo", "poll_flight_info")):
            methods[name] = grpc.unary_unary_rpc_method_handler(self._single(_not_implemented(text)))
        for name, text in (("ListFlights", "list_flights"), ("ListActions", "list_actions")):
            methods[name] = grpc.unary_stream_rpc_method_handler(self._stream(_not_implemented(text)))
        methods["DoExchange"] = grpc.stream_stream_rpc_method_handler(self._stream(_not_implemented("do_exchange")))
        return grpc.method_handlers_generic_handler(_SERVICE, methods)

    def _do_get(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        ticket = read_ticket(bytes_of(request, 1))
        statement = read_command(ticket.command) if ticket.command else Statement(ticket.sql, ticket.params)
        yield from self._rows(ticket, statement, context)

    def _rows(
        self, ticket: Ticket, statement: Statement | ServerFacts, context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        if isinstance(statement, ServerFacts):
            stream: Any = _arrow_stream(server_facts(statement.numbers, *self._product))
        elif statement.with_schemas:
            listing = list_with_schemas(self._engine.data, ticket.database, statement)
            stream = _arrow_stream(self._result(listing, context))
        else:
            query = self._engine.data.query_arrow(ticket.database, statement.sql, statement.params)
            stream = self._result(query, context)
        return self._results.messages(stream, context.cancel)

    def _get_flight_info(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        kind = next((value for number, value in fields(request) if number == 1), 0)
        if kind != _COMMAND:
            raise ApiError(501, "Unsupported message type: FlightInfo with Path")
        database, command = database_of(context), bytes_of(request, 2)
        schema = self._schema(database, read_command(command), context)
        endpoint = bytes_field(1, bytes_field(1, command_ticket(database, command)))
        return (
            bytes_field(1, schema)
            + bytes_field(2, request)
            + bytes_field(3, endpoint)
            + int_field(4, -1)  # the number of rows and bytes is unknown
            + int_field(5, -1)
        )

    def _do_action(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        kind, body = text_of(request, 1), bytes_of(request, 2)
        if kind == "CreatePreparedStatement":
            statement = Statement(read_creation(body))
            try:
                schema = self._schema(database_of(context), statement, context)
            except ApiError as error:
                if "placeholder" not in error.text:
                    raise
                schema = b""  # the types depend on the parameters
            yield bytes_field(1, creation_answer(new_handle(statement.sql), schema))
        elif kind == "ClosePreparedStatement":
            yield b""
        else:
            raise ApiError(400, "Error while planning Flight SQL : Unsupported FlightSQL message type")

    def _do_put(self, requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        messages, left = [], self._engine.settings.max_http_request_size
        for request in requests:
            left -= len(request)
            if left < 0:
                raise ApiError(413, "the parameters are larger than --max-http-request-size")
            messages.append(request)
        descriptor = bytes_of(messages[0], 1) if messages else b""
        if not descriptor:
            raise ApiError(400, "No FlightDescriptor in Flight SQL request")
        yield bytes_field(1, handle_with(bytes_of(descriptor, 2), _table(messages)))

    def _handshake(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Send the client's password back as a token, as a real server does."""
        try:
            secret = secret_in(context)
        except ApiError as error:
            context.abort(*status_of(error))
        if secret is not None:
            context.send_initial_metadata((("authorization", f"Bearer {secret}"),))
        for request in requests:
            yield request
            return
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Invalid handshake. No payload provided")

    def _schema(self, database: str, statement: Statement | ServerFacts, context: grpc.ServicerContext) -> bytes:
        if isinstance(statement, ServerFacts):
            return bytes(FACTS_SCHEMA.serialize())
        query = self._engine.data.query(database, statement.sql, statement.params, SCHEMA)
        schema = self._result(query, context)
        return schema_with_schemas(schema) if statement.with_schemas else schema

    def _result(self, work: Coroutine[Any, Any, Result], context: grpc.ServicerContext) -> Result:
        """Run work on the event loop and wait for it. The work is cancelled if the client ends the call."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        if not context.add_callback(future.cancel):
            future.cancel()
        return future.result()

    def _check_token(self, context: grpc.ServicerContext) -> None:
        if not self._engine.settings.without_auth and not self._engine.tokens.authenticates(secret_in(context)):
            raise ApiError(401, "Unauthenticated")

    def _single(self, method: Callable[[Any, grpc.ServicerContext], bytes]) -> Callable[..., bytes]:
        def answer(request: Any, context: grpc.ServicerContext) -> bytes:
            try:
                self._check_token(context)
                return method(request, context)
            except Exception as error:  # noqa: BLE001 - the client gets an answer, the log gets the traceback
                raise _abort(error, context) from None

        return answer

    def _stream(self, method: Callable[[Any, grpc.ServicerContext], Any]) -> Callable[..., Iterator[bytes]]:
        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            try:
                self._check_token(context)
                yield from method(request, context)
            except Exception as error:  # noqa: BLE001 - as above
                raise _abort(error, context) from None

        return answer


def _abort(error: Exception, context: grpc.ServicerContext) -> Exception:
    """End a call with an error. Never returns: gRPC raises an exception of its own."""
    match error:
        case concurrent.futures.CancelledError():
            status = grpc.StatusCode.CANCELLED, "the client has ended the call, or the engine stops"
        case MalformedMessage():
            status = grpc.StatusCode.INVALID_ARGUMENT, f"Error while planning Flight SQL : Invalid protobuf: {error}"
        case ApiError() | QueryFailed():
            status = status_of(error)
        case _:
            if context.is_active():
                _log.exception("a Flight call failed")
            status = grpc.StatusCode.INTERNAL, f"internal error: {type(error).__name__}"
    context.abort(*status)
    return error


def _not_implemented(name: str) -> Callable[[Any, grpc.ServicerContext], Any]:
    def method(_request: Any, _context: grpc.ServicerContext) -> Any:
        raise ApiError(501, f"Not yet implemented: {name}")

    return method


def _arrow_stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _table(messages: list[bytes]) -> pa.Table:
    """The table that a client has sent as messages ``FlightData``."""
    sent = bytearray()
    for message in messages:
        header = bytes_of(message, 2)
        if header:
            sent += b"\xff\xff\xff\xff" + len(header).to_bytes(4, "little") + header + bytes_of(message, 1000)
    try:
        return pa.ipc.open_stream(bytes(sent)).read_all()
    except pa.ArrowInvalid as error:
        raise MalformedMessage(str(error)) from None
