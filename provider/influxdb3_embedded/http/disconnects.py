"""Ends the work for a client that has closed its connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from starlette.requests import Request

Result = TypeVar("Result")


async def cancelled_on_disconnect(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Await work for a client; cancel the work if the client disconnects.

    Args:
        request: The client's request. Its body has been read or is not needed.
        work: The work.

    Raises:
        ClientDisconnect: The client has disconnected.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        watching.cancel()
        working.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
