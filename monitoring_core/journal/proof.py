"""Shell: owns the question whether a journal is what was once written, and says where it first is not.

Refuses to repair. What no digest can show (a tail cut off, a whole written anew) it names, unless a head shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from monitoring_core.errors import JournalError, quote
from monitoring_core.journal import beside, vault
from monitoring_core.journal.beside import CHECKPOINTS, COMMANDS, DEAD, LATEST, SESSIONS, TEXTS, attempted
from monitoring_core.journal.ledger import NOT_AS_WRITTEN, SNAPSHOTS, Ledger, digest_at
from monitoring_core.journal.personal import CALL_EVENTS, personal_texts
from monitoring_core.journal.port import Head, Record, Turn

_PASSING = frozenset(str(kind.__struct_config__.tag) for kind in CALL_EVENTS)


class Problem(Struct, frozen=True):
    """What is wrong, and at which position; 0 where it concerns none."""

    position: int
    what: str


class Verified(Struct, frozen=True):
    """What came out. `entries`: how many there are, between `start` (what was pruned ends there) and `head`.

    `erased`: references whose personal value was deleted. `problems`: the first is where it first goes wrong.
    `not_provable`: what these records cannot show by themselves.
    """

    site: str
    entries: int
    start: Head
    head: Head
    erased: int
    problems: tuple[Problem, ...]
    not_provable: tuple[str, ...]


def verify(site: str, ledger: Ledger, turn: Turn, heads: Sequence[Head] = ()) -> Verified:
    """Go through all of a site; `heads` are what somebody outside noted of it, earlier.

    Whether a command was attempted is not an entry, and is taken as it stands.
    """
    proof = _Proof(ledger, turn, heads)
    problems: list[Problem] = []
    for part in (proof.chain, proof.ends, proof.beside, proof.values, proof.texts, proof.snapshot):
        try:
            problems += part()
        except JournalError as error:
            problems.append(Problem(0, error.what))
    return Verified(
        site,
        turn.head.position - turn.start.position,
        turn.start,
        turn.head,
        proof.erased,
        tuple(sorted(problems, key=lambda problem: problem.position or 2**63)),
        tuple(proof.not_provable()),
    )


class _Proof:
    """One pass over the records, then over what stands beside them. `position`: how far the chain is sound."""

    def __init__(self, ledger: Ledger, turn: Turn, heads: Sequence[Head]) -> None:
        self._ledger, self._turn, self._heads = ledger, turn, heads
        self.position = turn.start.position
        self._references: set[str] = set()
        self._lasting: set[str] = set()
        self._texts: set[str] = set()
        self._expected: beside.Changes = beside.none()

    @property
    def erased(self) -> int:
        """How many references stand for nothing any more."""
        return sum(vault.find(self._turn, reference) is None for reference in self._references)

    def chain(self) -> Iterator[Problem]:
        """Every record that is missing, or is not what it was; what follows the first such cannot be told."""
        yield from self._begin()
        digest = self._turn.start.digest
        for record in self._turn.read(self.position):
            expected = self.position + 1
            if record.position != expected:
                yield Problem(expected, "an entry is missing")
                return
            digest = self._ledger.chain.digest(digest, expected, record.body)
            if digest != record.digest:
                yield Problem(expected, "the entry was changed, or stands where another one stood")
                return
            try:
                self._note(record)
            except NOT_AS_WRITTEN:
                yield Problem(expected, "the entry is none that was ever written so")
                return
            self.position = expected
        if self._turn.head != Head(self.position, digest):
            yield Problem(self.position + 1, "the last entry is not the one that the site's end names")

    def ends(self) -> Iterator[Problem]:
        """What the heads from outside show."""
        for head in self._heads:
            if head.position > self._turn.head.position:
                yield Problem(self._turn.head.position + 1, f"a tail was cut off: {head.position} was there once")
            elif self._turn.start.position <= head.position <= self.position and not self._holds(head):
                yield Problem(head.position, "what leads up to this entry was written anew")

    def beside(self) -> Iterator[Problem]:
        """Rows of sessions and commands on their way that are not what the entries say."""
        for shelf, name in ((SESSIONS, "row"), (COMMANDS, "pending command"), (DEAD, "dead letter")):
            expected = self._expected[shelf]
            for key, packed in self._turn.scan(shelf):
                if _comparable(shelf, packed) != expected.pop(key, None):
                    yield Problem(0, f"the {name} {quote(key)} is not what the entries say")
            for key in expected:
                yield Problem(0, f"the {name} {quote(key)} is missing")

    def values(self) -> Iterator[Problem]:
        """Personal values that are not those that the references were made of, and an index that is not theirs."""
        for value in vault.every(self._turn):
            name = value.reference.encode()
            if not value.fits() or self._turn.get(vault.REFERENCES, value.text) != name:
                yield Problem(0, f"the personal value behind {quote(value.reference)} was changed")
            if value.reference in self._lasting and not value.lasting:
                yield Problem(0, f"the personal value behind {quote(value.reference)} would be forgotten too early")
        for text, name in self._turn.scan(vault.REFERENCES):
            found = vault.find(self._turn, name.decode(errors="replace"))
            if found is None or found.text != text:
                yield Problem(0, f"the index of personal values was changed at {quote(name)}")

    def texts(self) -> Iterator[Problem]:
        """Texts of rules that are not those that the entries name."""
        for digest, text in self._turn.scan(TEXTS):
            self._texts.discard(digest)
            if hashlib.sha256(text).hexdigest() != digest:
                yield Problem(0, f"the text of rules {quote(digest)} was changed")
        for digest in self._texts:
            yield Problem(0, f"the text of rules {quote(digest)} is missing")

    def snapshot(self) -> Iterator[Problem]:
        """A snapshot that is not of this chain, or is missing where the beginning is."""
        if self._ledger.saved(self._turn) is None and self._turn.start.position:
            yield Problem(0, "the beginning was cut off, and there is no snapshot to go on from")

    def not_provable(self) -> Iterator[str]:
        """What somebody could have done without a trace."""
        has_key = self._ledger.chain.key is not None
        proved = max((head.position for head in self._heads if self._holds(head)), default=0)
        if proved < self._turn.head.position:
            after = f" after position {proved}" if proved else ""
            yield f"whether a tail was cut off{after}: no head from outside"
            if not has_key:
                yield f"whether all{after} was written anew: no key, and no head from outside"
        if not has_key and self._turn.get(SNAPSHOTS, LATEST) is not None:
            yield "whether the snapshot was written anew: no key"
        if not has_key and self._turn.start.position:
            yield "whether more was cut off at the beginning than should be: no key"

    def _begin(self) -> Iterator[Problem]:
        """Begin with the checkpoint that a cut left."""
        if self._turn.start.position == 0:
            return
        kept = self._ledger.sealed(self._turn, CHECKPOINTS)
        if kept is None or kept[0] != self._turn.start:
            yield Problem(self._turn.start.position, "the beginning was cut off, but there is no checkpoint")
            return
        self._texts |= kept[1][TEXTS].keys()
        for shelf in (SESSIONS, COMMANDS):
            self._expect(shelf, {key: msgspec.json.encode(said) for key, said in kept[1][shelf].items()})

    def _note(self, record: Record) -> None:
        body = msgspec.json.decode(record.body)
        event = body["event"]
        self._references |= personal_texts(body)
        named = {} if event["event"] in _PASSING else {**event, "calls": ()}
        self._lasting |= personal_texts({**body, "event": named})
        if event["event"] == "rules_changed":
            self._texts |= {event["book"], event["settings"]}
        changes = beside.none()
        beside.note(changes, self._expected[COMMANDS].get, record.position, body)
        for shelf, keys in changes.items():
            self._expect(shelf, keys)

    def _expect(self, shelf: str, keys: dict[str, bytes | None]) -> None:
        for key, packed in keys.items():
            if packed is None:
                self._expected[shelf].pop(key, None)
            else:
                self._expected[shelf][key] = _comparable(shelf, packed)

    def _holds(self, head: Head) -> bool:
        return digest_at(self._turn, head.position) == head.digest


def _comparable(shelf: str, packed: bytes) -> bytes | None:
    """Rows are many, so only their digests are held; commands are the same whether attempted or not."""
    if shelf == SESSIONS:
        return hashlib.sha256(packed).digest()
    try:
        return attempted(packed, is_so=False)
    except NOT_AS_WRITTEN:
        return None
