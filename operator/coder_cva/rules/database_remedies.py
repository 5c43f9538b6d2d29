"""How to change a database, or to say what it is: a Cluster of CloudNativePG, else wherever it is kept."""

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from coder_cva.rules import remedies
from coder_cva.rules.databases import name_of
from coder_cva.rules.model import Judgement, not_applicable
from coder_cva.snapshot.managers import manager_of
from coder_cva.snapshot.records_databases import PostgresCluster
from coder_cva.snapshot.world import World


def no_database(world: World) -> Judgement | None:
    """The answer where there is none to judge: a region has no coderd, which alone connects to it."""
    if world.deployment.spec.control_plane.management == "None":
        return not_applicable("a region has no coderd of its own, and so no database")
    return None


def cluster(found: PostgresCluster, spec: Mapping[str, Any]) -> str:
    """How to change a Cluster: where whoever manages it keeps it, else by kubectl."""
    manager = manager_of(found.meta)
    if manager:
        return f"in {name_of(found)}, which {manager} applies:\n{remedies.as_yaml({'spec': dict(spec)})}"
    patch = json.dumps({"spec": spec}, separators=(",", ":"))
    return (
        f"kubectl -n {found.meta.namespace} patch clusters.postgresql.cnpg.io {found.meta.name} --type=merge "
        f"-p {quote(patch)}"
    )


def declare(world: World, declared: Mapping[str, Any]) -> str:
    """How the spec says what a database outside of the cluster is, ready to paste into its manifest."""
    return remedies.resource(world, {"database": {"declared": dict(declared)}})


def say(world: World, declared: Mapping[str, Any]) -> str:
    """The same as a command, for messages; what is in it is an example, as the sentence says."""
    command = remedies.merge_patch(world, {"database": {"declared": dict(declared)}})
    return f"say it, with your own figures and words in place of these: {command}"
