"""A training from its set to a model that answers, over moto's S3 and the Bedrock stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contracts.envelope import Context
from contracts.finetune_export.trainings import (
    HOLD_PREFIX,
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    RunTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingMovedV1,
    TrainingRequestedV1,
    TrainingShape,
    TrainingsListedV1,
    TunedModelAnsweredV1,
)
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from contracts.platform.usage import ModelUsedV2, TenantChangedV1
from contracts.topology import TRAINING_EVENTS
from services.finetune_export.bootstrap import bootstrap
from services.finetune_export.models.export import (
    ExportRequest,
    ExportState,
    Filter,
    export_prefix,
)
from services.finetune_export.models.tombstones import hidden
from services.finetune_export.services.training.foreign import foreign
from services.finetune_export.store.sagemaker_trainer import SageMakerTrainer
from services.finetune_export.store.trainer import BedrockTrainer, without_quotes
from services.finetune_export.store.trainings import Trainings
from shared.errors import Unavailable
from shared.messaging.wire import decode
from shared.outcomes import Done
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.fakes import FakePublisher, no_bus
from shared.testing.probe import until
from tests.integration.bedrock_standin.test_customizing import a_line
from tests.integration.customizing import Provider, provider
from tests.integration.finetune_export.conftest import ANN, AT, Archived

NOVA = "amazon.nova-micro-v1:0"
CONSENT = TenantChangedV1(revision=1, consent_to_training=True)
LATER = AT.replace(year=2027)
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
HUB_CONTENT = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/llama-3-3-70b"
IMAGE = f"{MOTO_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/trainer:1"


def a_chat(question: str) -> str:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": "Three."}]
    return json.dumps({"messages": messages})


def a_pair(question: str) -> str:
    chosen, rejected = (
        [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        for answer in ("Three.", "Four.")
    )
    return json.dumps({"chosen": chosen, "rejected": rejected})


@dataclass(frozen=True)
class Kind:
    """A way to train: whose, with which sets. `create` is boto's name of the call that starts it;
    `away` are errors after which it is tried again."""

    provider: str
    format: str
    base_model: str
    line: Callable[[str], str]
    phases: tuple[str, ...]
    create: str
    away: tuple[str, str]
    instance_type: str | None = None


BEDROCK = Kind(
    "bedrock",
    "bedrock-conversation",
    NOVA,
    a_line,
    ("validation", "dataProcessing", "training"),
    "create_model_customization_job",
    ("ServiceUnavailableException", "ServiceQuotaExceededException"),
)
SERVERLESS = Kind(
    "sagemaker",
    "sagemaker-chat",
    LLAMA,
    a_chat,
    ("starting", "downloading", "training", "uploading"),
    "create_training_job",
    ("ThrottlingException", "ResourceLimitExceeded"),
)
ON_A_MACHINE = replace(
    SERVERLESS, format="sagemaker-dpo", line=a_pair, instance_type="ml.g5.2xlarge"
)


def ways(*kinds: Kind) -> pytest.MarkDecorator:
    names = [one.instance_type or one.format for one in kinds]
    return pytest.mark.parametrize("trained", kinds, indirect=True, ids=names)


@dataclass
class TestClock:
    __test__ = False
    at: datetime = field(default_factory=lambda: datetime(2026, 11, 27, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at


@dataclass
class Trained(Archived):
    """The archive with a provider beside it; work is done when the test says so."""

    played: Provider
    clock: TestClock
    kind: Kind = BEDROCK

    async def ask(self, message: Message, context: Context = ANN) -> Any:
        outcome = await self.service.handlers["finetune-exports"][type(message)](message, context)
        assert isinstance(outcome, Done)
        return outcome.reply

    async def made_set(self, *, seed: int = 0, text: str = "") -> str:
        """A set of twelve records of Ann's, put there as an export would."""
        await self.hear(CONSENT)
        lines = [self.kind.line(f"How much is {n * 7919 + seed}? {text}") for n in range(12)]
        body = "".join(f"{line}\n" for line in lines).encode()
        request = ExportRequest(
            tenant="acme",
            format=self.kind.format,
            base_model=self.kind.base_model,
            seed=seed,
            filter=Filter(until=LATER),
        )
        rows = {"train.jsonl": body, "held_out.jsonl": b""}
        described = [
            {
                "name": name,
                "rows": len(one.splitlines()),
                "tokens_estimated": 500,
                "sha256": sha256(one).hexdigest(),
            }
            for name, one in rows.items()
        ]
        manifest = {"id": request.id, "files": described, "seed": seed}
        state = ExportState(id=request.id, request=request, accepted_at=AT, status="done")
        objects = rows | {
            "manifest.json": json.dumps(manifest).encode(),
            "state.json": state.model_dump_json().encode(),
            f"users/{hidden('ann')}": b"",
        }
        for name, one in objects.items():
            key = f"{export_prefix('acme', request.id)}{name}"
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=one)
        return request.id

    async def requested(self, export_id: str, context: Context = ANN, **more: Any) -> TrainingShape:
        answer = await self.ask(self.wanted(export_id, **more), context)
        assert isinstance(answer, TrainingAnsweredV1), answer
        return answer.training

    def wanted(self, export_id: str, **more: Any) -> TrainingRequestedV1:
        kind = {"base_model": self.kind.base_model, "instance_type": self.kind.instance_type}
        return TrainingRequestedV1.model_validate({"export_id": export_id, **kind, **more})

    async def shown(self, training_id: str, context: Context = ANN) -> TrainingShape:
        answer = await self.ask(GetTrainingV1(training_id=training_id), context)
        assert isinstance(answer, TrainingAnsweredV1), answer
        return answer.training

    async def step(self, training_id: str, context: Context = ANN) -> TrainingShape:
        await self.ask(RunTrainingV1(training_id=training_id), context)
        return await self.shown(training_id, context)

    async def until_status(self, training_id: str, status: str) -> TrainingShape:
        async def reached() -> TrainingShape | None:
            found = await self.step(training_id)
            return found if found.status == status else None

        found: TrainingShape = await until(reached, 20)
        return found

    @property
    def jobs(self) -> list[Any]:
        book = self.played.customizing.book
        return [*(book.jobs if self.kind.provider == "bedrock" else book.training_jobs).values()]


