"""The API server asks about a Pod or a claim: kopf's admission handlers, which hand over to the runtime.

Registered only where the API server could call: kopf asks for a server as soon as there is a handler.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import kopf

from coder_cva.desired.admission_names import CLAIM_BOUNDS, CLAIMS, HOST_VOLUMES, PLACEMENT
from coder_cva.desired.admission_review import Answer
from coder_cva.desired.webhook_probe import ANSWER, PROBE
from coder_cva.runtime.admission import Admission
from coder_cva.runtime.webhook_server import DEPLOYMENT, NAMESPACE, WebhookServer
from coder_cva.values.json_patch import patched

_PODS: Final = ("", "v1", "pods")
_CLAIMS: Final = ("", "v1", "persistentvolumeclaims")
_DEPLOYMENTS: Final = ("apps", "v1", "deployments")
_OURS: Final = ("cva.coder.com", "v1alpha1", "coderdeployments")
_REFUSED: Final = 403


def register(registry: kopf.OperatorRegistry, admission: Admission) -> None:
    """Registers the handlers and their server; the handler's id is the policy's name."""
    if not admission.is_offered:
        return
    on: dict[str, Any] = {"operations": ["CREATE"], "registry": registry}
    kopf.on.mutate(*_PODS, id=PLACEMENT, **on)(_mutating(admission, PLACEMENT, "Pod"))
    kopf.on.mutate(*_CLAIMS, id=CLAIMS, **on)(_mutating(admission, CLAIMS, "PersistentVolumeClaim"))
    for selector, name, kind in (
        (_CLAIMS, CLAIM_BOUNDS, "PersistentVolumeClaim"),
        (_PODS, HOST_VOLUMES, "Pod"),
        (_DEPLOYMENTS, HOST_VOLUMES, "Deployment"),
    ):
        kopf.on.validate(*selector, id=name, **on)(_validating(admission, name, kind))
    asked: dict[str, Any] = {"operations": ["UPDATE"], "subresource": "status"}
    kopf.on.validate(*_OURS, id=PROBE, registry=registry, **asked)(_reached)

    @kopf.on.startup(registry=registry)
    async def serve(settings: kopf.OperatorSettings, **_: Any) -> None:
        # The configurations are ours to write: kopf's own would have no match conditions and one owner.
        settings.admission.managed = None
        server: Any = WebhookServer(admission.settings.webhook_port, admission.tls)
        settings.admission.server = server


def _mutating(admission: Admission, name: str, kind: str) -> Callable[..., Awaitable[None]]:
    async def mutate(patch: kopf.Patch, body: kopf.Body, headers: Any, **_: Any) -> None:
        answer = _ask(admission, name, kind, body, headers)
        if answer.patches:
            patch.fns.append(lambda raw: raw.update(patched(raw, answer.patches)))  # type: ignore[typeddict-item]

    return mutate


def _validating(admission: Admission, name: str, kind: str) -> Callable[..., Awaitable[None]]:
    async def validate(body: kopf.Body, headers: Any, warnings: list[str], **_: Any) -> None:
        answer = _ask(admission, name, kind, body, headers)
        if answer.warning:
            warnings.append(answer.warning)
        if answer.denial:
            raise kopf.AdmissionError(answer.denial, code=_REFUSED)

    return validate


async def _reached(warnings: list[str], **_: Any) -> None:
    """The operator asks itself whether the API server gets here: the way through kopf is a part of it."""
    warnings.append(ANSWER)


def _ask(admission: Admission, name: str, kind: str, body: kopf.Body, headers: Any) -> Answer:
    raw = dict(body)
    return admission.answer(name, headers[DEPLOYMENT], kind, headers[NAMESPACE], raw)
