"""Exceptions are exact, few and stable: what Services and annotations by the thousand become."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.desired.connections import KINDS
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Peer, Reachability
from coder_cva.values import selectors
from support import builders as b
from support.deployments import managed
from support.policies import opened, ports, service, specs
from support.workspace_manifests import workspace_labels

STRANGER = Peer("anybody", namespace="elsewhere")
ID = "com.coder.workspace.id"
IDS = ("a", "b", "c")
PORTS = (1001, 1002, 1003)


def workspace(name: str, labels: dict[str, str], notes: dict[str, str] | None = None) -> Any:
    spec = {"containers": [{"name": "dev", "image": "x", "env": [{"name": "CODER_AGENT_TOKEN"}]}]}
    return b.running(b.pod(name, "coder", labels=labels, annotations=notes, spec=spec))


def each_with_a_service(count: int, selector: Any, target: int = 8888) -> list[Any]:
    made = []
    for number in range(count):
        labels = workspace_labels(f"w{number}", f"u{number % 7}")
        made.append(workspace(f"w{number}", labels))
        made.append(service(f"s{number}", selector(labels), target))
    return made


def world(*manifests: Any) -> Any:
    return b.world(managed("coder"), b.pools(), *manifests)


def test_one_service_for_two_thousand_workspaces_is_one_policy() -> None:
    """The number of workspaces does not matter."""
    many = [workspace(f"w{n}", workspace_labels(f"w{n}", "alice")) for n in range(2000)]
    seen = world(many, service("app", {"com.coder.resource": "true"}))
    assert opened(seen) == {"com.coder.resource=true": ports(8888)}


def test_services_that_a_template_makes_for_each_workspace_share_policies() -> None:
    """They differ in one label: its values are listed, some hundred a policy, each exactly once."""
    seen = world(each_with_a_service(1500, lambda labels: {ID: labels[ID]}))
    made = [one for name, one in specs(seen).items() if "in-use" in name]
    assert len(made) == 8
    lists = [one["podSelector"]["matchExpressions"][0] for one in made]
    assert {one["key"] for one in lists} == {ID}
    values = [value for one in lists for value in one["values"]]
    assert sorted(values) == sorted(pod.meta.labels[ID] for pod in seen.snapshot.items(Need.PODS))
    assert max(len(one["values"]) for one in lists) < 300


def test_a_selector_of_all_labels_is_told_by_the_workspaces_id() -> None:
    """Terraform hands on the whole labels of the Deployment; name and user say no more than the id."""
    seen = world(each_with_a_service(3, lambda labels: labels))
    (made,) = [one["podSelector"] for name, one in specs(seen).items() if "in-use" in name]
    assert made["matchLabels"] == {
        "app.kubernetes.io/name": "coder-workspace",
        "app.kubernetes.io/part-of": "coder",
        "com.coder.resource": "true",
    }
    (listed,) = made["matchExpressions"]
    assert (listed["key"], len(listed["values"])) == (ID, 3)


def test_a_label_that_says_more_than_the_id_is_kept() -> None:
    """Of a workspace of several Pods only those that the Service means are opened."""
    pods = [
        workspace(f"{app}-{one}", {ID: one, "part": app}) for one in IDS for app in ("web", "db")
    ]
    leading = [service(f"s-{one}", {ID: one, "part": "web"}) for one in IDS]
    both = [service(f"d-{one}", {ID: one, "part": "db"}) for one in IDS]
    assert opened(world(pods, leading)) == {f"part=web, {ID} in a b c": ports(8888)}
    assert opened(world(pods, leading, both)) == {
        f"part=web, {ID} in a b c": ports(8888),
        f"part=db, {ID} in a b c": ports(8888),
    }


def test_too_many_that_differ_in_several_labels_are_opened_together_and_that_is_told() -> None:
    """Beyond a limit one policy asks only whether the labels are there; whom it opens stands in the preview."""

    def of(number: int) -> dict[str, str]:
        return {"app": "coder-workspace", "who": f"u{number}", "what": f"w{number % 150}"}

    few, many = (
        [(workspace(f"w{n}", of(n)), service(f"s{n}", of(n))) for n in range(count)]
        for count in (11, 400)
    )
    assert len(opened(world(few))) == 11
    seen = world(many)
    assert opened(seen) == {"app=coder-workspace, what, who": ports(8888)}
    told = next(p for p in build_network_policies(seen).previews if p.rule == "CVA-NET-005")
    assert (
        "so open is port 8888 of every workspace with the labels app=coder-workspace, what, who"
        in told.message
    )


def test_a_workspace_that_starts_changes_one_policy_and_no_name() -> None:
    """The others are equal to the byte, so that nothing else is written."""
    before = specs(world(each_with_a_service(1500, lambda labels: {ID: labels[ID]})))
    after = specs(world(each_with_a_service(1501, lambda labels: {ID: labels[ID]})))
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1


def test_another_port_is_another_policy() -> None:
    """The new one is there before the old one is swept: nothing is cut in between."""
    one, other = (
        set(specs(world(each_with_a_service(1, lambda labels: {ID: labels[ID]}, target))))
        for target in (3000, 4000)
    )
    assert len(one - other) == len(other - one) == 1


def test_what_opens_is_written_before_what_closes() -> None:
    """Objects are applied in order; the other way round what is in use would be cut for a moment."""
    objects = build_network_policies(world(each_with_a_service(1, lambda it: {ID: it[ID]}))).objects
    rules = [
        "ingress" in one["spec"] for one in objects if one["metadata"]["name"] != "coder-coderd"
    ]
    assert rules == sorted(rules, reverse=True)


def test_names_are_short_whatever_the_deployment_is_called() -> None:
    """63 characters at most, in namespaces of others too, and still different from each other."""
    spec = managed("n" * 63, "d" * 40)
    note = {"cva.coder.com/deployment": f"{'n' * 63}/{'d' * 40}"}
    leading = [
        service(f"s{target}", {"com.coder.resource": "true"}, target, "dev") for target in PORTS
    ]
    made = build_network_policies(b.world(spec, b.namespace("dev", annotations=note), leading))
    names = [
        one["metadata"]["name"] for one in made.objects if one["metadata"]["namespace"] == "dev"
    ]
    assert len(set(names)) == len(names) == 5
    assert max(map(len, names)) <= 63


def test_a_policy_says_what_it_is_for() -> None:
    """The first of those that need it, and how many there are."""
    made = build_network_policies(world(each_with_a_service(5, lambda labels: {ID: labels[ID]})))
    (notes,) = [
        one["metadata"]["annotations"]
        for one in made.objects
        if "in-use" in one["metadata"]["name"]
    ]
    assert notes["cva.coder.com/in-use"] == (
        "Service coder/s0, Service coder/s1, Service coder/s2, … (5 in all)"
    )


LABELS = st.fixed_dictionaries(
    {},
    optional={
        "com.coder.resource": st.just("true"),
        "app": st.sampled_from(["coder-workspace", "web"]),
        ID: st.sampled_from(IDS),
        "tier": st.sampled_from(["1", "2"]),
    },
)
SELECTORS = LABELS.filter(bool)
PODS = st.lists(
    st.tuples(LABELS, st.booleans(), st.one_of(st.none(), st.sampled_from(PORTS))), max_size=6
)
SERVICES = st.lists(st.tuples(SELECTORS, st.sampled_from(PORTS)), max_size=4)


@settings(max_examples=300)
@given(PODS, SERVICES)
def test_what_is_in_use_is_open_and_all_else_is_closed(pods: Any, services: Any) -> None:
    """In random namespaces, judged by the evaluator of policies: exactly the connections in use remain.

    Pods that no label tells from a scraped one are open with it; Pods that are no workspaces, and
    workspaces without a label, are as open as before.
    """
    scrape = [
        {"prometheus.io/scrape": "true", "prometheus.io/port": str(port)} if port else {}
        for _, _, port in pods
    ]
    manifests = [
        workspace(f"p{n}", labels, notes)
        if is_workspace
        else b.running(b.pod(f"p{n}", "coder", labels=labels, annotations=notes))
        for n, ((labels, is_workspace, _), notes) in enumerate(zip(pods, scrape, strict=True))
    ]
    leading = [service(f"s{n}", selector, port) for n, (selector, port) in enumerate(services)]
    before = world(manifests, leading)
    ours = build_network_policies(before).objects
    net = Reachability(world(manifests, leading, list(ours)).snapshot)
    workspaces = {one.pod.meta.name: one.pod for one in before.found.workspaces}
    for pod in before.snapshot.items(Need.PODS):
        may_close = pod.meta.name in workspaces and any(k.is_on(pod.meta.labels) for k in KINDS)
        for port in PORTS:
            is_open = net.connection(STRANGER, net.pod(pod), port).possible
            wanted = not may_close or _is_in_use(pod, port, services, workspaces.values())
            assert is_open is wanted, (pod.meta.labels, port)


def _is_in_use(pod: Any, port: int, services: Any, workspaces: Any) -> bool:
    labels = pod.meta.labels
    if any(selectors.has_labels(one, labels) and target == port for one, target in services):
        return True
    return any(
        one.meta.annotations.get("prometheus.io/port") == str(port)
        and selectors.has_labels(_telling(one.meta.labels), labels)
        for one in workspaces
        if any(kind.is_on(one.meta.labels) for kind in KINDS)
    )


def _telling(labels: Any) -> Any:
    return {ID: labels[ID]} if ID in labels else labels