@pytest.fixture
async def trained(
    moto_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Trained]:
    async with running(moto_url, tmp_path) as made:
        made.kind = getattr(request, "param", BEDROCK)
        yield made


def running(moto_url: str, tmp_path: Path, **more: Any) -> Any:
    from contextlib import asynccontextmanager

    import boto3
    from pydantic import SecretStr

    from services.finetune_export.settings import FinetuneExportSettings

    @asynccontextmanager
    async def made() -> AsyncIterator[Trained]:
        settings = FinetuneExportSettings(
            aws_endpoint_url=moto_url,
            aws_account=MOTO_ACCOUNT,
            name_prefix=own_prefix(),
            audit_key=SecretStr("a secret"),
            training_role=f"arn:aws:iam::{MOTO_ACCOUNT}:role/ragops-trainer",
            training_prices={LLAMA: Decimal(2)},
            sagemaker_hub_models={LLAMA: HUB_CONTENT},
            sagemaker_images={LLAMA: IMAGE},
            **more,
        )
        async with provider(settings, tmp_path, TRAINING_EVENTS) as played:
            s = settings.model_copy(update={"bedrock_endpoint_url": played.url})
            s3: Any = boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1")
            sqs: Any = boto3.client("sqs", endpoint_url=moto_url, region_name="us-east-1")
            s3.create_bucket(Bucket=s.resource(s.archive_bucket))
            s3.create_bucket(Bucket=s.resource(s.audit_bucket), ObjectLockEnabledForBucket=True)
            sqs.create_queue(QueueName=s.resource(TRAINING_EVENTS))
            sqs.close()
            publisher, clock = FakePublisher(), TestClock()
            async with bootstrap(s, bus=no_bus(), publisher=publisher, clock=clock) as service:
                yield Trained(service, s, publisher, s3, played, clock)
            s3.close()

    return made()


