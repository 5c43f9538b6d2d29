"""The CRD on real API servers, the newest and the oldest that we support."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import Phase, given, settings

from cluster.crd_cases import CASES, ROOT, Case, sample
from coder_cva.api.errors import InvalidSpec
from coder_cva.api.v1alpha1 import resource
from harness import binaries, factory
from harness.api import ApiError
from harness.fixtures import running
from harness.versions import NEWEST, OLDEST
from support import specs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

CRD = ROOT / "crds" / "coderdeployments.yaml"
WITHOUT_SHRINKING = [Phase.explicit, Phase.generate]
"""A failure names the place that was damaged; shrinking it asks the API server for minutes."""


@pytest.fixture(scope="module", params=[NEWEST, OLDEST])
def server(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster without an operator, so that only the API server acts, with the CRD applied."""
    with running(request, factory.cluster(request.param)) as started:
        started.kube.apply(yaml.safe_load(CRD.read_text(encoding="utf-8")))
        started.kube.wait_for(lambda: _is_served(started.kube), timeout=30, what="the resource")
        yield started


@pytest.fixture(scope="module")
def place(server: Provider) -> str:
    """A namespace that is nobody else's."""
    return server.kube.namespace("coder")


@pytest.fixture
def stored(server: Provider, place: str) -> Iterator[dict[str, Any]]:
    """The minimal sample, applied by its user."""
    made = server.kube.apply(_moved(sample("minimal"), place), manager="user")
    yield made
    server.kube.delete(made)


def test_the_crd_is_structural_and_affordable(server: Provider) -> None:
    """The API server finds nothing to complain of: structural schema, names, cost of validations."""
    crd = server.kube.get("CustomResourceDefinition", "coderdeployments.cva.coder.com")

    conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
    assert conditions.get("NonStructuralSchema", "False") == "False"
    assert conditions["NamesAccepted"] == "True"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_api_server_decides(server: Provider, place: str, case: Case) -> None:
    """A good spec is accepted; a bad one is refused with a sentence that names field and remedy."""
    verdict = _verdict(server.kube, _moved(case.manifest, place))

    if not case.refused:
        assert verdict == ""
    for word in case.refused:
        assert word.lower() in verdict.lower(), verdict


@settings(max_examples=25, deadline=None, phases=WITHOUT_SHRINKING)
@given(manifest=specs.manifests())
def test_any_valid_spec_is_accepted(server: Provider, place: str, manifest: dict[str, Any]) -> None:
    """Whatever combination of fields the offline parser takes, the API server takes."""
    resource.parse(manifest)

    assert _verdict(server.kube, _moved(manifest, place)) == ""


@settings(max_examples=100, deadline=None, phases=WITHOUT_SHRINKING)
@given(manifest=specs.damaged())
def test_both_forms_of_the_contract_agree(
    server: Provider, place: str, manifest: dict[str, Any]
) -> None:
    """A spec damaged in one place is refused by both, the API server and the parser, or by neither."""
    online = _verdict(server.kube, _moved(manifest, place))
    offline = _offline(manifest)

    assert bool(online) == bool(offline), online or offline


@pytest.mark.parametrize("name", ["minimal", "managed", "adopted"])
def test_samples_hold_nothing_unknown(server: Provider, place: str, name: str) -> None:
    """The shipped samples are accepted by an API server that refuses unknown fields."""
    answer = server.kube.api.request(
        "POST",
        f"/apis/{resource.API_VERSION}/namespaces/{place}/{resource.PLURAL}"
        "?dryRun=All&fieldValidation=Strict",
        _moved(sample(name), place),
    )

    assert answer["metadata"]["name"] == "coder"


def test_defaults_are_written_by_the_server_as_offline(
    server: Provider, stored: dict[str, Any]
) -> None:
    """What the API server fills in is what the offline parser fills in, so both decide alike."""
    offline = resource.parse(sample("minimal"))

    assert resource.parse(stored).spec == offline.spec
    assert stored["spec"]["edition"] == "2026"
    assert stored["spec"]["architecture"]["activeUsersPercent"] == 30
    assert stored["spec"]["controlPlane"]["image"]["repository"] == "ghcr.io/coder/coder"
    assert stored["spec"]["controlPlane"]["service"]["externalTrafficPolicy"] == "Cluster"
    assert stored["spec"]["workspaces"]["storage"] == {"hostVolumes": "Warn"}


def test_defaults_fill_in_nothing_empty(stored: dict[str, Any]) -> None:
    """No empty list or mapping is written into what the user applied: nothing to show as a drift."""
    assert list(_empties(stored["spec"], "spec")) == []


def test_apply_merges_lists_by_their_keys(server: Provider, stored: dict[str, Any]) -> None:
    """Two managers each keep their own waivers and variables, and one withdraws only its own."""
    one, two = (_applied_by(stored, rule, name) for rule, name in (("001", "A"), ("002", "B")))
    server.kube.apply(one, manager="one")
    both = server.kube.apply(two, manager="two")
    left = server.kube.apply(_applied_by(stored, "", ""), manager="one")

    assert [it["rule"] for it in both["spec"]["waivers"]] == ["CVA-GEN-001", "CVA-GEN-002"]
    assert [it["name"] for it in both["spec"]["controlPlane"]["env"]] == ["A", "B"]
    assert [it["rule"] for it in left["spec"]["waivers"]] == ["CVA-GEN-002"]


