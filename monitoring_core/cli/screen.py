"""Shell: owns the screen of `inspect`: where its panes are, which key does what, how it looks.

Refuses to know what a log says, or how to move in it; `panes` and `cursor` do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, Static

from monitoring_core.cli import panes
from monitoring_core.cursor import Cursor, Mark
from monitoring_core.errors import UsageError
from monitoring_core.rules.book import RuleBook

SIGNS = {
    "refusal": ("✗", "bold red"),
    "end": ("■", "yellow"),
    "divergence": ("≠", "bold magenta"),
    "step": ("•", "green"),
    "": (" ", ""),
}
"""How each thing that an event may lead to is shown beside it."""
QUESTIONS = {"go": "go to #12, 12 (an event), a time, or a date", "search": "search in events and what followed"}
HUNDRED = 100


def _key(key: str, action: str, what: str, *, show: bool = True, key_display: str | None = None) -> Binding:
    """A key that is taken at once, wherever one is: keys that are typed ahead must not overtake what `/` has begun."""
    return Binding(key, action, what, show=show, key_display=key_display, priority=True)


class Inspector(App[None]):
    """One log, looked at. `names`: of the rule books."""

    CSS = """
    #head { height: 1; background: $primary; color: $text; padding: 0 1; }
    #log { height: 1fr; border: round $primary; text-wrap: nowrap; text-overflow: ellipsis; }
    #event { height: 1fr; border: round $primary; }
    #floor { height: 1fr; border: round $primary; }
    #rules { height: 1fr; border: round $primary; }
    VerticalScroll:focus { border: round $accent; }
    #prompt { display: none; dock: bottom; }
    #status { height: 1; padding: 0 1; color: $warning; }
    """
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("right", "move(1)", "next", key_display="→"),
        _key("left", "move(-1)", "back", key_display="←"),
        _key("pagedown", f"move({HUNDRED})", "on 100", show=False),
        _key("pageup", f"move({-HUNDRED})", "back 100", show=False),
        _key("home", "begin", "begin", show=False),
        _key("end", "finish", "end", show=False),
        _key("r", "jump('refusal')", "refusal"),
        _key("R", "jump('refusal', True)", "refusal before", show=False),
        _key("e", "jump('end')", "end"),
        _key("E", "jump('end', True)", "end before", show=False),
        _key("d", "jump('divergence')", "divergence"),
        _key("D", "jump('divergence', True)", "divergence before", show=False),
        _key("g", "ask('go')", "go to"),
        _key("slash", "ask('search')", "search", key_display="/"),
        _key("n", "find(False)", "next match"),
        _key("N", "find(True)", "match before", show=False),
        _key("s", "choose(1)", "session"),
        _key("S", "choose(-1)", "session before", show=False),
        _key("escape", "close", "close", show=False),
        _key("q", "quit", "leave"),
    ]

    def __init__(self, cursor: Cursor, name: str, books: Sequence[RuleBook], names: Sequence[str]) -> None:
        super().__init__()
        self.cursor = cursor
        self._log_name = name
        self._books = books
        self._names = names
        self._chosen = 0
        self._asked = ""
        self._wanted = ""

    def compose(self) -> ComposeResult:
        """Head, four panes, a line for what could not be done, the keys."""
        yield Static(id="head", markup=False)
        with Horizontal():
            with Vertical():
                yield Static(id="log", markup=False)
                yield _pane("event", "this event")
            with Vertical():
                yield _pane("floor", "the floor")
                yield _pane("rules", "what the rules say now")
        yield Static(id="status", markup=False)
        yield Footer()
        yield Input(id="prompt")

    def on_mount(self) -> None:
        """Begin at the beginning."""
        self.query_one("#log").border_title = "the log"
        self.call_after_refresh(self.show_all)

    def on_resize(self) -> None:
        """The log has room for more lines, or fewer."""
        self.call_after_refresh(self.show_all)

    def show_all(self) -> None:
        """Every pane as of the place where one is now."""
        cursor = self.cursor
        self._say("head", panes.head(cursor, self._log_name))
        self.query_one("#log", Static).update(self._around())
        self._tell("event", panes.event(cursor, self._names))
        self._tell("floor", panes.floor(cursor))
        self._tell("rules", panes.rules(cursor, self._books, self._names, self._chosen))

    def _around(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        rows = max(1, self.query_one("#log").content_size.height)
        for position, happened, line in panes.around(self.cursor, rows):
            sign, style = SIGNS[happened]
            here = "reverse" if position == self.cursor.position else ""
            text.append(f"{sign} ", style=f"{style} {here}".strip())
            text.append(f"{line}\n", style=here)
        return text

    def _tell(self, pane: str, lines: Iterable[str]) -> None:
        self.query_one(f"#{pane}-text", Static).update(Text("\n".join(lines)))
        self.query_one(f"#{pane}").scroll_home(animate=False)

    def _say(self, where: str, text: str) -> None:
        self.query_one(f"#{where}", Static).update(Text(text, no_wrap=True, overflow="ellipsis"))

    def _go(self, position: int | None, otherwise: str) -> None:
        self._say("status", otherwise if position is None else "")
        if position is not None:
            self._chosen = 0
            self.cursor.go(position)
            self.show_all()

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 # textual's
        """While something is asked, keys are text, except the one that stops asking."""
        return bool(self.query_one("#prompt").display) is (action == "close")

    def action_move(self, by: int) -> None:
        """So many events on, or back."""
        there = max(0, min(self.cursor.position + by, self.cursor.tape.length))
        at_end = "this is the end of the log" if by > 0 else "this is the beginning of the log"
        self._go(None if there == self.cursor.position else there, at_end)

    def action_begin(self) -> None:
        """Before the first event."""
        self._go(0, "")

    def action_finish(self) -> None:
        """After the last."""
        self._go(self.cursor.tape.length, "")

    def action_jump(self, mark: str, back: bool = False) -> None:  # noqa: FBT001, FBT002 # a key's text calls it
        """The next such event, or the one before."""
        where = "before" if back else "further"
        self._go(self.cursor.marked(Mark(mark), back=back), f"no {where} {mark}")

    def action_choose(self, by: int) -> None:
        """The rules' values of another session."""
        self._chosen += by
        self.show_all()

    def action_ask(self, what: str) -> None:
        """Where to go, or what to search for, is typed in."""
        self._asked = what
        prompt = self.query_one("#prompt", Input)
        prompt.placeholder, prompt.value, prompt.display = QUESTIONS[what], "", True
        self.set_focus(prompt)

    def action_close(self) -> None:
        """Nothing is asked any more."""
        self.query_one("#prompt").display = False
        self.set_focus(None)

    def on_input_submitted(self, answer: Input.Submitted) -> None:
        """What was typed in."""
        self.action_close()
        if self._asked == "search":
            self._wanted = answer.value or self._wanted
            self.action_find(back=False)
            return
        try:
            self._go(panes.place(self.cursor, answer.value), "")
        except UsageError as error:
            self._say("status", panes.inert(f"{error.what}: {error.where}; {error.fix}"))

    def action_find(self, back: bool) -> None:  # noqa: FBT001 # a key's text calls it
        """The next event that has the text, or the one before."""
        if not self._wanted:
            self._say("status", "nothing to search for; begin with /")
            return
        where = "before" if back else "further"
        self._go(self.cursor.find(self._wanted, back=back), panes.inert(f"no event {where} has {self._wanted}"))


def _pane(name: str, title: str) -> VerticalScroll:
    pane = VerticalScroll(Static(id=f"{name}-text", markup=False), id=name)
    pane.border_title = title
    return pane