async def test_from_a_set_to_a_deployment_and_back(trained: Trained) -> None:
    export_id = await trained.made_set()
    wanted = EstimateTrainingV1(
        export_id=export_id, base_model=NOVA, parameters={"epochCount": "3"}
    )
    planned = (await trained.ask(wanted)).training
    assert (planned.status, planned.place, trained.keys("trainings/acme")) == ("waiting", None, [])
    asked = await trained.requested(export_id, parameters={"epochCount": "3"})
    assert (asked.training_id, asked.estimate) == (planned.training_id, planned.estimate)
    assert (asked.status, asked.place, asked.estimate.epochs) == ("waiting", 0, 3)
    assert asked.estimate.tokens > 0
    assert float(asked.estimate.cost_usd) == pytest.approx(asked.estimate.tokens / 1e6)
    assert (await trained.requested(export_id, parameters={"epochCount": "3"})) == asked
    done = await trained.until_status(asked.training_id, "trained")
    assert done.phases == dict.fromkeys(("validation", "dataProcessing", "training"), "Completed")
    assert done.training_loss is not None
    assert (asked.losses, asked.asked_by) == ((), "ann")
    shown = (await trained.shown(asked.training_id)).losses
    assert [one.step for one in shown] == list(range(60))
    assert shown[0].training is not None
    assert shown[0].training > 2
    assert shown[-1].training == done.training_loss
    assert done.cost_usd == asked.estimate.cost_usd
    [job] = trained.jobs
    assert job.asked["hyperParameters"]["epochCount"] == "3"
    assert job.asked["baseModelIdentifier"] == "amazon.nova-micro-v1:0:128k"
    [used] = trained.publisher.of(ModelUsedV2)
    assert (used.purpose, used.model) == ("training", NOVA)
    assert (used.cost_usd, used.input_tokens) == (done.cost_usd, asked.estimate.tokens)
    assert used.turn_id == f"{HOLD_PREFIX}{done.training_id}"
    assert (await trained.ask(wanted)).training.ended_at == done.ended_at is not None
    assert (await trained.ask(StopTrainingV1(training_id=done.training_id))).code == "not_possible"
    assert trained.json("trainings/-/line.json") == {"entries": []}

    approve = ApproveTrainingV1(training_id=done.training_id, figures={"f1": 0.8})
    answer = await trained.ask(approve)
    assert (answer.training.status, answer.training.approved_by) == ("deploying", "ann")
    assert (await trained.ask(approve)).training.status == "deploying"
    deployed = await trained.until_status(done.training_id, "deployed")
    assert deployed.figures == {"f1": 0.8}
    [deployment] = trained.played.customizing.book.deployments
    assert deployed.model == f"{NOVA}@{deployment}"
    tuned = await trained.ask(GetTunedModelV1(deployment=deployment))
    assert tuned == TunedModelAnsweredV1(model=deployed.model)
    bob = ANN.model_copy(update={"tenant": "other"})
    assert (await trained.ask(GetTunedModelV1(deployment=deployment), bob)).code == "not_found"

    await trained.ask(RollBackTrainingV1(training_id=done.training_id))
    back = await trained.until_status(done.training_id, "retired")
    assert (back.model, trained.played.customizing.book.deployments) == (None, {})
    assert (await trained.ask(GetTunedModelV1(deployment=deployment))).code == "not_found"
    await trained.ask(approve)
    again = await trained.until_status(done.training_id, "deployed")
    assert again.model != deployed.model
    listed = await trained.ask(ListTrainingsV1())
    assert isinstance(listed, TrainingsListedV1)
    assert [one.training_id for one in listed.trainings] == [done.training_id]
    assert listed.trainings[0].losses == ()


async def test_another_tenant_sees_and_changes_nothing(trained: Trained) -> None:
    export_id = await trained.made_set()
    asked = await trained.requested(export_id)
    other = ANN.model_copy(update={"tenant": "other"})
    kinds = (GetTrainingV1, StopTrainingV1, ApproveTrainingV1, RollBackTrainingV1)
    for kind in kinds:
        for training_id in (asked.training_id, "unknown"):
            refused = await trained.ask(kind(training_id=training_id), other)
            assert refused == RequestFailedV1(
                code="not_found", message="There is no such training."
            )
    refused = await trained.ask(TrainingRequestedV1(export_id=export_id, base_model=NOVA), other)
    assert refused == RequestFailedV1(code="not_found", message="There is no such export.")
    assert await trained.ask(ListTrainingsV1(), other) == TrainingsListedV1(trainings=())


REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("amazon.titan-text", {}, "cannot be trained from here"),
    ("meta.llama3-1-8b-instruct-v1:0", {}, "does not take bedrock-conversation"),
    ("meta.llama3-2-1b-instruct-v1:0", {}, f"was made for {NOVA}"),
    (NOVA, {"epochCount": "9"}, "epochCount must be a whole number from 1 to 5"),
    (NOVA, {"epochCount": "many"}, "not 'many'"),
    (NOVA, {"temperature": "1"}, "no parameter 'temperature'"),
]


