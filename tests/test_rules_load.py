"""Loading rules: every kind of problem in its exact words, all of them at once, each with its place and a fix."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import RuleBookError, RuleError
from monitoring_core.rules.load import load_book
from monitoring_core.rules.text import did_you_mean
from monitoring_core.testing.rulebooks import book_text
from monitoring_core.testing.strategies import randoms

PERMIT = '[[rule]]\nid = "r"\neffect = "permit"\nbecause = "b"\n'
FORBID = PERMIT.replace("permit", "forbid")
REQUIRE = PERMIT.replace("permit", "require")
CONSENT = '[facts.consent]\ntype = "flag"\nmeaning = "he agreed"\n'
KNOWN_FIX = (
    "known = true may stand in a permit's when or a forbid's unless, "
    "known = false in a forbid's when or a permit's unless"
)


def problems(*texts: str, limits: Limits | None = None) -> list[str]:
    """What loading says of the texts, a line each."""
    with pytest.raises(RuleBookError) as caught:
        load_book({f"book{number or ''}.toml": text for number, text in enumerate(texts)}, limits)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "what", "where", "fix"),
    [
        ("[[rules]]\n", 'unknown key "rules"', "1, rules", 'did you mean "rule"?'),
        (PERMIT + 'becuase = "x"\n', 'unknown key "becuase"', "5, rule r, becuase", 'did you mean "because"?'),
        ("rule = 1\n", "rule is not a list of tables", "1, rule", "write [[rule]]"),
        (
            '[[rule]]\neffect = "permit"\nbecause = "b"\n',
            "a rule needs an id",
            "1, rule number 1, id",
            'write id = "words-joined-by-hyphens", of a-z and 0-9',
        ),
        (
            '[[rule]]\nid = "my rule"\neffect = "permit"\nbecause = "b"\n',
            "a rule needs an id",
            "2, rule number 1, id",
            'write id = "words-joined-by-hyphens", of a-z and 0-9',
        ),
        (
            '[[rule]]\nid = "r"\nbecause = "b"\n',
            "a rule permits, forbids or requires",
            "1, rule r, effect",
            "one of: forbid, permit, require",
        ),
        (
            '[[rule]]\nid = "r"\neffect = "permits"\nbecause = "b"\n',
            "a rule permits, forbids or requires",
            "3, rule r, effect",
            'did you mean "permit"?',
        ),
        (
            '[[rule]]\nid = "r"\neffect = "permit"\n',
            "a rule needs a because",
            "1, rule r, because",
            "say why, in plain words: it is what the supervisor reads",
        ),
        (
            '[[rule]]\nid = "r"\neffect = "permit"\nbecause = " "\n',
            "a rule needs a because",
            "4, rule r, because",
            "say why, in plain words: it is what the supervisor reads",
        ),
        (
            FORBID + "error = 5\n",
            "a permit or forbid may name an API error",
            "5, rule r, error",
            'write it like error = "Invalid State"',
        ),
        (
            REQUIRE + 'duty = "tone"\nerror = "Invalid State"\n',
            "a permit or forbid may name an API error",
            "6, rule r, error",
            'write it like error = "Invalid State"',
        ),
        (REQUIRE, "a require names its duty, other rules have none", "1, rule r, duty", 'write it like duty = "tone"'),
        (
            PERMIT + 'duty = "tone"\n',
            "a require names its duty, other rules have none",
            "5, rule r, duty",
            'write it like duty = "tone"',
        ),
        (PERMIT + 'to = "silence"\n', 'unknown mode "silence"', "5, rule r, to", 'did you mean "silent"?'),
        (
            PERMIT + 'to = ["silent", 5]\n',
            'unknown mode "5"',
            "5, rule r, to",
            "one of: barge, silent, take_over, whisper",
        ),
        (PERMIT + "to = []\n", "to names no mode", "5, rule r, to", "name one, or leave it out for all"),
        (
            PERMIT + 'when.agent.teems = { overlaps = "supervisor.teams" }\n',
            'unknown fact "agent.teems"',
            "5, rule r, when.agent.teems",
            'did you mean "agent.teams"?',
        ),
        (
            PERMIT + 'when.agnet.teams = { overlaps = "supervisor.teams" }\n',
            'unknown fact "agnet.teams"',
            "5, rule r, when.agnet.teams",
            'did you mean "agent.teams"?',
        ),
        (
            PERMIT + 'when.weather = { is = "rain" }\n',
            'unknown fact "weather"',
            "5, rule r, when.weather",
            "see the catalogue, or declare it: [facts.weather]",
        ),
        (
            PERMIT + 'when.agent.state = { equals = "READY" }\n',
            'unknown test "equals"',
            "5, rule r, when.agent.state.equals",
            "one of: at_least, below, between, in, is, is_not, known, member_of, overlaps, same_as, within",
        ),
        (
            PERMIT + 'when.agent.teams = { is = "sales" }\n',
            '"is" cannot test agent.teams, which is a set',
            "5, rule r, when.agent.teams.is",
            "a set takes known, same_as, overlaps, within",
        ),
        (
            PERMIT + "when.agent.state = { is = 5 }\n",
            "agent.state is text, 5 is not",
            "5, rule r, when.agent.state.is",
            'write it like "NOT_READY"',
        ),
        (
            PERMIT + 'when.agent.signed_in = { is = "true" }\n',
            'agent.signed_in is a flag, "true" is not',
            "5, rule r, when.agent.signed_in.is",
            "write it like true or false",
        ),
        (
            PERMIT + "when.call.parties = { below = inf }\n",
            "call.parties is a number, inf is not",
            "5, rule r, when.call.parties.below",
            "write it like 3",
        ),
        (
            PERMIT + "when.site.local_time = { at_least = 08:00:00.5 }\n",
            'site.local_time is a time, "08:00:00.500000" is not',
            "5, rule r, when.site.local_time.at_least",
            'write it like "08:30"',
        ),
        (
            PERMIT + 'when.site.date = { is = "2025-02-29" }\n',
            'site.date is a date, "2025-02-29" is not',
            "5, rule r, when.site.date.is",
            'write it like "2025-12-24"',
        ),
        (
            PERMIT + 'when.agent.teams = { overlaps = ["a", 5] }\n',
            "agent.teams is a set, ['a', 5] is not",
            "5, rule r, when.agent.teams.overlaps",
            'write it like ["sales", "service"]',
        ),
        (
            PERMIT + "when.agent.teams = { overlaps = [] }\n",
            "overlaps takes a set that is not empty",
            "5, rule r, when.agent.teams.overlaps",
            'write it like ["sales", "service"]',
        ),
        (
            PERMIT + 'when.agent.line = { is = "conected" }\n',
            'agent.line is never "conected"',
            "5, rule r, when.agent.line.is",
            'did you mean "connected"?',
        ),
        (
            PERMIT + 'when.agent.state = { in = "READY" }\n',
            'in takes a list, "READY" is none',
            "5, rule r, when.agent.state.in",
            'write it like ["NOT_READY"]',
        ),
        (
            PERMIT + "when.agent.state = { in = [] }\n",
            "in takes a list, [] is none",
            "5, rule r, when.agent.state.in",
            'write it like ["NOT_READY"]',
        ),
        (
            PERMIT + 'when.site.local_time = { between = ["08:00"] }\n',
            "between takes two different times",
            "5, rule r, when.site.local_time.between",
            'write it like ["08:00", "18:00"]: start included, end excluded',
        ),
        (
            PERMIT + 'when.site.local_time = { between = ["08:00", "08:00:00"] }\n',
            "between takes two different times",
            "5, rule r, when.site.local_time.between",
            'write it like ["08:00", "18:00"]: start included, end excluded',
        ),
        (
            PERMIT + 'when.agent.state = { known = "yes" }\n',
            'known takes a flag, "yes" is none',
            "5, rule r, when.agent.state.known",
            "write known = true or known = false",
        ),
        (
            FORBID + "when.agent.state = { known = true }\n",
            "known would widen access here",
            "5, rule r, when.agent.state.known",
            KNOWN_FIX,
        ),
        (
            PERMIT + "when.agent.state = { known = false }\n",
            "known would widen access here",
            "5, rule r, when.agent.state.known",
            KNOWN_FIX,
        ),
        (
            REQUIRE + 'duty = "tone"\nwhen.agent.state = { known = true }\n',
            "known would widen access here",
            "6, rule r, when.agent.state.known",
            KNOWN_FIX,
        ),
        (
            PERMIT + 'when.agent.sessions = { below = "limits.per_agnet" }\n',
            'unknown fact "limits.per_agnet"',
            "5, rule r, when.agent.sessions.below",
            'did you mean "limits.per_agent"?',
        ),
        (
            PERMIT + 'when.agent.sessions = { below = "agent.state" }\n',
            "agent.state is text, below needs a number here",
            "5, rule r, when.agent.sessions.below",
            "name a fact that is a number",
        ),
        (
            PERMIT + "when.agent.person = { same_as = 5 }\n",
            "same_as takes the name of a fact, 5 is none",
            "5, rule r, when.agent.person.same_as",
            "name a fact that is text",
        ),
        (
            PERMIT + "when.agent.teams = { overlaps = 5 }\n",
            "overlaps takes the name of a fact or a list of texts, 5 is none",
            "5, rule r, when.agent.teams.overlaps",
            "name a fact that is a set",
        ),
        (
            PERMIT + 'when.agent.person = { member_of = "supervisor.person" }\n',
            "supervisor.person is text, member_of needs a set here",
            "5, rule r, when.agent.person.member_of",
            "name a fact that is a set",
        ),
        (
            PERMIT + 'when.agent.person = { same_as = "agent.person" }\n',
            "agent.person is compared with itself",
            "5, rule r, when.agent.person.same_as",
            "name another fact",
        ),
        (
            PERMIT + 'when.agent.line = "idle"\n',
            "agent.line stands here without a test",
            "5, rule r, when.agent.line",
            "write it like agent.line = { is = ... }",
        ),
        (
            PERMIT + "when.agent.line = {}\n",
            "agent.line stands here without a test",
            "5, rule r, when.agent.line",
            "write it like agent.line = { is = ... }",
        ),
        (
            PERMIT + "when = {}\n",
            "when is not a table with a test",
            "5, rule r, when",
            'write it like when.agent.line = { is = "idle" }',
        ),
        (
            PERMIT + 'when = "always"\n',
            "when is not a table with a test",
            "5, rule r, when",
            'write it like when.agent.line = { is = "idle" }',
        ),
        (
            PERMIT + "[[rule.unless]]\n",
            "unless is not a table with a test",
            "5, rule r, unless[1]",
            'write it like unless.agent.line = { is = "idle" }',
        ),
        (PERMIT + "unless = [1]\n", "unless is not a list of tables", "5, rule r, unless", "write [[rule.unless]]"),
        (
            PERMIT + 'when.agent.state = { is = "READY" }\nwhen."agent.state" = { is = "READY" }\n',
            "two equal tests",
            "6, rule r, when.agent.state.is",
            "delete one",
        ),
        (
            PERMIT
            + '[[rule.unless]]\nagent.state = { is = "READY" }\n[[rule.unless]]\nagent.state = { is = "READY" }\n',
            "two equal alternatives of unless",
            "7, rule r, unless[2]",
            "delete one",
        ),
        (
            "facts = 1\n",
            "facts are declared in tables",
            "1, facts",
            'write [facts.NAME] with type = "flag" and a meaning',
        ),
        (
            '[facts.consent]\ntype = "bool"\nmeaning = "x"\n' + PERMIT + "when.consent = { is = true }\n",
            "consent has no type",
            "2, facts.consent.type",
            "one of: date, flag, number, set, text, time",
        ),
        (
            '[facts.consent]\nmeaning = "x"\n',
            "consent has no type",
            "1, facts.consent.type",
            "one of: date, flag, number, set, text, time",
        ),
        (
            '[facts.consent]\ntype = "flag"\n',
            "consent has no meaning",
            "1, facts.consent.meaning",
            "say in plain words what it tells",
        ),
        (CONSENT + "defualt = true\n", 'unknown key "defualt"', "4, facts.consent.defualt", 'did you mean "default"?'),
        (
            CONSENT + 'default = "yes"\n',
            'consent is a flag, "yes" is not',
            "4, facts.consent.default",
            "write it like true or false",
        ),
        (
            CONSENT + 'values = ["a"]\n',
            "only text and sets have values, consent has another type",
            "4, facts.consent.values",
            "leave values out",
        ),
        (
            '[facts.consent]\ntype = "text"\nmeaning = "he agreed"\nvalues = [1]\n',
            "consent is a set, [1] is not",
            "4, facts.consent.values",
            'write it like ["sales", "service"]',
        ),
        (
            '[facts.consent]\ntype = "text"\nmeaning = "he agreed"\nvalues = ["yes", "no"]\ndefault = "ja"\n',
            'consent is never "ja"',
            "5, facts.consent.default",
            "one of: no, yes",
        ),
        (
            CONSENT + 'changeable = "no"\n',
            "changeable is a flag, no is not",
            "4, facts.consent.changeable",
            "write true or false",
        ),
        (
            '[facts."Consent!"]\ntype = "flag"\nmeaning = "x"\n',
            '"Consent!" cannot name a fact',
            "1, facts.Consent!",
            "use words of a-z, 0-9 and _ joined by dots: customer.consent",
        ),
        (
            '[facts.agent.state]\ntype = "flag"\nmeaning = "x"\n',
            "agent.state is a built-in fact",
            "1, facts.agent.state",
            "choose another name, or leave the declaration out",
        ),
        (
            '[facts.agent]\ntype = "flag"\nmeaning = "x"\n',
            'the name of the fact "agent" is the beginning of "agent.person"',
            "1, facts.agent",
            "rename one of them",
        ),
        (
            '[facts.agent.state.since]\ntype = "number"\nmeaning = "x"\n',
            'the name of the fact "agent.state" is the beginning of "agent.state.since"',
            "1, facts.agent.state.since",
            "rename one of them",
        ),
    ],
)
def test_each_problem_has_its_words(text: str, what: str, where: str, fix: str) -> None:
    """What is wrong, file, line, rule and key path, and the fix: exactly these words, and no second problem."""
    assert problems(text) == [f"{what} (book.toml:{where})\n  fix: {fix}"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x = = 1\n", "book.toml:1, column 5"),
        (PERMIT + 'id = "again"\n', "book.toml:5, column 13"),
        ('x = """a', "book.toml, at its end"),
        ("\n\n# \udc80\n", "book.toml:3, column 1"),
    ],
)
def test_what_is_not_toml_has_line_and_column(text: str, where: str) -> None:
    """A fault of TOML itself is one problem with the place that the parser gave."""
    (told,) = problems(text)
    assert told.startswith("not TOML: ")
    assert f"({where})" in told


