"""Pure: owns what each error code of Finesse and of the switch behind it means, why it comes, and what helps.

Refuses to guess: a code that stands in no table (domain.md section 2) is said to be in none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from monitoring_core.errors import quote
from monitoring_core.finesse.updates import ApiError

Platform = Literal["cce", "ccx"]
Where = Literal["sync", "async", "cti_os", "unknown"]
"""`sync`: in the answer to a request. `async`: afterwards, in a notification. `cti_os`: from the CTI server of CCE."""

NAMES: dict[Platform, str] = {"cce": "Unified CCE", "ccx": "Unified CCX"}
_BOTH: tuple[Platform, ...] = ("cce", "ccx")


@attrs.frozen
class Failure:
    """One row of the tables: the code as sent, where and on which platforms it comes, and what a person should know."""

    code: str
    where: Where
    platforms: tuple[Platform, ...]
    meaning: str
    cause: str
    remedy: str

    def lines(self) -> Iterator[str]:
        """The explanation as text, the code first."""
        yield f"{quote(self.code)}: {self.meaning}"
        yield f"likely cause: {self.cause}"
        yield f"what to do: {self.remedy}"


def explained(code: str, platform: Platform | None = None) -> Failure:
    """What `code` means, in any case of its letters; on `platform`, if that is known to be another than it is of."""
    failure = _BY_CODE.get(code.strip().casefold())
    if failure is None:
        meaning = "this code is not in the documented tables"
        return Failure(code, "unknown", (), meaning, "not known", "look it up in the documentation of the switch")
    if platform is None or platform in failure.platforms:
        return failure
    only = " and ".join(NAMES[one] for one in failure.platforms)
    return attrs.evolve(failure, cause=f"documented for {only}, not for {NAMES[platform]}; there: {failure.cause}")


def code_of(error: ApiError) -> str:
    """The code by which an error is explained: the type, or the number of the switch that came with it.

    What the API itself finds wrong comes with a thing of the request as its data, which may well be a number; any
    other type is less than the switch's number. Empty if the error says neither.
    """
    if error.type.casefold() in _OF_THE_API or not error.data.isascii() or not error.data.isdigit():
        return error.type
    is_documented = error.data in _BY_CODE
    return error.data if is_documented or error.type.casefold() in ("", "generic error") else error.type


FAILURES: tuple[Failure, ...] = (
    Failure(
        "Parameter Missing",
        "sync",
        _BOTH,
        "the request lacks something that it must have",
        "fromAddress, toAddress or the user id was empty",
        "see that the request names the supervisor, his extension and the agent's",
    ),
    Failure(
        "Invalid Input",
        "sync",
        _BOTH,
        "something in the request was not understood",
        "a value of the wrong form, or an action that this release of Finesse does not have",
        "compare the request with the documentation of the release that runs",
    ),
    Failure(
        "Invalid Destination",
        "sync",
        _BOTH,
        "the agent's extension cannot be what is asked for",
        "both extensions are the same; or, for a barge, the agent has the call on hold",
        "name the agent's own extension; before a barge wait until he has taken the call back",
    ),
    Failure(
        "Invalid State",
        "sync",
        ("cce",),
        "the agent is in a state in which nobody can start listening to him",
        "he is Ready or in wrap-up, so there is no call to listen to",
        "ask again when he is Talking",
    ),
    Failure(
        "13145",
        "async",
        ("cce",),
        "the switch took the request and then found the agent in a state that it cannot monitor",
        "he has his call on hold, or is Not Ready",
        "ask again when he is Talking",
    ),
    Failure(
        "88049",
        "async",
        ("ccx",),
        "the switch took the request and then found the agent in a state that it cannot monitor",
        "he is Ready, in wrap-up, has his call on hold, or is Not Ready without a call of his own",
        "ask again when he is Talking, or Not Ready on a call that did not come from a queue",
    ),
    Failure(
        "Authorization Failure",
        "sync",
        _BOTH,
        "Finesse does not let this user do that",
        "the password is wrong or missing, or the user is an agent and no supervisor",
        "check the user's password, and that he has the role of a supervisor",
    ),
    Failure(
        "Invalid Authorization User Specified",
        "sync",
        _BOTH,
        "one user was signed in and another was named",
        "the request goes out with somebody else's password than that of the supervisor who listens",
        "give the program the supervisor's own password",
    ),
    Failure(
        "Invalid Supervisor",
        "sync",
        _BOTH,
        "this supervisor is not responsible for the agent",
        "the agent is in none of the teams that are assigned to him",
        "assign the team to him, or ask a supervisor of that team",
    ),
    Failure(
        "20700",
        "sync",
        _BOTH,
        "the conference has no room for one more",
        "a barge makes the supervisor one more party, and the limit of the switch is reached",
        "wait until somebody leaves, or raise the limit in the Unified Communications Manager",
    ),
    Failure(
        "20999",
        "sync",
        _BOTH,
        "the switch could not make a conference of the call",
        "another than the agent controls the conference, or the agent has a consult call that is not over",
        "barge in by the agent who controls it, and when his consult call is over",
    ),
    Failure(
        "13139",
        "cti_os",
        ("cce",),
        "the agent's phone cannot be monitored",
        "it is a legacy phone, of a kind that does not have it",
        "give him a phone that supports silent monitoring",
    ),
    Failure(
        "13140",
        "cti_os",
        ("cce",),
        "the agent cannot be monitored where he works",
        "his Unified Communications Manager is of an old release, or he is a mobile agent",
        "listen to agents at phones of a release that supports silent monitoring",
    ),
    Failure(
        "13141",
        "cti_os",
        ("cce",),
        "the agent's phone does not pass on what it hears",
        "its built-in bridge is disabled",
        "enable the built-in bridge of the phone in the Unified Communications Manager",
    ),
    Failure(
        "13142",
        "cti_os",
        ("cce",),
        "the supervisor's phone cannot reach the agent's line",
        "the line is not in the search space in which the supervisor's phone may monitor",
        "put the line's partition into the monitoring calling search space of the supervisor's line",
    ),
)
"""Every row of domain.md section 2, in its order."""

_BY_CODE = {failure.code.casefold(): failure for failure in FAILURES}
_OF_THE_API = frozenset(
    failure.code.casefold()
    for failure in FAILURES
    if failure.where == "sync" and not failure.code.isdigit() and failure.code != "Invalid State"
)
"""Types whose data is what they are about (a user, an extension), never a number of the switch."""
