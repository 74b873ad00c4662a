"""Shell: owns the digests by which a journal is proved: of records, each with all before it, and of personal values.

Refuses to read or write records. SHA-256 throughout; with a key HMAC, so that who lacks it cannot make a new chain.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from monitoring_core.errors import UsageError

DIGEST_BYTES = 32
SALT_BYTES = 16
KEY_BYTES_MIN = 16
_REFERENCE_BYTES = 16


class Chain:
    """How the records of one site hang together. Raises UsageError if `key` is too short to be one."""

    def __init__(self, site: str, key: bytes | None = None) -> None:
        if key is not None and len(key) < KEY_BYTES_MIN:
            raise UsageError(f"a key has at least {KEY_BYTES_MIN} bytes", "key", "make one of 32 random bytes")
        self._site = _framed(site.encode())
        self.key = key

    def digest(self, before: bytes, position: int, body: bytes) -> bytes:
        """The chain's digest up to and with this record; `before`: the one up to the record before."""
        content = b"".join((_framed(before), self._site, position.to_bytes(8, "big"), body))
        if self.key is None:
            return hashlib.sha256(content).digest()
        return hmac.digest(self.key, content, "sha256")


def reference(salt: bytes, text: str) -> str:
    """What stands for a personal text in a body: without the salt nobody can find the text by trying."""
    digest = hashlib.sha256(_framed(salt) + text.encode()).digest()[:_REFERENCE_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content
