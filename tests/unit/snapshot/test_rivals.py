"""What several CoderDeployments could act on is acted on by one of them."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.snapshot import marks
from coder_cva.snapshot.discovery import discover
from support import builders, coder_manifests
from support.deployments import adopted, managed, region

if TYPE_CHECKING:
    from coder_cva.snapshot.discovered import Discovered

EARLY, MIDDLE, LATE = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z"
MANAGEMENTS = ("Managed", "Adopted", "None")


def deployment(
    namespace: str,
    created: str,
    management: str = "Adopted",
    *,
    name: str = "coder",
    elsewhere: str = "",
) -> Any:
    """A CoderDeployment of that age; ``elsewhere`` is the one namespace that its workspaces are in."""
    make = {"Managed": managed, "Adopted": adopted, "None": region}[management]
    manifest = make(namespace, name)
    if elsewhere:
        manifest["spec"]["workspaces"]["namespaces"] = {"names": [elsewhere]}
    manifest["metadata"] |= {
        "uid": f"uid-of-{namespace}-{name}",
        "creationTimestamp": created,
        "generation": 1,
    }
    return builders.coder_deployment(manifest)


def binding(namespace: str, of: str, created: str = EARLY) -> list[dict[str, Any]]:
    """A RoleBinding that lets coderd of a namespace make workspaces in another one, made at that time."""
    role, made = coder_manifests.workspace_binding(namespace, of=of, name=of)
    made["metadata"]["creationTimestamp"] = created
    return [role, made]


def annotated(name: str, reference: str) -> dict[str, Any]:
    """A namespace that says whose it is."""
    return builders.namespace(name, annotations={marks.CONSENT: reference})


def coderd_of(owner: Any) -> dict[str, Any]:
    """A coderd that this operator made for a CoderDeployment, under the account that bindings here name."""
    made = coder_manifests.chart_coderd(owner.namespace, name=owner.name, managed_by="")[-1]
    made["spec"]["template"]["spec"]["serviceAccountName"] = "coder"
    made["metadata"]["labels"] |= {marks.OWNER_UID: owner.uid, marks.MANAGED_BY: marks.OURS}
    return made


def found(asks: Any, *others: Any, around: Any = ()) -> Discovered:
    """What one finds beside the others."""
    return discover(asks, builders.snapshot_of(around), others=others)


def names(discovered: Discovered) -> list[str]:
    return [one.name for one in discovered.namespaces]


OLDER = deployment("emea", EARLY)
YOUNGER = deployment("apac", LATE)
BOTH = [
    coder_manifests.chart_coderd("emea"),
    coder_manifests.chart_coderd("apac"),
    binding("team", "emea"),
    binding("team", "apac"),
]


def test_the_older_holds_what_both_may_act_on() -> None:
    """The namespace stays with the older one, whichever is asked."""
    assert names(found(OLDER, YOUNGER, around=BOTH)) == ["emea", "team"]
    assert names(found(YOUNGER, OLDER, around=BOTH)) == ["apac"]


def test_the_younger_says_who_holds_it() -> None:
    """The refusal names the holder and the way out."""
    it = found(YOUNGER, OLDER, around=BOTH)

    assert "CoderDeployment emea/coder too, which is older" in it.refused_namespaces["team"]
    assert it.taken == {"team"}
    assert found(OLDER, YOUNGER, around=BOTH).refused_namespaces == {}


@pytest.mark.parametrize("management", MANAGEMENTS)
@pytest.mark.parametrize("by", ["annotation", "RoleBinding"])
def test_who_moves_in_takes_nothing_away(management: str, by: str) -> None:
    """A namespace that consented to an older one stays with it, whatever is applied there later."""
    older, newcomer = deployment("coder", EARLY), deployment("team", LATE, management)
    word = (
        annotated("team", "coder/coder") if by == "annotation" else binding("team", "coder", MIDDLE)
    )
    around = [coder_manifests.chart_coderd(), coder_manifests.chart_coderd("team"), word]

    assert names(found(older, newcomer, around=around)) == ["coder", "team"]
    it = found(newcomer, older, around=around)
    assert names(it) == []
    assert it.taken == {"team"}
    assert "consents to CoderDeployment coder/coder too" in it.refused_namespaces["team"]
    assert by in it.refused_namespaces["team"]


def test_a_newcomer_keeps_the_coderd_that_is_its_own() -> None:
    """Of its home only the workspaces are somebody else's; nobody but it claims its coderd."""
    around = [coder_manifests.chart_coderd("team"), annotated("team", "coder/coder")]
    it = found(deployment("team", LATE), deployment("coder", EARLY), around=around)

    assert [one.deployment.meta.path for one in it.coderd] == ["team/coder"]
    assert it.rival is None


