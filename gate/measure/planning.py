"""The measurement of a model is planned: what is measured, and what a worker is told of it."""

from collections.abc import Mapping, Sequence

from gate.evidence.records import Split
from gate.measure.inference.identity import identify
from gate.measure.inference.known_artefacts import identify_artefacts
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.partials.job import Job
from gate.measure.partials.plan import Plan, plan_of
from gate.measure.partials.requests import requests_of
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import GateFile


def plan_measurement(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    settings: MeasureSettings,
    needs: Sequence[Need] = (),
    later: Sequence[Need] = (),
) -> tuple[Plan, Job]:
    """Return the plan to measure the model of a gate file, and the job that workers are given.

    ``needs`` are those of the policy, and ``later`` those that ask again. Raises CheckpointError
    where the checkpoint is refused or cannot be read, MeasurementError for a need that no worker
    can be sent, and CheckpointError or UsageError for an artefact that they ask.
    """
    assert gatefile.model is not None, "a gate file without saved predictions names a model"
    checkpoint = identify(gatefile.model, base=gatefile.base, read=gatefile.read)
    requests = requests_of(needs)
    plan = plan_of(
        gatefile, datasets, classes, checkpoint, settings.device, settings.backend, requests
    )
    artefacts = identify_artefacts(
        gatefile, classes, checkpoint, (*needs, *later), settings.device, settings.backend
    )
    job = Job(
        plan=plan.digest,
        gatefile=gatefile.with_absolute_paths(),
        classes=classes,
        checkpoint=checkpoint,
        images={split: len(dataset.entries) for split, dataset in datasets.items()},
        entries=plan.entries,
        device=settings.device,
        backend=settings.backend,
        threads=max(1, usable_cores() // settings.workers),
        max_images_in_memory=settings.max_images_in_memory,
        cache=None if settings.cache is None else settings.cache.absolute(),
        measurements=requests,
        artefacts=artefacts,
    )
    return plan, job
