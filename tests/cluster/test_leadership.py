"""Two replicas of the operator: one writes; frozen, killed or ended, another takes over, and never both."""

from __future__ import annotations

import json
import secrets
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from support.deployments import ready_coder, wait_condition
from support.installation import NAMESPACE
from support.stage import own_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

LEASE_SECONDS = 15
"""How long others wait for a holder that says nothing (kube/leases.py)."""
CREDENTIAL = "authentication.kubernetes.io/credential-id"
WRITES = ("create", "update", "patch", "delete")


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster whose API server notes every request and its token."""
    with own_stage(request, tmp_path_factory.mktemp("leadership"), audit=True) as it:
        yield it


@pytest.fixture
def kube(stage: Stage) -> Kube:
    """The client of that cluster."""
    return stage.kube


@pytest.fixture
def replicas(stage: Stage) -> Iterator[list[OperatorProcess]]:
    """Two replicas, each with a token of its own; the first leads."""
    made = [stage.operator("first"), stage.operator("second")]
    for one in made:
        one.start()
        stage.kube.wait_for(lambda: holder(stage.kube), what="a leader")
    assert [leads(one) for one in made] == [True, False]
    yield made
    for resource in stage.kube.list("CoderDeployment"):
        stage.kube.delete(resource)
    for one in made:
        one.kill()
    stage.forget_leader()


@pytest.fixture
def writers(stage: Stage, replicas: list[OperatorProcess]) -> Callable[[], list[int]]:
    """Who wrote since the test began, one after another: how much in a row, by the API server's own log."""
    log = stage.cluster.logs / "audit.log"
    past = len(log.read_text().splitlines())

    def told() -> list[int]:
        found: list[tuple[str, str]] = []
        for line in log.read_text().splitlines()[past:]:
            event = json.loads(line)
            if is_write(event):
                token = event["user"].get("extra", {}).get(CREDENTIAL, ["?"])[0]
                found.append((event["requestReceivedTimestamp"], token))
        found.sort()
        return [len(list(them)) for _, them in groupby(token for _, token in found)]

    return told


def holder(kube: Kube) -> str:
    """Who holds the Lease."""
    lease = kube.find("Lease", "coder-cva-operator", NAMESPACE)
    name: str = lease["spec"].get("holderIdentity", "") if lease else ""
    return name


def leads(process: OperatorProcess) -> bool:
    """What a replica itself says."""
    return "coder_cva_leader 1.0" in process.get("/metrics")[1]


def is_write(event: Object) -> bool:
    """Whether the operator changed something, or tried to; dry runs change nothing."""
    return (
        event["user"]["username"].endswith(":coder-cva-operator")
        and event["verb"] in WRITES
        and event.get("objectRef", {}).get("resource") not in ("leases", "selfsubjectaccessreviews")
        and "dryRun" not in event["requestURI"]
    )


def disturb(kube: Kube, namespace: str) -> None:
    """Deletes something of ours, so that whoever leads has to write.

    What is deleted once too often waits for an edit of the CoderDeployment: this is one, without effect.
    """
    attested = {
        "clause": "CVA-SUP-002",
        "evidence": f"https://example.com/{secrets.token_hex(4)}",
        "until": "2099-01-31",
    }
    coder = kube.get("CoderDeployment", "coder", namespace)
    kube.patch(coder, {"spec": {"attestations": [attested]}})
    service = kube.wait_for(
        lambda: kube.get("Service", "coder", namespace), timeout=3 * LEASE_SECONDS
    )
    kube.delete(service)
    kube.wait_until(
        service,
        lambda it: it["metadata"]["uid"] != service["metadata"]["uid"],
        timeout=3 * LEASE_SECONDS,
    )


def test_of_two_only_one_writes(
    kube: Kube, replicas: list[OperatorProcess], writers: Callable[[], list[int]]
) -> None:
    """With two replicas up everything is written by one token, while both are ready."""
    namespace = kube.namespace("lead")
    ready_coder(kube, namespace)

    for _ in range(3):
        disturb(kube, namespace)

    assert len(writers()) == 1
    assert all(one.is_ready() for one in replicas)


def test_an_ended_leader_hands_over_at_once(
    kube: Kube, replicas: list[OperatorProcess], writers: Callable[[], list[int]]
) -> None:
    """Asked to end it gives its Lease away: nobody has to wait until it would have run out."""
    namespace = kube.namespace("lead")
    resource = ready_coder(kube, namespace)
    first = holder(kube)

    replicas[0].stop()

    assert holder(kube) != first
    kube.wait_for(lambda: leads(replicas[1]), what="the second to lead")
    disturb(kube, namespace)
    wait_condition(kube, resource, "Ready", "True")
    assert len(writers()) == 2


def test_a_frozen_leader_that_wakes_up_writes_nothing(
    kube: Kube, replicas: list[OperatorProcess], writers: Callable[[], list[int]]
) -> None:
    """Frozen at work, overtaken, and woken: from the takeover on only the second one writes."""
    namespace = kube.namespace("lead")
    resource = ready_coder(kube, namespace)
    kube.delete(kube.get("Service", "coder", namespace))

    replicas[0].freeze()
    kube.wait_for(lambda: leads(replicas[1]), timeout=4 * LEASE_SECONDS, what="the second to lead")
    disturb(kube, namespace)
    replicas[0].thaw()
    for _ in range(5):
        disturb(kube, namespace)

    kube.wait_for(lambda: not leads(replicas[0]), what="the first to notice")
    wait_condition(kube, resource, "Ready", "True")
    assert len(writers()) == 2, "the first wrote again after the second had"
    assert replicas[0].is_running
    # Overtaken is not out: it leads again when the second is gone.
    replicas[1].stop()
    kube.wait_for(lambda: leads(replicas[0]), what="the first to lead again")
    disturb(kube, namespace)


def test_a_killed_leader_is_followed(
    kube: Kube, replicas: list[OperatorProcess], writers: Callable[[], list[int]]
) -> None:
    """Killed without a word, it is followed once its Lease has run out; nothing stays undone."""
    namespace = kube.namespace("lead")
    resource = ready_coder(kube, namespace)

    replicas[0].kill()
    disturb(kube, namespace)

    wait_condition(kube, resource, "Ready", "True")
    assert len(writers()) == 2
