"""The tables of losses that a job leaves under its output, made up from the job's own name."""

import math
from collections.abc import Sequence
from zlib import crc32

from compose.local.bedrock.customizing.book import Job

_STEPS_AN_EPOCH = 20
_FIRST = 2.2
_TRAINED = "training_artifacts/step_wise_training_metrics.csv"
_VALIDATED = "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"


def final_loss(job: Job) -> float:
    """The same job has the same one."""
    return round(0.4 + sum(job.name.encode()) % 100 / 1000, 3)


def validation_losses(job: Job) -> list[float]:
    """One for each file that is measured with."""
    return [round(final_loss(job) + 0.05, 3) for _ in job.uris[1:]]


def tables(job: Job) -> dict[str, bytes]:
    """By URI: losses fall, with some noise, to the last one."""
    folder = f"{job.asked['outputDataConfig']['s3Uri'].rstrip('/')}/model-customization-job-"
    folder += job.arn.rsplit("/", 1)[1]
    epochs = max(1, int(float(job.asked.get("hyperParameters", {}).get("epochCount", "1"))))
    steps = [(n, n // _STEPS_AN_EPOCH) for n in range(epochs * _STEPS_AN_EPOCH)]
    found = {f"{folder}/{_TRAINED}": _table("training_loss", job, steps, final_loss(job))}
    if measured := validation_losses(job):
        ends = steps[_STEPS_AN_EPOCH - 1 :: _STEPS_AN_EPOCH]
        found[f"{folder}/{_VALIDATED}"] = _table("validation_loss", job, ends, measured[0])
    return found


def _table(column: str, job: Job, steps: Sequence[tuple[int, int]], last: float) -> bytes:
    lines = [f"step_number,epoch_number,{column},perplexity"]
    for step, epoch in steps:
        left = 1 - step / max(1, steps[-1][0])
        noise = (crc32(f"{job.name} {step}".encode()) % 100 / 100 - 0.5) * 0.2 * left
        loss = last + (_FIRST - last) * left * math.exp(-3 * (1 - left)) + noise
        lines.append(f"{step},{epoch},{loss:.4f},{math.exp(loss):.4f}")
    return "".join(f"{line}\n" for line in lines).encode()
