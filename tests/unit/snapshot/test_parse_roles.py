from typing import Any

import pytest

from coder_cva.snapshot.parse_pods import shape
from coder_cva.snapshot.records import Meta

CODER = "ghcr.io/coder/coder:v2.30.0"
MIRROR = "registry.example.com:5000/mirror/coder@sha256:00"


def role(meta: Meta | None = None, **container: Any) -> str:
    """The role of a Pod with this one container."""
    return shape({"containers": [{"name": "any", **container}]}, meta or Meta("")).role


@pytest.mark.parametrize(
    ("expected", "container"),
    [
        ("coderd", {"image": CODER, "command": ["/opt/coder"], "args": ["server"]}),
        ("coderd", {"image": CODER, "command": ["/opt/coder", "server"]}),
        ("coderd", {"image": CODER, "command": ["/opt/coder"], "args": ["--verbose", "server", "--cache-dir=/x"]}),
        ("coderd", {"image": "own/image", "command": ["/opt/coder"], "args": ["server"]}),
        ("coderd", {"image": CODER, "args": ["--http-address=0.0.0.0:8080"]}),
        ("coderd", {"image": CODER}),
        ("coderd", {"image": CODER, "command": ["/bin/sh", "-c", "sleep 3; exec /opt/coder server"]}),
        ("coderd", {"image": CODER, "command": ["tini", "--", "/opt/coder"], "args": ["server"]}),
        ("wsproxy", {"image": CODER, "command": ["/opt/coder"], "args": ["wsproxy", "server"]}),
        ("wsproxy", {"image": MIRROR, "args": ["wsproxy", "server"]}),
        ("provisionerd", {"image": CODER, "command": ["/opt/coder"], "args": ["provisionerd", "start"]}),
        ("provisionerd", {"image": CODER, "command": ["coder", "provisioner", "start", "--tag", "a=b"]}),
        ("", {"image": CODER, "command": ["/opt/coder"], "args": ["server", "create-admin-user"]}),
        ("", {"image": CODER, "command": ["/opt/coder"], "args": ["agent"]}),
        ("coderd", {"image": CODER, "command": ["/entrypoint.sh"], "args": ["server"]}),
        ("", {"image": CODER, "command": ["/entrypoint.sh"]}),
        ("", {"image": CODER, "command": ["/opt/coder"], "args": ["wsproxy", "ls"]}),
        ("", {"image": CODER, "command": ["/opt/coder"], "args": ["provisionerd", "list"]}),
        ("", {"image": CODER, "command": ["/opt/coder"], "args": ["tokens", "start"]}),
        ("", {"image": MIRROR}),
        ("", {"image": CODER, "args": ["version"]}),
        ("", {"image": "nginx", "args": ["server"]}),
        ("", {"image": "codercom/code-server:4", "args": ["server"]}),
        ("", {"image": "codercom/enterprise-base:ubuntu", "command": ["sh", "-c", "coder server"]}),
    ],
)  # fmt: skip
def test_the_role_is_read_off_image_command_and_arguments(
    expected: str, container: dict[str, Any]
) -> None:
    """One image plays three parts; other images and other commands play none."""
    assert role(**container) == expected


@pytest.mark.parametrize("name", ["coder", "coderd", "coder-provisioner"])
def test_the_name_of_a_container_says_nothing(name: str) -> None:
    """All of Coder's charts call their container ``coder``, and so may anybody."""
    assert role(name=name, image="nginx", args=["server"]) == ""


def test_the_component_annotation_decides_where_the_command_does_not() -> None:
    """Newer charts write it; a wrapper as command hides the arguments."""
    meta = Meta("", annotations={"app.kubernetes.io/component": "wsproxy"})

    assert role(meta, image=CODER, command=["/entrypoint.sh"]) == "wsproxy"
    assert role(meta, image="nginx", command=["/entrypoint.sh"]) == ""


def test_arguments_are_stronger_than_the_annotation() -> None:
    """What runs is what the command line says."""
    meta = Meta("", annotations={"app.kubernetes.io/component": "coderd"})

    assert role(meta, image=CODER, command=["/opt/coder"], args=["wsproxy", "server"]) == "wsproxy"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("coder-control-plane", "coderd"),
        ("coder-provisioner", "provisionerd"),
        ("coder-workspace-proxy", "wsproxy"),
        ("coder", ""),
        ("coder-ai-gateway", ""),
    ],
)
def test_a_name_label_that_only_one_role_has_decides(label: str, expected: str) -> None:
    """An image of one's own is recognised by coder-k8s's and the provisioner chart's labels."""
    meta = Meta("", labels={"app.kubernetes.io/name": label})

    assert role(meta, image="registry.example.com/own:1") == expected


def test_a_sidecar_before_coder_hides_nothing() -> None:
    """The image of the record is that of the container that plays the role."""
    containers = [{"image": "istio/proxy", "args": ["proxy"]}, {"image": CODER, "args": ["server"]}]
    found = shape({"containers": containers}, Meta(""))

    assert (found.role, found.image) == ("coderd", CODER)


@pytest.mark.parametrize(
    "labels",
    [
        {"com.coder.resource": "true"},
        {"com.coder.workspace.id": "1"},
        {"app.kubernetes.io/name": "coder-workspace"},
        {"app": "coder-workspace"},
    ],
)
def test_a_workspace_plays_no_role(labels: dict[str, str]) -> None:
    """Who develops Coder runs a server inside a workspace: that is no control plane."""
    assert role(Meta("", labels=labels), image=CODER, args=["server"]) == ""


def test_an_agent_plays_no_role() -> None:
    """Nor does a container with an agent's token, in clear or by reference, in an init container too."""
    token: dict[str, Any] = {
        "name": "CODER_AGENT_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "x"}},
    }
    server: dict[str, Any] = {"image": CODER, "args": ["server"]}

    for spec in (
        {"containers": [{**server, "env": [token]}]},
        {"containers": [server], "initContainers": [{"env": [{**token, "value": "t"}]}]},
    ):
        found = shape(spec, Meta(""))
        assert (found.role, found.agent) == ("", True)
