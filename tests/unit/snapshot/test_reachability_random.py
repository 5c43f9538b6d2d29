"""Random clusters against brute force, which is written apart, from the specification alone.

`make reachability` asks about 10,000 clusters and prints how often both agree, `make test` about 500; here it
is REACHABILITY_CLUSTERS of them, 100 if nobody says.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from coder_cva.snapshot.needs import Need
from support import builders as b
from support.reach_agreement import Figures, compare, evaluator
from support.reach_clusters import PORTS, cluster
from support.reach_oracle import Oracle, chosen, directions, in_block, numbered

COUNT = int(os.environ.get("REACHABILITY_CLUSTERS", "100"))
PARTS = 5


@pytest.mark.parametrize("part", range(PARTS))
def test_random_clusters_mean_what_the_specification_says(part: int) -> None:
    """Certain where all plugins and all addresses agree, in doubt where they do not, and never else."""
    figures = compare(range(part, COUNT, PARTS))
    print(figures.text)

    assert figures.apart == []


def test_the_clusters_ask_for_every_answer() -> None:
    """None of the three is rare, so that agreement says something."""
    said = compare(range(10_000, 10_050)).said

    assert min(said[one] for one in (True, False, None)) > 0.03 * said.total()
    assert said[True] + said[False] > 0.9 * said.total()


def test_figures_count_what_does_not_agree() -> None:
    """The line that is printed, and what it says where they are apart."""
    figures = Figures(2)
    figures.said.update([True, True, False, None])
    figures.apart.append("one of them")

    assert figures.text == (
        "2 random clusters, 4 questions (2 allowed, 1 denied, 1 cannot be told): "
        "3 agree with brute force, 1 do not"
    )


@pytest.mark.parametrize("number", range(60))
def test_pods_of_one_kind_have_the_same_answers(number: int) -> None:
    """So one of thousands may speak for all of them, whatever labels no selector asks for."""
    made = cluster(number)
    net, _ = evaluator(made)
    pods = b.snapshot_of(made.manifests).items(Need.PODS)
    kinds: dict[Any, list[Any]] = {}
    for one in pods:
        kinds.setdefault(net.kind(one), []).append(net.pod(one))

    for alike in kinds.values():
        for other in map(net.pod, pods):
            assert len({net.connection(one, other, 8080).possible for one in alike}) == 1
            assert len({net.connection(other, one, 8080).possible for one in alike}) == 1


def test_brute_force_knows_the_specification() -> None:
    """It is held to cases that were worked out by hand as well: see the table of cases."""
    assert directions({"egress": []}) == {"ingress"}
    assert directions({"policyTypes": [], "egress": [{}]}) == {"ingress", "egress"}
    assert chosen({}, [{}, {"a": "1"}]) == {0, 1}
    wanted = {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}
    assert chosen(wanted, [{}, {"a": "1"}, {"a": "2"}]) == {0, 2}
    block = {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}
    assert in_block(numbered("10.2.0.1"), block)
    assert not in_block(numbered("10.1.0.1"), block)
    assert not in_block(numbered("::1"), block)
    assert Oracle([], PORTS).places == [(4, 0), (6, 0)]
