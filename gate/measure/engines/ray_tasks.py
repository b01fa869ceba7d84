"""Tasks of Ray measure a unit each, on a running cluster or on one that is started here.

Tasks and not Ray Data, whose actors wait for each other where there are as few CPUs as actors. The
cluster must have this program installed, and see the data and the model at the same paths.
"""

import os
import re
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gate.errors import GateError, MissingExtraError, SubjectError
from gate.masking import mask_url
from gate.measure.engines.child_process import safe_import_path
from gate.measure.engines.worker_task import measure_unit
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance
from gate.wording import plain

ADDRESS = "RAY_ADDRESS"
_RETRIES = 3  # of a task whose worker or node died; an error of the model or the data is none
_PATIENCE = 10.0  # seconds to reach a cluster
_AHEAD = 2  # tasks a worker that are ordered before the first one is taken


def measured(job: Job, units: Sequence[WorkUnit], workers: int, advance: Advance) -> ResultStream:
    """Yield what the units show, in their order.

    Raises MissingExtraError without Ray, SubjectError where no cluster answers or a task's worker
    dies again and again.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--engine ray", "running on Ray", "ray") from error
    with _cluster(ray, workers, job.threads):
        try:
            yield from _in_order(ray, job, units, workers, advance)
        except ray.exceptions.RayTaskError:
            raise  # no worker was lost: it is a fault of our own
        except ray.exceptions.RayError as error:
            raise SubjectError(
                "--engine ray",
                f"a task was lost, {_RETRIES} retries included ({type(error).__name__})",
                "look into Ray's log; what was measured is kept in the cache",
                retriable=True,
            ) from error


def _in_order(
    ray: Any,  # noqa: ANN401 -- a module without types
    job: Job,
    units: Sequence[WorkUnit],
    workers: int,
    advance: Advance,
) -> ResultStream:
    gpus = 1 if job.device == "cuda" else 0
    task = ray.remote(num_cpus=job.threads, num_gpus=gpus, max_retries=_RETRIES)(measure_unit)
    shared = ray.put(job)
    waiting: deque[Any] = deque()
    left = iter(units)
    try:
        while True:
            for unit in left:
                waiting.append(task.remote(shared, unit))
                if len(waiting) >= _AHEAD * workers:
                    break
            if not waiting:
                return
            outcome = ray.get(waiting.popleft())
            if isinstance(outcome, GateError):
                raise outcome
            advance(outcome[1].images)
            yield outcome
    finally:
        for reference in waiting:  # after an error or Ctrl-C nobody waits for the rest
            ray.cancel(reference, force=True)


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
