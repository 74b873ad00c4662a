"""Shell: owns what is wrong with the state table by one row, and the play of such a table instead of the real one.

Refuses to change the table itself, and to leave anything behind: when the play is over, all is as it was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from monitoring_core.domain.outcomes import State, Trigger
from monitoring_core.errors import IllegalMove
from monitoring_core.session import TABLE, table

Row = tuple[State | None, Trigger, State]
Table = tuple[Row, ...]

_PACKAGE = __name__.partition(".")[0]


def shown(row: Row) -> str:
    """A row as `monitoring-core draw` writes it."""
    before, trigger, after = row
    return f"{before.value if before else table.NOWHERE} {trigger.value} {after.value}"


def other_tables() -> Iterator[tuple[str, Table, Row, Row | None]]:
    """What is wrong, the whole table with it, the row that was and the one that is, or None."""
    for place, row in enumerate(TABLE):
        around = TABLE[:place], TABLE[place + 1 :]
        yield f"row {shown(row)}: dropped", (*around[0], *around[1]), row, None
        for target in State:
            if target is not row[2]:
                other = (row[0], row[1], target)
                yield f"row {shown(row)}: to {target.value}", (*around[0], other, *around[1]), row, other


@contextmanager
def played_by(rows: Table) -> Iterator[None]:
    """While it lasts, sessions move by `rows`, and so do the properties that are watched. For one thread only."""
    targets = {(before, trigger): target for before, trigger, target in rows}

    def after(before: State | None, trigger: Trigger) -> State:
        """As the function of that name in `session.table`."""
        if (before, trigger) not in targets:
            raise IllegalMove(f"{trigger.value} is no move from {before.value if before else table.NOWHERE}")
        return targets[before, trigger]

    users = [module for name, module in sys.modules.items() if name.startswith(f"{_PACKAGE}.") and _asks(module)]
    _bind(users, after)
    try:
        yield
    finally:
        _bind(users, _REAL)


_REAL: Callable[[State | None, Trigger], State] = table.after


def _asks(module: object) -> bool:
    """Whether a module's own name `after` is the table's function."""
    return vars(module).get("after") is _REAL


def _bind(modules: Iterable[object], after: Callable[[State | None, Trigger], State]) -> None:
    for module in modules:
        vars(module)["after"] = after
