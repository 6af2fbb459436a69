"""Who a request comes from and what it may do; and short-lived signatures for addresses that carry no user token."""

from __future__ import annotations

import hashlib
import hmac
import time

from starlette.requests import Request

from hub.local.errors import HubError
from hub.local.users import Account, People

LIFETIME_SECONDS = 3600


class Access:
    """The store's people and its signing secret."""

    def __init__(self, people: People, secret: bytes) -> None:
        self.people = people
        self._secret = secret

    def account(self, request: Request) -> Account | None:
        """The account whose token a request carries; None without a token, or with one this Hub does not know.

        An unknown token reads as nobody, because clients send a token for huggingface.co to every Hub they talk to.
        """
        sent = bearer(request).encode()
        known = self.people.accounts.items()
        found = [account for token, account in known if hmac.compare_digest(sent, token.encode())]
        return found[0] if found else None

    def known_account(self, request: Request) -> Account:
        """The account. Raises HubError 401 without a known token."""
        account = self.account(request)
        if account is None:
            sent = bearer(request)
            raise HubError(
                401, "Invalid credentials in Authorization header" if sent else "Invalid username or password."
            )
        return account

    def writer(self, request: Request, owner: str, kind: str) -> Account:
        """The account, which may write to the repositories of `owner`. Raises HubError 401 or 403."""
        account = self.known_account(request)
        if account.role == "read":
            raise HubError(403, "Forbidden: you must use a write token to do this")
        if not account.may_write(owner):
            raise HubError(403, f'You don\'t have the rights to write to a {kind} under the namespace "{owner}"')
        return account

    def sign(self, subject: str) -> str:
        """A signature that lets its holder do one named thing for an hour."""
        expires = int(time.time()) + LIFETIME_SECONDS
        return f"{expires}.{self._mac(subject, expires)}"

    def check(self, subject: str, signature: str) -> None:
        """Raises HubError 401 unless `signature` was made for this subject and has not expired."""
        expires, _, mac = signature.partition(".")
        good = expires.isascii() and expires.isdigit() and len(expires) < 12
        if not good or not hmac.compare_digest(
            mac.encode("utf-8", "replace"), self._mac(subject, int(expires)).encode()
        ):
            raise HubError(401, "Invalid signature")
        if int(expires) < time.time():
            raise HubError(401, "Expired signature")

    def _mac(self, subject: str, expires: int) -> str:
        return hmac.new(self._secret, f"{subject} {expires}".encode(), hashlib.sha256).hexdigest()


def bearer(request: Request) -> str:
    """The token of the Authorization header, "" without one."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
