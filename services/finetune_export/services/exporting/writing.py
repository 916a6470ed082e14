"""Writes what has found its side into files, line by line as the provider wants it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from services.finetune_export.models.export import ExportRequest, Stage
from services.finetune_export.services.exporting.formats import Unrenderable, rendered
from services.finetune_export.services.exporting.limits import ExportRefused, Limits
from services.finetune_export.services.exporting.manifest import SetFile
from services.finetune_export.services.exporting.validating import Invalid, check_line
from services.finetune_export.services.exporting.workbench import Workbench

SIDES = ("train", "held_out")
Progress = Callable[[str, int], None]


def written(
    request: ExportRequest,
    limits: Limits,
    bench: Workbench,
    folder: Path,
    stages: Mapping[str, Stage],
    prompts: Counter[str],
    progress: Progress,
) -> list[SetFile]:
    """Renders and checks each example; what the provider would refuse is left out and counted."""
    counted = Counter[str]()

    def step() -> None:
        counted["arranged"] += 1
        progress("split", counted["arranged"])

    bench.arrange(stages["duplicates"], stages["split"], step)
    set_files, validation = [], stages["validation"]
    for side in SIDES:
        one = SetFile(f"{side}.jsonl")
        set_files.append(one)
        with (folder / one.name).open("wb") as stream:
            for example in bench.examples(side):
                try:
                    line = rendered(
                        bench.paired(example),
                        request.format,
                        multi_turn=limits.multi_turn,
                        reserved_words=limits.reserved_words,
                    )
                    check_line(line, request.format, limits)
                except (Unrenderable, Invalid) as error:
                    validation.take(str(error))
                    continue
                validation.take(None)
                prompts[example.prompt_version] += 1
                stream.write(one.add(line, example.turn_id))
    return set_files


def check_size(
    set_files: Sequence[SetFile], limits: Limits, request: ExportRequest, stages: list[Stage]
) -> None:
    rows = sum(one.rows for one in set_files)
    if rows < max(limits.least, 1):
        raise ExportRefused(
            f"the set has {rows} records and {request.base_model} needs {max(limits.least, 1)}: "
            "the stages say why turns were left out",
            stages,
        )
    if rows > limits.most:
        raise ExportRefused(
            f"the set has {rows} records and {request.base_model} takes {limits.most}: "
            "narrow the filter, for example by a later `since`",
            stages,
        )
