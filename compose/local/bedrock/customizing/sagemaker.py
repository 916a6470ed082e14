"""SageMaker's training jobs: accepted at once, then four phases on a pace that is a parameter."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from compose.local.bedrock.customizing.book import Book, TrainingJob, now
from compose.local.bedrock.customizing.files import Checked, Refused, SetFiles
from compose.local.bedrock.customizing.jobs import Pace
from compose.local.bedrock.customizing.work import Work
from compose.local.bedrock.errors import BedrockError, ValidationError
from services.finetune_export.services.exporting.limits import limits_of

PHASES = ("Starting", "Downloading", "Training", "Uploading")
# By technique: the format of lines, and a base model for its limits.
_FORMATS = {
    "SFT": (("sagemaker-chat", ""),),
    "DPO": (("sagemaker-dpo", ""), ("nova-dpo", "amazon.nova")),
}
_CHARACTERS_A_TOKEN = 4
Send = Callable[[dict[str, Any]], Awaitable[None]]


class InUseError(BedrockError):
    """The name is taken."""

    status = 400
    name = "ResourceInUse"


@dataclass
class SageMaker:
    """`place` is region and account as they stand in ARNs; `faults`: lines may ask for failures."""

    book: Book
    files: SetFiles
    send: Send
    pace: Pace
    place: str
    faults: bool = False
    _work: Work = field(default_factory=Work)

    def resume(self) -> None:
        """Goes on with what an earlier process left."""
        for job in self.book.training_jobs.values():
            if job.ended_at is None:
                self._work.begin(self._run(job))

    async def close(self) -> None:
        await self._work.close()

    def create(self, asked: dict[str, Any]) -> TrainingJob:
        """Raises InUseError, ValidationError."""
        name = asked["TrainingJobName"]
        if name in self.book.training_jobs:
            raise InUseError("Job name must be unique within an AWS account and region.")
        whole = {"AlgorithmSpecification", "ResourceConfig", "StoppingCondition"} <= asked.keys()
        if whole == ("ServerlessJobConfig" in asked):
            raise ValidationError("A job is serverless, or has an image, machines and a limit.")
        arn = f"arn:aws:sagemaker:{self.place}:training-job/{name}"
        job = TrainingJob(arn=arn, asked=asked)
        _formats(job)
        self.book.training_jobs[name] = job
        self.book.save()
        self._work.begin(self._run(job))
        return job

    def job(self, name: str) -> TrainingJob:
        """Raises ValidationError, as SageMaker does for a name that it does not know."""
        if name not in self.book.training_jobs:
            raise ValidationError("Requested resource not found.")
        return self.book.training_jobs[name]

    async def stop(self, name: str) -> None:
        """Raises ValidationError, also for a job that has ended."""
        job = self.job(name)
        if job.status not in ("InProgress", "Stopping"):
            raise ValidationError(f"The job is in status {job.status}.")
        await self._change(job, "Stopping")

    async def _run(self, job: TrainingJob) -> None:
        """From the phase that has not ended."""
        begun = len(job.reached)
        for phase in PHASES[max(0, begun - 1) :]:
            if phase not in [status for status, _ in job.reached]:
                job.reached.append((phase, now()))
            await self._tell(job)
            try:
                checked = await self.files.check_as(job.uris, _formats(job))
            except Refused as error:
                job.failure = f"ClientError: {error}"
                await self._change(job, "Failed")
                return
            await self.pace()
            if self.faults and f"fail_{phase.lower()}" in checked.faults:
                job.failure = f"{phase} failed, as asked for by a test"
                await self._change(job, "Failed")
                return
            if job.status == "Stopping":
                await self._change(job, "Stopped")
                return
        await self._complete(job, checked)

    async def _complete(self, job: TrainingJob, checked: Checked) -> None:
        """The loss is made up from the job's own name: the same job has the same one."""
        await self.files.put(job.artifact, f"The model of {job.name}.".encode())
        job.loss = round(0.4 + sum(job.name.encode()) % 100 / 1000, 3)
        if job.is_serverless:
            epochs = int(job.asked.get("HyperParameters", {}).get("max_epochs", 1))
            job.billed_tokens = checked.bytes // _CHARACTERS_A_TOKEN * epochs
        await self._change(job, "Completed")

    async def _change(self, job: TrainingJob, status: Any) -> None:
        job.status = status
        if status in ("Completed", "Failed", "Stopped"):
            job.ended_at = now()
            job.reached.append((status, job.ended_at))
            job.billed_seconds = None if job.is_serverless else _seconds(job)
        await self._tell(job)

    async def _tell(self, job: TrainingJob) -> None:
        self.book.save()
        await self.send(event(job))


def _formats(job: TrainingJob) -> list[Any]:
    """Those of which the lines may be; an image of this product's hears it in a hyperparameter.

    Raises ValidationError.
    """
    told = job.asked.get("HyperParameters", {}).get("technique", "SFT")
    technique = job.asked.get("ServerlessJobConfig", {}).get("CustomizationTechnique", told)
    if technique not in _FORMATS:
        raise ValidationError(f"The stand-in plays {' and '.join(_FORMATS)} alone.")
    return [(name, limits_of(name, base)) for name, base in _FORMATS[technique]]


def _seconds(job: TrainingJob) -> int | None:
    """From the first phase that is billed."""
    begun = [at for status, at in job.reached if status == "Training"]
    return 1 + int((now() - begun[0]).total_seconds()) if begun else None


def event(job: TrainingJob) -> dict[str, Any]:
    """As "Events that Amazon SageMaker AI sends to Amazon EventBridge" shows it."""
    _, _, _, region, account, _ = job.arn.split(":", 5)
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "SageMaker Training Job State Change",
        "source": "aws.sagemaker",
        "account": account,
        "time": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [job.arn],
        "detail": {
            "TrainingJobName": job.name,
            "TrainingJobArn": job.arn,
            "TrainingJobStatus": job.status,
            "SecondaryStatus": job.reached[-1][0] if job.reached else "Starting",
            "HyperParameters": job.asked.get("HyperParameters", {}),
        },
    }
