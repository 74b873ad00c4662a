"""Shell: owns the way to a Dask cluster, which the `cluster` extra brings: one that runs somewhere, or one of our own.

Refuses to know what a job is. Workers elsewhere need the same release of this package, and see log and scratch folder
under the same names as we do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from monitoring_core.errors import UsageError
from monitoring_core.large.workers import DEATHS_MAX, Workers, died

LOCAL = "local"
_WAIT_S = 30

J = TypeVar("J")
R = TypeVar("R")


@contextmanager
def cluster(address: str, number: int) -> Iterator[Workers]:
    """The workers of the scheduler at `address`; for LOCAL, so many processes here, which Dask looks after.

    Raises UsageError without the extra, or if nobody answers there.
    """
    try:
        import dask  # noqa: PLC0415 # an extra
        import distributed  # noqa: PLC0415 # an extra
    except ImportError as error:
        fix = "pip install 'monitoring-core[cluster]', or use --workers without --cluster"
        raise UsageError("a cluster needs an extra", "dask.distributed", fix) from error
    ours: dict[str, Any] = {"n_workers": number, "threads_per_worker": 1, "dashboard_address": None}
    with dask.config.set({"distributed.scheduler.allowed-failures": DEATHS_MAX}):
        try:
            place = {"address": address} if address != LOCAL else ours
            client: Any = distributed.Client(**place, timeout=_WAIT_S, set_as_default=False)  # type: ignore[no-untyped-call] # theirs
        except (OSError, ValueError) as error:
            fix = f"name a Dask scheduler, like tcp://host:8786, or {LOCAL}"
            raise UsageError(f"no scheduler answers: {error}", address, fix) from error
        with client:
            yield _Dask(distributed, client)


class _Dask:
    def __init__(self, distributed: Any, client: Any) -> None:
        self._distributed = distributed
        self.client = client

    def __call__(self, do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        futures = self.client.map(do, jobs, pure=False)
        try:
            for future in self._distributed.as_completed(futures, loop=self.client.loop):
                result = future.result()
                future.release()  # a worker that dies later takes nothing with it that we have
                yield result
        except self._distributed.KilledWorker as error:
            raise died(str(error)) from error
        finally:
            self.client.cancel(futures)
