"""Functions up to 40 lines, modules up to 400, the pure rooms together under a ratchet that only goes down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.house.house import (
    FUNCTION_LINES_MAX,
    MODULE_LINES_MAX,
    PURE_CODE_LINES_MAX,
    PURE_CODE_LINES_SLACK,
    Source,
    broken,
    package_sources,
    planted,
    pure_sources,
)


def fits_the_eye(source: Source) -> Iterator[str]:
    """The functions of `source` that are too long, and whether it is itself."""
    lines = source.text.count("\n")
    if lines > MODULE_LINES_MAX:
        yield source.at(1, f"a module of {lines} lines, at most {MODULE_LINES_MAX}; part it by what it owns")
    for function in source.functions:
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES_MAX:
            yield source.at(
                function.lineno,
                f"{function.name}() has {length} lines, at most {FUNCTION_LINES_MAX}; make functions of its parts",
            )


def off_the_ratchet(pure: Iterable[Source]) -> str:
    """Why the pure rooms are too large together, or the ratchet too far above them; empty if neither."""
    lines = sum(source.code_lines() for source in pure)
    said = f"the pure rooms have {lines} lines of code, and PURE_CODE_LINES_MAX of house.py is {PURE_CODE_LINES_MAX}; "
    if lines > PURE_CODE_LINES_MAX:
        return said + "delete what is not needed (it goes up only when a new pure room comes with its issue)"
    if lines < PURE_CODE_LINES_MAX - PURE_CODE_LINES_SLACK:
        return said + f"lower it to {lines}, so that what is gone stays gone"
    return ""


def test_functions_and_modules_fit_the_eye() -> None:
    """No function and no module of the package is longer than its limit."""
    assert not broken(fits_the_eye, package_sources())


def test_the_pure_rooms_stay_small() -> None:
    """All pure rooms together have no more lines of code than the ratchet says, and not far fewer."""
    assert not off_the_ratchet(pure_sources())


def _function(lines: int) -> str:
    return "def long():\n" + "    x = 1\n" * (lines - 1)


def test_a_long_function_is_found() -> None:
    """A function of one line too many is refused with its repair, one of just the limit is not."""
    assert "make functions of its parts" in planted(fits_the_eye, _function(FUNCTION_LINES_MAX + 1))
    assert not planted(fits_the_eye, _function(FUNCTION_LINES_MAX))


def test_a_long_module_is_found() -> None:
    """A module of one line too many is refused with its repair, one of just the limit is not."""
    assert "part it by what it owns" in planted(fits_the_eye, "x = 1\n" * (MODULE_LINES_MAX + 1))
    assert not planted(fits_the_eye, "x = 1\n" * MODULE_LINES_MAX)


def test_pure_rooms_off_the_ratchet_are_found() -> None:
    """One line of code beyond the ratchet, or beyond its slack, is refused with its repair, just as many are not."""
    full = Source("monitoring_core.floor", "x = 1\n" * PURE_CODE_LINES_MAX)
    small = Source("monitoring_core.floor", "x = 1\n" * (PURE_CODE_LINES_MAX - PURE_CODE_LINES_SLACK))
    smaller = Source("monitoring_core.floor", small.text.removesuffix("x = 1\n"))
    assert "delete what is not needed" in off_the_ratchet([full, Source("monitoring_core.errors", "x = 1\n")])
    assert "lower it to" in off_the_ratchet([smaller])
    assert not off_the_ratchet([full])
    assert not off_the_ratchet([small])


def test_only_code_is_counted() -> None:
    """Blank lines, comments and docstrings cost nothing; each line of a statement or a text value costs one."""
    idle = '"""Two\nlines."""\n\n# why\n'
    code = 'x = (\n    1,  # one\n)\ndef f():\n    return """a\n\nb"""\n'
    assert Source("monitoring_core.floor", idle + code).code_lines() == code.count("\n")
