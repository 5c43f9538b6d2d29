"""The corpus of rules: files of small worlds, each with the verdict that it must lead to.

``tests/rules/<clause>/<verdict>.<why>.yaml`` holds:

- ``shown``: true for the file that the clause's page shows of its verdict, where that is not the first by name;
- ``like``: adopted (default) or managed, the CoderDeployment to begin with in namespace coder;
- ``deployment``: what is laid over it;
- ``objects``: objects as the API server gives them, or ``{make: builder, …}``: Coder's own objects as its
  charts and templates make them, running. ``nodes`` says where their Pods run (in turn), ``pending: true``
  that they found none, ``ours: true`` that the operator made them, ``with: {Kind: …}`` what is laid over the
  objects of a kind. Without any Node both pools have three;
- ``unavailable``: kinds that could not be read, with the reason;
- ``served``: the versions of ``mutating_policy`` and ``validating_policy`` that are served; v1 of both where
  it is left out;
- ``observed``: what was seen beside the cluster's API, by part: ``coder`` holds bodies of Coder's API by the
  names of ``parse_coder.NAMES`` (and ``outdated``, ``workspaces_of``), as Coder answers them; ``{unseen: Reason}``
  in the place of a body says why there was none; ``database`` is in the words of ``database_looks.seen``;
- ``now``: the clock;
- ``previous``: the status that an earlier look left;
- ``expect``: reason, fragments of the message, and all findings, each with its resource and fragments of
  its other parts; ``never`` are fragments that may not be in its remedy.
"""

from __future__ import annotations

import copy
import itertools
import os
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from coder_cva.snapshot.coder_seen import Unseen
from coder_cva.snapshot.model import Absence, Served
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.observations import Observations
from coder_cva.snapshot.parse_coder import coder_seen
from support import (
    builders,
    coder_manifests,
    database_looks,
    databases,
    deployments,
    monitoring_manifests,
    scaling_manifests,
    workspace_manifests,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coder_cva.snapshot.world import World

ROOT = Path(__file__).resolve().parents[1] / "rules"
ONLY = "CVA_TEST_CLAUSES"
"""The variable that holds the beginning of the clauses whose corpus is played, where hundreds of runs need no other."""
VERDICTS = {
    "passed": "passed",
    "failed": "failed",
    "unknown": "unknown",
    "not_applicable": "notApplicable",
}
"""By the beginning of a file's name the verdict."""

Manifest = dict[str, Any]

_MADE: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        builders.deployment,
        builders.namespace,
        builders.node,
        builders.persistent_volume,
        builders.pod,
        builders.pools,
        coder_manifests.chart_coderd,
        coder_manifests.chart_provisioner,
        coder_manifests.chart_proxy,
        coder_manifests.coder_k8s_coderd,
        coder_manifests.workspace_binding,
        scaling_manifests.autoscaler_status,
        scaling_manifests.machine_autoscaler,
        scaling_manifests.machine_deployment,
        scaling_manifests.node_pool,
        monitoring_manifests.bundle_alarms,
        monitoring_manifests.pod_monitor,
        monitoring_manifests.program,
        monitoring_manifests.programs,
        monitoring_manifests.prometheus,
        monitoring_manifests.prometheus_rule,
        monitoring_manifests.scrape_config,
        monitoring_manifests.service_monitor,
        databases.cnpg_backups,
        databases.cnpg_cluster,
        databases.dump_job,
        workspace_manifests.devcontainer_deployment,
        workspace_manifests.envbox_pod,
        workspace_manifests.seed_pod,
        workspace_manifests.virtual_machine_pod,
        workspace_manifests.workspace_deployment,
        workspace_manifests.workspace_pod,
    )
}
_OBSERVED: dict[str, Callable[[Any], Any]] = {
    "database": database_looks.seen,
    "coder": lambda said: coder_seen({name: _body(one) for name, one in said.items()}),
}
"""How each part of what is observed is made of what a file says."""
_OWNER = {
    "app.kubernetes.io/managed-by": "coder-cva-operator",
    "cva.coder.com/owner-uid": builders.uid_of("CoderDeployment", "coder", "coder"),
}
"""What the operator writes on its objects: the CoderDeployment of every file is of this name."""
_ON_CONTROL_PLANE = {"chart_coderd", "chart_provisioner", "chart_proxy", "coder_k8s_coderd"}


