"""CVA-NET-*: which of several answers is told, every port that a mirror may have, and figures that could be mistaken.

coderd has two Pods here that policies can tell apart, as while it is rolled out: ``a`` is looked at first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Verdict
from support import builders
from support.coder_manifests import chart_coderd, chart_proxy
from support.corpus import merged
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from coder_cva.rules.model import RuleResult

PRIVATE = [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
NOT_READY = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}


def judged(rule: str, *manifests: Any, spec: dict[str, Any] | None = None) -> RuleResult:
    """What is said of an adopted Coder in namespace coder."""
    cr = merged(adopted("coder"), {"spec": spec or {}})
    world = builders.world(cr, builders.pools(), *manifests)
    return next(one for one in evaluate(world, strict=True).results if one.id == rule)


def coderd(*tracks: str, over: dict[str, Any] | None = None, **words: Any) -> list[dict[str, Any]]:
    """coderd with a Pod for each track, which a label tells."""
    made = builders.all_running(chart_coderd(replicas=len(tracks), **words), ["control-plane-1"])
    pods = sorted(
        (one for one in made if one["kind"] == "Pod"), key=lambda it: it["metadata"]["name"]
    )
    rest = [one for one in made if one["kind"] != "Pod"]
    labelled = [
        merged(pod, {"metadata": {"labels": {"track": track}}, **(over or {})})
        for pod, track in zip(pods, tracks, strict=True)
    ]
    return [*rest, *labelled]


def policy(name: str, selected: dict[str, str], **rules: Any) -> dict[str, Any]:
    """A NetworkPolicy for the directions of these rules."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "coder"},
        "spec": {
            "podSelector": {"matchLabels": selected},
            "policyTypes": [one.title() for one in rules],
            **rules,
        },
    }


def each(**rules: Any) -> list[dict[str, Any]]:
    """A policy of its own for each of the two Pods, ``for-a`` and ``for-b``."""
    return [policy(f"for-{track}", {"track": track}, **rules) for track in ("a", "b")]


@pytest.mark.parametrize(
    ("rule", "rules", "verdict"),
    [
        ("CVA-NET-002", {"egress": []}, Verdict.FAILED),
        ("CVA-NET-002", {"egress": PRIVATE}, Verdict.UNKNOWN),
        ("CVA-NET-003", {"egress": []}, Verdict.FAILED),
        ("CVA-NET-003", {"egress": PRIVATE}, Verdict.UNKNOWN),
        ("CVA-NET-004", {"ingress": []}, Verdict.FAILED),
        (
            "CVA-NET-004",
            {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
            Verdict.UNKNOWN,
        ),
    ],
)
def test_of_several_reasons_the_first_is_told(rule: str, rules: Any, verdict: Verdict) -> None:
    """And a finding for each policy that cuts."""
    result = judged(rule, coderd("a", "b"), each(**rules))

    assert result.verdict is verdict
    assert "coder/for-a" in result.message
    assert "coder/for-b" not in result.message
    told = sorted({one.resource for one in result.findings})
    assert told == (
        ["NetworkPolicy coder/for-a", "NetworkPolicy coder/for-b"]
        if verdict is Verdict.FAILED
        else []
    )


@pytest.mark.parametrize(
    ("rule", "direction", "over", "verdict"),
    [
        ("CVA-NET-002", "egress", {}, Verdict.PASSED),
        ("CVA-NET-002", "egress", NOT_READY, Verdict.UNKNOWN),
        ("CVA-NET-003", "egress", {}, Verdict.PASSED),
        ("CVA-NET-004", "ingress", {}, Verdict.PASSED),
    ],
)
def test_of_several_open_ways_the_first_is_told(
    rule: str, direction: str, over: Any, verdict: Verdict
) -> None:
    """One Pod is not isolated, the other by a policy that allows everything."""
    world = (coderd("a", "b", over=over), policy("open", {"track": "b"}, **{direction: [{}]}))

    result = judged(rule, *world)

    assert result.verdict is verdict
    assert f"no policy isolates coderd for {direction}" in result.message
    assert "coder/open" not in result.message


@pytest.mark.parametrize("port", [443, 22, 80, 3000, 3128, 8081, 8888])
def test_a_mirror_may_be_behind_any_of_these_ports(port: int) -> None:
    """Where it is inside the cluster is not known; the port beside it is no mirror's."""
    inside: dict[str, Any] = {"to": [{"namespaceSelector": {}}]}

    for number, verdict in (
        (port - 1, Verdict.FAILED),
        (port, Verdict.UNKNOWN),
        (port + 1, Verdict.FAILED),
    ):
        rules = [{**inside, "ports": [{"port": number}]}]
        result = judged("CVA-NET-003", coderd("a"), policy("some", {"track": "a"}, egress=rules))
        assert result.verdict is verdict, number


def test_https_to_every_address_is_all_that_is_needed() -> None:
    """To the port."""
    rules = [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}]

    result = judged("CVA-NET-003", coderd("a"), policy("https", {"track": "a"}, egress=rules))

    assert result.verdict is Verdict.PASSED
    assert "git and package repositories on TCP 443" in result.message


