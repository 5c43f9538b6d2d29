"""Server-side apply, deletion, status and Events on a real API server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva import ports
from coder_cva.kube.connection import Connection
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.teller import Teller
from coder_cva.kube.writer import Writer
from coder_cva.values.manifest import Ref, ref_of
from harness.native import NativeCluster
from support.installation import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
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


async def test_an_admission_policy_that_says_no(writer: Writer, kube: Kube, namespace: str) -> None:
    """A ValidatingAdmissionPolicy's refusal is Invalid with its message, whatever status it has."""
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
    await asyncio.to_thread(kube.create, policy)
    await asyncio.to_thread(kube.create, binding)
    try:
        async with asyncio.timeout(10):
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
def own() -> Iterator[NativeCluster]:
    """A cluster of this file's own, for a CRD that comes late."""
    started = NativeCluster()
    started.up()
    yield started
    started.down()


async def test_status_and_events(own: NativeCluster) -> None:
    """The CRD comes late; a status replaces the one before; a UID of the past is Stale."""
    async with await Connection.open(str(own.kubeconfig)) as connection:
        gatherer = Gatherer(connection, {}, on_change=lambda: None)
        with pytest.raises(ports.NotServed):
            await gatherer.deployments()

        await asyncio.to_thread(own.kube.apply, _crd())
        namespace = await asyncio.to_thread(own.kube.namespace)
        manifest = {
            "apiVersion": "cva.coder.com/v1alpha1",
            "kind": "CoderDeployment",
            "metadata": {"name": "main", "namespace": namespace},
            "spec": {},
        }
        await asyncio.to_thread(
            own.kube.wait_for, lambda: own.kube.create(manifest), timeout=15, what="the CRD"
        )
        (body,) = await gatherer.deployments()
        ref, uid = ref_of(body), body["metadata"]["uid"]

        teller = Teller(connection)
        await teller.write_status(ref, uid, {"tier": "1k", "conditions": [_condition("Ready"), _condition("Stalled")]})  # fmt: skip
        await teller.write_status(ref, uid, {"edition": "2026", "conditions": [_condition("Ready")]})  # fmt: skip

        (body,) = await gatherer.deployments()
        assert body["status"] == {"edition": "2026", "conditions": [_condition("Ready")]}
        version = body["metadata"]["resourceVersion"]
        await teller.write_status(ref, uid, body["status"])
        (body,) = await gatherer.deployments()
        assert body["metadata"]["resourceVersion"] == version

        with pytest.raises(ports.Stale):
            await teller.write_status(ref, "11111111-1111-1111-1111-111111111111", body["status"])

        with pytest.raises(ports.Invalid, match="status.conditions"):
            await teller.write_status(ref, uid, {"conditions": [{"type": "Ready"}]})

        await teller.emit(ports.Event(ref, uid, "Warning", "PoolEmpty", "no node is ready"))
        await teller.emit(ports.Event(ref, uid, "Warning", "PoolEmpty", "no node is ready"))
        events = await asyncio.to_thread(
            own.kube.list, "/api/v1/events", fields=f"involvedObject.uid={uid}"
        )
        assert [(one["type"], one["reason"], one["message"]) for one in events] == [
            ("Warning", "PoolEmpty", "no node is ready")
        ]
        assert events[0]["reportingComponent"] == "cva.coder.com/operator"
        assert events[0]["metadata"]["namespace"] == namespace

        await asyncio.to_thread(own.kube.delete, dict(body))
        with pytest.raises(ports.Stale):
            await teller.write_status(ref, uid, body["status"])


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
