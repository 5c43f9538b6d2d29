"""`coder_cva reach`: what is typed, what is answered, and what is said where nothing can be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from coder_cva.cli import main, reach, reach_arguments
from coder_cva.cli.reach_arguments import BadArgument, Goal, Place
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "reach"
ALLOWED, DENIED = ("dev/alpha", "coder/coder-0:http"), ("dev/alpha", "data/postgres-0:5432")


def pod(path: str, address: str, node: str, *ports: Any, **labels: str) -> dict[str, Any]:
    namespace, _, name = path.partition("/")
    container = {"name": "main", "image": "x", "ports": list(ports)}
    made = builders.running(
        builders.pod(name, namespace, labels=labels, spec={"containers": [container]}), [node]
    )
    number = node[-1]
    made["status"] |= {"podIPs": [{"ip": address}], "hostIPs": [{"ip": f"192.168.0.{number}"}]}
    return made


def policy(path: str, **spec: Any) -> dict[str, Any]:
    namespace, _, name = path.partition("/")
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def cluster() -> list[dict[str, Any]]:
    """A workspace, coderd, its database; policies over all three."""
    workspace = {"com.coder.resource": "true", "com.coder.workspace.name": "alpha"}
    dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    to_coderd = {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "coder"}}}],
        "ports": [{"port": "http"}],
    }
    from_workspaces = {
        "from": [
            {
                "namespaceSelector": {},
                "podSelector": {"matchLabels": {"com.coder.resource": "true"}},
            }
        ],
        "ports": [{"port": 8080}, {"port": 8443}],
    }
    from_coderd = {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "coder"}}}]
    }
    return [
        *(builders.namespace(one) for one in ("coder", "data", "dev")),
        pod("dev/alpha", "10.1.0.1", "node-1", **workspace),
        pod("coder/coder-0", "10.1.0.2", "node-2", {"name": "http", "containerPort": 8080}, app="coder"),
        pod("data/postgres-0", "10.1.0.3", "node-2", {"containerPort": 5432}, app="postgres"),
        policy("dev/workspaces", podSelector={}, policyTypes=["Ingress", "Egress"], egress=[dns, to_coderd]),
        policy("coder/coderd", podSelector={"matchLabels": {"app": "coder"}}, ingress=[from_workspaces]),
        policy("data/postgres", podSelector={"matchLabels": {"app": "postgres"}}, ingress=[from_coderd]),
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The cluster as it may be saved."""
    (tmp_path / "cluster.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": cluster()})
    )
    return tmp_path


def asked(folder: Path, source: str, target: str, *more: str) -> int:
    return main.main(["reach", "--snapshot", str(folder), "--from", source, "--to", target, *more])


@pytest.mark.parametrize(
    ("name", "question", "code", "form"),
    [
        ("allowed.txt", ALLOWED, 0, "text"),
        ("allowed.json", ALLOWED, 0, "json"),
        ("denied.txt", DENIED, 1, "text"),
        ("denied.json", DENIED, 1, "json"),
    ],
)
def test_an_explanation_reads_as_it_did(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, question: tuple[str, str], code: int, form: str
) -> None:  # fmt: skip
    """A change of these texts is read by a person; ``GOLDEN=write`` writes them anew."""
    assert asked(folder, *question, "-o", form) == code
    said = capsys.readouterr().out
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / name).write_text(said, encoding="utf-8")

    assert said == (GOLDEN / name).read_text(encoding="utf-8")


