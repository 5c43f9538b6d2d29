"""Preview, confirmation, in force, a new class, taken back: on a real API server, as a user types it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from harness.api import ApiError
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.installation import forget_leader
from support.policies import service
from support.workspace_manifests import envbox_pod, workspace_deployment, workspace_id

if TYPE_CHECKING:
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

Object = dict[str, Any]


@pytest.fixture
def coder(kube: Kube, operator: OperatorProcess, namespace: str) -> Object:
    """An adopted Coder with two workspaces that run, each with a Service of its template."""
    for one in chart_coderd(namespace, database=False):
        kube.apply(one, manager="helm")
    for name in ("one", "two"):
        chosen = {"com.coder.workspace.id": workspace_id(name)}
        for one in (*workspace_deployment(name, namespace), service(f"app-{name}", chosen, 3000, namespace)):  # fmt: skip
            kube.apply(one, manager="Terraform")
    kube.wait_for(
        lambda: len(kube.list("Pod", namespace, fields="status.phase=Running")) >= 3,
        what="everybody to run",
    )
    return kube.create(adopted(namespace))


def status(kube: Kube, coder: Object, **wanted: int) -> Object:
    """The status once it has so many of each of these in ``confirm``."""
    found: Object = kube.wait_until(
        coder,
        lambda it: all(
            len(it.get("status", {}).get("confirm", {}).get(key, ())) == count
            for key, count in wanted.items()
        ),
        timeout=60,
    )["status"]
    return found


def type_it(kube: Kube, coder: Object, command: str) -> None:
    """What a command from the status says, to this API server."""
    words = shlex.split(command)
    assert words[:1] == ["kubectl"]
    kube.patch(coder, json.loads(words[words.index("-p") + 1]))


def policies(kube: Kube, coder: Object) -> set[str]:
    """The NetworkPolicies of workspaces."""
    found = kube.list("NetworkPolicy", coder["metadata"]["namespace"])
    return {one["metadata"]["name"] for one in found} - {"coder-coderd"}


def wait_policies(kube: Kube, coder: Object, *names: str) -> None:
    """Wait until exactly these are there; a name is a beginning."""

    def are_there() -> bool:
        found = policies(kube, coder)
        return len(found) == len(names) and all(
            any(one.startswith(name) for one in found) for name in names
        )

    kube.wait_for(are_there, timeout=60, what=f"policies {names}")


def reasons(kube: Kube, coder: Object) -> set[str]:
    """The reasons of the Events about the CoderDeployment."""
    return {one["reason"] for one in kube.list("events", coder["metadata"]["namespace"])}


def test_from_the_preview_to_the_way_back(kube: Kube, coder: Object) -> None:
    """Each step by the command that the status shows; nothing is closed that was not confirmed."""
    namespace = coder["metadata"]["namespace"]
    previewed = status(kube, coder, pending=2)
    (preview,) = (one for one in previewed["previews"] if one["rule"] == "CVA-NET-005")
    assert preview["resources"] == [f"Service {namespace}/app-{one} (port 3000)" for one in ("one", "two")]  # fmt: skip
    assert preview["confirm"] == previewed["confirm"]["hash"]
    assert policies(kube, coder) == set()

    type_it(kube, coder, previewed["confirm"]["command"])
    wait_policies(kube, coder, "coder-workspaces", "coder-workspaces-by-name")
    in_force = status(kube, coder, pending=0, confirmed=2)
    (restriction,) = in_force["restrictions"]
    assert restriction["by"] == previewed["confirm"]["hash"]
    assert "notices" not in in_force

    database = kube.create(service("db", {"com.coder.resource": "true"}, 5432, namespace))
    asked = status(kube, coder, pending=1, confirmed=2)
    wait_policies(kube, coder, "coder-workspaces", "coder-workspaces-by-name", "coder-in-use-5432")
    (notice,) = asked["notices"]
    assert notice["kind"] == "ConfirmAgain"
    assert asked["restrictions"] == in_force["restrictions"]

    type_it(kube, coder, asked["confirm"]["command"])
    wait_policies(kube, coder, "coder-workspaces", "coder-workspaces-by-name")
    status(kube, coder, pending=0, confirmed=3, accepted=2)

    kube.patch(coder, {"spec": {"network": {"confirm": "f" * 12}}})
    mistyped = kube.wait_until(coder, lambda it: it["status"].get("notices"), timeout=60)["status"]
    assert [one["kind"] for one in mistyped["notices"]] == ["ConfirmUnknown"]
    assert len(policies(kube, coder)) == 2

    kube.patch(coder, {"spec": {"network": {"confirm": None}}})
    wait_policies(kube, coder)
    back = status(kube, coder, accepted=0, pending=3)
    assert "restrictions" not in back
    kube.delete(database)
    expected = {"Confirmed", "ConfirmAgain", "ConfirmUnknown", "TakenBack"}
    kube.wait_for(lambda: expected <= reasons(kube, coder), timeout=30, what="the Events")


def test_what_was_confirmed_outlives_the_operator(
    kube: Kube, operator: OperatorProcess, coder: Object
) -> None:
    """It is killed and comes back, and a class came meanwhile: nothing is opened, nothing new is closed."""
    namespace = coder["metadata"]["namespace"]
    type_it(kube, coder, status(kube, coder, pending=2)["confirm"]["command"])
    wait_policies(kube, coder, "coder-workspaces", "coder-workspaces-by-name")
    status(kube, coder, pending=0, confirmed=2)
    closing = kube.get("NetworkPolicy", "coder-workspaces", namespace)

    operator.kill()
    kube.create(service("db", {"com.coder.resource": "true"}, 5432, namespace))
    forget_leader(kube)
    operator.start()

    wait_policies(kube, coder, "coder-workspaces", "coder-workspaces-by-name", "coder-in-use-5432")
    status(kube, coder, pending=1, confirmed=2)
    now = kube.get("NetworkPolicy", "coder-workspaces", namespace)
    assert now["metadata"]["uid"] == closing["metadata"]["uid"]


def test_what_becomes_not_ready_after_the_bite_is_told(kube: Kube, coder: Object) -> None:
    """A workspace that loses its readiness is named with the one edit that takes the restriction back."""
    namespace = coder["metadata"]["namespace"]
    type_it(kube, coder, status(kube, coder, pending=2)["confirm"]["command"])
    status(kube, coder, pending=0, confirmed=2)
    victim = kube.list("Pod", namespace, labels=f"com.coder.workspace.id={workspace_id('one')}")[0]
    kube.patch(victim, {"metadata": {"annotations": {"harness.test/state": "unready"}}})

    told = kube.wait_until(coder, lambda it: it["status"].get("notices"), timeout=60)["status"]

    (notice,) = told["notices"]
    assert notice["kind"] == "RestrictionHarms"
    assert f"Pod {namespace}/{victim['metadata']['name']}" in notice["message"]
    edit = notice["message"].partition("takes the restriction back: ")[2]
    type_it(kube, coder, edit)
    wait_policies(kube, coder)
    kube.wait_until(coder, lambda it: "notices" not in it["status"], timeout=60)
    kube.wait_for(lambda: "RestrictionHarms" in reasons(kube, coder), timeout=30, what="the Event")


def test_what_is_refused_at_admission_is_confirmed_too(kube: Kube, coder: Object) -> None:
    """Host volumes: let through, refused once that is confirmed, let through again after one edit."""
    namespace = coder["metadata"]["namespace"]
    box = envbox_pod("box", namespace)[-1]
    kube.patch(coder, {"spec": {"workspaces": {"storage": {"hostVolumes": "Deny"}}}})
    asked = status(kube, coder, pending=3)["confirm"]
    assert f"CVA-STO-004: volumes of the node in {namespace}" in asked["pending"]
    assert refusal(kube, box) == ""

    type_it(kube, coder, asked["command"])
    kube.wait_for(lambda: "CVA-STO-004" in refusal(kube, box), timeout=60, what="the refusal")
    in_force = {one["rule"] for one in status(kube, coder, pending=0, confirmed=3)["restrictions"]}
    assert in_force == {"CVA-NET-005", "CVA-STO-004"}

    kube.patch(coder, {"spec": {"network": {"confirm": None}}})
    kube.wait_for(lambda: refusal(kube, box) == "", timeout=60, what="the end of the refusal")


def refusal(kube: Kube, wanted: Object) -> str:
    """The words with which an object is refused, "" where it is not."""
    try:
        kube.create(wanted, dry_run=True)
    except ApiError as error:
        return str(error.message)
    return ""
