from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from cluster.crd_cases import CASES, Case, sample
from coder_cva.api.errors import InvalidSpec
from coder_cva.api.v1alpha1 import resource
from coder_cva.api.v1alpha1.status import Status
from support import specs

LIVE = {
    **sample("minimal"),
    "metadata": {
        "name": "coder",
        "namespace": "coder",
        "uid": "0a1b",
        "generation": 7,
        "creationTimestamp": "2026-11-23T09:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
    },
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_parser_decides_as_the_api_server(case: Case) -> None:
    """Offline a spec is accepted, or refused with the same words of help, as on the API server."""
    refusal = _refusal(case.manifest)

    assert bool(refusal) == bool(case.refused), refusal
    for word in case.refused:
        assert word.lower() in refusal.lower(), refusal


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(manifest=specs.manifests())
def test_what_is_written_reads_back_equal(manifest: dict[str, Any]) -> None:
    """Any deployment, dumped and parsed again, is the same one; dumping it again gives equal data."""
    deployment = resource.parse(manifest)
    again = resource.parse(deployment.dump())

    assert again == deployment
    assert again.dump() == deployment.dump()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(manifest=specs.damaged())
def test_no_spec_raises_anything_but_invalid_spec(manifest: dict[str, Any]) -> None:
    """Whatever stands in a spec, it is understood, or refused with a path below spec and a sentence."""
    try:
        resource.parse(manifest)
    except InvalidSpec as refused:
        problems = refused.problems
    else:
        problems = ()

    assert all(one.path.startswith("spec") and len(one.message) > 5 for one in problems)


@pytest.mark.parametrize("body", [{}, {"metadata": None}, {"spec": 1}, {"kind": "Pod"}])
def test_no_body_raises_anything_but_invalid_spec(body: dict[str, Any]) -> None:
    """Something that is no CoderDeployment at all is refused in the same way."""
    with pytest.raises(InvalidSpec):
        resource.parse(body)


def test_another_kind_is_refused() -> None:
    """A manifest of another kind or version is not taken for a CoderDeployment."""
    assert "kind" in _refusal({**sample("minimal"), "kind": "Deployment"})
    assert "apiVersion" in _refusal({**sample("minimal"), "apiVersion": "cva.coder.com/v2"})


def test_a_live_object_tells_who_it_is() -> None:
    """Identity, generation and age of a live object are at hand."""
    deployment = resource.parse(LIVE)

    assert (deployment.name, deployment.namespace, deployment.uid) == ("coder", "coder", "0a1b")
    assert (deployment.generation, deployment.created) == (7, "2026-11-23T09:00:00Z")
    assert not deployment.deleting


def test_a_live_object_tells_that_it_goes() -> None:
    """A deletion timestamp says that it is on its way out."""
    metadata = {**LIVE["metadata"], "deletionTimestamp": "2026-11-23T10:00:00Z"}

    assert resource.parse({**LIVE, "metadata": metadata}).deleting


def test_a_manifest_has_no_past() -> None:
    """What was never applied has no identity and no age."""
    deployment = resource.parse(sample("minimal"))

    assert (deployment.uid, deployment.generation, deployment.created) == ("", 0, "")


def test_fields_of_a_newer_crd_are_ignored() -> None:
    """An older operator lives with fields that a newer CRD has, at any depth."""
    manifest = sample("minimal")
    manifest["spec"]["regions"] = [{"name": "eu"}]
    manifest["spec"]["controlPlane"]["gateway"] = {"className": "public"}

    assert resource.parse(manifest) == resource.parse(sample("minimal"))


@pytest.mark.parametrize(
    "status",
    [
        None,
        "text",
        {"conditions": "none"},
        {"verdicts": {"CVA-NET-001": ["perhaps"]}},
        {"findings": [{}]},
    ],
)
def test_an_unreadable_status_counts_as_none(status: Any) -> None:
    """What another version of the operator wrote into the status never stops this one."""
    assert resource.parse({**LIVE, "status": status}).status == Status()


def test_a_readable_status_is_read() -> None:
    """The previous status is at hand, for transitions are told by it."""
    condition = {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 7,
        "lastTransitionTime": "2026-11-23T09:00:00Z",
        "reason": "AsIntended",
        "message": "Everything is there.",
    }
    status = {"observedGeneration": 7, "tier": "1k", "conditions": [condition]}

    read = resource.parse({**LIVE, "status": status}).status

    assert (read.observed_generation, read.tier) == (7, "1k")
    assert read.dump()["conditions"] == [condition]


def test_a_deployment_cannot_be_edited_in_passing() -> None:
    """Models are frozen: what was read stays what was read."""
    deployment = resource.parse(sample("minimal"))

    with pytest.raises(ValidationError):
        deployment.spec.suspend = True  # type: ignore[misc]


def test_defaults_are_those_of_the_architecture() -> None:
    """What the minimal sample leaves unsaid has the documented defaults."""
    spec = resource.parse(sample("minimal")).spec

    assert (spec.edition, spec.suspend, spec.deletion_policy) == ("2026", False, "Delete")
    assert spec.architecture.active_users_percent == 30
    assert spec.control_plane.management == "Managed"
    assert not spec.control_plane.high_availability_licensed
    assert spec.provisioners.built_in_daemons == 3
    assert spec.workspaces.bare_pods == "Audit"
    assert spec.workspaces.storage.host_volumes == "Warn"
    assert spec.network.workspace_egress == "Open"
    assert spec.database is not None
    assert spec.database.url_secret_ref is not None
    assert spec.database.url_secret_ref.key == "url"


def _refusal(manifest: dict[str, Any]) -> str:
    try:
        resource.parse(manifest)
    except InvalidSpec as error:
        return str(error)
    return ""
