"""URLs of Coder: what is dialled, and whether it is in the cluster."""

from __future__ import annotations

import pytest

from coder_cva.snapshot import urls


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://coder.example.com", ("https://coder.example.com", 443)),
        ("http://coder.example.com", ("http://coder.example.com", 80)),
        ("https://coder.example.com:8443/x", ("https://coder.example.com", 8443)),
        ("http://coder.coder.svc.cluster.local", None),
        ("http://coder", None),
        ("http://coder.coder:8080", None),
        ("coder.example.com", None),
        ("https://coder.example.com:port", None),
        (None, None),
    ],
)
def test_only_what_leads_out_of_the_cluster_is_outside(
    url: str | None, found: tuple[str, int] | None
) -> None:
    """A Service's name, and what is no URL, is none."""
    assert urls.outside(url, "coder") == found


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("coder", ("team-a", "coder")),
        ("coder.coder", ("coder", "coder")),
        ("coder.com", None),
        ("coder.coder.svc", ("coder", "coder")),
        ("coder.gone.svc.cluster.local", ("gone", "coder")),
        ("coder.example.com", None),
        ("10.0.0.1", None),
        ("fd00::1", None),
        ("", None),
    ],
)
def test_a_service_is_told_from_a_domain_by_the_namespaces_that_are_there(
    host: str, found: tuple[str, str] | None
) -> None:
    """Of two labels the second one is a namespace only where there is such a one."""
    assert urls.service_named(host, "team-a", {"team-a", "coder"}) == found