def test_a_single_replica_needs_no_way_to_itself() -> None:
    """Two of a version that speaks NATS do."""
    only_users = policy("users", {"app.kubernetes.io/name": "coder"}, ingress=[{"ports": [{"port": 8080}]}])  # fmt: skip

    one, two = (
        judged("CVA-NET-004", coderd(*tracks, version="2.38.1"), only_users)
        for tracks in (("a",), ("a", "b"))
    )

    assert (one.verdict, two.verdict) == (Verdict.PASSED, Verdict.FAILED)


def test_of_several_controllers_that_may_come_in_the_first_is_told() -> None:
    """They are named by their Pods."""
    controllers = [
        builders.running(builders.pod(name, "ingress", labels={"app": name}))
        for name in ("nginx", "traefik")
    ]
    named = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    let_in = policy("edge", {"track": "a"}, ingress=[{"from": named}])

    result = judged(
        "CVA-NET-004",
        coderd("a"),
        controllers,
        let_in,
        spec={"network": {"ingressControllers": named}},
    )

    assert result.verdict is Verdict.PASSED
    assert "which allows Ingress controller (Pod ingress/nginx) on TCP 8080" in result.message


def test_workspaces_are_counted_for_each_destination() -> None:
    """coderd for three of five, one proxy for two, the other for none; no number could be another's."""
    spaces = [
        builders.all_running(workspace_deployment(f"w{number}", user=f"u{number}"))
        for number in range(5)
    ]
    users = [
        {"podSelector": {"matchLabels": {"com.coder.user.username": f"u{number}"}}}
        for number in range(3)
    ]
    world = [
        coderd("a"),
        builders.all_running([chart_proxy(release="east"), chart_proxy(release="west")]),
        spaces,
        policy("coderd", {"track": "a"}, ingress=[{"from": users}]),
        policy("east", {"app.kubernetes.io/instance": "east"}, ingress=[{"from": users[:2]}]),
        policy("west", {"app.kubernetes.io/instance": "west"}, ingress=[]),
    ]

    result = judged("CVA-NET-001", *world)

    assert result.message == (
        "3 of 5 workspaces may open a connection to coderd, 2 to workspace proxy coder/east, "
        "0 to workspace proxy coder/west"
    )


def test_of_several_destinations_in_doubt_the_first_is_told() -> None:
    """Of the others the message has the figures."""
    block = [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
    world = [
        coderd("a"),
        builders.all_running(chart_proxy(release="east")),
        builders.all_running(workspace_deployment()),
        policy("coderd", {"track": "a"}, ingress=block),
        policy("east", {"app.kubernetes.io/instance": "east"}, ingress=block),
    ]

    result = judged("CVA-NET-001", *world)

    assert result.verdict is Verdict.UNKNOWN
    assert (
        "; of others: ingress of coderd is isolated by NetworkPolicy coder/coderd" in result.message
    )


def test_workspaces_that_are_closed_are_counted() -> None:
    """Three of five."""
    spaces = [
        builders.all_running(workspace_deployment(f"w{number}", user=f"u{number}"))
        for number in range(5)
    ]
    closed = [
        policy(f"for-u{number}", {"com.coder.user.username": f"u{number}"}, ingress=[])
        for number in range(3)
    ]

    result = judged("CVA-NET-005", coderd("a"), spaces, closed)

    assert result.verdict is Verdict.FAILED
    assert result.message.startswith("3 of 5 workspaces are closed to strangers")
