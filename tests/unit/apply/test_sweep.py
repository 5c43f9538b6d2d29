"""The sweep takes what is ours and unwanted, and nothing else."""

from __future__ import annotations

from typing import Any

from coder_cva.apply import sweep
from coder_cva.values.manifest import ref_of


def policy(name: str, uid: str = "", **labels: str) -> dict[str, Any]:
    owner = {"cva.coder.com/owner-uid": uid} if uid else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": "team",
            "labels": {**owner, **labels},
            "annotations": {"cva.coder.com/deployment": "coder/coder"},
        },
    }


def test_what_the_plan_no_longer_holds_goes() -> None:
    """An object of this owner that is not wanted goes; another owner's and a wanted one stay."""
    wanted, spare, others = policy("wanted", "a"), policy("spare", "a"), policy("others", "b")

    going = sweep.unwanted(
        (wanted, spare, others), "a", "coder/other", frozenset({ref_of(wanted)}), frozenset()
    )

    assert (spare,) == going


def test_an_older_version_of_what_is_wanted_is_the_same_object() -> None:
    """A watch goes on in the version in which it began, when the plan already knows a newer one."""
    watched = {**policy("wanted", "a"), "apiVersion": "networking.k8s.io/v1beta1"}
    other_group = {**policy("wanted", "a"), "apiVersion": "policy.example.com/v1"}
    wanted = frozenset({ref_of(policy("wanted", "a"))})

    going = sweep.unwanted((watched, other_group), "a", "coder/other", wanted, frozenset())

    assert going == (other_group,)


def test_kinds_that_could_not_be_worked_out_stay() -> None:
    """Where a kind could not be decided this time, nothing of it is removed."""
    kinds = frozenset({"NetworkPolicy"})

    assert sweep.unwanted((policy("spare", "a"),), "a", "coder/coder", frozenset(), kinds) == ()


def test_what_an_earlier_one_of_the_name_left_goes_where_it_is_not_wanted() -> None:
    """Taken up with the rest and not wanted any more; what the garbage collector is after is its own."""
    left, going = policy("left", "gone"), policy("going", "gone")
    going["metadata"]["ownerReferences"] = [{"uid": "gone"}]

    found = sweep.unwanted((left, going), "new", "coder/coder", frozenset(), frozenset())

    assert found == (left,)


def test_what_a_gone_owner_left_goes() -> None:
    """A UID that is in no complete list is gone, whatever carries its name now."""
    left, kept = policy("left", "gone"), policy("kept", "living")

    assert (left,) == sweep.abandoned((left, kept), frozenset({"living"}))


def test_shared_objects_go_with_the_last_owner() -> None:
    """The policies that serve everybody stay as long as anybody is there."""
    shared = policy("shared", **{"cva.coder.com/shared": "true"})

    assert sweep.abandoned((shared,), frozenset({"living"})) == ()
    assert (shared,) == sweep.abandoned((shared,), frozenset())


def test_what_was_left_on_purpose_stays() -> None:
    """deletionPolicy: Orphan means that nobody comes for it later."""
    left = policy("left", "gone", **{"cva.coder.com/survives": "true"})

    assert sweep.abandoned((left,), frozenset()) == ()


def test_what_lost_its_owner_reference_at_home_stays() -> None:
    """`kubectl delete --cascade=orphan` takes the references off: whoever types that wants coderd to stay."""
    freed, unmarked = policy("freed", "gone"), policy("unmarked", "gone")
    freed["metadata"]["namespace"] = "coder"
    del unmarked["metadata"]["annotations"]

    assert sweep.abandoned((freed, unmarked), frozenset()) == ()


def test_what_admission_reads_goes_first_and_waits_for_nobody() -> None:
    """Neither for the garbage collector, nor because it was told to leave it: without it nothing acts."""
    words = {
        **policy("coder", "a"),
        "apiVersion": "cva.coder.com/v1alpha1",
        "kind": "CoderPlacement",
    }
    words["metadata"]["namespace"] = "coder"
    owned = {**words, "metadata": {**words["metadata"], "ownerReferences": [{"uid": "a"}]}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "ours", "labels": {"cva.coder.com/owner-uid": "a"}},
    }

    for one in (words, owned):
        assert sweep.abandoned((binding, one), frozenset()) == (one, binding)
        assert sweep.abandoned((one,), frozenset({"a"})) == ()
        unwanted = sweep.unwanted((binding, one), "a", "coder/coder", frozenset(), frozenset())
        assert unwanted == (one, binding)


def test_the_garbage_collectors_objects_are_left_to_it() -> None:
    """An object with an ownerReference needs no sweep."""
    owned = policy("owned", "gone")
    owned["metadata"]["ownerReferences"] = [{"uid": "gone"}]

    assert sweep.abandoned((owned,), frozenset()) == ()
