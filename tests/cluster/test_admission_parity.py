"""Policies in the API server, the webhook, and the expressions evaluated by hand: three ways to the same bytes.

On the newest minor all three look at the same objects at the same time, in a namespace each, so that no
default of another version gets in between; on the older one the latter two do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.cel.policy import Review
from coder_cva.desired.admission_names import CLAIM_BOUNDS, CLAIMS, HOST_VOLUMES, PLACEMENT
from coder_cva.desired.admission_review import Answer, answer
from coder_cva.values.json_patch import patched
from harness.api import ApiError
from support import admission_fuzz
from support import builders as b
from support.admission import WEBHOOKS, Armed, arm, pod
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed
from support.placing import NODES
from support.served_webhook import ServedWebhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coder_cva.snapshot.webhook import Webhook
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

Manifest = dict[str, Any]

PODS, CLAIMS_COUNT, DEPLOYMENTS = 100, 40, 20
"""How many objects for each of the specs below."""
FAST = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "disk.harness.test",
}
DEFAULT = "storageclass.kubernetes.io/is-default-class"
EXEMPTIONS = [dict(one) for one in admission_fuzz.EXEMPTIONS]
TOLERATIONS = [dict(one) for one in admission_fuzz.TOLERATIONS[:2]]


def everything(namespace: str) -> Manifest:
    """A Coder for which everything is done that can be done at admission."""
    made = managed(namespace)
    made["spec"]["workspaces"] |= {
        "barePods": "Enforce",
        "virtualMachines": "Enforce",
        "storage": {
            "storageClassName": "fast",
            "minSize": "5Gi",
            "maxSize": "1Ti",
            "hostVolumes": "Warn",
            "hostVolumeExemptions": EXEMPTIONS,
        },
    }
    made["spec"]["workspaces"]["nodePool"]["tolerations"] = TOLERATIONS
    return made


def denying(namespace: str) -> Manifest:
    """Volumes of the host refused except of those that are exempt, bare Pods left alone."""
    made = managed(namespace)
    made["spec"]["workspaces"]["storage"] = {
        "hostVolumes": "Deny",
        "maxSize": "10Gi",
        "hostVolumeExemptions": EXEMPTIONS,
    }
    return made


def by_the_users_word(namespace: str) -> Manifest:
    """Both pools required whatever the templates wish, by several labels."""
    made = managed(namespace)
    for part in ("controlPlane", "workspaces"):
        pool = made["spec"][part]["nodePool"]
        pool["placement"] = "Required"
        pool["selector"] = {**pool["selector"], "example.com/gpu": "t4"}
    return made


def preferred(namespace: str) -> Manifest:
    """Only by preference."""
    made = everything(namespace)
    made["spec"]["workspaces"]["nodePool"]["placement"] = "Preferred"
    return made


TOKEN_VOLUME = re.compile(r"kube-api-access-\w+")
"""The API server names the volume of a Pod's token by chance."""
SPECS = (everything, denying, by_the_users_word, preferred, adopted)


@dataclass
class Tally:
    """How many objects were compared, and which came out differently."""

    compared: int = 0
    changed: int = 0
    refused: int = 0
    warned: int = 0
    different: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def new(unattended: Provider) -> Iterator[tuple[Kube, Webhook]]:
    """The newest minor, on which both engines act."""
    served = ServedWebhook(unattended, preferred=True).start()
    with _furnished(unattended.kube):
        yield unattended.kube, served.webhook
    served.stop()


@pytest.fixture
def old(unattended_old: Provider) -> Iterator[Kube]:
    """The older minor, on which the webhook mutates and the policies validate."""
    with _furnished(unattended_old.kube):
        yield unattended_old.kube


