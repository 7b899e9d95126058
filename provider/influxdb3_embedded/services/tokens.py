"""Admin tokens (contract 1.1 and 8.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from influxdb3_embedded.errors import ApiError, ResourceExists

if TYPE_CHECKING:
    from influxdb3_embedded.catalog import Catalog, Token

OPERATOR = "_admin"
"""Name of the first token. A client can create it without a token, and cannot delete it."""

_MALFORMED = (
    "Authorization header was malformed, the request was not in the form of "
    "'Authorization: <auth-scheme> <token>', supported auth-schemes are Bearer, Token and Basic"
)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token and its secret."""

    token: Token
    secret: str


def secret_of(authorization: bytes) -> str:
    """The token in an ``Authorization`` header: for Basic, the password.

    Raises:
        ApiError: 400, the header is malformed.
    """
    try:
        scheme, secret = authorization.decode("ascii").split(" ")
    except ValueError:  # not ASCII, or not two parts
        raise ApiError(400, _MALFORMED) from None
    if scheme == "Basic":
        try:
            _, colon, secret = base64.b64decode(secret, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ApiError(400, _MALFORMED) from None
        if not colon:
            raise ApiError(400, _MALFORMED)
    elif scheme not in ("Bearer", "Token") or not secret:
        raise ApiError(400, _MALFORMED)
    return secret


class Tokens:
    """The tokens of an engine. Only their hashes are stored.

    Args:
        catalog: Stores the hashes.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def authenticates(self, secret: str | None) -> bool:
        """Whether a secret belongs to a token that has not expired."""
        if secret is None:
            return False
        digest = _hash(secret)
        for token in self._catalog.tokens():
            if token.sha512 == digest:
                return token.expires is None or token.expires > datetime.now(UTC)
        return False

    async def create(self, name: str, *, lifetime: int | None = None) -> NewToken:
        """Create an admin token.

        Args:
            name: Name of the token; unique.
            lifetime: Seconds until the token expires. Default: never.

        Raises:
            ApiError: 409, the name is in use.
        """
        secret = _new_secret()
        expires = None if lifetime is None else _after(lifetime)
        try:
            return NewToken(await self._catalog.create_token(name, _hash(secret), expires), secret)
        except ResourceExists:
            raise ApiError(409, f"token name already exists, {name}") from None

    async def regenerate_operator(self) -> NewToken:
        """Replace the secret of the operator token; raises `ResourceNotFound` if there is no operator token."""
        secret = _new_secret()
        return NewToken(await self._catalog.replace_token(OPERATOR, _hash(secret)), secret)

    async def delete(self, name: str) -> None:
        """Delete a token.

        Raises:
            ApiError: 405 for the operator token; 404 if the token does not exist.
        """
        if name == OPERATOR:
            raise ApiError(405, "cannot delete operator token")
        await self._catalog.delete_token(name)


def _new_secret() -> str:
    return f"apiv3_{secrets.token_urlsafe(64)}"


def _hash(secret: str) -> str:
    return hashlib.sha512(secret.encode()).hexdigest()


def _after(lifetime: int) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=lifetime)
    except OverflowError:
        raise ApiError(400, f"token expiry is too far in the future: {lifetime} seconds") from None
