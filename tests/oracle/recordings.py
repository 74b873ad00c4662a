"""The recordings of scenarios/recorded, as plain lists of what their lines say."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "scenarios" / "recorded"

WITH_SPIES = ("contact-centre-a.jsonl.gz", "queue-with-spies-first-42s.jsonl.gz", "one-call-one-spy.jsonl")
CAPTURES = tuple(sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("ami/*/*.json")))
TRUTH = "contact-centre-a.truth.jsonl"


@cache
def load(name: str) -> list[dict[str, Any]]:
    """The messages of a recording, or the lines of the truth file; nobody changes them."""
    data = (FOLDER / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    messages: list[dict[str, Any]] = (
        json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]
    )
    return messages
