"""The managed control plane: coderd's Deployment, Service, ServiceAccount and RoleBindings.

Names, labels and ports are those of Coder's chart, so that dashboards and people recognise them
(https://github.com/coder/coder, helm/coder). Clauses: CVA-CTL-001..003, CVA-NODE-002, 003, CVA-OBS-001.
"""

from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel

from coder_cva.api.v1alpha1.database import Database
from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.desired import coderd_pod, no_effect, rollout, staying
from coder_cva.desired.metadata import INSTANCE, ORPHANED, metadata, name_in
from coder_cva.desired.plan import Part
from coder_cva.sizing.model import Sizing
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest, Ref, pruned, ref_of

WORKSPACE_ROLE: Final = "coder-cva-workspace-perms"
"""The ClusterRole that is shipped with the operator; it may bind this one name and grant nothing else."""
REPLICAS: Final = ".spec.replicas"
"""The field that an autoscaler of coderd writes."""


def build_control_plane(world: World, sizing: Sizing) -> Part:
    """Everything of a managed control plane.

    Nothing for an adopted one or a region without coderd: what was made for one before is released.
    """
    owner = world.deployment
    if owner.spec.control_plane.management != "Managed":
        return Part(
            withheld=(*staying.released(world), *no_effect.without_effect(world)),
            releases=staying.releases(world),
        )
    deployment = rollout.decide(world, build_deployment(world, sizing))
    account, bindings = build_service_account(owner), build_role_bindings(world)
    return replace(
        deployment,
        objects=(account, *bindings, build_service(owner), *deployment.objects),
        requires=_identity_first(owner, ref_of(account), [ref_of(one) for one in bindings]),
        unbound=staying.unbound(world),
        unforced=frozenset({(deployment_ref(owner), REPLICAS)} if scaled_by(world) else ()),
    )


def _identity_first(
    owner: CoderDeployment, account: Ref, bindings: list[Ref]
) -> dict[Ref, tuple[Ref, ...]]:
    """Nothing runs under, and nothing is bound to, an identity of that name that is somebody else's.

    Else whoever may write a CoderDeployment would run an image of theirs with the rights of any
    ServiceAccount of the namespace, by giving the CoderDeployment its name.
    """
    at_home = [one for one in bindings if one.namespace == owner.namespace]
    return {**dict.fromkeys(bindings, (account,)), deployment_ref(owner): (account, *at_home)}


def build_deployment(world: World, sizing: Sizing) -> Manifest:
    """coderd's Deployment."""
    owner = world.deployment
    labels = coder_labels(owner)
    template = coderd_pod.pod_template(owner, sizing.coderd, labels)
    return pruned(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _owned(owner, owner.name, annotations={rollout.INPUTS: _inputs(owner)}),
            "spec": {
                "replicas": _replicas(world, sizing),
                "selector": {"matchLabels": selector_labels(owner)},
                "strategy": rollout.strategy(world),
                "template": template,
            },
        }
    )


def build_service(owner: CoderDeployment) -> Manifest:
    """The Service that users and agents reach. The Prometheus port is never on it (CVA-OBS-001)."""
    wanted = owner.spec.control_plane.service
    ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    if owner.spec.control_plane.tls.secret_names:
        ports.append({"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"})
    return pruned(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _owned(owner, owner.name, annotations=dict(wanted.annotations)),
            "spec": {
                "type": wanted.type,
                "selector": selector_labels(owner),
                "sessionAffinity": "None",
                "ports": ports,
                "externalTrafficPolicy": None
                if wanted.type == "ClusterIP"
                else wanted.external_traffic_policy,
            },
        }
    )


def build_service_account(owner: CoderDeployment) -> Manifest:
    """The identity under which coderd makes workspaces."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _owned(owner, owner.name),
    }


def build_role_bindings(world: World) -> tuple[Manifest, ...]:
    """coderd's rights over workspaces, in its own namespace and in those that consent by annotation.

    A namespace that consents by a RoleBinding of its own has granted what it wants to grant.
    """
    owner = world.deployment
    asked = [one.name for one in world.found.namespaces if one.consent == "annotation"]
    return tuple(_role_binding(owner, namespace) for namespace in sorted({owner.namespace, *asked}))


def _role_binding(owner: CoderDeployment, namespace: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _owned(owner, name_in(owner, namespace), namespace=namespace),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": WORKSPACE_ROLE,
        },
        "subjects": [{"kind": "ServiceAccount", "name": owner.name, "namespace": owner.namespace}],
    }


def scaled_by(world: World) -> str:
    """The autoscaler that sets coderd's replicas, by name; "" where there is none."""
    for scaler in world.snapshot.items(Need.AUTOSCALERS):
        same_place = scaler.meta.namespace == world.deployment.namespace
        if same_place and scaler.target == ("Deployment", world.deployment.name):
            name: str = scaler.meta.name
            return name
    return ""


def _replicas(world: World, sizing: Sizing) -> int:
    """The tier's; while an autoscaler scales coderd, as many as there are asked for already.

    Left out, they would be reset to one until the autoscaler first acts: until then nobody but the
    operator owns the field.
    """
    live = rollout.our_deployment(world)
    return live.replicas if live is not None and scaled_by(world) else sizing.coderd.replicas


def deployment_ref(owner: CoderDeployment) -> Ref:
    """Where coderd's Deployment is."""
    return Ref("apps/v1", "Deployment", owner.namespace, owner.name)


def selector_labels(owner: CoderDeployment) -> dict[str, str]:
    """The labels by which coderd's Pods are selected, as in Coder's chart; frozen for ever."""
    return {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": owner.name}


def coder_labels(owner: CoderDeployment) -> dict[str, str]:
    """The common labels of Coder's chart, without what only Helm may claim."""
    version = owner.spec.control_plane.version or ""
    return {
        **selector_labels(owner),
        "app.kubernetes.io/part-of": "coder",
        "app.kubernetes.io/version": version,
    }


def _inputs(owner: CoderDeployment) -> str:
    """A digest of everything the user decides about coderd; equal while only the operator changes.

    Defaults are left out: a field that a later operator adds must not look like a decision. Of the
    database only the Secret is one about coderd: the rest says how the database is judged.
    """
    spec = owner.spec
    parts = (spec.architecture, spec.control_plane, spec.provisioners)
    return digest([spec.edition, *(_decided(part) for part in parts), _database(spec.database)])


def _database(database: Database | None) -> dict[str, Any] | None:
    if database is None or database.url_secret_ref is None:
        return None
    return {"url_secret_ref": _decided(database.url_secret_ref)}


def _decided(part: BaseModel | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json", exclude_defaults=True)


def _owned(
    owner: CoderDeployment,
    name: str,
    *,
    namespace: str = "",
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Metadata of a part of coderd. With ``deletionPolicy: Orphan`` it outlives its CoderDeployment."""
    made = metadata(
        owner,
        name,
        namespace or owner.namespace,
        labels=coder_labels(owner),
        annotations=annotations,
    )
    if owner.spec.deletion_policy == "Orphan":
        made.pop("ownerReferences", None)
        made["labels"][ORPHANED] = "true"
    if "ownerReferences" not in made:
        made["labels"].pop(INSTANCE, None)
    return made