@pytest.mark.parametrize("text", ["x = " + "9" * 5_000, "x = " + "[" * 100_000])
def test_what_the_parser_gives_up_on_is_a_problem_too(text: str) -> None:
    """A number of 5,000 digits and endless brackets are one problem each, no other exception."""
    (told,) = problems(text)
    assert told.startswith("not TOML: ")


def test_an_error_quotes_little_of_the_text() -> None:
    """However long a name is, an error shows at most 40 characters of it."""
    long = "x" * 5_000
    for text in (f"{long} = 1\n[{long}]\n", PERMIT + f"when.{long} = {{ is = 1 }}\n", f"[facts.{long}]\n"):
        assert all("x" * 41 not in told for told in problems(text))


def test_all_problems_of_all_files_come_at_once() -> None:
    """Problems of several files and rules come together, by file and line; the first line says how many."""
    first = PERMIT.replace("permit", "permits") + 'when.agent.teems = { is = "x" }\n\n' + FORBID
    with pytest.raises(RuleBookError) as caught:
        load_book({"z.toml": "other = 1\n", "a.toml": first})
    assert str(caught.value).splitlines()[0] == "4 problems in the rules"
    assert [problem.where for problem in caught.value.problems] == [
        "a.toml:3, rule r, effect",
        "a.toml:5, rule r, when.agent.teems",
        "a.toml:8, rule r, id",
        "z.toml:1, other",
    ]


