"""Who may write: user tokens, and short-lived signatures for upload addresses that carry no user token."""

from __future__ import annotations

import hashlib
import hmac
import time

from starlette.requests import Request

from hub.local.errors import HubError

LIFETIME_SECONDS = 3600


class Access:
    """The store's users (token → name) and its signing secret."""

    def __init__(self, tokens: dict[str, str], secret: bytes) -> None:
        self._tokens = tokens
        self._secret = secret

    def user(self, request: Request) -> str | None:
        """The user whose token a request carries; None without a token, or with one this Hub does not know.

        An unknown token reads as nobody, because clients send a token for huggingface.co to every Hub they talk to.
        """
        sent = bearer(request).encode()
        found = [name for token, name in self._tokens.items() if hmac.compare_digest(sent, token.encode())]
        return found[0] if found else None

    def writer(self, request: Request) -> str:
        """The user, who may write. Raises HubError 401 without a known token."""
        name = self.user(request)
        if name is None:
            known = (
                "Invalid credentials in Authorization header" if bearer(request) else "Invalid username or password."
            )
            raise HubError(401, known)
        return name

    def sign(self, subject: str) -> str:
        """A signature that lets its holder do one named thing for an hour."""
        expires = int(time.time()) + LIFETIME_SECONDS
        return f"{expires}.{self._mac(subject, expires)}"

    def check(self, subject: str, signature: str) -> None:
        """Raises HubError 401 unless `signature` was made for this subject and has not expired."""
        expires, _, mac = signature.partition(".")
        good = expires.isascii() and expires.isdigit() and len(expires) < 12
        if not good or not hmac.compare_digest(mac.encode(), self._mac(subject, int(expires)).encode()):
            raise HubError(401, "Invalid signature")
        if int(expires) < time.time():
            raise HubError(401, "Expired signature")

    def _mac(self, subject: str, expires: int) -> str:
        return hmac.new(self._secret, f"{subject} {expires}".encode(), hashlib.sha256).hexdigest()


def bearer(request: Request) -> str:
    """The token of the Authorization header, "" without one."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