@pytest.mark.parametrize("management", MANAGEMENTS)
def test_a_younger_guest_does_not_get_a_home(management: str) -> None:
    """Who lives in a namespace has its consent from the day on which it was applied."""
    host, guest = deployment("team", EARLY, management), deployment("coder", LATE)
    around = [coder_manifests.chart_coderd(), annotated("team", "coder/coder")]

    assert names(found(host, guest, around=around)) == ["team"]
    it = found(guest, host, around=around)
    assert names(it) == ["coder"]
    assert "is the home of CoderDeployment team/coder: it is older" in it.refused_namespaces["team"]


@pytest.mark.parametrize("management", ["Managed", "Adopted"])
def test_a_home_is_not_lost_to_a_role_binding_that_came_after_it(management: str) -> None:
    """What a control plane has placed and isolated in its own namespace is not handed over in passing."""
    host = deployment("apac", MIDDLE, management)
    around = [coder_manifests.chart_coderd("emea"), binding("apac", "emea", LATE)]

    assert names(found(host, OLDER, around=around)) == ["apac"]
    it = found(OLDER, host, around=around)
    assert names(it) == ["emea"]
    told = it.refused_namespaces["apac"]
    assert "it was there before RoleBinding emea" in told
    assert "kubectl annotate namespace apac cva.coder.com/deployment=emea/coder" in told


def test_a_region_at_home_is_nothing_that_a_role_binding_would_have_to_respect() -> None:
    """It runs no coderd there; the older one to whom the namespace consents acts."""
    region = deployment("apac", MIDDLE, "None")
    around = [coder_manifests.chart_coderd("emea"), binding("apac", "emea", LATE)]

    assert names(found(OLDER, region, around=around)) == ["apac", "emea"]
    assert names(found(region, OLDER, around=around)) == []


def test_the_annotation_hands_a_home_over() -> None:
    """It names one CoderDeployment, and who sets it means that one: what the refusal says to type works."""
    host = deployment("apac", MIDDLE)
    around = [
        coder_manifests.chart_coderd("emea"),
        binding("apac", "emea", LATE),
        annotated("apac", "emea/coder"),
    ]

    assert names(found(OLDER, host, around=around)) == ["apac", "emea"]
    assert names(found(host, OLDER, around=around)) == []


def test_a_binding_made_in_the_same_second_was_there() -> None:
    """The clock of the API server counts seconds; in doubt the older one holds."""
    host = deployment("apac", MIDDLE)
    around = [coder_manifests.chart_coderd("emea"), binding("apac", "emea", MIDDLE)]

    assert names(found(OLDER, host, around=around)) == ["apac", "emea"]


def test_what_was_never_applied_is_the_youngest() -> None:
    """An audit by a manifest judges what that one would act on, were it applied now."""
    planned = deployment("team", "", "Managed")
    around = [coder_manifests.chart_coderd("emea"), binding("team", "emea", LATE)]

    assert names(found(planned, OLDER, around=around)) == []
    assert (
        "emea/coder too (RoleBinding emea)"
        in found(planned, OLDER, around=around).refused_namespaces["team"]
    )
    beside = deployment("emea", "", "Managed", name="beside")
    assert found(beside, OLDER, around=around).rival == OLDER


def test_of_three_each_namespace_has_one() -> None:
    """A guest that came too late for the host yields to it, and the host to a guest that came in time."""
    late, early = deployment("emea", EARLY), deployment("amer", "2026-01-02T00:00:00Z")
    host = deployment("team", MIDDLE)
    around = [
        coder_manifests.chart_coderd("emea"),
        coder_manifests.chart_coderd("amer"),
        binding("team", "emea", LATE),
        binding("team", "amer", EARLY),
    ]
    every = [late, early, host]
    acting = {
        one.namespace: names(found(one, *_without(every, one), around=around)) for one in every
    }

    assert acting == {"emea": ["emea"], "amer": ["amer", "team"], "team": []}


@pytest.mark.parametrize("younger", MANAGEMENTS)
@pytest.mark.parametrize("older", MANAGEMENTS)
def test_in_one_namespace_the_older_acts(older: str, younger: str) -> None:
    """Each combination claims the same Pods: coderd's, or those of the workspaces beside it."""
    first = deployment("coder", EARLY, older, name="first")
    second = deployment("coder", LATE, younger, name="second")

    it = found(second, first)

    assert it.rival == first
    assert names(it) == []
    assert found(first, second).rival is None
    assert names(found(first, second)) == ["coder"]


