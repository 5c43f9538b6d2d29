from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import volume_topology
from coder_cva.snapshot.parse_cluster import node
from coder_cva.snapshot.parse_storage import persistent_volume
from coder_cva.snapshot.records import Meta, Node, NodeExpression, PersistentVolume
from support import builders as b

ZONE = "topology.kubernetes.io/zone"
KEYS, VALUES = ("a", "b", "c"), ("1", "2", "3")


def nodes(*labels: dict[str, str]) -> list[Node]:
    found = [node(b.node(f"n-{number}", labels=one)) for number, one in enumerate(labels)]
    return [one for one in found if one is not None]


def volume(terms: list[dict[str, Any]] | None, **parts: Any) -> PersistentVolume:
    made = persistent_volume(b.persistent_volume("pv", "dev/home", terms=terms, **parts))
    assert made is not None
    return made


def expressions(*said: tuple[str, str, list[str]]) -> dict[str, Any]:
    return {"matchExpressions": [{"key": k, "operator": o, "values": v} for k, o, v in said]}


def reached(one: PersistentVolume, *labels: dict[str, str]) -> bool:
    return not volume_topology.out_of_reach([one], nodes(*labels))


@pytest.mark.parametrize(
    ("operator", "values", "labels", "is_met"),
    [
        ("In", ["1", "2"], {"a": "2"}, True),
        ("In", ["1", "2"], {"a": "3"}, False),
        ("In", ["1"], {}, False),
        ("In", [], {"a": "1"}, False),
        ("NotIn", ["1"], {"a": "2"}, True),
        ("NotIn", ["1"], {"a": "1"}, False),
        ("NotIn", ["1"], {}, True),
        ("Exists", [], {"a": ""}, True),
        ("Exists", [], {}, False),
        ("DoesNotExist", [], {}, True),
        ("DoesNotExist", [], {"a": ""}, False),
        ("Gt", ["4"], {"a": "5"}, True),
        ("Gt", ["4"], {"a": "4"}, False),
        ("Lt", ["4"], {"a": "3"}, True),
        ("Lt", ["4"], {"a": "4"}, False),
        ("Gt", ["4"], {}, False),
        ("Lt", ["4"], {"a": "x"}, False),
        ("Gt", ["4", "5"], {"a": "9"}, False),
        ("Near", ["1"], {"a": "1"}, False),
    ],
)
def test_every_operator_is_read_as_the_scheduler_reads_it(
    operator: str, values: list[str], labels: dict[str, str], is_met: bool
) -> None:
    """Also on nodes without the label; an operator that nobody knows is met by no node."""
    assert reached(volume([expressions(("a", operator, values))]), labels) is is_met


def test_terms_are_alternatives_and_their_expressions_are_not() -> None:
    """One node that meets one whole term is enough; half a term on each of two nodes is not."""
    both = expressions(("a", "In", ["1"]), ("b", "In", ["1"]))
    assert not reached(volume([both]), {"a": "1"}, {"b": "1"})
    assert reached(volume([both, expressions(("b", "Exists", []))]), {"a": "1"}, {"b": "1"})


def test_an_empty_term_is_met_by_no_node() -> None:
    """As the API defines it; so are no terms at all, and one of a broken shape."""
    shapes: list[list[dict[str, Any]]] = [
        [],
        [{}],
        [{"matchExpressions": "x"}],
        [{"matchExpressions": [{}]}],
    ]
    for terms in shapes:
        assert not reached(volume(terms), {"a": "1"})


def test_a_volume_without_affinity_is_attached_anywhere() -> None:
    """A network file system, for one; even where there is no node to attach it now."""
    assert reached(volume(None))


def test_a_volume_on_a_node_is_reached_by_that_node_only() -> None:
    """A local volume names its node by the host name, or by the node's own name."""
    by_field = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n-1"]}]}
    by_label = expressions(("kubernetes.io/hostname", "In", ["n-1"]))
    for term in (by_field, by_label):
        assert not reached(volume([term]), {})
        assert reached(volume([term]), {}, {})


def test_a_volume_that_only_its_label_puts_into_a_zone_is_in_that_zone() -> None:
    """Older volumes, and those made by hand, name their zone in a label: several, in one case."""
    for key in (ZONE, "failure-domain.beta.kubernetes.io/zone"):
        body = b.persistent_volume("pv", "dev/home")
        body["metadata"]["labels"] = {key: "a__b"}
        found = persistent_volume(body)
        assert found is not None
        assert reached(found, {ZONE: "b"})
        assert not reached(found, {ZONE: "c"})


@pytest.mark.parametrize("phase", ["Released", "Failed"])
def test_a_volume_whose_claim_is_gone_holds_nobody(phase: str) -> None:
    """A new claim of the old name gets another volume; so does one that holds no claim at all."""
    assert reached(volume([{}], phase=phase))
    free = persistent_volume(b.persistent_volume("pv", zone="z", phase="Available"))
    assert free is not None
    assert reached(free)


EXPRESSION = st.builds(
    NodeExpression,
    st.sampled_from(KEYS),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
    st.lists(st.sampled_from(VALUES), max_size=2).map(tuple),
)
TERMS = st.lists(st.lists(EXPRESSION, max_size=3).map(tuple), max_size=3).map(tuple)
LABELS = st.lists(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=4)


@given(st.lists(TERMS, max_size=5), LABELS)
def test_grouping_and_the_index_change_no_answer(found: list[Any], labels: list[Any]) -> None:
    """The answer is that of trying each term of each volume on each node."""
    volumes = [
        PersistentVolume(Meta(str(number)), ("dev", "home"), "Bound", terms)
        for number, terms in enumerate(found)
    ]
    plain = tuple(
        one
        for one in volumes
        if not any(
            term and all(volume_topology.meets(each, said) for said in term)
            for term in one.node_terms or ()
            for each in labels
        )
    )
    assert volume_topology.out_of_reach(volumes, nodes(*labels)) == plain


def test_ten_thousand_volumes_on_five_hundred_nodes_are_no_work() -> None:
    """Also where every volume is on the disk of one node, and half of the nodes are gone."""
    volumes = [
        volume([expressions(("kubernetes.io/hostname", "In", [f"n-{number % 1000}"]))])
        for number in range(10_000)
    ]
    known = nodes(*({} for _ in range(500)))
    begun = time.process_time()
    assert len(volume_topology.out_of_reach(volumes, known)) == 5_000
    assert time.process_time() - begun < 0.5


def test_a_place_is_told_in_words() -> None:
    """The zone where there is one, all that is asked where there is more."""
    two = volume([expressions((ZONE, "In", ["a"])), expressions(("b", "NotIn", ["1", "2"]))])
    assert volume_topology.place(two.node_terms or ()) == f"{ZONE}=a or b NotIn (1, 2)"
    assert volume_topology.place(()) == "nowhere"
