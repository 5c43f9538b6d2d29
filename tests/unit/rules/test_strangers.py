"""Strangers: who is meant by name and who is not, on which ports, and whatever a policy looks like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired import connections
from coder_cva.desired.networking import build_network_policies
from coder_cva.rules.strangers import Strangers, Way
from coder_cva.snapshot.reachability import Reachability
from coder_cva.values.memo import Memo
from support import builders as b
from support.deployments import adopted, managed
from support.strategies import JSON, mutated
from support.workspace_manifests import workspace_deployment

PORTS = [{"name": "web", "containerPort": 3000}, {"name": "dns", "containerPort": 3000, "protocol": "UDP"}]  # fmt: skip
LISTENING = {
    "containers": [
        {
            "name": "dev",
            "image": "x",
            "env": [{"name": "CODER_AGENT_TOKEN", "value": "x"}],
            "ports": PORTS,
        }
    ]
}


def policy(*rules: Any, name: str = "it") -> Any:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "coder"},
        "spec": {"podSelector": {}, "ingress": list(rules)},
    }


def workspace(**pod: Any) -> Any:
    return b.all_running(workspace_deployment(pod={**LISTENING, "volumes": [], **pod}))


def ways(*objects: Any, used: frozenset[tuple[int, str]] = frozenset(), **pod: Any) -> list[Way]:
    """The ways into alice's workspace, which listens on 3000 under a name, once for each protocol."""
    world = b.world(managed("coder"), b.pools(), workspace(**pod), objects)
    net = Reachability(world.snapshot)
    (here,) = world.found.workspaces
    return sorted(Strangers(net, world.found.workspaces, Memo()).ways(net.pod(here.pod), used))


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ([], "every port"),
        ([{}], "every port of TCP"),
        ([{"protocol": "SCTP"}], "every port of SCTP"),
        ([{"port": 3000}], ""),
        ([{"port": 3000, "protocol": "UDP"}], "UDP 3000"),
        ([{"port": "web"}], ""),
        ([{"port": "dns", "protocol": "UDP"}], "UDP dns"),
        ([{"port": "web", "protocol": "UDP"}], ""),
        ([{"port": "ssh"}], ""),
        ([{"port": 3000, "endPort": 3001}], "TCP 3000-3001"),
        ([{"port": 3000}, {"port": 22}], "TCP 22"),
        ([{"port": 443}, {"port": 22}], "TCP 22, TCP 443"),
        ([{"port": 1.5}], ""),
    ],
)
def test_ports_that_nothing_in_use_explains(ports: Any, told: str) -> None:
    """With TCP 3000 in use; of a name the ports that the Pod declares under it count."""
    found = [one.ports for one in ways(policy({"ports": ports}), used=frozenset({(3000, "TCP")}))]

    assert found == ([told] if told else [])


def expression(key: str, operator: str, *values: str) -> Any:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


SPACE = "kubernetes.io/metadata.name"
ANY, OTHERS, NEAR = (
    "Pods of any namespace",
    "workspaces of other users",
    "every Pod of its namespace",
)


@pytest.mark.parametrize(
    ("peer", "who"),
    [
        ({"podSelector": {}}, NEAR),
        ({"podSelector": expression("app", "Exists")}, NEAR),
        ({"podSelector": expression("com.coder.resource", "DoesNotExist")}, NEAR),
        ({"podSelector": expression("com.coder.user.username", "NotIn", "bob")}, NEAR),
        ({"podSelector": {"matchLabels": {"app": "scanner"}}}, ""),
        ({"podSelector": {"matchLabels": {"app.kubernetes.io/name": "coder"}}}, ""),
        ({"podSelector": {"matchLabels": {"app.kubernetes.io/name": "coder-workspace"}}}, OTHERS),
        ({"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "coder"}}}, OTHERS),
        ({"podSelector": expression("com.coder.workspace.id", "Exists")}, OTHERS),
        ({"podSelector": {"matchLabels": {"com.coder.user.username": "alice"}}}, ""),
        ({"podSelector": {"matchLabels": {"team": "red"}}}, ""),
        ({"namespaceSelector": {}}, ANY),
        ({"namespaceSelector": expression(SPACE, "Exists")}, ANY),
        ({"namespaceSelector": expression(SPACE, "NotIn", "coder")}, ANY),
        ({"namespaceSelector": expression(SPACE, "In", "coder")}, NEAR),
        ({"namespaceSelector": {"matchLabels": {SPACE: "monitoring"}}}, ""),
        ({"namespaceSelector": {"matchLabels": {SPACE: "coder"}}, "podSelector": {"matchLabels": {"com.coder.resource": "true"}}}, OTHERS),
        ({"namespaceSelector": {"matchLabels": {"team": "red"}}}, ""),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "scanner"}}}, ""),
        ({"ipBlock": {"cidr": "10.1.2.3/32"}}, ""),
        ({"ipBlock": {"cidr": "fd00::1/128"}}, ""),
        ({"ipBlock": {"cidr": "nonsense"}}, ""),
        ({"ipBlock": {"cidr": "10.0.0.0/16", "except": ["10.0.0.1/32"]}}, "addresses of 10.0.0.0/16"),
        ({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12"]}}, "addresses of 0.0.0.0/0"),
        ({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["0.0.0.0/0"]}}, ""),
        ({"ipBlock": {"cidr": "::/0"}}, "addresses of ::/0"),
    ],
)  # fmt: skip
def test_who_is_named_and_who_is_not(peer: Any, who: str) -> None:
    """Single addresses, and labels that not everybody has, name somebody; all else is for strangers."""
    found = ways(policy({"from": [peer]}))

    assert [(one.who, one.is_sure) for one in found] == ([(who, True)] if who else [])