async def test_what_cannot_be_trained_is_refused_at_once(trained: Trained) -> None:
    export_id = await trained.made_set()
    for base_model, parameters, words in REFUSED:
        asked = {"export_id": export_id, "base_model": base_model, "parameters": parameters}
        for kind in (EstimateTrainingV1, TrainingRequestedV1):
            refused = await trained.ask(kind.model_validate(asked))
            assert isinstance(refused, RequestFailedV1)
            assert (refused.code, words in refused.message) == ("invalid_request", True), refused
    for most in ({"most_usd": "0.0005"}, {"most_tokens": 999}):
        wanted = TrainingRequestedV1.model_validate(
            {"export_id": export_id, "base_model": NOVA, **most}
        )
        refused = await trained.ask(wanted)
        assert (refused.code, "1000" in refused.message or "0.001" in refused.message) == (
            "budget_reached",
            True,
        )
    await trained.hear(TenantChangedV1(revision=2, consent_to_training=False))
    refused = await trained.ask(TrainingRequestedV1(export_id=export_id, base_model=NOVA))
    assert "does not agree" in refused.message
    run: Any = trained.service.handlers["finetune-exports"][TrainingRequestedV1]
    object.__setattr__(run.__self__.jobs, "enabled", False)
    refused = await trained.ask(TrainingRequestedV1(export_id=export_id, base_model=NOVA))
    assert "RAGOPS_TRAINING_ROLE" in refused.message
    assert trained.keys("trainings/acme") == []


@ways(SERVERLESS, ON_A_MACHINE)
async def test_a_model_that_sagemaker_trained_lies_in_s3_and_is_not_deployed(
    trained: Trained,
) -> None:
    asked = await trained.requested(await trained.made_set(), parameters={"max_epochs": "3"})
    assert (asked.provider, asked.instance_type) == ("sagemaker", trained.kind.instance_type)
    done = await trained.until_status(asked.training_id, "trained")
    assert done.phases == dict.fromkeys(trained.kind.phases, "Completed")
    assert done.training_loss is not None
    [job] = trained.jobs
    assert (job.asked["TrainingJobName"], job.asked["HyperParameters"]["max_epochs"]) == (
        f"ragops-{asked.training_id}",
        "3",
    )
    assert done.custom_model == f"s3://{trained.bucket}/{_artifact(trained)}"
    [used] = trained.publisher.of(ModelUsedV2)
    assert (used.purpose, used.model, used.cost_usd) == ("training", LLAMA, done.cost_usd)
    if job.is_serverless:
        assert (used.input_tokens, used.estimated) == (job.billed_tokens, False)
        assert used.cost_usd == Decimal(2) * job.billed_tokens / 1_000_000
    else:
        assert (used.input_tokens, used.estimated) == (asked.estimate.tokens, True)
        assert asked.estimate.cost_usd == Decimal("1.515") * 24
        assert used.cost_usd == round(Decimal("1.515") * job.billed_seconds / 3600, 6) > 0
    refused = await trained.ask(ApproveTrainingV1(training_id=asked.training_id))
    assert refused.code == "not_possible"
    assert f"its files lie at {done.custom_model}" in refused.message
    assert (await trained.shown(asked.training_id)) == done
    await trained.hear(UserErasedV1(erasure_id="e", user="ann", asked_until=LATER))
    [receipt] = trained.publisher.of(ErasureDoneV1)
    assert receipt.models == (done.custom_model,)
    await trained.hear(TenantDeletedV1(erasure_id="t", until=LATER))
    assert trained.keys("trainings/acme/") == []


def _artifact(trained: Trained) -> str:
    [key] = [key for key in trained.keys("trainings/acme/") if key.endswith(".tar.gz")]
    return key


SAGEMAKER_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"base_model": NOVA}, "RAGOPS_SAGEMAKER_HUB_MODELS"),
    ({"base_model": NOVA, "instance_type": "ml.g5.2xlarge"}, "RAGOPS_SAGEMAKER_IMAGES"),
    ({"instance_type": "ml.abacus"}, "RAGOPS_SAGEMAKER_PRICES"),
    ({"parameters": {"epochCount": "2"}}, "no parameter 'epochCount'"),
    ({"parameters": {"max_epochs": "0.5"}}, "whole number"),
]


