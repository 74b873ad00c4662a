"""Shell: owns the users and passwords with which Finesse is asked: where they are read, and whose request takes whose.

Refuses a file that others can read, and to show a password in an error or anywhere else.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from monitoring_core.errors import UsageError, quote
from monitoring_core.outbound.signing import secret_from_file

LOGINS_BYTES_MAX = 1_048_576


class Logins:
    """Passwords by user id. Finesse lets nobody act for somebody else, so a site has one for each supervisor.

    Raises UsageError if there is none, or one that basic authentication cannot carry.
    """

    def __init__(self, passwords: Mapping[str, str], where: str = "logins") -> None:
        if not passwords:
            raise UsageError("there is no user to ask Finesse as", where, "give one at least")
        for user, password in passwords.items():
            if not user or not password or ":" in user or not (user + password).isprintable():
                fix = "a user has no colon, and both have characters that can be seen, one or more"
                raise UsageError(f"the login of {quote(user)} cannot be sent", where, fix)
        self._authorizations = {
            user: f"Basic {b64encode(f'{user}:{password}'.encode()).decode('ascii')}"
            for user, password in passwords.items()
        }

    def of(self, user: str | None) -> str | None:
        """The `Authorization` of a user; the only one that there is goes for everybody, and Finesse may refuse it."""
        if len(self._authorizations) == 1:
            return self.first
        return None if user is None else self._authorizations.get(user)

    @property
    def first(self) -> str:
        """The `Authorization` of the first user, for what anybody may ask."""
        return next(iter(self._authorizations.values()))


def logins_from_environment(user: str, password: str) -> Logins:
    """The one login in the environment variables of these names. Raises UsageError if one is not set, or no good."""
    where = f"environment variables {user} and {password}"
    found = os.environ.get(user), os.environ.get(password)
    if None in found:
        raise UsageError("there is no login", where, "set both")
    return Logins({found[0] or "": found[1] or ""}, where)


def logins_from_file(path: str | Path) -> Logins:
    """One login a line, `USER:PASSWORD`, in UTF-8. Raises UsageError if others may read it, or a line is wrong."""
    where = str(path)
    content = secret_from_file(path, "logins", LOGINS_BYTES_MAX + 1)
    if len(content) > LOGINS_BYTES_MAX:
        raise UsageError(
            f"the logins have more than {LOGINS_BYTES_MAX} bytes", where, "see that this is the right file"
        )
    passwords: dict[str, str] = {}
    for number, line in enumerate(_text(content, where).splitlines(), 1):
        user, colon, password = line.partition(":")
        if not colon or user in passwords:
            what = "this is no login" if not colon else "this user has a login already"
            raise UsageError(what, f"{where}, line {number}", "write USER:PASSWORD, each user once")
        passwords[user] = password
    return Logins(passwords, where)


def _text(content: bytes, where: str) -> str:
    text = None
    with suppress(UnicodeDecodeError):  # raised outside: that error holds every password
        text = content.decode()
    if text is None:
        raise UsageError("the logins are not UTF-8", where, "save the file as UTF-8")
    return text
