"""What was saved is read as the cluster was; what was not saved is told, and never taken for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import saved
from coder_cva.snapshot.model import Absence, Gathered, Served, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.saved import collected, command, stem
from support import builders, coder_manifests
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.snapshot.model import Reading

NOT_SAVED = Unavailable(Absence.NOT_SAVED, "not in the snapshot")
POD = builders.live(builders.pod("a", "coder"))
ROUTES = Need.HTTP_ROUTES


def listed(*items: dict[str, Any], kind: str = "List", version: str = "v1") -> dict[str, Any]:
    """A list, as kubectl (``List``) or the API server gives it."""
    return {"apiVersion": version, "kind": kind, "items": list(items)}


def reading(need: Need, *documents: tuple[str, Any]) -> Reading[Any]:
    """What is known of a kind."""
    return collected(documents).snapshot.reading(need)


def names(found: Reading[Any]) -> list[str]:
    """The names of what was read."""
    assert isinstance(found, Gathered), found
    return [one.meta.name for one in found.items]


def test_a_list_of_many_kinds_is_told_apart() -> None:
    """As `kubectl get pods,nodes -A -o json` gives it."""
    found = collected([("all", listed(builders.live(builders.node("n")), POD))]).snapshot

    assert names(found.nodes) == ["n"]
    assert names(found.pods) == ["a"]
    assert found.services == NOT_SAVED


def test_objects_one_by_one_are_read_too() -> None:
    """And one that was saved twice is one."""
    other = {**POD, "metadata": {**POD["metadata"], "name": "b"}}

    assert names(reading(Need.PODS, ("x", POD), ("y", listed(other, POD)))) == ["a", "b"]


def test_items_of_a_typed_list_have_its_kind() -> None:
    """The API server says the kind once, at the head of the list."""
    bare = {key: value for key, value in POD.items() if key not in ("apiVersion", "kind")}

    assert names(reading(Need.PODS, ("raw", listed(bare, kind="PodList")))) == ["a"]


@pytest.mark.parametrize("need", SOURCES, ids=str)
def test_an_empty_list_counts_where_it_says_of_what(need: Need) -> None:
    """By its own kind or by the name of its file; an empty list of anything says nothing."""
    source = SOURCES[need]
    typed = listed(kind=f"{source.kind}List", version=source.api_version)

    assert reading(need, (stem(source), listed())) == Gathered(())
    assert reading(need, ("any", typed)) == Gathered(())
    assert reading(need, ("any", listed())) == NOT_SAVED


def test_a_file_with_the_name_of_another_kind_is_no_proof() -> None:
    """Nodes in a file that is named after Pods say nothing about Pods."""
    assert reading(Need.PODS, ("pods", listed(builders.live(builders.node("n"))))) == NOT_SAVED


def test_the_two_names_of_a_kind_do_not_collide() -> None:
    """Each kind has a file of its own, and the command that saves it writes there."""
    assert len({stem(one) for one in SOURCES.values()}) == len(SOURCES)
    assert command(SOURCES[Need.NODES]) == "kubectl get nodes -o json >nodes.json"
    assert command(SOURCES[Need.DEPLOYMENTS]) == (
        "kubectl get deployments.v1.apps --all-namespaces -o json >deployments.v1.apps.json"
    )


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([], NOT_SAVED),
        ([{"kind": "APIGroupList", "groups": []}], NOT_SAVED),
        (
            [{"kind": "APIGroupList", "groups": [{"versions": [{"groupVersion": "apps/v1"}]}]}],
            Unavailable(Absence.NOT_SERVED, "not served"),
        ),
    ],
    ids=["nothing is known", "a server that serves nothing", "the group is not served"],
)
def test_an_extension_is_not_installed_where_the_server_says_so(
    documents: list[Any], expected: Unavailable
) -> None:
    """A kind that a cluster need not have is missing only where the list of groups was saved."""
    assert reading(ROUTES, *(("x", one) for one in documents)) == expected
    assert reading(Need.PODS, *(("x", one) for one in documents)) == NOT_SAVED


@pytest.mark.parametrize(("plural", "is_served"), [("gateways", False), ("httproutes", True)])
def test_an_extension_without_this_kind_is_not_served(plural: str, *, is_served: bool) -> None:
    """Its group may be there and the kind not."""
    version = SOURCES[ROUTES].api_version
    groups = {"kind": "APIGroupList", "groups": [{"versions": [{"groupVersion": version}]}]}
    resources = {
        "kind": "APIResourceList",
        "groupVersion": version,
        "resources": [{"name": plural}],
    }
    found = reading(ROUTES, ("a", groups), ("b", resources))

    assert isinstance(found, Unavailable)
    assert found.reason is (Absence.NOT_SAVED if is_served else Absence.NOT_SERVED)


def test_served_policies_are_known_from_the_lists_of_resources() -> None:
    """All versions that are served, best first; not known while one of their lists is missing."""
    group = "admissionregistration.k8s.io"
    versions = [{"groupVersion": f"{group}/{one}"} for one in ("v1beta1", "v1")]
    groups = {"kind": "APIGroupList", "groups": [{"versions": versions}]}
    lists = [
        {
            "kind": "APIResourceList",
            "groupVersion": f"{group}/{version}",
            "resources": [{"name": f"{one}admissionpolicies"} for one in kinds],
        }
        for version, kinds in (("v1", ["validating"]), ("v1beta1", ["validating", "mutating"]))
    ]

    whole = collected(("x", one) for one in (groups, *lists)).snapshot
    half = collected(("x", one) for one in (groups, lists[0])).snapshot

    assert whole.served == Served(("v1beta1",), ("v1", "v1beta1"))
    assert half.served == NOT_SAVED


def test_only_what_was_applied_is_a_live_coderdeployment() -> None:
    """A manifest in the same folder has no UID, and is none."""
    live = builders.live(adopted("coder"))

    assert collected([("x", adopted("coder"))]).deployments == ()
    assert collected([("x", listed(live)), ("y", live)]).deployments == (live,)


def test_a_saved_cluster_is_the_cluster() -> None:
    """Whatever order the files have: the records are those that were watched."""
    manifests = builders.flat(
        [builders.pools(), builders.namespace("coder"), coder_manifests.chart_coderd("coder")]
    )
    bodies = [builders.live(one) for one in manifests]
    empty = [(stem(source), listed()) for source in SOURCES.values()]

    there = builders.snapshot_of(bodies)
    files = collected([*empty, *(("x", one) for one in reversed(bodies))])

    assert {need: files.snapshot.reading(need) for need in Need} == {
        need: there.reading(need) for need in Need
    }


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Need:
    """A kind of which only one object is read, beside the same kind as a whole."""
    narrow = replace(SOURCES[Need.SERVICES], name="wanted")
    monkeypatch.setitem(SOURCES, Need.INGRESSES, narrow)
    monkeypatch.setattr(saved, "_NEEDS", saved._by_kind())
    monkeypatch.setattr(saved, "_HOMES", {stem(one): need for need, one in SOURCES.items()})
    return Need.INGRESSES


@pytest.mark.parametrize(
    ("place", "kind", "there", "is_known", "is_whole"),
    [
        ("services@wanted", "List", [], True, False),
        ("services@wanted", "List", ["wanted"], True, False),
        ("services@wanted", "ServiceList", ["wanted"], True, False),
        ("services", "List", ["other"], False, True),
        ("any", "ServiceList", ["other"], True, True),
        ("any", "List", ["other"], False, True),
        ("any", "List", ["wanted"], True, True),
    ],
)
def test_one_object_by_its_name_says_nothing_about_the_others(
    named: Need, place: str, kind: str, there: list[str], *, is_known: bool, is_whole: bool
) -> None:
    """A list of one name is no list of the kind; nor is the rest of a kind the one that is wanted."""
    bodies = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "a"}}
        for name in there
    ]
    found = collected([(place, listed(*bodies, kind=kind))]).snapshot

    assert command(SOURCES[named]).endswith(
        "--all-namespaces --field-selector=metadata.name=wanted -o json >services@wanted.json"
    )
    assert isinstance(found.reading(named), Gathered) is is_known
    assert isinstance(found.services, Gathered) is is_whole


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "apiVersion", "items", "metadata", "name", "groups"]),
            inner | st.sampled_from(["List", "PodList", "Pod", "v1", "APIGroupList"]),
            max_size=4,
        )
    ),
)


@given(JSON, st.sampled_from(["x", *map(stem, SOURCES.values())]))
def test_no_shape_raises(document: Any, place: str) -> None:
    """A folder holds all kinds of files."""
    collected([(place, document)])