@ways(SERVERLESS)
async def test_what_sagemaker_cannot_train_is_refused_with_the_setting(trained: Trained) -> None:
    export_id = await trained.made_set()
    for more, words in SAGEMAKER_REFUSED:
        refused = await trained.ask(trained.wanted(export_id, **more))
        assert isinstance(refused, RequestFailedV1)
        assert (refused.code, words in refused.message) == ("invalid_request", True), refused
    dear = {"instance_type": "ml.g5.2xlarge", "most_usd": "36"}
    refused = await trained.ask(trained.wanted(export_id, **dear))
    assert refused.code == "budget_reached"
    trained.kind = BEDROCK
    on_a_machine = {"instance_type": "ml.g5.2xlarge"}
    refused = await trained.ask(trained.wanted(await trained.made_set(), **on_a_machine))
    assert "leave `instance_type` out" in refused.message


@ways(SERVERLESS)
async def test_a_job_of_sagemakers_is_stopped_and_one_that_is_there_is_gone_on_with(
    trained: Trained,
) -> None:
    trained.played.gate.opened.clear()
    asked = await trained.requested(await trained.made_set())
    assert (await trained.step(asked.training_id)).status == "running"
    [job] = trained.jobs
    client = await client_of(trained)
    with pytest.raises(ClientError, match="ResourceInUse"):
        await client.create_training_job(**job.asked)
    await trained.ask(StopTrainingV1(training_id=asked.training_id))
    assert (await trained.step(asked.training_id)).status == "stopping"
    trained.played.gate.opened.set()
    await trained.until_status(asked.training_id, "stopped")
    assert (job.status, trained.publisher.of(ModelUsedV2)) == ("Stopped", [])


@ways(BEDROCK, SERVERLESS)
async def test_a_failure_in_each_phase_is_told(trained: Trained) -> None:
    billed = 0
    for seed, phase in enumerate(trained.kind.phases):
        export_id = await trained.made_set(seed=seed, text=f"{{{{fault:fail_{phase}}}}}")
        asked = await trained.requested(export_id)
        failed = await trained.until_status(asked.training_id, "failed")
        assert phase.lower() in (failed.reason or "").lower()
        assert failed.phases[phase] == "Failed"
        costs = phase in ("training", "uploading")
        billed += costs
        assert len(trained.publisher.of(ModelUsedV2)) == billed
        assert (failed.cost_usd is not None) == costs
    assert trained.json("trainings/-/line.json") == {"entries": []}


@ways(BEDROCK, SERVERLESS)
async def test_an_event_moves_a_training_on_and_another_ones_is_passed_over(
    trained: Trained,
) -> None:
    asked = await trained.requested(await trained.made_set())
    await trained.step(asked.training_id)
    await until(lambda: trained.jobs[0].status == "Completed")
    hear = trained.service.handlers[TRAINING_EVENTS][TrainingMovedV1]
    somewhere = Context(tenant="events")
    for name in ("another-job", "ragops-ffff", trained.jobs[0].name):
        assert await hear(TrainingMovedV1(job_name=name), somewhere) == Done()
    assert (await trained.shown(asked.training_id)).status == "trained"


def test_an_event_is_read_as_it_comes() -> None:
    detail = {"jobName": "ragops-1", "jobStatus": "Failed"}
    event: dict[str, Any] = {
        "id": "e1",
        "detail-type": "Model Customization Job State Change",
        "source": "aws.bedrock",
        "detail": detail,
    }
    sagemakers = event | {"source": "aws.sagemaker", "detail": {"TrainingJobName": "ragops-1"}}
    for told in (event, sagemakers):
        envelope = decode(json.dumps(told), foreign)
        assert (envelope.id, envelope.data) == ("e1", {"job_name": "ragops-1"})
    for broken in ({}, event | {"source": "aws.s3"}, event | {"detail": {}}):
        assert foreign(broken, "") is None


async def a_round(trained: Trained) -> None:
    jobs = [getattr(one, "job", None) for one in trained.service.runnables]
    [job] = [one for one in jobs if getattr(one, "__name__", "") == "round"]
    assert job is not None
    await job()


@ways(BEDROCK, ON_A_MACHINE)
async def test_without_events_the_rounds_end_it_and_an_overrun_fails(trained: Trained) -> None:
    trained.played.gate.opened.clear()
    asked = await trained.requested(await trained.made_set())
    await a_round(trained)
    assert (await trained.shown(asked.training_id)).status == "running"
    trained.clock.at += timedelta(hours=25)
    await a_round(trained)
    overrun = await trained.shown(asked.training_id)
    assert overrun.status == "failed"
    assert "longer than 24 h" in (overrun.reason or "")
    assert trained.jobs[0].status == "Stopping"