def test_one_id_in_two_files_is_a_problem() -> None:
    """Two rules of one id are refused, also in different files and if they are equal."""
    assert problems(PERMIT, PERMIT) == ["two rules have this id (book1.toml:2, rule r, id)\n  fix: give each its own"]


def test_a_fact_is_declared_once() -> None:
    """Two declarations of one fact are refused."""
    assert problems(CONSENT, CONSENT) == [
        "consent is declared twice (book1.toml:1, facts.consent)\n  fix: keep one declaration"
    ]


def test_an_empty_declaration_lacks_everything() -> None:
    """A declaration without anything says both what is missing."""
    assert [told.splitlines()[0] for told in problems("[facts.consent]\n")] == [
        "consent has no meaning (book.toml:1, facts.consent.meaning)",
        "consent has no type (book.toml:1, facts.consent.type)",
    ]


@pytest.mark.parametrize(
    ("text", "limits", "problem"),
    [
        (
            PERMIT,
            Limits(rule_file_bytes_max=40),
            f"{len(PERMIT)} bytes are too many (book.toml:1)\n  fix: at most 40: split the file",
        ),
        (
            PERMIT + PERMIT.replace('"r"', '"s"'),
            Limits(rules_max=1),
            "2 rules are too many (book.toml:1)\n  fix: at most 1",
        ),
    ],
)
def test_too_much_is_refused(text: str, limits: Limits, problem: str) -> None:
    """A file that is too long and a book of too many rules are refused by their limits."""
    assert problems(text, limits=limits) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "[facts." + ".".join("a" * 2_000) + ']\ntype = "flag"\nmeaning = "x"\n',
        PERMIT + "when." + ".".join("a" * 2_000) + " = { is = 1 }\n",
    ],
)
def test_names_that_nest_deep_are_a_problem(text: str) -> None:
    """Thousands of dots are one unknown or impossible name, no other exception."""
    assert len(problems(text)) == 1