def test_apply_replaces_selectors_whole(server: Provider, stored: dict[str, Any]) -> None:
    """A selector belongs to one manager as a whole: another one's key is a conflict, never a mixture."""
    other = _bare(stored)
    other["spec"] = {"workspaces": {"nodePool": {"selector": {"zone": "a"}}}}

    with pytest.raises(ApiError) as refused:
        server.kube.apply(other, manager="other", force=False)

    assert refused.value.status == 409
    assert ".spec.workspaces.nodePool.selector" in refused.value.message


def test_apply_merges_conditions_of_the_status(server: Provider, stored: dict[str, Any]) -> None:
    """A condition of the status is merged by its type, and the spec is out of the status's reach."""
    server.kube.patch(
        stored, {"status": _status(), "spec": {"suspend": True}}, subresource="status"
    )
    now = server.kube.refresh(stored)

    assert now["spec"]["suspend"] is False
    assert now["metadata"]["generation"] == stored["metadata"]["generation"]
    assert resource.parse(now).status.conditions[0].type == "Ready"


def test_kubectl_get_shows_one_look(server: Provider, place: str, stored: dict[str, Any]) -> None:
    """`kubectl get cdep` has the columns that tell what is wrong, and the short name works."""
    server.kube.patch(stored, {"status": _status()}, subresource="status")

    head, row = _kubectl(server, "get", "cdep", "-n", place).splitlines()

    assert head.split() == [
        *("NAME", "READY", "CONFORMANT", "TIER", "CODERD", "WORKSPACES", "FAILED", "AGE"),
    ]
    assert row.split()[:-1] == ["coder", "True", "Unknown", "1k", "3/3", "42", "2"]
    assert "CoderDeployment" in _kubectl(server, "get", "coder", "-n", place, "-o", "yaml")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("cdep.spec", ["architecture", "-required-", "The reference architecture to follow."]),
        ("cdep.spec.controlPlane.resources.cpu", ["2500m"]),
        ("cdep.spec.controlPlane.management", ["ENUM", "Managed", "Adopted: a coderd that Helm"]),
        ("cdep.spec.controlPlane.nodePool", ["CVA-NODE-003", "tolerations"]),
        ("cdep.status.conditions", ["lastTransitionTime"]),
    ],
)
def test_kubectl_explain_reads_well(server: Provider, path: str, words: list[str]) -> None:
    """Every field explains itself: its meaning, its choices, the clause behind it."""
    server.kube.wait_for(lambda: _explains(server), what="the API server to explain the kind")
    text = " ".join(_kubectl(server, "explain", path).split())

    for word in words:
        assert word in text


def test_quick_waiting_works(server: Provider, place: str, stored: dict[str, Any]) -> None:
    """`kubectl wait --for=condition=Ready` understands the conditions."""
    server.kube.patch(stored, {"status": _status()}, subresource="status")

    said = _kubectl(
        server, "wait", "--for=condition=Ready", "cdep/coder", "-n", place, "--timeout=10s"
    )

    assert "condition met" in said


def _moved(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The same manifest in another namespace."""
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def _verdict(kube: Kube, manifest: dict[str, Any]) -> str:
    """The API server's refusal, "" where it accepts; nothing is stored."""
    try:
        kube.create(manifest, dry_run=True)
    except ApiError as error:
        if error.status != 422:
            raise
        return error.message
    return ""


def _offline(manifest: dict[str, Any]) -> str:
    """The parser's refusal, "" where it accepts."""
    try:
        resource.parse(manifest)
    except InvalidSpec as error:
        return str(error)
    return ""


def _is_served(kube: Kube) -> bool:
    """Whether the resource can be listed: its storage is ready some time after the CRD is established."""
    try:
        kube.api.request("GET", f"/apis/{resource.API_VERSION}/{resource.PLURAL}")
    except ApiError:
        return False
    return True


def _bare(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": stored["apiVersion"],
        "kind": stored["kind"],
        "metadata": {key: stored["metadata"][key] for key in ("name", "namespace")},
    }


def _applied_by(stored: dict[str, Any], rule: str, variable: str) -> dict[str, Any]:
    """What one more manager says: a waiver and a variable, or nothing of that kind any longer."""
    waiver = {"rule": f"CVA-GEN-{rule}", "reason": "It moves.", "until": "2027-01-31"}
    return {
        **_bare(stored),
        "spec": {
            "waivers": [waiver] if rule else [],
            "controlPlane": {"env": [{"name": variable, "value": "1"}] if variable else []},
        },
    }


def _status() -> dict[str, Any]:
    def condition(kind: str, status: str) -> dict[str, Any]:
        return {
            "type": kind,
            "status": status,
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-23T09:00:00Z",
            "reason": "AsIntended",
            "message": "Everything is there.",
        }

    return {
        "observedGeneration": 1,
        "tier": "1k",
        "controlPlane": {"ready": "3/3"},
        "workspaces": {"count": 42},
        "summary": {"failed": 2},
        "conditions": [condition("Ready", "True"), condition("Conformant", "Unknown")],
    }


def _empties(value: Any, path: str) -> Iterator[str]:
    if value in ([], {}):
        yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _empties(child, f"{path}.{key}")


def _explains(server: Provider) -> bool:
    """Whether the API server tells of the kind already, which it does some time after it serves it."""
    return _called(server, "explain", "cdep").returncode == 0


def _kubectl(server: Provider, *arguments: str) -> str:
    ended = _called(server, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def _called(server: Provider, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = binaries.kubectl()
    return subprocess.run(
        [str(program), "--kubeconfig", str(server.kubeconfig), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