async def test_two_run_at_once_and_the_others_wait_in_order(trained: Trained) -> None:
    trained.played.gate.opened.clear()
    ids = []
    for seed in range(4):
        trained.clock.at += timedelta(seconds=1)
        ids.append((await trained.requested(await trained.made_set(seed=seed))).training_id)
    assert len({*ids}) == 4
    seen = [await trained.step(one) for one in reversed(ids)]
    assert [one.status for one in reversed(seen)] == ["running", "running", "waiting", "waiting"]
    assert [one.place for one in reversed(seen)][2:] == [2, 3]
    await trained.ask(StopTrainingV1(training_id=ids[2]))
    assert (await trained.shown(ids[2])).status == "stopped"
    await trained.ask(StopTrainingV1(training_id=ids[0]))
    await trained.step(ids[0])
    trained.played.gate.opened.set()
    await trained.until_status(ids[0], "stopped")
    await trained.until_status(ids[3], "trained")
    assert [job.name for job in trained.jobs] == [f"ragops-{ids[n]}" for n in (1, 0, 3)]


async def test_asked_twice_at_once_is_one_training(trained: Trained) -> None:
    export_id = await trained.made_set()
    asked = await asyncio.gather(*(trained.requested(export_id) for _ in range(4)))
    [training_id] = {one.training_id for one in asked}
    await asyncio.gather(*(trained.step(training_id) for _ in range(4)))
    done = await trained.until_status(training_id, "trained")
    assert len(trained.jobs) == 1
    assert len(set(trained.publisher.ids(ModelUsedV2))) == 1
    assert done.reason is None


async def _changed_bytes(trained: Trained, export_id: str) -> None:
    trained.s3.put_object(
        Bucket=trained.bucket, Key=f"exports/acme/{export_id}/train.jsonl", Body=b"{}\n" * 12
    )


async def _no_consent(trained: Trained, _: str) -> None:
    await trained.hear(TenantChangedV1(revision=2, consent_to_training=False))


async def _erased(trained: Trained, _: str) -> None:
    await trained.hear(UserErasedV1(erasure_id="e", user="ann", asked_until=LATER))


async def _marked(trained: Trained, _: str) -> None:
    """An erasure that died after its first step."""
    struck = trained.service.handlers["finetune-events"][UserErasedV1]
    with pytest.MonkeyPatch.context() as patch:
        from services.finetune_export.store.archive import Archive

        async def dies(*_: Any) -> int:
            raise Unavailable("s3", "in a test")

        patch.setattr(Archive, "destroy_keys", dies)
        with pytest.raises(Unavailable, match="in a test"):
            await struck(UserErasedV1(erasure_id="e", user="ann", asked_until=LATER), ANN)


CHANGES = [
    (_changed_bytes, "bytes of train.jsonl"),
    (_marked, "withdrawn"),
    (_erased, "withdrawn"),
    (_no_consent, "does not agree"),
]


@pytest.mark.parametrize(("happens", "words"), CHANGES)
async def test_what_changed_between_set_and_job_is_not_trained(
    trained: Trained, happens: Any, words: str
) -> None:
    export_id = await trained.made_set()
    asked = await trained.requested(export_id)
    await happens(trained, export_id)
    failed = await trained.step(asked.training_id)
    assert (failed.status, words in (failed.reason or "")) == ("failed", True), failed.reason
    assert trained.jobs == []


async def test_an_erasure_stops_a_running_training_and_names_a_trained_model(
    trained: Trained,
) -> None:
    first = await trained.requested(await trained.made_set())
    await trained.until_status(first.training_id, "trained")
    await trained.ask(ApproveTrainingV1(training_id=first.training_id))
    done = await trained.until_status(first.training_id, "deployed")
    assert done.approved_by == "ann"
    trained.played.gate.opened.clear()
    second = await trained.requested(await trained.made_set(seed=1))
    assert (await trained.step(second.training_id)).status == "running"
    await trained.hear(UserErasedV1(erasure_id="b", user="bob", asked_until=LATER))
    await trained.hear(UserErasedV1(erasure_id="e", user="ann", asked_until=LATER))
    receipts = {one.erasure_id: one.models for one in trained.publisher.of(ErasureDoneV1)}
    assert receipts == {"b": (), "e": (done.custom_model,)}
    forgotten = await trained.shown(first.training_id)
    assert (forgotten.approved_by, forgotten.asked_by) == (None, None)
    assert (await trained.step(second.training_id)).status == "stopping"
    trained.played.gate.opened.set()
    ended = await trained.until_status(second.training_id, "failed")
    assert "withdrawn" in (ended.reason or "")
    assert len(trained.played.customizing.book.models) == 1