def test_a_deep_name_is_shown_by_its_first_twelve_parts() -> None:
    """However deep it nests, the place of a problem has twelve parts at most."""
    (told,) = problems("[facts." + ".".join("abcdefghijklmnop") + ']\ntype = "flag"\nmeaning = "x"\n')
    assert "(book.toml:1, facts.a.b.c.d.e.f.g.h.i.j.k)" in told


def test_lines_are_found_past_everything_that_looks_like_a_head() -> None:
    """Comments, texts over several lines and lists over several lines do not lead the line numbers astray."""
    text = (
        "# [[rule]]\n[[rule]]\nid = 'a'\neffect = \"permit\" # [[rule]]\n"
        'because = """\n[[rule]]\nid = "b" \\""" \n"""\nto = [\n  "silent", # ]\n  "barge",\n]\n'
        "[rule.when]\nagent.line.is_not = 'idle'\n[[rule.unless]]\nagent.sessions.below = 1\n"
        "[ [ rule . unless ] ]\n".replace("[ [", "[[").replace("] ]", "]]")
        + "'agent'.\"state\" = { is = '''a\n''', in = [\n5\n] }\n"
    )
    (told,) = problems(text)
    assert told.startswith("agent.state is text, 5 is not (book.toml:18, rule a, unless[2].agent.state.in)")


