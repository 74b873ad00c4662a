"""The receiver of a crash test, in a process of its own: it notes every POST before it says that it has it.

`python -m tests.crash.receiver PORT_FILE LOG [--down-file FILE]`: while FILE is there it hangs up on everybody.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """One POST, one line of the log, then 204; what came only in part is nothing."""

    log_to: int
    down: Path | None = None

    def handle(self) -> None:
        """Hang up without a word while the receiver is said to be down."""
        if self.down is None or not self.down.exists():
            super().handle()

    def do_POST(self) -> None:
        """Note it, then answer."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) == length:
            said = {"id": self.headers["Idempotency-Key"], "at": time.time(), "body": json.loads(body)}
            os.write(self.log_to, json.dumps(said).encode() + b"\n")
            self.send_response(204)
            self.end_headers()

    def log_message(self, *_given: object) -> None:
        """Nothing on stderr."""


class Server(ThreadingHTTPServer):
    """Whose clients may be killed at any moment."""

    daemon_threads = True

    def handle_error(self, *_given: object) -> None:
        """A client that is gone is no error."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port_file", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("--down-file", type=Path)
    options = parser.parse_args()
    Handler.log_to = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    Handler.down = options.down_file
    server = Server(("127.0.0.1", 0), Handler)
    options.port_file.write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    main()
