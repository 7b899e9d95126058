"""Protocol Buffers: what is written can be read, and what is not a message is refused."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from influxdb3_embedded.flight.protobuf import (
    MalformedMessage,
    any_message,
    bytes_field,
    bytes_of,
    fields,
    int_field,
    text_of,
    unwrapped,
)

ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@ON_A_BUSY_MACHINE
@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=200)), max_size=10)
)
def test_written_fields_can_be_read(written: list[tuple[int, int | bytes]]) -> None:
    message = b"".join(
        int_field(number, value) if isinstance(value, int) else bytes_field(number, value) for number, value in written
    )

    expected = [(number, value % 2**64 if isinstance(value, int) else value) for number, value in written]
    assert list(fields(message)) == expected


@ON_A_BUSY_MACHINE
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(message: bytes) -> None:
    try:
        list(fields(message))
        unwrapped(message)
    except MalformedMessage:
        pass


@ON_A_BUSY_MACHINE
@given(st.binary(max_size=200))
def test_a_wrapped_message_is_what_googles_library_writes(content: bytes) -> None:
    message = AnyMessage(type_url="type.googleapis.com/a.B", value=content)

    assert unwrapped(message.SerializeToString()) == ("a.B", content)
    assert AnyMessage.FromString(any_message("a.B", content)) == message


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05ab", b"\x0b", b"\x08" + b"\xff" * 11, b"\x09\x00"])
def test_a_malformed_message_is_an_error(message: bytes) -> None:
    with pytest.raises(MalformedMessage):
        list(fields(message))


def test_fields_of_another_kind_are_an_error() -> None:
    with pytest.raises(MalformedMessage):
        bytes_of(int_field(1, 5), 1)
    with pytest.raises(MalformedMessage):
        text_of(bytes_field(1, b"\xff"), 1)
