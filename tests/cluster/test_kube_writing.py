"""Server-side apply, deletion, status and Events on a real API server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva import ports
from coder_cva.kube.connection import Connection
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.teller import Teller
from coder_cva.kube.writer import Writer
from coder_cva.values.manifest import Ref, ref_of
from harness.fixtures import own_cluster
from support.installation import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

OURS = {"app.kubernetes.io/managed-by": "coder-cva-operator"}


@pytest.fixture
async def connection(cluster: Provider) -> AsyncIterator[Connection]:
    """A connection as administrator."""
    async with await Connection.open(str(cluster.kubeconfig)) as opened:
        yield opened


@pytest.fixture
def writer(connection: Connection) -> Writer:
    """A writer as administrator."""
    return Writer(connection, lambda: None)


def deployment(namespace: str, **spec: Any) -> dict[str, Any]:
    """A Deployment as a builder renders it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace, "labels": OURS},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example.invalid/web"}]},
            },
            **spec,
        },
    }


async def test_apply_and_dry_run(writer: Writer, kube: Kube, namespace: str) -> None:
    """A dry run leaves no trace; an apply makes the object; a second one changes nothing."""
    # A kind that no controller writes to in between.
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web", "namespace": namespace, "labels": OURS},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    ref = ref_of(manifest)

    assert (await writer.apply(manifest, dry_run=True))["spec"]["policyTypes"] == ["Ingress"]
    assert await writer.live(ref) is None

    first = await writer.apply(manifest)
    second = await writer.apply(manifest)

    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    live = await asyncio.to_thread(kube.get, "NetworkPolicy", "web", namespace)
    (managed,) = live["metadata"]["managedFields"]
    assert (managed["manager"], managed["operation"]) == ("coder-cva-operator", "Apply")


async def test_other_managers_are_named(writer: Writer, kube: Kube, namespace: str) -> None:
    """A field that somebody retook is a conflict with field and manager; force takes it back."""
    await writer.apply(deployment(namespace))
    change = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}}
    change |= {"metadata": {"name": "web", "namespace": namespace}}
    await asyncio.to_thread(kube.apply, change, manager="kubectl-edit", force=True)

    with pytest.raises(ports.FieldConflict) as conflict:
        await writer.apply(deployment(namespace))

    assert conflict.value.owners == (ports.FieldOwner(".spec.replicas", "kubectl-edit"),)
    assert (await writer.apply(deployment(namespace), force=True))["spec"]["replicas"] == 0


async def test_a_scale_is_named_too(writer: Writer, kube: Kube, namespace: str) -> None:
    """An owner by way of a subresource is read off the cause as well."""
    await writer.apply(deployment(namespace))
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web/scale?fieldManager=scaler"
    await asyncio.to_thread(
        kube.api.request, "PATCH", path, {"spec": {"replicas": 2}},
        content_type="application/merge-patch+json",
    )  # fmt: skip

    with pytest.raises(ports.FieldConflict) as conflict:
        await writer.apply(deployment(namespace))

    assert conflict.value.owners == (ports.FieldOwner(".spec.replicas", "scaler"),)


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"replicaz": 1}, "replicaz"), ({"replicas": -1}, "greater than or equal to 0")],
)
async def test_a_wrong_object_is_invalid(
    writer: Writer, namespace: str, spec: dict[str, Any], words: str
) -> None:
    """A field that does not exist, or a value that is refused, is Invalid with the server's words."""
    with pytest.raises(ports.Invalid, match=words):
        await writer.apply(deployment(namespace, **spec))


async def test_what_is_not_there_is_not_served(writer: Writer, namespace: str) -> None:
    """A namespace that does not exist, and a version that is not served."""
    with pytest.raises(ports.NotServed):
        await writer.apply(deployment(f"{namespace}-no"))
    old = {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "x", "namespace": namespace},
    }
    with pytest.raises(ports.NotServed):
        await writer.apply(old)


