"""/v1/prompts: versions of the system text, and the labels that say which one answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response

from contracts.gateway.http_prompts import (
    ArmList,
    ArmView,
    LabelBody,
    LabelView,
    ParametersBody,
    PromptBody,
    PromptList,
    PromptView,
)
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.models.prompt import (
    ANSWER,
    BUILT_IN,
    CANARY,
    PRODUCTION,
    SHADOW,
    Label,
    Labelled,
    Labels,
    Parameters,
    PromptVersion,
    WentBack,
)
from services.gateway.services.arms import Arms, ArmState
from services.gateway.services.prompts import Prompts

Name = Annotated[Literal["answer"], Path(description="the prompt's name", examples=[ANSWER])]
Which = Annotated[Label, Path(description="the label", examples=[PRODUCTION])]


def prompt_routes(needs: Needs, arms: Arms) -> APIRouter:
    prompts = arms.prompts
    router = APIRouter(tags=["prompts"], prefix="/v1/prompts")
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.get(
        "",
        operation_id="list_prompts",
        summary="List the versions of the tenant's prompt, and where its labels stand",
        response_model=PromptList,
        responses=documented(429, 503),
    )
    async def list_prompts(who: admin) -> Response:
        versions, labels = await prompts.list(who.tenant)
        return json_response(
            PromptList(versions=[_view(one) for one in versions], labels=_labels(labels))
        )

    _route_versions(router, needs, prompts)
    _route_labels(router, needs, prompts)
    _route_arms(router, needs, arms)
    return router


def _route_versions(router: APIRouter, needs: Needs, prompts: Prompts) -> None:
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.post(
        "",
        operation_id="register_prompt",
        summary="Register a version of the prompt",
        description="It answers nothing until a label stands at it. The same text with the same"
        " parameters is the same version. Versions are kept for ever.",
        status_code=201,
        response_model=PromptView,
        responses=documented(409, 422, 429, 503),
    )
    async def register_prompt(body: PromptBody, who: admin) -> Response:
        given = Parameters(**body.parameters.model_dump())
        version = await prompts.register(who, body.name, body.system, given)
        return json_response(_view(version), 201)


def _route_labels(router: APIRouter, needs: Needs, prompts: Prompts) -> None:
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.put(
        "/{name}/labels/{label}",
        operation_id="move_label",
        summary="Put a label at a version",
        description="It holds everywhere within seconds. `production` answers; `canary` answers a"
        " share of conversations, and a conversation keeps its side while the weight stays;"
        " `shadow` answers a share of production's turns once more, which nobody sees."
        " With `expects` it is moved only if it"
        " stands there; otherwise the answer is 409 `label_elsewhere` with `version`, where it"
        " stands. Rolling back is moving it to the version before.",
        response_model=LabelView,
        responses=documented(404, 409, 422, 429, 503),
    )
    async def move_label(name: Name, label: Which, body: LabelBody, who: admin) -> Response:
        moved = await prompts.move(
            who,
            (name, label),
            body.version,
            body.weight,
            expects=body.expects,
            compares="expects" in body.model_fields_set,
        )
        return json_response(_label(label, moved))


def _route_arms(router: APIRouter, needs: Needs, arms: Arms) -> None:
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.get(
        f"/{ANSWER}/arms",
        operation_id="list_arms",
        summary="Show what the turns of production, the canary and the shadow came to",
        description="A canary whose figures are worse than the limits goes back by itself. A shadow"
        " stays: nobody sees its answers.",
        response_model=ArmList,
        responses=documented(429, 503),
    )
    async def list_arms(who: admin) -> Response:
        found = [_arm(one) for one in await arms.states(who.tenant)]
        return json_response(ArmList(window_s=arms.window_s, arms=found))


def _view(version: PromptVersion) -> PromptView:
    at = version.registered_at
    return PromptView(
        name=version.name,
        version=version.version,
        system=version.system,
        parameters=ParametersBody(**version.parameters.model_dump()),
        registered_at=at and at.isoformat(),
    )


def _labels(labels: Labels) -> list[LabelView]:
    found = [_label(PRODUCTION, labels.production)]
    if labels.canary:
        found.append(_label(CANARY, labels.canary))
    elif labels.back:
        found.append(_went_back(labels.back))
    if labels.shadow:
        found.append(_label(SHADOW, labels.shadow))
    return found


def _label(label: Label, labelled: Labelled | None) -> LabelView:
    own = BUILT_IN.version if label == PRODUCTION else None
    return LabelView(
        name=ANSWER,
        label=label,
        version=labelled.version.version if labelled else own,
        weight=labelled and labelled.weight,
        moved_at=labelled and labelled.moved_at.isoformat(),
    )


def _went_back(back: WentBack) -> LabelView:
    return LabelView(
        name=ANSWER,
        label=CANARY,
        moved_at=back.moved_at.isoformat(),
        before=back.version,
        reason=back.reason,
    )


def _arm(state: ArmState) -> ArmView:
    version, figures = state.arm.version, state.figures
    return ArmView(
        label=state.arm.label,
        version=version.version,
        model=version.parameters.model,
        weight=state.weight,
        turns=figures.turns,
        failures=figures.failures,
        refusals=figures.refusals,
        usd_a_turn=figures.usd_a_turn,
    )
