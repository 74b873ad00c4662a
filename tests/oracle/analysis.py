"""Brute force for what is odd about a rule book, and whether two are alike: every fact takes each of many values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from tests.oracle.judge import MODES, NaiveBook

NOT_KNOWN = object()
Rule = dict[str, Any]
Answer = tuple[str, tuple[str, ...], str]
"""Allowed, forbidden or not decidable; the duties; and the error that goes out."""


def cases(values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Each fact not known, and with each of its values."""
    for chosen in product(*((NOT_KNOWN, *some) for some in values.values())):
        yield {name: value for name, value in zip(values, chosen, strict=True) if value is not NOT_KNOWN}


class BruteForce:
    """All cases of these values, and what each rule says of each. A rule's mode is asked for apart."""

    def __init__(self, text: str, values: Mapping[str, Sequence[Any]]) -> None:
        self.book = NaiveBook(text)
        self.cases = list(cases(values))
        self.rules = {rule["id"]: rule for rule in self.book.rules}
        self.said = {key: [self._says(rule, case) for case in self.cases] for key, rule in self.rules.items()}
        self.different = different(self)

    def _says(self, rule: Rule, case: Mapping[str, Any]) -> tuple[bool | None, bool]:
        """Whether it is met, and whether it might be if more were known."""
        facts = {**case, "request.mode": rule.get("to", MODES)[0]}
        return self.book.rule(rule, facts), self.book.might(rule, facts)

    def in_mode(self, mode: str, effect: str) -> list[str]:
        """The ids of rules."""
        return [key for key, rule in self.rules.items() if rule["effect"] == effect and mode in rule.get("to", MODES)]

    def answer(self, number: int, mode: str, without: str = "") -> Answer:
        """What is said of a case, with one rule left out."""
        met = {key: said[number][0] for key, said in self.said.items() if key != without}
        permits, forbids, requires = (
            [key for key in self.in_mode(mode, effect) if key in met] for effect in ("permit", "forbid", "require")
        )
        hits = [key for key in forbids if met[key]] + [key for key in forbids if met[key] is None]
        if not hits and any(met[key] for key in permits):
            return "allowed", tuple(sorted({self.rules[key]["duty"] for key in requires if met[key] is not False})), ""
        might = bool(hits) or any(self.said[key][number][1] for key in permits)
        sure = any(met[key] for key in forbids) or not might
        first = next(iter([*hits, *([] if any(met[key] for key in permits) else permits)]), None)
        return "forbidden" if sure else "not decidable", (), self.rules[first].get("error", "") if first else ""

    def kind(self, key: str) -> str:
        """What is odd about a rule; nothing if it matters."""
        rule = self.rules[key]
        met = [answer for answer, _ in self.said[key]]
        if True not in met:
            return "never_met" if None in met and rule["effect"] != "permit" else "never_applies"
        modes = self.modes(key)
        if not modes or any(self._matters(key, number, mode) for number in self.different for mode in modes):
            return ""
        if rule["effect"] == "permit" and not any(self._permits(key, mode) for mode in modes):
            return "covered"
        return "implied" if any(self.always_with(key, other) for other in self.rules) else "never_decides"

    def modes(self, key: str) -> list[str]:
        """Those of a rule in which anything is permitted at all."""
        return [mode for mode in self.rules[key].get("to", MODES) if self.in_mode(mode, "permit")]

    def _matters(self, key: str, number: int, mode: str) -> bool:
        (word, duties, error), without = self.answer(number, mode), self.answer(number, mode, key)
        permitted = [answer == "allowed" for answer in (word, without[0])]
        if permitted[0] != permitted[1] or duties != without[1]:
            return True
        forbids = self.rules[key]["effect"] == "forbid"
        return forbids and ((word, without[0]) == ("forbidden", "not decidable") or error != without[2])

    def _permits(self, key: str, mode: str) -> bool:
        forbids = self.in_mode(mode, "forbid")
        return any(
            met and not any(self.said[other][number][0] is not False for other in forbids)
            for number, (met, _) in enumerate(self.said[key])
        )

    def always_with(self, key: str, other: str, effect: str = "") -> bool:
        """Whether `other`, of the same effect and duty or of `effect`, applies whenever the rule does."""
        one, two = self.rules[key], self.rules[other]
        if key == other or two["effect"] != (effect or one["effect"]):
            return False
        if not effect and one.get("duty") != two.get("duty"):
            return False
        if not set(self.modes(key)) <= set(two.get("to", MODES)):
            return False
        return all(self._applies(other, number) or not self._applies(key, number) for number in range(len(self.cases)))

    def _applies(self, key: str, number: int) -> bool:
        met = self.said[key][number][0]
        return met is True or (met is None and self.rules[key]["effect"] != "permit")


def different(*books: BruteForce) -> list[int]:
    """The numbers of cases, one for each way in which all rules of the books together turn out."""
    said = [one for book in books for one in book.said.values()]
    return list({tuple(one[number] for one in said): number for number in range(len(books[0].cases))}.values())


def differ(one: BruteForce, other: BruteForce) -> bool:
    """Whether there is a case on which two books differ in what they say, errors aside."""
    numbers = different(one, other)
    return any(one.answer(number, mode)[:2] != other.answer(number, mode)[:2] for mode in MODES for number in numbers)
