"""A namespace that several CoderDeployments could act on is acted on by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coder_cva.snapshot.discovery import discover
from support import builders, coder_manifests
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.snapshot.discovered import Discovered


def deployment(namespace: str, created: str) -> Any:
    manifest = adopted(namespace)
    manifest["metadata"] |= {
        "uid": f"uid-of-{namespace}",
        "creationTimestamp": created,
        "generation": 1,
    }
    return builders.coder_deployment(manifest)


OLDER = deployment("emea", "2026-01-01T00:00:00Z")
YOUNGER = deployment("apac", "2026-06-01T00:00:00Z")


def found(asks: Any, other: Any, *extra: Any) -> Discovered:
    snapshot = builders.snapshot_of(
        builders.flat(
            [
                *(builders.namespace(name) for name in ("emea", "apac", "team")),
                coder_manifests.chart_coderd("emea"),
                coder_manifests.chart_coderd("apac"),
                coder_manifests.workspace_binding("team", of="emea", name="emea"),
                coder_manifests.workspace_binding("team", of="apac", name="apac"),
                *extra,
            ]
        )
    )
    return discover(asks, snapshot, others=(other,))


def names(discovered: Discovered) -> list[str]:
    return [one.name for one in discovered.namespaces]


def test_the_older_holds_what_both_may_act_on() -> None:
    """The namespace stays with the older one, whichever is asked."""
    assert names(found(OLDER, YOUNGER)) == ["emea", "team"]
    assert names(found(YOUNGER, OLDER)) == ["apac"]


def test_the_younger_says_who_holds_it() -> None:
    """The refusal names the holder and the way out."""
    refused = found(YOUNGER, OLDER).refused_namespaces

    assert "CoderDeployment emea/coder too, which is older" in refused["team"]
    assert found(OLDER, YOUNGER).refused_namespaces == {}


def test_a_home_is_its_owners_whoever_is_older() -> None:
    """A RoleBinding in the home of a younger one gives the older one nothing there."""
    binding = coder_manifests.workspace_binding("apac", of="emea", name="emea")

    assert names(found(OLDER, YOUNGER, binding)) == ["emea", "team"]
    assert names(found(YOUNGER, OLDER, binding)) == ["apac"]