async def test_a_namespace_that_is_going(writer: Writer, kube: Kube) -> None:
    """Nothing can be made in a namespace that is being deleted, and it is no matter of rights."""
    name = await asyncio.to_thread(kube.namespace)
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": name, "finalizers": ["test/held"]},
    }
    held = await asyncio.to_thread(kube.create, held)
    await asyncio.to_thread(kube.delete, await asyncio.to_thread(kube.get, "Namespace", name))
    try:
        with pytest.raises(ports.NotServed, match="being terminated"):
            await writer.apply(deployment(name))
    finally:
        await asyncio.to_thread(kube.patch, held, {"metadata": {"finalizers": None}})


async def test_delete_takes_only_what_was_meant(writer: Writer, kube: Kube, namespace: str) -> None:
    """Another UID is Stale and nothing goes; the right one goes; an absent one is fine."""
    made = await writer.apply(deployment(namespace))
    ref = ref_of(deployment(namespace))

    with pytest.raises(ports.Stale, match="precondition"):
        await writer.delete(ref, uid="00000000-0000-0000-0000-000000000000")
    assert await writer.live(ref) is not None

    await writer.delete(ref, uid=made["metadata"]["uid"])
    await asyncio.to_thread(kube.wait_gone, deployment(namespace))
    await writer.delete(ref, uid=made["metadata"]["uid"])


def refusing(namespace: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A policy that refuses every new Deployment of a namespace, and its binding."""
    group = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "validations": [
                {"expression": "false", "message": "not on Fridays", "reason": "Forbidden"}
            ],
        },
    }
    chosen = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": chosen},
        },
    }
    return policy, binding


async def test_an_admission_policy_that_says_no(writer: Writer, kube: Kube, namespace: str) -> None:
    """A ValidatingAdmissionPolicy's refusal is Invalid with its message, whatever status it has."""
    policy, binding = refusing(namespace)
    await asyncio.to_thread(kube.create, policy)
    await asyncio.to_thread(kube.create, binding)
    try:
        async with asyncio.timeout(120):
            while True:
                try:
                    await writer.apply(deployment(namespace), dry_run=True)
                except ports.WriteError as error:
                    refused = error
                    break
                await asyncio.sleep(0.1)
    finally:
        await asyncio.to_thread(kube.delete, binding)
        await asyncio.to_thread(kube.delete, policy)

    assert type(refused) is ports.Invalid
    assert "not on Fridays" in refused.message


async def test_without_rights_everything_is_forbidden(
    cluster: Provider, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    """A ServiceAccount without rights gets Forbidden from each method, and from the list."""
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "nobody", "namespace": namespace},
    }
    await asyncio.to_thread(kube.create, account)
    config = await asyncio.to_thread(
        cluster.serviceaccount_kubeconfig, namespace, "nobody", tmp_path / "kubeconfig"
    )
    ref = ref_of(deployment(namespace))
    owner = Ref("cva.coder.com/v1alpha1", "CoderDeployment", namespace, "x")
    async with await Connection.open(str(config)) as connection:
        writer = Writer(connection, lambda: None)
        for attempt in (
            writer.apply(deployment(namespace)),
            writer.live(ref),
            writer.delete(ref, uid="x"),
            Gatherer(connection, {}, on_change=lambda: None).deployments(),
            Teller(connection).write_status(owner, "x", {}),
        ):
            with pytest.raises(ports.Forbidden, match="cannot"):
                await attempt


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster of this file's own, for a CRD that comes late."""
    with own_cluster(request) as started:
        yield started


@pytest.fixture
async def to_own(own: Provider) -> AsyncIterator[Connection]:
    """A connection to it."""
    async with await Connection.open(str(own.kubeconfig)) as opened:
        yield opened


@pytest.fixture
async def body(own: Provider, to_own: Connection) -> Mapping[str, Any]:
    """A CoderDeployment in a namespace of its own; the CRD is applied where it is missing."""
    await asyncio.to_thread(own.kube.apply, _crd())
    namespace = await asyncio.to_thread(own.kube.namespace)
    manifest = {
        "apiVersion": "cva.coder.com/v1alpha1",
        "kind": "CoderDeployment",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {},
    }
    made: dict[str, Any] = await asyncio.to_thread(
        own.kube.wait_for, lambda: own.kube.create(manifest), timeout=30, what="the CRD"
    )
    return made


