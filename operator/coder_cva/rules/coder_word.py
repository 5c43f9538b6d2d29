"""What Coder's own API says, for rules: its word counts more than the spec's about what only Coder knows."""

from typing import Final, TypeVar

from coder_cva.rules.model import Judgement, unknown
from coder_cva.snapshot.coder_seen import CoderSeen, Feature, Part, Unseen
from coder_cva.snapshot.world import World

T = TypeVar("T")

HIGH_AVAILABILITY: Final = "high_availability"
EXTERNAL_PROVISIONERS: Final = "external_provisioner_daemons"
WORKSPACE_PROXY: Final = "workspace_proxy"
ACCESS_CONTROL: Final = "access_control"
"""Requiring a template's active version belongs to it (codersdk/deployment.go)."""
ORGANIZATIONS: Final = "multiple_organizations"
LICENCE: Final = "coder licenses add -f licence.jwt"
"""How a licence is added (Coder's reference, licenses add)."""


def seen(world: World) -> CoderSeen:
    """What was seen at the last look; where nothing was, each part says why."""
    return world.observed.coder or CoderSeen()


def value(part: Part[T]) -> T | None:
    """A part that was seen; None where it was not."""
    return None if isinstance(part, Unseen) else part


def feature(world: World, name: str) -> Feature | None:
    """What the licence says about a feature; None where Coder was not asked or did not say."""
    found = seen(world).entitlements
    return None if isinstance(found, Unseen) else found.feature(name)


def lacks(world: World, name: str) -> bool:
    """Whether Coder itself says that its licence does not include a feature."""
    found = feature(world, name)
    return found is not None and not found.is_licensed


def ask(world: World) -> str:
    """What to add to a sentence of what Coder would know, where it is not asked; else ""."""
    if world.deployment.spec.coder_api is not None:
        return ""
    return (
        ". Coder knows it: name the Secret with a token for its API in spec.coderAPI.tokenSecretRef"
    )


def not_seen(world: World, part: Unseen) -> Judgement:
    """Unknown where only Coder could tell and a part was not seen: both ways to settle it are named."""
    attest = "state it with evidence and a date in spec.attestations"
    if world.deployment.spec.coder_api is None:
        return unknown(
            "CoderNotAsked",
            "only Coder itself knows this: name the Secret with a token for its API in "
            f"spec.coderAPI.tokenSecretRef, or {attest}",
        )
    if world.observed.coder is None:
        return unknown("NotAskedYet", "Coder's API is being asked for the first time")
    return unknown(part.reason, f"{part.message}. Until then {attest}")
