"""What is mutated, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """Modules of one subject, and the tests that speak about them; quick ones, for they run hundreds of times."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    corpus: str = ""
    """The beginning of the clauses whose corpus is played as well."""


ALL = (
    Area(
        "sizing",
        ("sizing/size.py", "sizing/tiers.py", "sizing/load.py"),
        ("tests/unit/sizing",),
    ),
    Area(
        "node-pools",
        ("snapshot/pools.py", "rules/chapters/node_pools.py"),
        (
            "tests/unit/snapshot/test_pools.py",
            "tests/unit/rules/chapters/test_node_pools.py",
            "tests/unit/rules/chapters/test_pools_told.py",
        ),
        "CVA-NODE",
    ),
    Area(
        "networking",
        ("rules/chapters/network.py",),
        (
            "tests/unit/rules/chapters/test_network.py",
            "tests/unit/rules/test_network_findings.py",
        ),
        "CVA-NET",
    ),
    Area(
        "reachability",
        (
            "snapshot/connection_answers.py",
            "snapshot/connection_ends.py",
            "snapshot/plugin_readings.py",
            "snapshot/policy_rules.py",
            "snapshot/reachability.py",
            "snapshot/three_valued.py",
        ),
        (
            "tests/unit/snapshot/test_reachability.py",
            "tests/unit/snapshot/test_reachability_edges.py",
            "tests/unit/snapshot/test_reachability_cases.py",
            "tests/unit/snapshot/test_explanations.py",
            "tests/unit/snapshot/test_reachability_random.py",
        ),
    ),
)
