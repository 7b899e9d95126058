"""Admin tokens and who may come in (contract 1.1 and 8.3)."""

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
"""Name of the first token, which is made without one and cannot be deleted."""

_MALFORMED = (
    "Authorization header was malformed, the request was not in the form of "
    "'Authorization: <auth-scheme> <token>', supported auth-schemes are Bearer, Token and Basic"
)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the only moment when its secret is known."""

    token: Token
    secret: str


def secret_of(authorization: bytes) -> str:
    """The token in an ``Authorization`` header; Basic carries it as the password.

    Raises:
        ApiError: 400, the header has another form. It is checked even where no token is needed.
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
    """The tokens of an engine; secrets are handed out once, only their hashes are kept.

    Args:
        catalog: Where the hashes are stored.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def authenticates(self, secret: str | None) -> bool:
        """Whether a secret is a token's that has not expired."""
        if secret is None:
            return False
        digest = _hash(secret)
        for token in self._catalog.tokens():
            if token.sha512 == digest:
                return token.expires is None or token.expires > datetime.now(UTC)
        return False

    async def create(self, name: str, *, lifetime: int | None = None) -> NewToken:
        """Make an admin token.

        Args:
            name: Unique.
            lifetime: Seconds until it expires; ``None`` never.

        Raises:
            ApiError: 409, the name is taken.
        """
        secret = _new_secret()
        expires = None if lifetime is None else _after(lifetime)
        try:
            return NewToken(await self._catalog.create_token(name, _hash(secret), expires), secret)
        except ResourceExists:
            raise ApiError(409, f"token name already exists, {name}") from None

    async def regenerate_operator(self) -> NewToken:
        """Give the operator's token a new secret; raises `ResourceNotFound` where there is none."""
        secret = _new_secret()
        return NewToken(await self._catalog.replace_token(OPERATOR, _hash(secret)), secret)

    async def delete(self, name: str) -> None:
        """Delete a token.

        Raises:
            ApiError: 405 for the operator's token, 404 where there is none.
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