@pytest.mark.parametrize("cidr", ["10.1.2.0/24", "10.1.2.2/31", "198.51.100.0/24", "fd00::/64"])
def test_some_addresses_are_a_doubt(cidr: str) -> None:
    """More than one and fewer than many: whose they are is not known here."""
    (found,) = ways(policy({"from": [{"ipBlock": {"cidr": cidr}}]}))

    assert (found.who, found.is_sure) == (f"addresses of {cidr}", False)


def test_where_nothing_isolates_everybody_comes_in() -> None:
    """Without a policy, with one about egress, and on the network of its node."""
    outward = policy()
    outward["spec"] = {"podSelector": {}, "policyTypes": ["Egress"]}
    everybody = [Way("", "everybody", "every port", is_sure=True)]

    assert ways() == ways(outward) == everybody
    assert ways(policy(), hostNetwork=True) == everybody
    assert ways(policy()) == []


def test_a_label_that_users_share_tells_them_not_apart() -> None:
    """A team's label names a user as long as only one has it, and strangers when two of them do."""
    team = {"Deployment": {"team": "red"}}
    bobs = workspace_deployment("other", user="bob")
    for one in (alices := workspace_deployment()), bobs:
        one[1]["spec"]["template"]["metadata"]["labels"] |= team["Deployment"]
    rule = policy({"from": [{"podSelector": {"matchLabels": {"team": "red"}}}]})

    def found(*there: Any) -> set[str]:
        world = b.world(managed("coder"), b.pools(), b.all_running(there), rule)
        net = Reachability(world.snapshot)
        strangers = Strangers(net, world.found.workspaces, Memo())
        return {
            way.who
            for one in world.found.workspaces
            for way in strangers.ways(net.pod(one.pod), frozenset())
        }

    assert found(alices) == set()
    assert found(alices, bobs) == {OTHERS}


@pytest.mark.parametrize("name", ["web", 3000, 4000])
def test_what_the_operator_writes_lets_no_stranger_in(name: str | int) -> None:
    """With nothing in use, and with a Service by the port's name, its number, or one nobody declares."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app", "namespace": "coder"},
        "spec": {
            "selector": {"com.coder.resource": "true"},
            "ports": [{"port": 80, "targetPort": name}],
        },
    }
    # A connection in use has a policy of its own.
    for there in ([], [service]):
        world = b.world(managed("coder"), b.pools(), workspace(), there)
        made = build_network_policies(world).objects
        uses = connections.connections(world, "coder", world.found.workspaces)
        used = frozenset(port for use in uses for port in use.ports)

        assert len(made) == 3 + len(there)
        assert ways(there, list(made), used=used) == []


@given(st.lists(mutated([{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 1, "endPort": 2}]}, {"from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}}]}]), max_size=2), JSON)  # fmt: skip
def test_no_policy_raises(rules: list[Any], junk: Any) -> None:
    """Whatever shape its rules have, there is an answer."""
    odd = policy(*rules)
    odd["spec"]["ingress"].append(junk)

    assert all(one.who and one.ports for one in ways(odd))


@pytest.mark.parametrize(
    ("spaces", "who"),
    [
        (expression(SPACE, "In", "monitoring", "other"), OTHERS),
        (expression(SPACE, "In", "monitoring", "coder"), NEAR),
        (expression(SPACE, "In", "monitoring"), ""),
        ({"matchLabels": {"workspaces": "yes"}}, OTHERS),
        ({"matchLabels": {"workspaces": "yes", SPACE: "coder"}}, ""),
        (expression("workspaces", "Exists"), OTHERS),
        ({"matchLabels": {"workspaces": "yes"}, **expression(SPACE, "NotIn", "other")}, ""),
    ],
)
def test_workspaces_of_another_namespace_are_those_of_others(spaces: Any, who: str) -> None:
    """However a selector finds their namespace, once or thousands of times."""
    consents = {"cva.coder.com/deployment": "coder/coder"}
    other = b.namespace("other", labels={"workspaces": "yes"}, annotations=consents)
    world = b.world(
        adopted("coder"),
        b.pools(),
        other,
        b.all_running(workspace_deployment("a", "other", user="bob")),
        workspace(),
        policy({"from": [{"namespaceSelector": spaces}]}),
    )
    net = Reachability(world.snapshot)
    strangers = Strangers(net, world.found.workspaces, Memo())
    here = next(one for one in world.found.workspaces if one.pod.meta.namespace == "coder")

    for _ in range(2):
        found = [one.who for one in strangers.ways(net.pod(here.pod), frozenset())]
        assert found == ([who] if who else [])
