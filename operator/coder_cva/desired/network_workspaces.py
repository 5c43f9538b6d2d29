"""Workspaces accept no connections, but for those in use (CVA-NET-005: workspaces need no open ports).

Agents dial out, so nothing that Coder does needs a port of a workspace. A Service, an Ingress or a scrape
annotation that leads to one is a connection in use: it stays allowed, and is told.
"""

from typing import Any, Final

from coder_cva.desired import enforcement, isolation
from coder_cva.desired.connections import KINDS, Kind, Use, connections
from coder_cva.desired.enforcement import ISOLATION, Mode
from coder_cva.desired.metadata import metadata
from coder_cva.desired.plan import Part, Preview, Withheld
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import NetworkPolicy
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import canonical
from coder_cva.values.manifest import Manifest
from coder_cva.values.names import derived

_SHOWN: Final = 5


def build(world: World) -> Part:
    """The policies of every namespace that consents, or what they would do where the rule is Audit."""
    mode = enforcement.mode(world.deployment, ISOLATION)
    if mode is Mode.OFF:
        return Part()
    parts = [_namespace(world, one.name, mode) for one in world.found.namespaces]
    return Part(
        objects=tuple(manifest for part in parts for manifest in part.objects),
        withheld=tuple(reason for part in parts for reason in part.withheld),
        previews=tuple(preview for part in parts for preview in part.previews),
    )


def _namespace(world: World, namespace: str, mode: Mode) -> Part:
    here = tuple(one for one in world.found.workspaces if one.pod.meta.namespace == namespace)
    uses = connections(world, namespace, here)
    policies = tuple(_policy(world, namespace, kind, uses) for kind in _kinds(here))
    previews = _previews(namespace, here, uses, mode)
    if mode is not Mode.ENFORCE:
        return Part(previews=previews)
    withheld = _unselected(namespace, here)
    others = _isolated_by_others(world, namespace, here) if uses else ()
    if others:
        allow = canonical([one["spec"] for one in policies])
        pierced = Withheld(
            f"NetworkPolicy in {namespace}",
            "IsolatedByOthers",
            f"NetworkPolicy {isolation.named(others)} isolates workspaces already, and what ours allows "
            f"({_listed(uses)}) would pierce it: nothing is written there. Ours would be: {allow}",
            rule=ISOLATION,
        )
        return Part(withheld=(pierced, *withheld))
    return Part(objects=policies, withheld=withheld, previews=previews)


def _kinds(workspaces: tuple[Workspace, ...]) -> tuple[Kind, ...]:
    """The usual labels always, so that nothing changes when the last workspace stops; others if seen.

    A label that only names single workspaces is used where nothing better selects one of them.
    """
    chosen = [kind for kind in KINDS if kind.is_usual]
    for kind in KINDS:
        labels = [one.pod.meta.labels for one in workspaces]
        unselected = [one for one in labels if not any(done.is_on(one) for done in chosen)]
        if not kind.is_usual and any(kind.is_on(one) for one in unselected):
            chosen.append(kind)
    return tuple(chosen)


def _policy(world: World, namespace: str, kind: Kind, uses: tuple[Use, ...]) -> Manifest:
    owner = world.deployment
    spec: dict[str, Any] = {"podSelector": kind.selector, "policyTypes": ["Ingress"]}
    ports = sorted({port for use in uses for port in use.ports})
    if ports:
        # An empty list would say the same; the API server drops it, and every apply would be a write.
        spec["ingress"] = [
            {"ports": [{"port": number, "protocol": spoken} for number, spoken in ports]}
        ]
    # Elsewhere the name tells whose it is: two deployments may act on one namespace.
    prefix = () if namespace == owner.namespace else (owner.namespace,)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(owner, derived(*prefix, owner.name, kind.name), namespace),
        "spec": spec,
    }


def _isolated_by_others(
    world: World, namespace: str, workspaces: tuple[Workspace, ...]
) -> tuple[NetworkPolicy, ...]:
    return tuple(
        policy
        for policy in isolation.others_in(world, namespace, "Ingress")
        if any(isolation.selects(policy.spec, one.pod.meta.labels) for one in workspaces)
    )


def _unselected(namespace: str, workspaces: tuple[Workspace, ...]) -> tuple[Withheld, ...]:
    """Workspaces that no label tells apart, as of the envbox template: nothing can select them."""
    bare = [
        one.pod.meta.name
        for one in workspaces
        if not any(kind.is_on(one.pod.meta.labels) for kind in KINDS)
    ]
    if not bare:
        return ()
    shown = ", ".join(sorted(bare)[:_SHOWN]) + (", …" if len(bare) > _SHOWN else "")
    return (
        Withheld(
            f"NetworkPolicy in {namespace}",
            "NoLabelSelects",
            f"no label tells these workspaces apart, so no NetworkPolicy can select them, and they stay "
            f"open to connections: {shown}. Add the label com.coder.resource=true to the Pod in the template",
            rule=ISOLATION,
        ),
    )


def _previews(
    namespace: str, workspaces: tuple[Workspace, ...], uses: tuple[Use, ...], mode: Mode
) -> tuple[Preview, ...]:
    told = tuple(str(use) for use in uses)
    if mode is Mode.ENFORCE:
        if not uses:
            return ()
        return (
            Preview(
                ISOLATION,
                f"workspaces in {namespace} accept no connections but these, which are in use and stay "
                "allowed; remove what leads there, and its port is closed as well",
                told,
            ),
        )
    if not workspaces:
        return ()
    count = f"{len(workspaces)} workspace{'s' if len(workspaces) > 1 else ''}"
    kept = "but these, which are in use and would stay allowed" if uses else "at all"
    return (
        Preview(
            ISOLATION,
            f"with {ISOLATION}: Enforce {count} in {namespace} would accept no connections {kept}",
            told or (f"Namespace {namespace}",),
        ),
    )


def _listed(uses: tuple[Use, ...]) -> str:
    shown = "; ".join(str(one) for one in uses[:_SHOWN])
    return f"{shown}; …" if len(uses) > _SHOWN else shown
