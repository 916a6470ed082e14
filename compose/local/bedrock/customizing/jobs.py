"""Customization jobs: accepted at once, then three phases on a pace that is a parameter."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from compose.local.bedrock.customizing.book import PHASES, Book, CustomModel, Deployment, Job, now
from compose.local.bedrock.customizing.files import Refused, SetFiles, format_of
from compose.local.bedrock.customizing.losses import final_loss, tables, validation_losses
from compose.local.bedrock.customizing.work import Work
from compose.local.bedrock.errors import ConflictError, NotFoundError, ValidationError

# Ends a wait for the time that a phase takes.
Pace = Callable[[], Awaitable[None]]
# Hears of each change of a job's status.
Tell = Callable[[Job], Awaitable[None]]


@dataclass
class Customizing:
    """`place` is region and account as they stand in ARNs; `faults`: lines may ask for failures."""

    book: Book
    files: SetFiles
    tell: Tell
    pace: Pace
    place: str
    faults: bool = False
    _work: Work = field(default_factory=Work)

    def resume(self) -> None:
        """Goes on with what an earlier process left."""
        for job in self.book.jobs.values():
            if job.ended_at is None:
                self._work.begin(self._run(job))
        for deployment in self.book.deployments.values():
            if deployment.status == "Creating":
                self._work.begin(self._deploy(deployment))

    async def close(self) -> None:
        await self._work.close()

    # -- jobs

    async def create(self, asked: dict[str, Any]) -> Job:
        """The same token is the same job. Raises ConflictError for a name that is taken."""
        token = asked.get("clientRequestToken")
        for job in self.book.jobs.values():
            if token is not None and job.asked.get("clientRequestToken") == token:
                if job.asked != asked:
                    raise ConflictError("The token was used for another request.")
                return job
        if self.book.job(asked["jobName"]) or self.book.model(asked["customModelName"]):
            raise ConflictError("A job or model of this name exists already.")
        if asked.get("customizationType", "FINE_TUNING") != "FINE_TUNING":
            raise ValidationError("The stand-in plays fine-tuning alone.")
        base = _base(asked["baseModelIdentifier"])
        format_of(base)
        arn = self._arn(f"model-customization-job/{base}/{_word()}")
        job = self.book.jobs[arn] = Job(arn=arn, asked=asked, base=base)
        self.book.save()
        self._work.begin(self._run(job))
        return job

    def job(self, identifier: str) -> Job:
        """Raises NotFoundError."""
        job = self.book.job(identifier)
        if job is None:
            raise NotFoundError("There is no such model customization job.")
        return job

    async def stop(self, identifier: str) -> None:
        """Raises NotFoundError, and ConflictError for a job that has ended."""
        job = self.job(identifier)
        if job.status == "Stopping":
            return
        if job.status != "InProgress":
            raise ConflictError(f"The job has ended: {job.status}.")
        await self._change(job, "Stopping")

    async def _run(self, job: Job) -> None:
        """From the first phase that has not ended."""
        await self.tell(job)
        for phase in PHASES:
            if job.phases[phase] == "Completed":
                continue
            job.phases[phase], job.changed_at = "InProgress", now()
            self.book.save()
            failure = await self._phase(job, phase)
            if failure is not None:
                job.phases[phase], job.failure = "Failed", failure
                await self._change(job, "Failed")
                return
            if job.status == "Stopping":
                job.phases[phase] = "Stopped"
                await self._change(job, "Stopped")
                return
            job.phases[phase] = "Completed"
        self._complete(job)
        await self._change(job, "Completed")

    async def _phase(self, job: Job, phase: str) -> str | None:
        """Why it fails; None where it does not."""
        try:
            wanted = (await self.files.check(job.uris, job.base)).faults
        except Refused as error:
            return f"Validation failed: {error}"
        await self.pace()
        if self.faults and f"fail_{phase}" in wanted:
            return f"{phase} failed, as asked for by a test"
        written = phase == PHASES[-1] and job.status == "InProgress"
        return await self._written(job) if written else None

    async def _written(self, job: Job) -> str | None:
        """Why its output cannot be written; None where it can."""
        try:
            for uri, table in tables(job).items():
                await self.files.write(uri, table)
        except Refused as error:
            return f"Writing the output failed: {error}"
        return None

    def _complete(self, job: Job) -> None:
        job.training_loss, job.validation_losses = final_loss(job), validation_losses(job)
        arn = self._arn(f"custom-model/{job.base}/{_word()}")
        name = job.asked["customModelName"]
        self.book.models[arn] = CustomModel(arn=arn, name=name, job_arn=job.arn)

    async def _change(self, job: Job, status: Any) -> None:
        job.status, job.changed_at = status, now()
        if status in ("Completed", "Failed", "Stopped"):
            job.ended_at = job.changed_at
        self.book.save()
        await self.tell(job)

    # -- models and their deployments

    def model(self, identifier: str) -> CustomModel:
        """Raises NotFoundError."""
        model = self.book.model(identifier)
        if model is None:
            raise NotFoundError("There is no such custom model.")
        return model

    def delete_model(self, identifier: str) -> None:
        """Raises NotFoundError, and ConflictError while it is deployed."""
        model = self.model(identifier)
        if any(one.model_arn == model.arn for one in self.book.deployments.values()):
            raise ConflictError("The model is deployed.")
        del self.book.models[model.arn]
        self.book.save()

    def create_deployment(self, asked: dict[str, Any]) -> Deployment:
        """The same token is the same deployment. Raises ConflictError, NotFoundError."""
        token = asked.get("clientRequestToken")
        for one in self.book.deployments.values():
            if token is not None and one.asked.get("clientRequestToken") == token:
                return one
        if self.book.deployment(asked["modelDeploymentName"]):
            raise ConflictError("A deployment of this name exists already.")
        model = self.model(asked["modelArn"])
        arn = self._arn(f"custom-model-deployment/{_word()}")
        made = self.book.deployments[arn] = Deployment(arn=arn, asked=asked, model_arn=model.arn)
        self.book.save()
        self._work.begin(self._deploy(made))
        return made

    def deployment(self, identifier: str) -> Deployment:
        """Raises NotFoundError."""
        found = self.book.deployment(identifier)
        if found is None:
            raise NotFoundError("There is no such custom model deployment.")
        return found

    def update_deployment(self, identifier: str, model_arn: str) -> Deployment:
        """Swaps the model behind the same ARN. Raises NotFoundError."""
        found = self.deployment(identifier)
        found.model_arn = self.model(model_arn).arn
        self.book.save()
        return found

    def delete_deployment(self, identifier: str) -> None:
        """Raises NotFoundError."""
        del self.book.deployments[self.deployment(identifier).arn]
        self.book.save()

    def check_served(self, model_id: str) -> None:
        """A deployment must be there and active. Raises NotFoundError, ValidationError."""
        if ":custom-model-deployment/" in model_id:
            if self.deployment(model_id).status != "Active":
                raise ValidationError("The custom model deployment is not active.")
        elif ":custom-model/" in model_id:
            raise ValidationError("A custom model is invoked by its deployment's ARN.")

    async def _deploy(self, deployment: Deployment) -> None:
        await self.pace()
        deployment.status = "Active"
        self.book.save()

    def _arn(self, resource: str) -> str:
        return f"arn:aws:bedrock:{self.place}:{resource}"


def _word() -> str:
    return secrets.token_hex(6)


def _base(identifier: str) -> str:
    """Without what may stand before it in an ARN."""
    return identifier.rsplit("/", 1)[-1]
