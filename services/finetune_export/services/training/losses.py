"""Losses by step, from the tables that the provider leaves beside a trained model.

Their names and columns are those of "Analyze the results of a model customization job" in Amazon
Bedrock's user guide.
"""

import math

from services.finetune_export.models.training import Loss

TRAINED, VALIDATED = "step_wise_training_metrics.csv", "validation_metrics.csv"
# Points of a curve, at most.
_TRAINING, _VALIDATION = 150, 50
_MOST_STEPS = 2**31


def losses_of(trained: bytes, validated: bytes) -> list[Loss]:
    """By step. Long tables are thinned evenly; a line that cannot be read is left out."""
    training = _thinned(_column(trained, "training_loss"), _TRAINING)
    validation = _thinned(_column(validated, "validation_loss"), _VALIDATION)
    steps = sorted(training.keys() | validation.keys())
    return [
        Loss(step=step, training=training.get(step), validation=validation.get(step))
        for step in steps
    ]


def _column(table: bytes, name: str) -> dict[int, float]:
    head, *lines = table.decode("utf-8-sig", errors="replace").splitlines() or [""]
    names = [cell.strip() for cell in head.split(",")]
    found: dict[int, float] = {}
    if "step_number" not in names or name not in names:
        return found
    for line in lines:
        cells = dict(zip(names, line.split(","), strict=False))
        try:
            step, loss = int(cells["step_number"]), float(cells[name])
        except (KeyError, ValueError):
            continue
        if 0 <= step < _MOST_STEPS and math.isfinite(loss):
            found[step] = loss
    return found


def _thinned(losses: dict[int, float], most: int) -> dict[int, float]:
    """The first and the last step stay."""
    steps = sorted(losses)
    if len(steps) <= most:
        return losses
    kept = (steps[n * (len(steps) - 1) // (most - 1)] for n in range(most))
    return {step: losses[step] for step in kept}
