"""The objects of a managed control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from coder_cva.desired import control_plane, render
from coder_cva.sizing.size import size
from coder_cva.values.manifest import ref_of
from support import builders
from support.coder_manifests import workspace_binding
from support.deployments import adopted
from support.managed_coder import SECRET, after, before, rendered, resource
from support.specs import SPECS

if TYPE_CHECKING:
    from coder_cva.desired.plan import Part
    from coder_cva.snapshot.world import World

Manifest = dict[str, Any]


def built(world: World) -> Part:
    """The part of the plan."""
    return control_plane.build_control_plane(world, size(world.deployment.spec))


def one(kind: str, world: World) -> Manifest:
    """The only object of a kind."""
    (found,) = (it for it in built(world).objects if it["kind"] == kind)
    return found


def scaler(name: str = "coder", namespace: str = "coder", kind: str = "Deployment") -> Manifest:
    """A HorizontalPodAutoscaler."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "theirs", "namespace": namespace},
        "spec": {"scaleTargetRef": {"kind": kind, "name": name}, "maxReplicas": 9},
    }


def test_what_is_made_in_which_order() -> None:
    """The account and its rights come before the Pods that need them."""
    kinds = [it["kind"] for it in built(before(resource())).objects]

    assert kinds == ["ServiceAccount", "RoleBinding", "Service", "Deployment"]


def test_nothing_is_made_for_what_is_not_managed() -> None:
    """An adopted coderd is somebody else's; a region has none."""
    region = adopted("coder")
    region["spec"]["controlPlane"] = {"management": "None"}

    assert built(before(adopted("coder"))).objects == ()
    assert built(before(region)).objects == ()


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [
        ({"highAvailabilityLicensed": False}, 1),
        ({}, 3),
        ({"replicas": 5}, 5),
    ],
    ids=["no licence", "the tier's", "the user's"],
)
def test_replicas(spec: dict[str, Any], replicas: int) -> None:
    """The tier's with a licence, one without, the user's own before either."""
    assert one("Deployment", before(resource(**spec)))["spec"]["replicas"] == replicas


@pytest.mark.parametrize(
    ("theirs", "scales"),
    [
        (scaler(), True),
        (scaler("another"), False),
        (scaler(namespace="another"), False),
        (scaler(kind="StatefulSet"), False),
    ],
    ids=["coderd's", "another Deployment's", "another namespace's", "another kind's"],
)
def test_replicas_are_left_to_an_autoscaler(theirs: Manifest, scales: bool) -> None:
    """While one scales this very Deployment, its number is said as it is, and not forced on anybody."""
    live = rendered(resource())
    live["spec"]["replicas"] = 5
    world = after(resource(), live, theirs)

    assert one("Deployment", world)["spec"]["replicas"] == (5 if scales else 3)
    of_coderd = {(control_plane.deployment_ref(world.deployment), ".spec.replicas")}
    assert built(world).unforced == (of_coderd if scales else set())
    assert render.plan(world).unforced == built(world).unforced


def test_an_autoscaler_that_is_there_first_finds_the_tiers_replicas() -> None:
    """A Deployment that does not exist yet has no number of its own to keep."""
    assert one("Deployment", before(resource(), scaler()))["spec"]["replicas"] == 3


def test_the_selector_never_changes() -> None:
    """It is immutable on the API server: neither version nor labels of the user are in it."""
    first = one("Deployment", before(resource()))
    second = one("Deployment", before(resource(version="3.1.4", podLabels={"team": "a"})))

    selector = first["spec"]["selector"]
    assert selector == second["spec"]["selector"]
    labels = second["spec"]["template"]["metadata"]["labels"]
    assert selector["matchLabels"].items() <= labels.items()
    assert labels["team"] == "a"


def test_the_service_selects_coderd_and_shows_no_metrics() -> None:
    """CVA-OBS-001: port 2112 never stands on what users reach."""
    world = before(resource(service={"annotations": {"cloud/internal": "true"}}))
    service, deployment = one("Service", world), one("Deployment", world)

    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert [it["port"] for it in service["spec"]["ports"]] == [80]
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["metadata"]["annotations"]["cloud/internal"] == "true"


@pytest.mark.parametrize(
    ("kind", "policy"), [("LoadBalancer", "Cluster"), ("NodePort", "Cluster"), ("ClusterIP", None)]
)
def test_the_service_says_nothing_that_its_type_does_not_take(
    kind: str, policy: str | None
) -> None:
    """The API server refuses externalTrafficPolicy on a ClusterIP Service."""
    service = one("Service", before(resource(service={"type": kind})))

    assert service["spec"].get("externalTrafficPolicy") == policy


def test_with_a_certificate_https_is_served() -> None:
    """On the Service as on the container."""
    world = before(resource(tls={"secretNames": ["wildcard"]}))

    ports = one("Service", world)["spec"]["ports"]
    assert [(it["name"], it["port"], it["targetPort"]) for it in ports] == [
        ("http", 80, "http"),
        ("https", 443, "https"),
    ]