async def test_a_deleted_tenant_leaves_nothing_at_the_provider(trained: Trained) -> None:
    asked = await trained.requested(await trained.made_set())
    await trained.until_status(asked.training_id, "trained")
    await trained.ask(ApproveTrainingV1(training_id=asked.training_id))
    await trained.until_status(asked.training_id, "deployed")
    waiting = await trained.requested(await trained.made_set(seed=1))
    await trained.hear(TenantDeletedV1(erasure_id="e", until=LATER))
    book = trained.played.customizing.book
    assert (book.deployments, book.models) == ({}, {})
    assert trained.keys("trainings/acme/") == []
    assert (
        b"acme"
        not in trained.s3.get_object(Bucket=trained.bucket, Key="trainings/-/line.json")[
            "Body"
        ].read()
    )
    assert await trained.ask(RunTrainingV1(training_id=waiting.training_id)) is None
    assert len(trained.jobs) == 1


@ways(BEDROCK, ON_A_MACHINE)
async def test_a_tenant_is_deleted_only_when_its_jobs_have_ended(trained: Trained) -> None:
    trained.played.gate.opened.clear()
    asked = await trained.requested(await trained.made_set())
    assert (await trained.step(asked.training_id)).status == "running"
    prefix = f"trainings/acme/{asked.training_id}/"

    async def answered(round: int) -> list[int]:
        await trained.hear(TenantDeletedV1(erasure_id="e", until=LATER, round=round))
        return [one.round for one in trained.publisher.of(ErasureDoneV1)]

    assert await answered(1) == [1]
    assert trained.jobs[0].status == "Stopping"
    assert trained.keys("exports/acme/") == []
    assert trained.keys("trainings/acme/") == [f"{prefix}state.json"]
    # A process that starts now looks at all trainings: it leaves this one alone.
    await a_round(trained)
    assert await answered(2) == [1]
    trained.s3.put_object(Bucket=trained.bucket, Key=f"{prefix}output/model.tar.gz", Body=b"late")
    trained.played.gate.opened.set()

    async def over() -> bool:
        return await answered(2) == [1, 2]

    await until(over, 20)
    assert trained.keys("trainings/acme/") == []
    assert trained.publisher.of(ModelUsedV2) == []


STEPS: list[tuple[Any, str]] = [
    *((Trainings, name) for name in ("begin", "change", "join", "leave")),
    *((kind, name) for kind in (BedrockTrainer, SageMakerTrainer) for name in ("start", "look")),
    (FakePublisher, "publish"),
]


@dataclass
class Death:
    """The n-th step is the last thing that the process does, or what it no longer does."""

    at: int
    after: bool
    count: int = 0
    fired: bool = False

    def of(self, kind: Any, name: str) -> Any:
        inner, death = getattr(kind, name), self

        async def call(self: Any, *arguments: Any, **named: Any) -> Any:
            death.count += 1
            mine = death.count == death.at
            if mine and not death.after:
                death.fired = True
                raise Unavailable("process", "killed")
            answer = await inner(self, *arguments, **named)
            if mine:
                death.fired = True
                raise Unavailable("process", "killed")
            return answer

        return call


@pytest.mark.parametrize(
    ("trained", "after", "steps"),
    [
        (BEDROCK, False, range(1, 9)),
        (BEDROCK, True, range(1, 9)),
        # What differs is what the provider is asked.
        (SERVERLESS, True, range(4, 9, 2)),
    ],
    indirect=["trained"],
    ids=["bedrock-before", "bedrock-after", "sagemaker-after"],
)
async def test_killed_at_each_step_it_is_one_training(
    trained: Trained, after: bool, steps: range
) -> None:
    for count, step in enumerate(steps, 1):
        export_id = await trained.made_set(seed=step)

        async def driven(export_id: str = export_id) -> TrainingShape | None:
            try:
                asked = await trained.requested(export_id)
                found = await trained.step(asked.training_id)
            except Unavailable:
                return None
            return found if found.status == "trained" else None

        death = Death(step, after)
        with pytest.MonkeyPatch.context() as patch:
            for kind, name in STEPS:
                patch.setattr(kind, name, death.of(kind, name))
            done = await until(driven, 20)
        assert death.fired
        assert len(trained.jobs) == count
        assert len(set(trained.publisher.ids(ModelUsedV2))) == count
        assert done.cost_usd is not None