async def test_deployments_before_and_after_their_crd(own: Provider, to_own: Connection) -> None:
    """NotServed without the CRD, an empty tuple with it, and NotServed when it is gone again."""
    gatherer = Gatherer(to_own, {}, on_change=lambda: None)
    crd = _crd()
    await asyncio.to_thread(own.kube.delete, crd)
    await asyncio.to_thread(own.kube.wait_gone, crd)
    with pytest.raises(ports.NotServed):
        await gatherer.deployments()

    await asyncio.to_thread(own.kube.apply, crd)
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(ports.NotServed, ports.Unreachable):
                assert await gatherer.deployments() == ()
                break
            await asyncio.sleep(0.1)


async def test_a_status_replaces_the_one_before(
    to_own: Connection, body: Mapping[str, Any]
) -> None:
    """Fields and conditions that are no longer said vanish; an equal status is no write."""
    ref, uid, teller = ref_of(body), body["metadata"]["uid"], Teller(to_own)
    first = {"tier": "1k", "conditions": [_condition("Ready"), _condition("Stalled")]}
    second = {"edition": "2026", "conditions": [_condition("Ready")]}

    await teller.write_status(ref, uid, first)
    await teller.write_status(ref, uid, second)
    now = await _live(to_own, ref)
    await teller.write_status(ref, uid, second)

    assert now["status"] == second
    assert (await _live(to_own, ref))["metadata"]["resourceVersion"] == (
        now["metadata"]["resourceVersion"]
    )


async def test_a_status_for_another_uid_is_not_written(
    own: Provider, to_own: Connection, body: Mapping[str, Any]
) -> None:
    """A namesake's status is left alone, a deleted one's is Stale, a wrong one is Invalid."""
    ref, uid, teller = ref_of(body), body["metadata"]["uid"], Teller(to_own)

    with pytest.raises(ports.Stale):
        await teller.write_status(ref, "11111111-1111-1111-1111-111111111111", {"tier": "1k"})
    assert "status" not in await _live(to_own, ref)

    with pytest.raises(ports.Invalid, match=r"status\.conditions"):
        await teller.write_status(ref, uid, {"conditions": [{"type": "Ready"}]})

    await asyncio.to_thread(own.kube.delete, dict(body))
    with pytest.raises(ports.Stale):
        await teller.write_status(ref, uid, {"tier": "1k"})


async def test_an_event_is_seen_by_everybody(
    own: Provider, to_own: Connection, body: Mapping[str, Any]
) -> None:
    """It is found as kubectl describe looks for it, once, in the deployment's namespace."""
    ref, uid, teller = ref_of(body), body["metadata"]["uid"], Teller(to_own)
    told = ports.Event(ref, uid, "Warning", "PoolEmpty", "no node is ready")

    await teller.emit(told)
    await teller.emit(told)

    (event,) = await asyncio.to_thread(
        own.kube.list, "/api/v1/events", fields=f"involvedObject.uid={uid}"
    )
    assert (event["type"], event["reason"]) == ("Warning", "PoolEmpty")
    assert event["message"] == "no node is ready"
    assert event["reportingComponent"] == "cva.coder.com/operator"
    assert event["metadata"]["namespace"] == ref.namespace


async def _live(connection: Connection, ref: Ref) -> Mapping[str, Any]:
    found = await Writer(connection, lambda: None).live(ref)
    assert found is not None
    return found


def _condition(kind: str) -> dict[str, str]:
    return {
        "type": kind,
        "status": "True",
        "reason": "Test",
        "message": "",
        "lastTransitionTime": "2026-11-23T00:00:00Z",
    }


def _crd() -> dict[str, Any]:
    """The shipped CRD without its rules about the spec, which are proved elsewhere."""
    import yaml  # noqa: PLC0415

    text = (ROOT / "crds/coderdeployments.yaml").read_text(encoding="utf-8")
    crd: dict[str, Any] = yaml.safe_load(text)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema.pop("required", None)
    schema["properties"]["spec"] = {"type": "object"}
    return crd