def test_rights_where_a_namespace_asks_for_them() -> None:
    """In its own namespace and in those that consent by annotation; one that binds by itself has done so."""
    annotated = builders.namespace(
        "team-a", annotations={"cva.coder.com/deployment": "coder/coder"}
    )
    silent, bound = builders.namespace("team-b"), builders.namespace("team-c")
    world = after(resource(), None, annotated, silent, bound, workspace_binding("team-c"))

    found = [it for it in built(world).objects if it["kind"] == "RoleBinding"]

    assert [it["metadata"]["namespace"] for it in found] == ["coder", "team-a"]
    for it in found:
        assert it["roleRef"]["name"] == control_plane.WORKSPACE_ROLE
        assert [(one["name"], one["namespace"]) for one in it["subjects"]] == [("coder", "coder")]


def test_what_coderd_runs_under_has_to_be_ours_first() -> None:
    """Bindings need the account, coderd the account and its binding at home; Service and account nothing."""
    annotated = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})

    part = built(before(resource(), annotated))

    needed = {
        (ref.kind, ref.namespace): [(one.kind, one.namespace) for one in those]
        for ref, those in part.requires.items()
    }
    account, binding = ("ServiceAccount", "coder"), ("RoleBinding", "coder")
    assert needed == {
        binding: [account],
        ("RoleBinding", "team"): [account],
        ("Deployment", "coder"): [account, binding],
    }
    order = [ref_of(one) for one in part.objects]
    for ref, those in part.requires.items():
        assert all(order.index(one) < order.index(ref) for one in those)


def test_the_deployment_is_kept_whatever_becomes_of_the_plan() -> None:
    """While it is managed it is never swept: made, held back, or waiting for its Secret."""
    for world in (
        before(resource()),
        before(resource(), secrets=dict.fromkeys(SECRET)),
        after(resource(version="2.1.0"), rendered(resource())),
    ):
        assert [one.kind for one in built(world).keep] == ["Deployment"]


def test_who_owns_what() -> None:
    """An ownerReference at home; elsewhere the label, because Kubernetes forbids the reference.

    Argo CD's tracking label stands only where there is an owner: else it would prune the object.
    """
    annotated = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})
    world = before(resource(), annotated)

    for it in built(world).objects:
        at_home = it["metadata"]["namespace"] == "coder"
        assert ("ownerReferences" in it["metadata"]) is at_home
        assert ("app.kubernetes.io/instance" in it["metadata"]["labels"]) is at_home
        uid = world.deployment.uid
        assert it["metadata"]["labels"]["cva.coder.com/owner-uid"] == uid
        assert it["metadata"]["annotations"]["cva.coder.com/deployment"] == "coder/coder"


def test_orphaned_nothing_of_coderd_has_an_owner() -> None:
    """With deletionPolicy Orphan every part of coderd says that it survives."""
    for it in built(before(resource({"deletionPolicy": "Orphan"}))).objects:
        assert "ownerReferences" not in it["metadata"]
        assert it["metadata"]["labels"]["cva.coder.com/survives"] == "true"
        assert "app.kubernetes.io/instance" not in it["metadata"]["labels"]


def test_only_the_users_decisions_are_in_the_digest() -> None:
    """What the cluster shows or another part of the spec says makes no rollout a wanted one."""
    inputs = "cva.coder.com/inputs"
    first = one("Deployment", before(resource()))["metadata"]["annotations"][inputs]
    later = after(resource({"waivers": [], "suspend": False}), None, scaler())
    asked = before(resource(env=[{"name": "A", "value": "b"}]))

    assert one("Deployment", later)["metadata"]["annotations"][inputs] == first
    assert one("Deployment", asked)["metadata"]["annotations"][inputs] != first


def test_what_is_said_of_the_database_never_reaches_coderd() -> None:
    """A declared size or another policy of sizing judges the database: no replica restarts for it."""
    ref = {"urlSecretRef": {"name": "coder-db-url", "key": "url"}}
    said = {"sizing": "Baseline", "declared": {"cpu": 8, "zone": "a", "highAvailability": True}}
    first = one("Deployment", before(resource({"database": ref})))

    assert one("Deployment", before(resource({"database": {**ref, **said}}))) == first
    other = {"urlSecretRef": {"name": "other"}}
    assert one("Deployment", before(resource({"database": other}))) != first


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=SPECS)
def test_any_valid_spec_makes_the_same_bytes_twice(spec: dict[str, Any]) -> None:
    """Equal worlds, equal plans; nothing in them is null, and all of it is JSON."""
    cr = {**resource(), "spec": spec}

    first, second = render.plan(before(cr)), render.plan(before(cr))

    assert orjson.dumps(first.objects) == orjson.dumps(second.objects)
    assert b":null" not in orjson.dumps(first.objects)
    assert first == second


def test_looking_at_the_database_rolls_nothing_out() -> None:
    """Whether and how often it is probed is in no template, and in no digest of the user's decisions."""
    probed = resource()
    probed["spec"]["database"]["probe"] = {"enabled": True, "intervalSeconds": 30}

    assert one("Deployment", before(probed)) == one("Deployment", before(resource()))