def test_a_list_in_a_list_is_no_head() -> None:
    """A line inside a list that could be a head by itself is none: what follows still has its line."""
    text = PERMIT.replace('"permit"', "5").replace("effect", 'to = [\n["silent"],\n"barge"]\neffect')
    assert "(book.toml:6, rule r, effect)" in problems(text)[1]


def test_a_rule_written_as_an_inline_table_is_a_rule() -> None:
    """Rules in one list of inline tables load; a problem has the line of the list."""
    line = 'rule = [{ id = "r", effect = "permit", because = "b", unless = { agent.line = { is = "idle" } } }]\n'
    assert load_book({"book.toml": line}).rules[0].unless[0][0].text == 'is "idle"'
    assert "(book.toml:2, rule r, unless.agent.line.is)" in problems("\n" + line.replace("idle", "x"))[0]


def test_only_rule_files_are_read() -> None:
    """Of a folder's texts, lifecycle.toml, cases and what is not TOML are left alone, in any folder."""
    texts = {
        "lifecycle.toml": "x",
        "here/lifecycle.toml": "x",
        "a.cases.toml": "x",
        "README.md": "x",
        "b\\r.toml": PERMIT,
    }
    assert [rule.id for rule in load_book(texts).rules] == ["r"]


def test_a_declared_fact_is_in_the_catalogue_of_its_book() -> None:
    """A declared fact has the type, meaning, values and changeability that the file gives it."""
    text = (
        '[facts.customer.region]\ntype = "set"\nmeaning = "where he lives"\nvalues = ["north", "south"]\n'
        'changeable = false\ndefault = ["north"]\n'
    )
    book = load_book({"book.toml": text})
    fact = book.catalogue["customer.region"]
    assert (fact.type, fact.meaning, fact.values, fact.changeable) == (
        "set",
        "where he lives",
        ("north", "south"),
        False,
    )
    assert book.defaults == {"customer.region": frozenset({"north"})}


