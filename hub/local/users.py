"""Users and organisations of an embedded Hub, as USERS= and ORGS= name them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from records.errors import UserError

ROLES = ("read", "write", "admin")
RESERVED = frozenset({"api", "datasets", "spaces", "models", "lfs", "xet", "settings", "organizations", "users"})
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,40}[A-Za-z0-9])?")
_TOKEN = re.compile(r"[\x21-\x2b\x2d-\x7e]{4,200}")


@dataclass(frozen=True)
class Account:
    """A user with the token's role: read (reads only), write (own and organisations' repositories), admin (all)."""

    name: str
    role: str
    orgs: dict[str, str] = field(default_factory=dict)
    """Organisation → role in it."""

    def belongs_to(self, owner: str) -> bool:
        """Whether this account sees the private repositories of a user or organisation."""
        return self.role == "admin" or owner == self.name or owner in self.orgs

    def may_write(self, owner: str) -> bool:
        """Whether this account may create and change repositories of a user or organisation."""
        if self.role == "read":
            return False
        return self.role == "admin" or owner == self.name or self.orgs.get(owner) in ("write", "admin")


@dataclass(frozen=True)
class People:
    """Everyone whom a Hub knows."""

    accounts: dict[str, Account]
    """Token → account."""
    orgs: dict[str, dict[str, str]]
    """Organisation → member → role."""

    def names(self) -> set[str]:
        """Names of the users."""
        return {account.name for account in self.accounts.values()}


def read_people(users: str, orgs: str, taken: str) -> People:
    """Parse `name:token:role,…` and `org:member+member=role,…` (members without a role may write).

    Args:
        users: value of USERS, "" for none.
        orgs: value of ORGS, "" for none.
        taken: the store's own user, whose name nobody else may have.

    Raises:
        UserError: names what cannot be read, and how it is written.
    """
    rows = [_user(text) for text in _items(users)]
    names = [name for name, _, _ in rows]
    for name in names:
        if names.count(name) > 1 or name == taken:
            raise UserError(f"USERS names {name} {'twice' if name != taken else '; that is the own user of the store'}")
    if len({token for _, token, _ in rows}) < len(rows):
        raise UserError("USERS gives two users the same token; every user needs one of their own")
    members = _organisations(orgs, {*names, taken})
    accounts = {}
    for name, token, role in rows:
        accounts[token] = Account(name, role, {org: found[name] for org, found in members.items() if name in found})
    return People(accounts, members)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _user(text: str) -> tuple[str, str, str]:
    name, _, rest = text.partition(":")
    token, _, role = rest.rpartition(":")
    if not token:
        token, role = rest, "write"
    if not _NAME.fullmatch(name) or name in RESERVED or not _TOKEN.fullmatch(token) or role not in ROLES:
        shown = text if ":" not in text else f"{name}:…:{role}"  # tokens stay out of messages
        raise UserError(
            f"USERS entry {shown} is not name:token:role (role: {', '.join(ROLES)}; tokens have 4 characters or more)"
        )
    return name, token, role


def _organisations(text: str, users: set[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in _items(text):
        org, _, people = item.partition(":")
        if not _NAME.fullmatch(org) or org in RESERVED or org in found or not people:
            raise UserError(f"ORGS entry {item} is not organisation:member+member=role, each organisation once")
        if org in users:
            raise UserError(f"ORGS names {org}, which is a user; users and organisations share one namespace")
        found[org] = {}
        for member in people.split("+"):
            name, _, role = member.partition("=")
            if name not in users or (role or "write") not in ROLES:
                raise UserError(
                    f"ORGS entry {item}: {member} is no user of USERS with a role ({', '.join(ROLES)}; write if none)"
                )
            found[org][name] = role or "write"
    return found