def test_what_is_missing_may_be_pasted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both policies of the text, applied, allow the connection."""
    asked(folder, *DENIED)
    blocks = capsys.readouterr().out.split("beside these policies:\n")[1:]
    manifests = [yaml.safe_load(block.partition("\n\n")[0]) for block in blocks]
    (folder / "missing.yaml").write_text(yaml.safe_dump_all(manifests))

    assert len(manifests) == 2
    assert asked(folder, *DENIED) == 0


def test_a_program_gets_every_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON on standard output: the answer, each end, its policies and what is missing."""
    code = asked(folder, *DENIED, "-o", "json")

    report = json.loads(capsys.readouterr().out)
    assert (code, report["answer"]) == (1, "denied")
    assert [one["policies"] for one in report["ends"]] == [["dev/workspaces"], ["data/postgres"]]
    assert [one["missing"]["kind"] for one in report["ends"]] == ["NetworkPolicy", "NetworkPolicy"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("dev/alpha", Place("--from", "dev", "alpha")),
        ("10.0.0.5", Place("--from", address="10.0.0.5")),
        ("fd00:0::1", Place("--from", address="fd00::1")),
        ("[fd00::1]", Place("--from", address="fd00::1")),
    ],
)
def test_a_source_is_a_pod_or_an_address(text: str, place: Place) -> None:
    """In the ways in which people write them."""
    assert reach_arguments.source(text) == place


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("dev/alpha:22", Goal(Place("--to", "dev", "alpha"), 22, "TCP")),
        ("dev/alpha:dns/udp", Goal(Place("--to", "dev", "alpha"), "dns", "UDP")),
        ("10.0.0.5:5432/SCTP", Goal(Place("--to", address="10.0.0.5"), 5432, "SCTP")),
        ("[fd00::1]:443/tcp", Goal(Place("--to", address="fd00::1"), 443, "TCP")),
    ],
)
def test_a_target_has_a_port(text: str, goal: Goal) -> None:
    """A number or a name, and a protocol if it is not TCP."""
    assert reach_arguments.goal(text) == goal


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("alpha", "coder/coder-0:80", "--from alpha: write namespace/pod for a Pod, or an IP address, as in default/alpha"),
        ("Dev/alpha", "coder/coder-0:80", "--from Dev/alpha: this is neither"),
        ("", "coder/coder-0:80", "neither a Pod nor an address"),
        ("dev/a/b", "coder/coder-0:80", "neither a Pod nor an address"),
        ("dev/alpha", "coder/coder-0", "write the port behind it, as in coder/coder-0:8080"),
        ("dev/alpha", "fd00::1:443", "write the port behind it, as in [fd00::1:443]:5432"),
        ("dev/alpha", "coder/coder-0:", "nothing is no port"),
        ("dev/alpha", "coder/coder-0:0", "0 is no port; write a number from 1 to 65535"),
        ("dev/alpha", "coder/coder-0:65536", "65536 is no port"),
        ("dev/alpha", "coder/coder-0:80/tpc", "tpc is no protocol; write /tcp, /udp or /sctp"),
        ("dev/alpha", "coder-0:80", "--to coder-0: write namespace/pod"),
        ("10.0.0.1", "10.0.0.5:80", "both addresses"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(source: str, target: str, words: str) -> None:
    """With the argument's name and what to write instead."""
    with pytest.raises(BadArgument) as refused:
        reach_arguments.question(source, target)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("dev/alpha", "coder/coder:8080", "--to coder/coder: there is no such Pod; write coder/coder-0"),
        ("dev/alhpa", "coder/coder-0:8080", "write dev/alpha"),
        ("dev/zzz", "coder/coder-0:8080", "kubectl -n dev get pods shows those that there are"),
        ("none/zzz", "coder/coder-0:8080", "no Pod at all in namespace none"),
        ("dev/alpha", "coder/coder-0:https", "--to: Pod coder/coder-0 has no port https of TCP; it has http (TCP 8080)"),
        ("dev/alpha", "data/postgres-0:pg", "it has none with a name"),
        ("dev/alpha", "10.0.0.5:https", "write its number"),
        ("dev/alpha", "oops", "--to oops: write the port behind it"),
    ],
)  # fmt: skip
def test_who_is_not_there_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], source: str, target: str, words: str
) -> None:
    """Exit code 2, nothing on standard output, and what may be meant."""
    assert asked(folder, source, target) == reach.USAGE

    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err


def test_a_name_of_several_ports_is_asked_back() -> None:
    """A Pod may call two ports alike in two containers."""
    twice = [{"name": "web", "containerPort": 1}, {"name": "web", "containerPort": 2}]
    snapshot = builders.snapshot_of(
        pod("dev/a", "10.1.0.1", "node-1", *twice), pod("dev/b", "10.1.0.2", "node-1")
    )

    with pytest.raises(BadArgument, match=r"several ports web \(1, 2\): write a number"):
        reach.answered(snapshot, *reach_arguments.question("dev/b", "dev/a:web"), "text")


@pytest.mark.parametrize("need", [Need.PODS, Need.NETWORK_POLICIES])
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_was_not_read_is_neither_allowed_nor_denied(need: Need, form: str) -> None:
    """Exit code 3, and what would help."""
    snapshot = builders.snapshot_of(cluster(), unavailable={need: Absence.FORBIDDEN})

    code, said = reach.answered(snapshot, *reach_arguments.question(*ALLOWED), form)

    assert code == 3
    assert "ask with rights to list" in said
    if form == "json":
        assert json.loads(said)["answer"] == "unknown"


def test_what_was_not_saved_says_what_saves_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Policies that are not among the files are not none."""
    pods = [one for one in cluster() if one["kind"] == "Pod"]
    (tmp_path / "pods.yaml").write_text(yaml.safe_dump_all(pods))

    assert asked(tmp_path, *ALLOWED) == 3
    assert "kubectl get networkpolicies.v1.networking.k8s.io" in capsys.readouterr().out


def test_files_and_a_cluster_at_once_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of both is meant."""
    assert asked(folder, *ALLOWED, "--context", "x") == reach.USAGE
    assert "leave out --kubeconfig and --context" in capsys.readouterr().err


def test_without_a_cluster_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a kubeconfig that is not there nor a server that does not answer is a trace of Python."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    nowhere = tmp_path / "config"
    nowhere.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {}}],
                "current-context": "c",
            }
        )
    )
    for config, words in (
        (tmp_path / "none", "name one with --kubeconfig, or ask a saved one with --snapshot"),
        (nowhere, "look whether kubectl reaches the cluster"),
    ):
        more = ["--from", "a/b", "--to", "c/d:80", "--kubeconfig", str(config)]
        assert main.main(["reach", *more]) == reach.USAGE
        assert words in capsys.readouterr().err


def test_a_node_is_known_by_its_address(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own Pods it may always reach."""
    assert asked(folder, "192.168.0.2", "data/postgres-0:5432") == 0
    assert "192.168.0.2 (node node-2)" in capsys.readouterr().out
    assert asked(folder, "192.168.0.1", "data/postgres-0:5432") == 1


def test_it_says_what_it_does_not_see(capsys: pytest.CaptureFixture[str]) -> None:
    """In the help too: policies of other kinds, and whether anybody enforces them."""
    with pytest.raises(SystemExit):
        main.main(["reach", "--help"])

    assert "(Cilium, Calico, AdminNetworkPolicy) are not read" in capsys.readouterr().out