def test_rules_on_a_broken_declaration_are_not_reported_again() -> None:
    """Where a declaration is wrong, rules that read the fact are not blamed for it."""
    assert len(problems(CONSENT.replace("flag", "bool") + PERMIT + "when.consent = { is = true }\n")) == 1


def test_an_unless_table_is_a_list_of_one() -> None:
    """A single table of unless means the same as a list with that table alone."""
    single = load_book({"a.toml": PERMIT + 'unless.agent.line = { is = "idle" }\n'})
    listed = load_book({"a.toml": PERMIT + '[[rule.unless]]\nagent.line = { is = "idle" }\n'})
    assert single.digest == listed.digest


def test_the_order_of_alternatives_does_not_change_the_digest() -> None:
    """Two tables of unless mean the same in either order."""
    one, other = (
        '[[rule.unless]]\nagent.line = { is = "idle" }\n',
        "[[rule.unless]]\nagent.sessions = { below = 1 }\n",
    )
    first, second = (load_book({"a.toml": PERMIT + both}) for both in (one + other, other + one))
    assert first.digest == second.digest


def test_a_test_reads_as_it_was_written() -> None:
    """Letters that are no ASCII stand in what people read of a test as they are."""
    text = PERMIT + 'when.supervisor.state = { in = ["müde", "休憩"] }\n'
    assert load_book({"a.toml": text}).rules[0].when[0].text == 'in ["müde", "休憩"]'


@pytest.mark.parametrize(("count", "said"), [(200, 'did you mean "fact100"?'), (201, "none")])
def test_among_very_many_names_only_those_with_the_same_beginning_are_compared(count: int, said: str) -> None:
    """With more than two hundred names to choose from, a slip in the first two letters finds none of them."""
    assert did_you_mean("xfact100", [f"fact{number:03}" for number in range(count)], "none") == said


def test_among_very_many_names_a_slip_after_the_beginning_is_found() -> None:
    """With more than two hundred names to choose from, those that begin as it does are still compared."""
    assert did_you_mean("fatc100", [f"fact{number:03}" for number in range(201)], "none") == 'did you mean "fact100"?'


@given(randoms)
def test_generated_books_load(random: Random) -> None:
    """Every book of the generators is one of the language."""
    assert load_book({"book.toml": book_text(random)}).digest


@given(randoms, st.sampled_from("\"[]{}=.,#'\n aZ5\x00\ud800"), st.booleans())
def test_a_broken_text_is_a_book_or_problems(random: Random, mark: str, insert: bool) -> None:  # noqa: FBT001
    """A rule file with one character more or another one loads or is refused in our words, never otherwise."""
    text = book_text(random, most=2)
    place = random.randrange(len(text))
    broken = text[:place] + mark + text[place + (not insert) :]
    found: tuple[RuleError, ...] = ()
    try:
        load_book({"book.toml": broken})
    except RuleBookError as error:
        found = error.problems
    assert all(problem.what and problem.where and problem.fix for problem in found)