@pytest.mark.parametrize("spec", SPECS, ids=lambda one: one.__name__)
def test_policies_webhook_and_expressions_agree(
    new: tuple[Kube, Webhook], spec: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte, refusals and warnings included."""
    kube, webhook = new
    armed = _armed(kube, spec, None), _armed(kube, spec, webhook)
    tally = Tally()
    nowhere = kube.namespace("nobodys")
    for make in _objects(spec.__name__):
        bodies = [make(Random(tally.compared), one.namespace) for one in armed]
        by_policies, by_webhook = (
            _outcome(kube, body, one.namespace) for one, body in zip(armed, bodies, strict=True)
        )
        by_hand = _by_hand(kube, make(Random(tally.compared), nowhere), nowhere, armed[0])
        _count(tally, by_policies, by_webhook, by_hand)
    for one in armed:
        one.disarm()
    _tell(capsys, f"{spec.__name__}: policies, webhook, expressions", tally)
    assert tally.different == []
    assert tally.changed


@pytest.mark.parametrize("spec", SPECS, ids=lambda one: one.__name__)
def test_on_the_older_minor_the_webhook_says_what_the_expressions_say(
    old: Kube, spec: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same objects, where no mutating policy is served."""
    armed, nowhere = _armed(old, spec, WEBHOOKS[old]), old.namespace("nobodys")
    tally = Tally()
    for make in _objects(spec.__name__):
        body = make(Random(tally.compared), armed.namespace)
        by_webhook = _outcome(old, body, armed.namespace)
        by_hand = _by_hand(old, make(Random(tally.compared), nowhere), nowhere, armed)
        _count(tally, by_webhook, by_hand)
    armed.disarm()
    _tell(capsys, f"{spec.__name__}: webhook, expressions", tally)
    assert tally.different == []
    assert tally.changed


def _furnished(kube: Kube) -> Any:
    return _Classes(kube)


class _Classes:
    """A class for claims, and no default one, while the block runs."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._standard = kube.get("StorageClass", "standard")

    def __enter__(self) -> None:
        self._kube.apply(FAST)
        self._default("false")

    def __exit__(self, *_: object) -> None:
        self._default("true")

    def _default(self, word: str) -> None:
        self._kube.patch(self._standard, {"metadata": {"annotations": {DEFAULT: word}}})


def _armed(kube: Kube, spec: Any, webhook: Webhook | None) -> Armed:
    home = kube.namespace("parity")
    stranded = b.persistent_volume(f"pv-{home}", f"{home}/{admission_fuzz.STRANDED}", "z")
    coderd = chart_coderd(home) if spec is adopted else []
    probe = pod(home, labels={"app": "coder-workspace"})
    return arm(
        kube,
        spec(home),
        NODES,
        FAST,
        stranded,
        coderd,
        webhook=webhook,
        until=lambda: (
            kube.create(probe, dry_run=True)["spec"].get("affinity")
            and _validates(kube, spec, home)
        ),
    )


def _validates(kube: Kube, spec: Any, namespace: str) -> bool:
    """The validating side acts too, which may be later."""
    if spec is adopted:
        return True
    volumes = [{"name": "root", "hostPath": {"path": "/"}}]
    outcome = _outcome(kube, pod(namespace, volumes=volumes), namespace)
    if spec is by_the_users_word:
        return "CVA-STO-004" in outcome
    large = admission_fuzz.claim(Random(0), namespace)
    large["metadata"]["labels"] = {"com.coder.resource": "true"}
    large["spec"] = {**large["spec"], "resources": {"requests": {"storage": "3Ti"}}}
    large["spec"].pop("volumeName", None)
    return "CVA-STO-004" in outcome and "CVA-STO-002" in _outcome(kube, large, namespace)


def _objects(seed: str) -> Iterator[Any]:
    """What makes each object, given a chance and a namespace."""
    for make, count in (
        (admission_fuzz.pod, PODS),
        (admission_fuzz.claim, CLAIMS_COUNT),
        (admission_fuzz.deployment, DEPLOYMENTS),
    ):
        for number in range(count):
            yield lambda _, namespace, make=make, number=number: make(
                Random(f"{seed} {number}"), namespace
            )
    for number in range(len(admission_fuzz.templates(""))):
        yield lambda _, namespace, number=number: admission_fuzz.templates(namespace)[number]


def _outcome(kube: Kube, body: Manifest, namespace: str) -> str:
    """What became of an object: its canonical JSON with the warnings, or the words of the refusal."""
    try:
        made = kube.create(body, dry_run=True)
    except ApiError as error:
        return _canonical({"refused": _ours(error.message)}, namespace)
    warnings = sorted(_ours(one).removesuffix('"') for one in kube.api.warnings if "CVA-" in one)
    return _canonical({"object": _bare(made), "warnings": warnings}, namespace)


def _by_hand(kube: Kube, body: Manifest, namespace: str, armed: Armed) -> str:
    """The same by the expressions alone: what the API server makes of the object where nobody acts."""
    try:
        made = kube.create(body, dry_run=True)
    except ApiError as error:
        return _canonical({"refused": _ours(error.message)}, namespace)
    home, plain = armed.namespace, json.dumps(_bare(made)).replace(namespace, armed.namespace)
    params = kube.refresh(armed.parameter)
    whole = json.loads(plain)
    warnings: list[str] = []
    for name in _policies(body["kind"]):
        said: Answer = answer(name, Review(whole, body["kind"], home, params))
        assert not said.fault, said.fault
        if said.denial:
            return _canonical({"refused": said.denial}, home)
        whole = patched(whole, said.patches)
        warnings += [said.warning] if said.warning else []
    return _canonical({"object": _emptied(whole), "warnings": warnings}, home)


def _policies(kind: str) -> tuple[str, ...]:
    if kind == "PersistentVolumeClaim":
        return CLAIMS, CLAIM_BOUNDS
    return (PLACEMENT, HOST_VOLUMES) if kind == "Pod" else (HOST_VOLUMES,)


def _ours(message: str) -> str:
    """Our own words, without those by which the API server introduces one or the other engine."""
    at = message.find("CVA-")
    return message[at:] if at >= 0 else message


def _bare(made: Manifest) -> Manifest:
    """Without what differs between any two creations."""
    dropped = ("uid", "creationTimestamp", "managedFields")
    metadata = {key: value for key, value in made["metadata"].items() if key not in dropped}
    return {**made, "metadata": metadata}


def _emptied(whole: Any) -> Any:
    """Without empty values of expressions, which the API server does not write back."""
    if isinstance(whole, list):
        return [_emptied(one) for one in whole]
    if isinstance(whole, dict):
        return {k: _emptied(v) for k, v in whole.items() if not (k == "values" and v == [])}
    return whole


def _canonical(outcome: Manifest, namespace: str) -> str:
    text = json.dumps(outcome, sort_keys=True, ensure_ascii=False).replace(namespace, "NAMESPACE")
    return TOKEN_VOLUME.sub("kube-api-access", text)


def _count(tally: Tally, first: str, *others: str) -> None:
    tally.compared += 1
    tally.refused += first.startswith('{"refused"')
    tally.warned += '"warnings": ["' in first
    tally.changed += PREFIX in first or '"fast"' in first
    tally.different += [f"{first}\n{other}" for other in others if other != first]


PREFIX = "nodeSelectorTerms"


def _tell(capsys: pytest.CaptureFixture[str], what: str, tally: Tally) -> None:
    with capsys.disabled():
        print(
            f"\n{what}: {tally.compared} compared, {tally.refused} refused, {tally.warned} warned, "
            f"{len(tally.different)} differences"
        )
