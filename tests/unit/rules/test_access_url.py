"""The access URL as an end of connections: inside the cluster, outside, or not seen."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules.access_url import AccessPath, access_path
from support import builders
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.deployments import adopted

NAME = "CODER_ACCESS_URL"


def path(entry: dict[str, Any], *cidrs: str) -> AccessPath | None:
    """The way by an access URL, as coderd's Deployment gives it."""
    world = builders.world(
        merged(adopted("coder"), {"spec": {"network": {"accessURLCIDRs": list(cidrs)}}}),
        builders.pools(),
        builders.all_running(chart_coderd(env=[{"name": NAME, **entry}]), ["control-plane-1"]),
    )
    return access_path(world)


@pytest.mark.parametrize(
    ("url", "name", "port"),
    [
        ("https://coder.example.com", "the access URL https://coder.example.com", 443),
        ("http://coder.example.com", "the access URL http://coder.example.com", 80),
        ("https://coder.example.com:8443/x", "the access URL https://coder.example.com", 8443),
        ("https://203.0.113.7", "the access URL https://203.0.113.7", 443),
        ("https://svc.example.com", "the access URL https://svc.example.com", 443),
    ],
)
def test_a_url_outside_is_a_way_of_its_own(url: str, name: str, port: int) -> None:
    """With the port of its scheme, where it says none."""
    found = path({"value": url})

    assert found is not None
    assert (found.peer.name, found.port, found.peer.ranges) == (name, port, ())
    assert found.hint == f"state the addresses behind {name} in spec.network.accessURLCIDRs"


@pytest.mark.parametrize(
    "url",
    [
        "http://coder",
        "http://coder.coder",
        "http://coder.coder.svc",
        "http://coder.elsewhere.svc",
        "http://coder.coder.svc.cluster.local:80",
        "https://coder.coder.svc.company.internal",
        "",
        "coder.example.com",
        "ftp://coder.example.com",
        "https://coder.example.com:web",
        "https://[coder",
    ],
)
def test_a_service_of_the_cluster_and_what_is_no_url_lead_nowhere_else(url: str) -> None:
    """Then the way to coderd's Pods is the only one."""
    assert path({"value": url}) is None


def test_stated_addresses_are_where_it_leads() -> None:
    """The user knows what a name resolves to; of two families one is enough."""
    found = path({"value": "https://coder.example.com"}, "203.0.113.0/28", "2001:db8::/64")

    assert found is not None
    assert [[str(one) for one in family] for family in found.peer.ranges] == [
        ["203.0.113.0/28"],
        ["2001:db8::/64"],
    ]


def test_a_url_that_is_not_seen_may_be_any() -> None:
    """No port is known, and the hint says how it could be."""
    found = path({"valueFrom": {"secretKeyRef": {"name": "coder", "key": "url"}}})

    assert found is not None
    assert (found.port, found.peer.ranges) == (None, ())
    assert "write CODER_ACCESS_URL as a literal into coder/coder" in found.hint


def test_without_a_coderd_there_is_no_url() -> None:
    """Nothing is guessed."""
    assert access_path(builders.world(adopted("coder"), builders.pools())) is None
