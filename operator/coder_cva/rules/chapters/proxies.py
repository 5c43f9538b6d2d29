"""Workspace proxies: for users who are far away (CVA-PROXY-001)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import Replicated
from coder_cva.rules import coder_word, remedies
from coder_cva.rules.container_resources import amounts
from coder_cva.rules.model import Finding, Judgement, Rule, failed, not_applicable, verdict
from coder_cva.rules.subjects import NAMESPACES, are
from coder_cva.sizing.size import size
from coder_cva.snapshot.coder_seen import Unseen
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World


def distant_users_have_a_workspace_proxy(world: World) -> Judgement:
    """CVA-PROXY-001: a region without coderd has a proxy, and proxies have the tier's size where it gives one."""
    found = [one.deployment for one in world.found.proxies]
    if not found:
        return _none(world)
    refused = list(_refused(world, found))
    spec = world.deployment.spec
    tier = size(spec).tier
    table = architectures(spec.edition).tier(tier).proxies
    told = f"{are(sum(one.replicas for one in found), 'replica')} of workspace proxies"
    if table is None:
        told = f"{told}; tier {tier} of edition {spec.edition} gives no size for them"
        return verdict(refused, held=told, broken=told)
    findings = [*refused, *(finding for one in found for finding in _small(one, table))]
    asked = f"tier {tier} asks for {table.replicas} of {table.cpu} CPU and {table.memory} in each region"
    return verdict(findings, held=f"{told}, {asked}", broken=f"{told}; {asked}")


def _none(world: World) -> Judgement:
    owner = world.deployment
    if owner.spec.control_plane.management != "None":
        return not_applicable(
            "no workspace proxy runs here, and this deployment has its own coderd"
        )
    told = "this region has no coderd and no workspace proxy: its users reach workspaces by way of another region"
    finding = Finding(
        "CVA-PROXY-001",
        f"CoderDeployment {owner.reference}",
        "status",
        "a workspace proxy in the region",
        "none in the namespaces that consent",
        "create a token with coder wsproxy create, put it into Secret coder-proxy-token, then install Coder's chart "
        f"in namespace {owner.namespace} with these values:\n{remedies.as_yaml(_chart())}",
    )
    return failed(told, [finding])


def _refused(world: World, found: Sequence[Deployment]) -> Iterator[Finding]:
    """What Coder itself says against proxies that run here: that its licence has none, that it does not reach them."""
    if coder_word.lacks(world, coder_word.WORKSPACE_PROXY):
        yield Finding(
            "CVA-PROXY-001",
            f"Deployment {found[0].meta.path}",
            coder_word.WORKSPACE_PROXY,
            "a licence that includes workspace proxies",
            f"{are(sum(one.replicas for one in found), 'replica')} of proxies, and Coder says not_entitled",
            coder_word.LICENCE,
        )
    known = coder_word.seen(world).proxies
    for one in () if isinstance(known, Unseen) else known:
        if one.status != "ok":
            yield Finding(
                "CVA-PROXY-001",
                f"Workspace proxy {one.name}",
                "status",
                "ok",
                f"{one.status}, as Coder says",
                "coder wsproxy ls says which one it is and why; where it is one of this cluster, "
                f"kubectl -n {found[0].meta.namespace} logs deployment/{found[0].meta.name}",
            )


def _chart() -> dict[str, Any]:
    secret = {"secretKeyRef": {"name": "coder-proxy-token", "key": "token"}}
    return {
        "coder": {
            "workspaceProxy": True,
            "env": [
                {"name": "CODER_PRIMARY_ACCESS_URL", "value": "https://the-primary.example.com"},
                {"name": "CODER_PROXY_SESSION_TOKEN", "valueFrom": secret},
            ],
        }
    }


def _small(live: Deployment, table: Replicated) -> Iterator[Finding]:
    has = amounts(live)
    amount = {"cpu": table.cpu, "memory": table.memory}
    if live.replicas < table.replicas:
        yield _finding(
            live,
            "spec.replicas",
            f"at least {table.replicas}",
            str(live.replicas),
            {"replicaCount": table.replicas},
        )
    if has.cpu_request < table.cpu_millicores or has.memory_request < table.memory_bytes:
        yield _finding(
            live,
            "spec.template.spec.containers[coder].resources.requests",
            f"{table.cpu} CPU and {table.memory} or more",
            has.requests,
            {"resources": {"requests": dict(amount), "limits": dict(amount)}},
        )


def _finding(
    live: Deployment, field: str, expected: str, observed: str, values: dict[str, Any]
) -> Finding:
    return Finding(
        "CVA-PROXY-001",
        f"Deployment {live.meta.path}",
        field,
        expected,
        observed,
        f"in the values.yaml of the proxy's release of Coder's chart:\n{remedies.as_yaml({'coder': values})}",
    )


RULES: Final = (Rule("CVA-PROXY-001", distant_users_have_a_workspace_proxy, NAMESPACES),)