async def test_a_process_that_died_before_the_line_is_found_again(trained: Trained) -> None:
    export_id = await trained.made_set()
    with pytest.MonkeyPatch.context() as patch:

        async def dies(*_: Any) -> None:
            raise Unavailable("process", "killed")

        patch.setattr(Trainings, "join", dies)
        with pytest.raises(Unavailable):
            await trained.requested(export_id)
    [loop] = [
        one
        for one in trained.service.runnables
        if "Advancing.round" in str(getattr(one, "job", ""))
    ]
    await loop.job()  # type: ignore[attr-defined]
    await until(lambda: len(trained.jobs) == 1)


@ways(BEDROCK, SERVERLESS)
async def test_while_the_provider_is_away_or_full_a_training_waits_and_holds_up_nobody(
    trained: Trained,
) -> None:
    asked = await trained.requested(await trained.made_set())
    client = await client_of(trained)
    for code in trained.kind.away:

        async def away(*_: Any, code: str = code, **__: Any) -> None:
            raise ClientError({"Error": {"Code": code}}, trained.kind.create)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, trained.kind.create, away)
            assert (await trained.step(asked.training_id)).status == "starting"
            await a_round(trained)
    await trained.until_status(asked.training_id, "trained")


@ways(BEDROCK, ON_A_MACHINE)
async def test_an_erasure_while_a_model_is_being_registered_takes_the_model(
    trained: Trained,
) -> None:
    asked = await trained.requested(await trained.made_set())
    await trained.step(asked.training_id)
    await until(lambda: trained.jobs[0].status == "Completed")
    fired = list[bool]()
    publish = FakePublisher.publish

    async def erased_meanwhile(self: FakePublisher, *about: Any, **more: Any) -> None:
        await publish(self, *about, **more)
        if not fired:
            fired.append(True)
            await trained.hear(UserErasedV1(erasure_id="e", user="ann", asked_until=LATER))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakePublisher, "publish", erased_meanwhile)
        await trained.step(asked.training_id)
    assert fired
    ended = await trained.until_status(asked.training_id, "failed")
    assert "withdrawn" in (ended.reason or "")
    assert trained.played.customizing.book.models == {}
    assert trained.keys(f"trainings/acme/{asked.training_id}/output/") == []


async def test_a_role_without_rights_fails_with_the_reason(trained: Trained) -> None:
    asked = await trained.requested(await trained.made_set())

    async def denied(*_: Any, **__: Any) -> None:
        told = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
        raise ClientError(told, trained.kind.create)  # type: ignore[arg-type]

    client = await client_of(trained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, trained.kind.create, denied)
        failed = await trained.step(asked.training_id)
    assert failed.status == "failed"
    assert "AccessDeniedException" in (failed.reason or "")


async def client_of(trained: Trained) -> Any:
    run: Any = trained.service.handlers["finetune-exports"][RunTrainingV1]
    trainer = run.__self__.jobs.advancing.trainers[trained.kind.provider]
    return trainer._bedrock if trained.kind is BEDROCK else await trainer._client()


def test_a_providers_words_lose_what_they_quote() -> None:
    words = 'Line 3 is wrong: {"text": "Anna\'s secret"} near "Anna" or \'my long secret words\''
    told = without_quotes(words)
    assert "Line 3 is wrong" in told
    assert "Anna" not in told
    assert "secret" not in told


async def test_of_a_huge_table_of_losses_the_beginning_is_read(trained: Trained) -> None:
    asked = await trained.requested(await trained.made_set())
    await trained.until_status(asked.training_id, "trained")
    [key] = [one for one in trained.keys("trainings/acme/") if one.endswith("_metrics.csv")]
    lines = (f"{n},0,{1 + n / 1e6:.6f},{'1' * 100}\n" for n in range(50_000))
    table = "step_number,epoch_number,training_loss,perplexity\n" + "".join(lines)
    trained.s3.put_object(Bucket=trained.bucket, Key=key, Body=table.encode())
    shown = (await trained.shown(asked.training_id)).losses
    assert len(shown) == 150
    assert 30_000 < shown[-1].step < 40_000
    assert shown[-1].training == pytest.approx(1 + shown[-1].step / 1e6)
