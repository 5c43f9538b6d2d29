"""Cases worked out by hand, with their reasons: ``tests/reachability``. Evaluator and brute force both get them right."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from coder_cva.cli import reach, reach_arguments
from coder_cva.reports.connection import ANSWERS
from support import builders as b
from support.reach_oracle import Oracle, numbered

FOLDER = Path(__file__).resolve().parents[2] / "reachability"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['case']}")
    for file in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]
NODES = {"node-1": "192.168.0.1", "node-2": "192.168.0.2"}
SPACES = {"one": {"team": "red"}, "two": {"team": "blue"}}
HTTP, DNS = {"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}  # fmt: skip
PODS: dict[str, dict[str, Any]] = {
    "one/a": {"labels": {"app": "a"}, "address": "10.1.0.1", "node": "node-1"},
    "two/b": {"labels": {"app": "b"}, "address": "10.1.0.2", "node": "node-2", "ports": [HTTP, DNS]},
    "two/c": {"labels": {"app": "c"}, "address": "10.1.0.3", "node": "node-1", "ports": [{**HTTP, "containerPort": 8081}]},
}  # fmt: skip


def pod(path: str, said: dict[str, Any]) -> dict[str, Any]:
    """A Pod as the API server gives it."""
    namespace, _, name = path.partition("/")
    node, address = said.get("node", "node-1"), said.get("address", "")
    container = {"name": "main", "image": "x", "ports": said.get("ports", [])}
    made = b.pod(name, namespace, labels=said.get("labels"), spec={"containers": [container]})
    made["spec"] |= {"nodeName": node, "hostNetwork": said.get("hostNetwork", False)}
    made["status"] = {
        "phase": said.get("phase", "Running"),
        "podIPs": [{"ip": address}] if address else [],
        "hostIPs": [{"ip": NODES[node]}],
    }
    return made


def manifests(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The cluster of a case: the one of the README, and what the case lays over it."""
    pods = copy.deepcopy(PODS)
    for path, said in case.get("pods", {}).items():
        pods[path] = {**pods.get(path, {}), **said}
    spaces = {**SPACES, **case.get("namespaces", {})}
    policies = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": path.partition("/")[0], "name": path.partition("/")[2]},
            "spec": spec,
        }
        for path, spec in case.get("policies", {}).items()
    ]
    return [
        *(b.namespace(name, labels=labels) for name, labels in spaces.items()),
        *(pod(path, said) for path, said in pods.items()),
        *policies,
    ]


def asked(case: dict[str, Any]) -> tuple[reach_arguments.Place, reach_arguments.Goal]:
    return reach_arguments.question(case.get("from", "one/a"), case.get("to", "two/b:8080"))


@pytest.mark.parametrize("case", CASES)
def test_the_answer_is_the_one_that_was_worked_out(case: dict[str, Any]) -> None:
    """As `coder_cva reach` gives it, with words for it."""
    code, said = reach.answered(b.snapshot_of(manifests(case)), *asked(case), "text")

    wanted = next(one for one, word in ANSWERS.items() if word == case["answer"])
    assert code == reach.EXIT_CODES[wanted], (case["because"], said)
    assert case["because"]


@pytest.mark.parametrize("case", CASES)
def test_brute_force_comes_to_the_same(case: dict[str, Any]) -> None:
    """So that it may be trusted with clusters that nobody worked out."""
    made, (source, goal) = manifests(case), asked(case)
    pods = [one for one in made if one["kind"] == "Pod"]
    ports = {"http": 8080, "dns": 53}
    port = ports[goal.port] if isinstance(goal.port, str) else goal.port
    ends = [actor(pods, one) for one in (source, goal.place)]
    oracle = Oracle(made, [port], [one.address for one in (source, goal.place) if one.address])

    assert ANSWERS[oracle.may(ends[0], ends[1], port, goal.protocol)] == case["answer"]


def actor(pods: list[dict[str, Any]], place: reach_arguments.Place) -> tuple[str, Any]:
    """An end as brute force takes it: who has an address is looked up here."""
    for number, one in enumerate(pods):
        here = (one["metadata"]["namespace"], one["metadata"]["name"])
        lives = one["status"]["phase"] == "Running" and not one["spec"]["hostNetwork"]
        owns = lives and {"ip": place.address} in one["status"]["podIPs"]
        if here == (place.namespace, place.name) or owns:
            return "pod", number
    return "ip", numbered(place.address)


def test_there_are_enough_cases_of_every_answer() -> None:
    """And no case twice."""
    answers = [one.values[0]["answer"] for one in CASES]  # type: ignore[index] # parameters are dicts

    assert len(CASES) >= 60
    assert min(answers.count(one) for one in ANSWERS.values()) >= 5
    assert len({one.id for one in CASES}) == len(CASES)
