"""The receiver of a crash test, in a process of its own: it notes every POST before it says that it has it."""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """One POST, one line of the log, then 204."""

    log_to: int
    down: Path | None = None

    def do_POST(self) -> None:  # the name is the base class's
        """Note it, then answer."""
        if self.down is not None and self.down.exists():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = {"id": self.headers["Idempotency-Key"], "at": time.time(), "body": json.loads(body)}
        os.write(self.log_to, json.dumps(said).encode() + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_given: object) -> None:
        """Nothing on stderr."""


def main(port_file: str, log: str, *down: str) -> None:
    """Serve until killed."""
    Handler.log_to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    Handler.down = Path(down[0]) if down else None
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Path(port_file).write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
