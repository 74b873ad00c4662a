"""The key, the signature, and what verifies."""

from __future__ import annotations

import os
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.errors import UsageError
from monitoring_core.outbound import key_from_environment, key_from_file, verify_signature
from monitoring_core.outbound.signing import KEY_BYTES_MAX, KEY_BYTES_MIN, signature

KEY = b"0123456789abcdef"
BODY = b'{"channel":"Cisco"}'
NOW = 1_700_000_000.0
HEADERS = {
    "Idempotency-Key": "s-6/12/0",
    "X-Monitoring-Timestamp": "1700000000",
    "X-Monitoring-Signature": "sha256=c436b85075258c5a4ba5416b61574e7ca5a9b9c8136f2a47fdda1505e18d5c9a",
}


def test_the_signature_is_the_documented_one() -> None:
    """It is the HMAC-SHA256 that any other program computes over time, id and body with dots between."""
    assert signature(KEY, "1700000000", "s-6/12/0", BODY) == HEADERS["X-Monitoring-Signature"]


@pytest.mark.parametrize("form", [str, str.lower, str.upper])
def test_a_genuine_request_verifies(form: type[str]) -> None:
    """What is as it was signed verifies, however the receiver's server writes the names of headers."""
    headers = {form(name): value for name, value in HEADERS.items()} | {"Host": "receiver.example"}
    assert verify_signature(KEY, headers, BODY, NOW, 5.0)


@pytest.mark.parametrize(("late_s", "is_good"), [(-5.5, False), (-5.0, True), (5.0, True), (5.5, False)])
def test_a_request_verifies_only_in_its_time(late_s: float, *, is_good: bool) -> None:
    """What is older than the receiver allows, or further ahead, does not verify."""
    assert verify_signature(KEY, HEADERS, BODY, NOW + late_s, 5.0) is is_good


@pytest.mark.parametrize("name", sorted(HEADERS))
@given(value=st.text())
def test_no_other_header_verifies(name: str, value: str) -> None:
    """With any other text in one of the three headers nothing verifies, and nothing breaks."""
    if value != HEADERS[name]:
        assert not verify_signature(KEY, {**HEADERS, name: value}, BODY, NOW, 1e12)


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_missing_header_does_not_verify(name: str) -> None:
    """Without one of the three headers nothing verifies."""
    assert not verify_signature(KEY, {key: HEADERS[key] for key in HEADERS if key != name}, BODY, NOW, 5.0)


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_repeated_header_does_not_verify(name: str) -> None:
    """A header that is there twice does not verify: the receiver might act on the other one."""
    headers = Message()
    for key, value in (*HEADERS.items(), (name.lower(), HEADERS[name])):
        headers[key] = value
    assert not verify_signature(KEY, headers, BODY, NOW, 5.0)


def test_a_repeated_header_does_not_stand_in_for_a_missing_one() -> None:
    """Three headers of which two are one and the same do not verify, and nothing breaks."""
    headers = {name: value for name, value in HEADERS.items() if name != "Idempotency-Key"}
    assert not verify_signature(KEY, {**headers, "x-monitoring-timestamp": "1700000000"}, BODY, NOW, 5.0)


@given(place=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_no_other_body_verifies(place: int, change: int) -> None:
    """With any one byte of the body changed nothing verifies."""
    body = bytearray(BODY)
    body[place] ^= change
    assert not verify_signature(KEY, HEADERS, bytes(body), NOW, 5.0)


@given(place=st.integers(0, len(KEY) - 1), change=st.integers(1, 255))
def test_no_other_key_verifies(place: int, change: int) -> None:
    """With any one byte of the key changed nothing verifies."""
    key = bytearray(KEY)
    key[place] ^= change
    assert not verify_signature(bytes(key), HEADERS, BODY, NOW, 5.0)


def test_a_piece_of_the_body_is_no_piece_of_the_id() -> None:
    """What was signed as one body cannot be passed off as a longer id with a shorter body."""
    body = b'{"a":"x.5"}'
    headers = {**HEADERS, "X-Monitoring-Signature": signature(KEY, "1700000000", "s-6/12/0", body)}
    assert verify_signature(KEY, headers, body, NOW, 5.0)
    assert not verify_signature(KEY, {**headers, "Idempotency-Key": 's-6/12/0.{"a":"x'}, b'5"}', NOW, 5.0)


# The key


def file_with(tmp_path: Path, key: bytes, mode: int = 0o600) -> Path:
    """A file with that key."""
    path = tmp_path / "signing.key"
    path.write_bytes(key)
    path.chmod(mode)
    return path


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is the bytes of the variable."""
    monkeypatch.setenv("MONITORING_KEY", KEY.decode())
    assert key_from_environment("MONITORING_KEY") == KEY


def test_a_variable_that_is_not_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable there is no key, and the error names it."""
    monkeypatch.delenv("MONITORING_KEY", raising=False)
    with pytest.raises(UsageError, match="MONITORING_KEY"):
        key_from_environment("MONITORING_KEY")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440])
def test_a_key_comes_from_a_file(tmp_path: Path, mode: int) -> None:
    """The key is the whole of a file that is ours, and at most our group's to read."""
    assert key_from_file(file_with(tmp_path, KEY, mode)) == KEY


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Without the file there is no key, and the error names it."""
    with pytest.raises(UsageError, match=r"signing\.key"):
        key_from_file(tmp_path / "signing.key")


@pytest.mark.skipif(os.name != "posix", reason="only POSIX files have these rights")
@pytest.mark.parametrize("mode", [0o604, 0o602, 0o660, 0o644])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that others may read, or that others or the group may change, is refused with what to do."""
    with pytest.raises(UsageError) as raised:
        key_from_file(file_with(tmp_path, KEY, mode))
    assert "chmod 600" in raised.value.fix


@pytest.mark.parametrize("size", [0, KEY_BYTES_MIN - 1, KEY_BYTES_MAX + 1])
def test_a_key_of_another_size_is_refused(tmp_path: Path, size: int) -> None:
    """A key that is too short to be safe, or too long to be one, is refused."""
    with pytest.raises(UsageError, match="16 to 4096 bytes"):
        key_from_file(file_with(tmp_path, b"k" * size))


@pytest.mark.parametrize("size", [KEY_BYTES_MIN, KEY_BYTES_MAX])
def test_the_shortest_and_the_longest_key_are_taken(tmp_path: Path, size: int) -> None:
    """The limits themselves are within."""
    assert key_from_file(file_with(tmp_path, b"k" * size)) == b"k" * size


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_key_that_ends_in_a_newline_is_refused(tmp_path: Path, end: bytes) -> None:
    """A newline at the end, which an editor leaves and the receiver's key will not have, is refused with what to do."""
    with pytest.raises(UsageError) as raised:
        key_from_file(file_with(tmp_path, KEY + end))
    assert "remove it" in raised.value.fix
    assert KEY.decode() not in f"{raised.value} {raised.value!r}"