@dataclass(frozen=True)
class Case:
    """One file of the corpus."""

    path: Path

    @cached_property
    def content(self) -> dict[str, Any]:
        """What stands in it; read when it is asked for, since few runs play all of them."""
        content: dict[str, Any] = yaml.load(self.path.read_text("utf-8"), _TextOfDates)
        return content

    @property
    def clause(self) -> str:
        """The clause that it is about: its folder."""
        return self.path.parent.name

    @property
    def verdict(self) -> str:
        """The verdict that it must lead to: the beginning of its name."""
        return VERDICTS[self.path.name.split(".")[0]]

    @property
    def name(self) -> str:
        """Folder and file, for the names of tests."""
        return f"{self.clause}/{self.path.stem}"

    @property
    def why(self) -> str:
        """The rest of its name, as words."""
        return self.path.name.split(".")[1].replace("_", " ")

    @property
    def remark(self) -> str:
        """The comment at its head, as one paragraph."""
        lines = self.path.read_text("utf-8").splitlines()
        return " ".join(
            one.lstrip("# ") for one in itertools.takewhile(lambda it: it.startswith("#"), lines)
        )

    @property
    def expected(self) -> dict[str, Any]:
        """What else the verdict must say."""
        expected: dict[str, Any] = self.content.get("expect") or {}
        return expected

    def world(self, served: Served | None = None) -> World:
        """The world that the file describes, or the same with other policies served; an impossible one is refused.

        A world cannot be changed, so all tests of a process get the same one.
        """
        return self._world if served is None else self._made(served)

    @cached_property
    def _world(self) -> World:
        return self._made(_served(self.content.get("served")))

    def _made(self, served: Served | None) -> World:
        said = self.content
        now = said.get("now")
        return builders.world(
            self.deployment(),
            self.objects(),
            unavailable={
                Need(kind): Absence(reason)
                for kind, reason in (said.get("unavailable") or {}).items()
            },
            now=datetime.fromisoformat(now) if now else builders.NOW,
            served=served,
            observed=_observed(said.get("observed") or {}),
            previous=said.get("previous"),
        )

    def deployment(self) -> Manifest:
        """The CoderDeployment."""
        base = getattr(deployments, self.content.get("like", "adopted"))("coder")
        laid: Manifest = merged(base, self.content.get("deployment") or {})
        return laid

    def objects(self) -> list[Manifest]:
        """Everything else that is there."""
        found = builders.flat(made(one) for one in self.content.get("objects") or [])
        nodes = [one for one in found if one["kind"] == "Node"]
        return found if nodes else [*builders.pools(), *found]


@cache
def cases() -> tuple[Case, ...]:
    """The whole corpus, in the order of clauses and names, read once; of fewer clauses where the environment says so."""
    files = sorted(ROOT.glob(f"{os.environ.get(ONLY, '')}*/*.yaml"))
    return tuple(Case(path) for path in files)


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C where PyYAML has it: the same YAML in a sixth of the time."""


class _TextOfDates(_Loader):  # type: ignore[misc] # it is one of two
    """YAML in which a date is a text, as in JSON."""


_TextOfDates.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _served(said: Mapping[str, list[str]] | None) -> Served | None:
    if said is None:
        return None
    return Served(tuple(said["mutating_policy"]), tuple(said["validating_policy"]))


def _observed(said: Mapping[str, Any]) -> Observations:
    return Observations(**{part: _OBSERVED[part](one) for part, one in said.items()})


def _body(said: Any) -> Any:
    """A body as it is, or why there was none; one of several answers may be either."""
    if not isinstance(said, dict):
        return said
    if said.keys() == {"unseen"}:
        return Unseen(said["unseen"], f"it is {said['unseen']}")
    return {name: _body(one) for name, one in said.items()}


def made(entry: Manifest) -> list[Manifest]:
    """The objects of one entry of a file."""
    if "make" not in entry:
        return [entry]
    words = dict(entry)
    builder, over, ours = words.pop("make"), words.pop("with", {}), words.pop("ours", False)
    home = builders.CONTROL_PLANE if builder in _ON_CONTROL_PLANE else builders.WORKSPACES
    nodes, pending = (
        words.pop("nodes", [f"{home}-{n}" for n in (1, 2, 3)]),
        words.pop("pending", False),
    )
    found = builders.flat([_MADE[builder](**words)])
    if builder not in ("node", "pools", "namespace"):
        found = builders.all_running(found, nodes)
    if pending:
        found = [_waiting(one) for one in found]
    if ours:
        found = [merged(one, {"metadata": {"labels": _OWNER}}) for one in found]
    return [merged(one, over.get(one["kind"], {})) for one in found]


def _waiting(manifest: Manifest) -> Manifest:
    if manifest["kind"] == "Pod":
        del manifest["spec"]["nodeName"]
        return builders.pending(manifest)
    if manifest["kind"] == "Deployment":
        manifest["status"].update(readyReplicas=0, availableReplicas=0)
    return manifest


def merged(below: Any, above: Any) -> Any:
    """One tree laid over another: mappings are merged, everything else is replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return copy.deepcopy(above)
    keys = [*below, *(key for key in above if key not in below)]
    return {
        key: merged(below[key], above[key])
        if key in below and key in above
        else copy.deepcopy(above.get(key, below.get(key)))
        for key in keys
    }
