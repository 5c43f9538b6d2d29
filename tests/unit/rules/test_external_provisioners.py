"""Where an external provisioner connects to, and which jobs it takes, as far as its Deployment shows it."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules import external_provisioners
from coder_cva.rules.external_provisioners import External, Way
from support import builders
from support.coder_manifests import chart_coderd, chart_provisioner, workspace_binding
from support.deployments import adopted

ACCESS = [{"name": "CODER_ACCESS_URL", "value": "https://coder.example.com:8443"}]
SECRET = {"secretRef": {"name": "it"}}


def service(name: str, **spec: Any) -> dict[str, Any]:
    """A Service beside coderd."""
    body = {"ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "coder"},
        "spec": body,
    }


def external(
    url: str | None = None,
    *,
    namespace: str = "coder",
    key: bool = False,
    env: list[dict[str, Any]] | None = None,
    **container: Any,
) -> External:
    """A provisioner in a world with one coderd, of namespace coder."""
    manifests = chart_provisioner(namespace, url=url, key=key, env=env)
    manifests[-1]["spec"]["template"]["spec"]["containers"][0].update(container)
    world = builders.world(
        adopted("coder"),
        builders.pools(),
        builders.all_running([chart_coderd(env=ACCESS)], ["control-plane-1"]),
        workspace_binding("builders", name="coder-workspaces"),
        service("alias", type="ExternalName", externalName="coder.coder.svc"),
        service("other", selector={"app": "other"}),
        builders.all_running([manifests]),
    )
    (found,) = external_provisioners.external(world)
    return found


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("http://coder.coder.svc.cluster.local", Way.HERE),
        ("http://coder.coder.svc.corp.internal:80", Way.HERE),
        ("http://coder.coder.svc", Way.HERE),
        ("http://coder.coder", Way.HERE),
        ("https://coder.example.com:8443", Way.HERE),
        ("http://coder", Way.ELSEWHERE),
        ("http://coder.builders.svc", Way.ELSEWHERE),
        ("http://other.coder.svc", Way.ELSEWHERE),
        ("http://gone.coder.svc", Way.ELSEWHERE),
        ("http://alias.coder.svc", Way.UNKNOWN),
        ("https://coder.example.org", Way.UNKNOWN),
        ("http://10.0.0.1", Way.UNKNOWN),
        ("http://0.coder.coder.svc", Way.UNKNOWN),
        ("http://coder.$(NAMESPACE).svc", Way.UNKNOWN),
        ("coder.example.com", Way.UNKNOWN),
        ("http://[", Way.UNKNOWN),
    ],
)
def test_a_url_leads_here_elsewhere_or_nobody_knows(url: str, way: Way) -> None:
    """By the Services that are there, in each way in which Pods may write them, and by the access URL."""
    found = external(url, namespace="builders")

    assert found.way is way
    assert bool(found.doubt) is (way is not Way.HERE)
    if found.doubt:
        assert url in found.doubt


def test_the_short_name_is_one_of_its_own_namespace() -> None:
    """As the resolver of its Pod has it."""
    assert external("http://coder").way is Way.HERE
    assert external("http://coder", namespace="builders").way is Way.ELSEWHERE


def test_a_url_from_a_secret_is_not_seen() -> None:
    """Nor one that nobody sets."""
    hidden = external(env=[{"name": "CODER_URL", "valueFrom": {"secretKeyRef": {"name": "it", "key": "url"}}}])  # fmt: skip
    bare = external(env=[{"name": "CODER_URL", "value": ""}])

    assert (hidden.way, bare.way) == (Way.UNKNOWN, Way.UNKNOWN)
    assert "from a ConfigMap or a Secret" in hidden.doubt
    assert "not set" in bare.doubt


@pytest.mark.parametrize(
    ("tags", "doubt"),
    [
        ("", ""),
        ("scope=organization,owner=", ""),
        ("site=lab", "has the tags site=lab"),
        ("scope=organization,site=lab,os=linux", "has the tags site=lab, os=linux"),
        ("scope=user", "has the tags scope=user"),
    ],
)
def test_a_provisioner_with_tags_takes_no_job_without(tags: str, doubt: str) -> None:
    """The two tags that each has are as good as none; one for a user is for that user only."""
    found = external(env=[{"name": "CODER_PROVISIONERD_TAGS", "value": tags}])

    assert doubt in found.doubt
    assert bool(found.doubt) is bool(doubt)


def test_tags_may_be_flags() -> None:
    """Then the variable says nothing."""
    env = [{"name": "CODER_PROVISIONERD_TAGS", "value": "site=lab"}]
    args = ["provisionerd", "start", "--tag", "scope=organization"]

    assert external(args=args, env=env).doubt == ""
    assert "site=far" in external(args=[*args, "-t", "site=far"]).doubt


def test_a_key_hides_what_it_is_for() -> None:
    """Its tags and its organization stand in Coder's database; the command that shows them is told."""
    found = external(key=True)

    assert found.way is Way.HERE
    assert "coder provisioner list" in found.doubt


def test_variables_that_come_as_a_whole_may_be_a_key_or_tags() -> None:
    """A prefix may rule that out."""
    assert "CODER_PROVISIONER_DAEMON_KEY" in external(envFrom=[SECRET]).doubt
    assert external(envFrom=[{**SECRET, "prefix": "AWS_"}]).doubt == ""


def test_an_organization_is_not_all_of_them() -> None:
    """What is built for the others is not seen."""
    found = external(env=[{"name": "CODER_ORGANIZATION", "value": "lab"}])

    assert "organization lab only" in found.doubt
