"""What the scheduler's messages say, in the wordings of several versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules.scheduler_words import Reason, read

PREEMPTION = " preemption: 0/6 nodes are available: 6 Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("3 Insufficient cpu", Reason.ROOM),
        ("3 Insufficient nvidia.com/gpu", Reason.ROOM),
        ("3 cannot allocate all claims", Reason.ROOM),
        ("3 Too many pods", Reason.PODS),
        ("3 node(s) exceed max volume count", Reason.ATTACHMENTS),
        ("3 node(s) had untolerated taint {dedicated: coder}", Reason.TAINT),
        ("3 node(s) had untolerated taint(s)", Reason.TAINT),
        ("3 node(s) had taint {a.b/c: d}, that the pod didn't tolerate", Reason.TAINT),
        ("3 node(s) had volume node affinity conflict", Reason.VOLUME),
        ("3 node(s) didn't match PersistentVolume's node affinity", Reason.VOLUME),
        ("3 node(s) had no available volume zone", Reason.VOLUME),
        ("3 pod has unbound immediate PersistentVolumeClaims", Reason.CLAIM),
        ("pod has unbound immediate PersistentVolumeClaims", Reason.CLAIM),
        ('persistentvolumeclaim "home" not found', Reason.CLAIM),
        ('storageclass.storage.k8s.io "fast" not found', Reason.CLAIM),
        ("3 node(s) didn't find available persistent volumes to bind", Reason.CLAIM),
        ("3 node(s) did not have enough free storage", Reason.CLAIM),
        ("3 node(s) didn't match Pod's node affinity/selector", Reason.CHOICE),
        ("3 node(s) didn't match node selector", Reason.CHOICE),
        ("3 node(s) didn't match pod anti-affinity rules", Reason.OTHER),
        ("3 node(s) were unschedulable", Reason.OTHER),
    ],
)
def test_each_wording_has_its_reason(words: str, reason: Reason) -> None:
    """Alone, with what follows about preemption, and among others."""
    assert read(f"0/6 nodes are available: {words}.{PREEMPTION}").reasons == {reason}
    assert reason in read(f"0/6 nodes are available: 1 Insufficient cpu, {words}.").reasons
    assert read(words).reasons == {reason}


def test_numbers_of_nodes_and_names_of_claims_make_no_kind() -> None:
    """So that thousands of workspaces with one trouble are one finding."""
    one = read(
        "0/6 nodes are available: 2 Insufficient cpu, 4 node(s) had untolerated taint {a: b}."
    )
    two = read(
        "0/7 nodes are available: 3 node(s) had untolerated taint {a: b}, 4 Insufficient cpu."
    )

    assert one.kind == two.kind
    assert one.text == "2 Insufficient cpu, 4 node(s) had untolerated taint {a: b}"
    claims = [read(f'persistentvolumeclaim "{name}" not found.').kind for name in "ab"]
    assert claims[0] == claims[1]


def test_a_message_that_says_nothing_is_of_its_own_kind() -> None:
    """Older schedulers, and others than Kubernetes' own."""
    assert read("Unschedulable").reasons == {Reason.OTHER}
    assert read("").text == ""


@given(st.text(max_size=200))
def test_no_message_raises(message: str) -> None:
    """There is a reason for each."""
    assert read(message).reasons
