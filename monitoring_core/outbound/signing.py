"""Shell: owns the signature on what goes out over HTTP: the key, how it signs, and how a receiver verifies.

Refuses a key that can be guessed or that others can read, and to show any key in an error.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from monitoring_core.errors import UsageError

COMMAND_ID = "Idempotency-Key"
TIMESTAMP = "X-Monitoring-Timestamp"
SIGNATURE = "X-Monitoring-Signature"

KEY_BYTES_MIN = 16
KEY_BYTES_MAX = 4_096

_SIGNED = (TIMESTAMP.lower(), COMMAND_ID.lower(), SIGNATURE.lower())
# The id has neither { nor ", so no part of a body can be passed off as the end of an id.
_FORM = re.compile(r"([0-9]{1,15})\n([\w.~/%-]+)\n(sha256=[0-9a-f]{64})", re.ASCII)
_OTHERS_MAY = 0o027


class Headers(Protocol):
    """The headers of a request as any web server's library gives them: a mapping that may have a name twice."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Every name with its value."""


def key_from_environment(name: str) -> bytes:
    """The key in an environment variable. Raises UsageError if there is none, or it is no good."""
    where = f"environment variable {name}"
    key = os.environ.get(name)
    if key is None:
        raise UsageError("there is no key", where, "set it")
    return checked_key(os.fsencode(key), where)


def key_from_file(path: str | Path) -> bytes:
    """The key that is the whole of a file. Raises UsageError if others may read it, or it is no good."""
    return checked_key(secret_from_file(path, "key", KEY_BYTES_MAX + 1), str(path))


def secret_from_file(path: str | Path, name: str, bytes_max: int) -> bytes:
    """The first `bytes_max` bytes of a file that only we may read. Raises UsageError, which calls it `name`."""
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(bytes_max)
    except OSError as error:
        raise UsageError(f"cannot read the {name}: {error.strerror}", str(path), "see that we may read it") from error
    if os.name == "posix" and mode & _OTHERS_MAY:
        raise UsageError(f"others may read or change the {name}", str(path), f"chmod 600, and make a new {name}")
    return secret


def checked_key(key: bytes, where: str) -> bytes:
    """The key. Raises UsageError if it is too short or too long, or ends in a newline that is hardly a part of it."""
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        what = f"a key has {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes"
        raise UsageError(what, where, "make a random one, for example with `openssl rand -hex 32`")
    if key.endswith((b"\n", b"\r")):
        raise UsageError("the key ends in a newline", where, "remove it (tr -d '\\r\\n'), the receiver will have none")
    return key


def signature(key: bytes, timestamp: str, command_id: str, body: bytes) -> str:
    """HMAC-SHA256 over time stamp, id (as it stands in its header) and body, with dots between."""
    return "sha256=" + hmac.digest(key, f"{timestamp}.{command_id}.".encode() + body, "sha256").hex()


def verify_signature(key: bytes, headers: Headers, body: bytes, now_s: float, skew_s_max: float) -> bool:
    """Whether a request comes, as it is, from who has the key, and at most `skew_s_max` seconds ago (or ahead).

    For receivers: `headers` in any case, `body` the bytes as received, `now_s` seconds since 1970. What is genuine may
    still be a repeat: its id says so. Keep `skew_s_max` as short as a start is valid, or a late start may be taken.
    """
    found = sorted((name.lower(), value) for name, value in headers.items() if name.lower() in _SIGNED)
    given = dict(found)
    if len(found) != len(_SIGNED) or len(given) != len(_SIGNED):
        return False
    parts = _FORM.fullmatch("\n".join(given[name] for name in _SIGNED))
    if parts is None:
        return False
    timestamp, command_id, claimed = parts.groups()
    is_genuine = hmac.compare_digest(signature(key, timestamp, command_id, body), claimed)
    return is_genuine and abs(now_s - int(timestamp)) <= skew_s_max
