"""What the spec says to no effect is named, and held against nobody."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.api.v1alpha1.control_plane import ControlPlane
from coder_cva.desired import no_effect, render
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders
from support.coder_manifests import chart_provisioner, chart_proxy
from support.deployments import adopted
from support.managed_coder import resource


def named(cr: dict[str, Any]) -> str:
    """What is said of fields without effect, "" for nothing."""
    withheld = render.plan(builders.world(cr)).withheld
    found = [one for one in withheld if one.reason == "NoEffect"]
    assert not any(one.blocking for one in found)
    return " ".join(one.message for one in found)


def with_plane(management: str, **said: Any) -> dict[str, Any]:
    """A CoderDeployment of this management whose control plane says more."""
    cr = adopted("coder")
    cr["spec"]["controlPlane"] |= {"management": management, **said}
    return cr


@pytest.mark.parametrize("management", ["Adopted", "None"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accessURL", "https://coder.example.com"),
        ("env", [{"name": "A", "value": "b"}]),
        ("envFrom", [{"secretRef": {"name": "a"}}]),
        ("image", {"repository": "registry.example.com/coder"}),
        ("podAnnotations", {"a": "b"}),
        ("podLabels", {"a": "b"}),
        ("replicas", 1),
        ("resources", {"cpu": "4"}),
        ("service", {"type": "ClusterIP"}),
        ("tls", {"secretNames": ["a"]}),
        ("version", "2.30.0"),
        ("wildcardAccessURL", "*.coder.example.com"),
    ],
)
def test_a_field_of_a_managed_coderd_alone_is_named(
    management: str, field: str, value: Any
) -> None:
    """With its path, and with the way out."""
    message = named(with_plane(management, **{field: value}))

    assert f"spec.controlPlane.{field}" in message
    assert f"management: {management}" in message
    assert "set management: Managed" in message


def test_every_field_that_says_so_is_among_them() -> None:
    """Whoever documents a field as one of a managed coderd alone must not leave others to wonder."""
    said = {
        field.alias or name
        for name, field in ControlPlane.model_fields.items()
        if "Managed only" in (field.description or "")
    }

    assert said <= no_effect.MANAGED_ONLY


def test_what_an_adopted_coderd_is_judged_by_has_effect() -> None:
    """The pool, its nodes, the licence and encryption; in a region there is nothing to judge by them."""
    said = {
        "nodeSizing": "InstanceTypes",
        "highAvailabilityLicensed": True,
        "encryption": {"keysSecretRef": {"name": "keys", "key": "keys"}},
    }

    adopted_one, region = (with_plane(one, **said) for one in ("Adopted", "None"))
    for one in (adopted_one, region):
        one["spec"]["edition"] = "2024"

    assert named(adopted_one) == ""
    told = named(region)
    for field in ("encryption", "highAvailabilityLicensed", "nodePool", "nodeSizing"):
        assert f"spec.controlPlane.{field}" in told


def test_what_belongs_to_a_managed_coderd_elsewhere_in_the_spec_is_named_too() -> None:
    """The database's Secret and the built-in provisioners."""
    cr = adopted("coder")
    cr["spec"]["database"] = {"urlSecretRef": {"name": "db"}}
    cr["spec"]["provisioners"] = {"builtInDaemons": 0}

    message = named(cr)

    assert "spec.database.urlSecretRef, spec.provisioners.builtInDaemons" in message


@pytest.mark.parametrize("management", ["Adopted", "None"])
def test_how_external_provisioners_are_judged_has_effect_everywhere(management: str) -> None:
    """They are nobody's but their installer's, whoever made coderd; a region has them too."""
    cr = with_plane(management)
    cr["spec"]["provisioners"] = {"sizing": "TwoBuildsPerCPU"}

    assert "spec.provisioners" not in named(cr)


def test_defaults_and_what_is_managed_are_not_named() -> None:
    """A default that is written out decides nothing; managed, everything has effect."""
    written = with_plane("Adopted", image={"pullPolicy": "IfNotPresent"}, env=[], podLabels={})

    assert named(written) == ""
    assert named(resource(podLabels={"a": "b"})) == ""


@pytest.mark.parametrize(("management", "idle"), [("Adopted", False), ("None", True)])
def test_the_url_of_a_probed_database_has_its_effect(management: str, idle: bool) -> None:
    """An adopted coderd's database is looked at; a region has none."""
    cr = with_plane(management)
    cr["spec"]["database"] = {"urlSecretRef": {"name": "db"}, "probe": {"enabled": True}}

    assert ("spec.database" in named(cr)) is idle


def test_what_is_listed_for_an_open_egress_is_told() -> None:
    """A list alone restricts nothing; in a region there is no coderd to restrict."""
    entry = {"name": "git", "why": "clones", "cidrs": ["10.0.0.0/8"]}

    lists = {"egress": {"workspaces": [entry], "controlPlane": [entry]}}
    restricted = {"workspaceEgress": "Restricted", "controlPlaneEgress": "Restricted"}
    open_still, obeyed = adopted("coder"), adopted("coder")
    open_still["spec"]["network"] = lists
    obeyed["spec"]["network"] = {**lists, **restricted}
    assert "egress.workspaces, while workspaceEgress is Open" in named(open_still)
    assert "egress.controlPlane, while controlPlaneEgress is Open" in named(open_still)
    assert named(obeyed) == ""
    idle = with_plane("None")
    idle["spec"]["network"] = {**restricted, "blockMetadataAddressFor": ["ControlPlane"]}
    assert "controlPlaneEgress, with management: None" in named(idle)
    assert "blockMetadataAddressFor, with management: None" in named(idle)


def test_what_restricts_provisioners_and_proxies_that_are_not_seen_is_told() -> None:
    """Nothing is restricted where there is nobody, nor by a list alone; what could not be read is no absence."""
    entry = {"name": "mirror", "why": "packages", "cidrs": ["10.0.0.0/8"]}
    lists = {"egress": {"provisioners": [entry], "proxies": [entry]}}
    restricted = {"provisionerEgress": "Restricted", "proxyEgress": "Restricted"}
    closed = {"blockMetadataAddressFor": ["Provisioners", "Proxies"]}
    parts = (chart_provisioner(), chart_proxy())

    def told(said: dict[str, Any], *there: Any, **world: Any) -> str:
        cr = adopted("coder")
        cr["spec"]["network"] = said
        withheld = no_effect.without_effect(builders.world(cr, *there, **world))
        return " ".join(one.message for one in withheld)

    only_listed = told(lists, *parts)
    assert "egress.provisioners, while provisionerEgress is Open" in only_listed
    assert "egress.proxies, while proxyEgress is Open" in only_listed
    nobody = told({**restricted, **closed, **lists})
    assert "no Deployment of external provisioners is seen" in nobody
    assert "spec.network.proxyEgress and Proxies in spec.network.blockMetadata" in nobody
    assert told({**restricted, **closed, **lists}, *parts) == ""
    unread = {Need.DEPLOYMENTS: Absence.FORBIDDEN}
    assert told(restricted, unavailable=unread) == ""