@pytest.mark.parametrize(
    ("older", "younger", "is_rival"),
    [
        ("Managed", "None", False),
        ("None", "Managed", False),
        ("None", "None", False),
        ("Managed", "Managed", True),
        ("Adopted", "Managed", True),
    ],
)
def test_in_one_namespace_two_may_claim_different_things(
    older: str, younger: str, is_rival: bool
) -> None:
    """A region whose workspaces are elsewhere stands in nobody's way; two control planes always do."""
    first = deployment("coder", EARLY, older, name="first")
    second = deployment("coder", LATE, younger, name="second", elsewhere="region")
    around = [annotated("region", "coder/second")]

    it = found(second, first, around=around)

    assert (it.rival is not None) is is_rival
    assert names(it) == ["region"]
    assert names(found(first, second, around=around)) == ["coder"]


def test_a_coderd_that_runs_is_not_taken_away() -> None:
    """An older one that begins to claim it, by an edit, is the one that stands by."""
    first = deployment("coder", EARLY, "Managed", name="first")
    second = deployment("coder", LATE, "Managed", name="second")

    it = found(first, second, around=[coderd_of(second)])

    assert it.rival == second
    assert found(second, first, around=[coderd_of(second)]).rival is None
    both = [coderd_of(first), coderd_of(second)]
    assert found(second, first, around=both).rival == first


def test_who_stands_by_keeps_nobody_from_acting() -> None:
    """The third of a namespace yields to those that act, not to one that does not act itself."""
    first = deployment("coder", EARLY, "Managed", name="first", elsewhere="other")
    second = deployment("coder", MIDDLE, "Managed", name="second")
    third = deployment("coder", LATE, "None", name="third")

    for every in permutations([first, second, third]):
        rivals = {one.name: found(one, *_without(every, one)).rival for one in every}
        assert rivals == {"first": None, "second": first, "third": None}


def test_where_nobody_who_could_may_nobody_holds() -> None:
    """Its home is no other one's, and it stands by all the same."""
    first = deployment("coder", EARLY, "Managed", name="first", elsewhere="other")
    second = deployment("coder", LATE, "Managed", name="second")

    it = found(second, first)

    assert (it.rival, it.taken) == (first, frozenset())


def _without(every: Any, one: Any) -> list[Any]:
    return [other for other in every if other is not one]


PLACES = ("a", "b", "c")
ADDED = "2026-07-01T00:00:00Z"


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Up to five CoderDeployments in three namespaces, and what those namespaces say."""
    every = [
        deployment(
            draw(st.sampled_from(PLACES)),
            draw(st.sampled_from([EARLY, MIDDLE, LATE])),
            draw(st.sampled_from(MANAGEMENTS)),
            name=f"n{number}",
            elsewhere=draw(st.sampled_from(["", *PLACES])),
        )
        for number in range(draw(st.integers(1, 5)))
    ]
    around: list[Any] = []
    for place in PLACES:
        reference = draw(st.sampled_from(["", *(one.reference for one in every)]))
        around += [annotated(place, reference), coder_manifests.workspace_binding(place)[0]]
        guests = draw(
            st.dictionaries(st.sampled_from(PLACES), st.sampled_from([EARLY, MIDDLE, LATE]))
        )
        around += [binding(place, of, created)[1] for of, created in guests.items()]
    helms = draw(st.sets(st.sampled_from(PLACES)))
    around += [coder_manifests.chart_coderd(place)[-1] for place in sorted(helms)]
    around += [coderd_of(one) for one in every if draw(st.booleans())]
    return every, around


def acting(every: list[Any], around: list[Any]) -> dict[str, list[str]]:
    """By name the namespaces of those that act, in a cluster with these CoderDeployments."""
    seen = {one.name: found(one, *_without(every, one), around=around) for one in every}
    return {name: names(it) for name, it in seen.items() if it.rival is None}


@settings(max_examples=150, deadline=None)
@given(clusters())
def test_no_two_ever_act_on_the_same(cluster: tuple[list[Any], list[Any]]) -> None:
    """Neither on the workspaces of a namespace, nor on the coderd of one."""
    every, around = cluster
    acts = acting(every, around)

    places = [place for given_to in acts.values() for place in given_to]
    assert len(places) == len(set(places))
    planes = [
        one.namespace
        for one in every
        if one.name in acts and one.spec.control_plane.management != "None"
    ]
    assert len(planes) == len(set(planes))


@settings(max_examples=150, deadline=None)
@given(clusters(), st.sampled_from(PLACES), st.sampled_from(MANAGEMENTS))
def test_who_is_applied_last_takes_nothing_from_anybody(
    cluster: tuple[list[Any], list[Any]], place: str, management: str
) -> None:
    """Whatever it is and wherever it is applied, all others act on what they acted on before."""
    every, around = cluster
    newest = deployment(place, ADDED, management, name="newest")

    after = acting([*every, newest], around)

    after.pop("newest", None)
    assert after == acting(every, around)
