"""Tasks of Ray measure a unit each, on a running cluster or on one that is started here.

Tasks and not Ray Data, whose actors wait for each other where there are as few CPUs as actors. The
cluster must have this program installed, and see the data and the model at the same paths.
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from gate.errors import MissingExtraError, SubjectError
from gate.masking import mask_url
from gate.measure.engines.child_process import safe_import_path
from gate.measure.engines.engine import Engine
from gate.measure.engines.worker_task import measure_unit
from gate.measure.partials.job import Job, UnitOutcome
from gate.measure.partials.work_units import WorkUnit
from gate.wording import plain

ADDRESS = "RAY_ADDRESS"
_RETRIES = 3  # of a task whose worker or node died; an error of the model or the data is none
_PATIENCE = 10.0  # seconds to reach a cluster


class RayEngine(Engine):
    """Measures with tasks of Ray, ``workers`` of them at a time."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._stack = ExitStack()
        self._ray: Any = None  # the module, once it is connected
        self._task: Any = None
        self._job: Any = None  # a reference: it travels once
        self._running: list[Any] = []  # references to what was not taken

    def submit(self, job: Job, unit: WorkUnit) -> "_Pending":
        """Order the measurement of a unit.

        Raises MissingExtraError without Ray, SubjectError where no cluster answers.
        """
        if self._ray is None:
            self._connect(job)
        with _loss_in_words(self._ray):
            reference = self._task.remote(self._job, unit)
        self._running.append(reference)
        return _Pending(self, reference)

    def take(self, reference: Any) -> UnitOutcome:  # noqa: ANN401 -- untyped
        """Return the outcome of a task; raises SubjectError where its worker dies repeatedly."""
        self._running.remove(reference)
        with _loss_in_words(self._ray):
            outcome: UnitOutcome = self._ray.get(reference)
        return outcome

    def close(self) -> None:
        """Cancel what runs, and leave the cluster: nobody waits for the rest."""
        try:
            for reference in self._running:
                self._ray.cancel(reference, force=True)
        finally:
            self._running, self._ray = [], None
            self._stack.close()

    def _connect(self, job: Job) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("--engine ray", "running on Ray", "ray") from error
        self._stack.enter_context(_cluster(ray, self.workers, job.threads))
        self._ray = ray
        gpus = 1 if job.device == "cuda" else 0
        remote = ray.remote(num_cpus=job.threads, num_gpus=gpus, max_retries=_RETRIES)
        with _loss_in_words(ray):
            self._task, self._job = remote(measure_unit), ray.put(job)


ENGINE = RayEngine


@dataclass(frozen=True, slots=True)
class _Pending:
    engine: RayEngine
    reference: Any

    def result(self) -> UnitOutcome:
        return self.engine.take(self.reference)


@contextmanager
def _loss_in_words(ray: Any) -> Iterator[None]:  # noqa: ANN401 -- a module without types
    try:
        yield
    except ray.exceptions.RayTaskError:
        raise  # no worker was lost: it is a fault of our own
    except ray.exceptions.RayError as error:
        raise SubjectError(
            "--engine ray",
            f"a task was lost, {_RETRIES} retries included ({type(error).__name__})",
            "look into Ray's log; what was measured is kept in the cache",
            retriable=True,
        ) from error


@contextmanager
def _cluster(ray: Any, workers: int, threads: int) -> Iterator[None]:  # noqa: ANN401 -- untyped
    """Connect to the cluster that the environment names, else start one here; leave it after."""
    if ray.is_initialized():  # a program that uses us has its own connection
        yield
        return
    address = os.environ.get(ADDRESS)
    if address:
        _require_listener(address)
    own = {"num_cpus": workers * threads, "include_dashboard": False}
    try:
        with safe_import_path():
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="error",
                **_path_of_workers(ray, address),
                **({} if address else own),
            )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        if address is None:
            raise SubjectError(
                "--engine ray",
                f"Ray does not start on this machine ({type(error).__name__})",
                "look into Ray's log, or use --engine local",
            ) from error
        raise _no_answer(address, type(error).__name__) from error
    try:
        yield
    finally:
        ray.shutdown()


def _path_of_workers(ray: Any, address: str | None) -> dict[str, Any]:  # noqa: ANN401 -- untyped
    """Return what keeps the folder that the command was typed in from the path of each worker.

    Ray puts it there first, on other machines too, unless a job comes through Ray's own client.
    """
    if address is not None and address.startswith("ray://"):
        return {}
    return {"job_config": ray.job_config.JobConfig(_client_job=True)}


def _require_listener(address: str) -> None:
    """Raise SubjectError where nobody listens: Ray itself would try for minutes."""
    found = re.fullmatch(r"(?:ray://)?\[?([^\]/]+?)\]?:(\d{1,5})", address)
    if found is None:  # "auto", and whatever else Ray knows
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise _no_answer(address, plain(reason)) from error


def _shown(address: str) -> str:
    """Return the address without what may be a secret in it, though it may have no scheme."""
    if "://" in address:
        return mask_url(address)
    return mask_url(f"ray://{address}").removeprefix("ray://")


def _no_answer(address: str, reason: str) -> SubjectError:
    return SubjectError(
        f"{ADDRESS}={plain(_shown(address))}",
        f"no cluster answers ({reason})",
        "start Ray there, or unset the variable to start one here; a cluster with tokens needs "
        "RAY_AUTH_TOKEN",
    )
