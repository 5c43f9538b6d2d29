"""The evaluator against brute force over many random clusters: `python -m support.reach_agreement 10000`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Peer, Reachability
from support import builders
from support.reach_clusters import ADDRESSES, PORTS, Cluster, Question, cluster
from support.reach_oracle import Actor, Oracle, numbered

WORDS = {True: "allowed", False: "denied", None: "cannot be told"}


@dataclass
class Figures:
    """How often they said the same, and of what."""

    clusters: int = 0
    said: Counter[bool | None] = field(default_factory=Counter)
    apart: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """In one line."""
        count = sum(self.said.values())
        kinds = ", ".join(f"{self.said[one]:,} {word}" for one, word in WORDS.items())
        return (
            f"{self.clusters:,} random clusters, {count:,} questions ({kinds}): "
            f"{count - len(self.apart):,} agree with brute force, {len(self.apart):,} do not"
        )


def compare(numbers: range) -> Figures:
    """The clusters of these numbers."""
    figures = Figures()
    for number in numbers:
        made = cluster(number)
        net, ends = evaluator(made)
        oracle = Oracle(made.manifests, PORTS, ADDRESSES)
        figures.clusters += 1
        for one in made.questions:
            source, target = (end(ends, place) for place in (one.source, one.target))
            found = net.connection(source, target, one.port, one.protocol).possible
            expected = oracle.may(actor(one.source), actor(one.target), one.port, one.protocol)
            figures.said[expected] += 1
            if found is not expected:
                figures.apart.append(difference(made, one, found, expected))
    return figures


def difference(made: Cluster, one: Question, found: Any, expected: Any) -> str:
    """What to look at."""
    return f"cluster {made.number}, {one}: {WORDS[found]}, brute force: {WORDS[expected]}"


def evaluator(made: Cluster) -> tuple[Reachability, list[Peer]]:
    """The evaluator with the cluster's Pods, in the order in which they were made."""
    # As they come from an API server: no two texts are one object.
    snapshot = builders.snapshot_of(json.loads(json.dumps(made.manifests)))
    net = Reachability(snapshot)
    pods = sorted(snapshot.items(Need.PODS), key=lambda one: str(one.meta.name))
    return net, [net.very(one) for one in pods]


def end(pods: list[Peer], place: int | str) -> Peer:
    """An end of a question as the evaluator takes it."""
    if isinstance(place, int):
        return pods[place]
    return Peer(place, ranges=(address_ranges.networks((place,)),))


def actor(place: int | str) -> Actor:
    """An end of a question as brute force takes it."""
    return ("pod", place) if isinstance(place, int) else ("ip", numbered(place))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    figures = compare(range(parser.parse_args().count))
    print(*figures.apart[:20], sep="\n")
    print(figures.text)
    return 1 if figures.apart else 0


if __name__ == "__main__":
    sys.exit(main())
