"""Provisioners: the built-in ones serve small deployments only (CVA-PROV-*)."""

from typing import Final

from coder_cva.rules import environment, remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import no_coderd
from coder_cva.sizing.size import size
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World

_VARIABLE: Final = "CODER_PROVISIONER_DAEMONS"
_DEFAULT: Final = 3
"""Built-in daemons of a replica where nothing is said (Coder's server reference)."""
_SMALL: Final = "1k"
"""The one tier whose page allows built-in provisioners at all."""


def built_in_provisioners_serve_small_deployments_only(world: World) -> Judgement:
    """CVA-PROV-002: none above the smallest tier; and never none without external ones."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    said = environment.variable(live, _VARIABLE)
    if said == "" or (said is None and environment.has_hidden_part(live)):
        return unknown(
            "ValueNotSeen", f"{_VARIABLE} of {live.meta.path} comes from a ConfigMap or Secret"
        )
    daemons = int(said) if said and said.isdigit() else _DEFAULT
    external = sum(one.deployment.ready_replicas for one in world.found.provisioners)
    tier = size(world.deployment.spec).tier
    told = (
        f"{daemons} built-in daemons a replica, {external} external provisioners ready, tier {tier}"
    )
    return verdict(_findings(world, daemons, external, tier), held=told, broken=told)


def _findings(world: World, daemons: int, external: int, tier: str) -> list[Finding]:
    if world.coderd is None:
        return []
    subject = f"Deployment {world.coderd.deployment.meta.path}"
    field = f"spec.template.spec.containers[coder].env[{_VARIABLE}]"
    if daemons == 0 and external == 0:
        remedy = _remedy(world, _DEFAULT)
        return [
            Finding(
                "CVA-PROV-002",
                subject,
                field,
                "somebody who builds workspaces",
                "0, and no external provisioner is ready",
                remedy,
            )
        ]
    if daemons > 0 and tier != _SMALL:
        first = (
            ""
            if external
            else "first install external provisioners (chart coder-provisioner), then "
        )
        return [
            Finding(
                "CVA-PROV-002",
                subject,
                field,
                f"0 in tier {tier}: external provisioners build",
                str(daemons),
                first + _remedy(world, 0),
            )
        ]
    return []


def _remedy(world: World, daemons: int) -> str:
    values = {"coder": {"env": [{"name": _VARIABLE, "value": str(daemons)}]}}
    return remedies.coderd(world, values, f"spec.provisioners.builtInDaemons: {daemons}")


RULES: Final = (
    Rule(
        "CVA-PROV-002",
        built_in_provisioners_serve_small_deployments_only,
        frozenset({Need.DEPLOYMENTS, Need.NAMESPACES, Need.ROLE_BINDINGS}),
    ),
)
