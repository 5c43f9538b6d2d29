"""A workspace beside its pool in, what brings it onto the pool out, in words (CVA-NODE-005).

Where the pool cannot take it as it is, to ask for the pool would leave it Pending for ever: then the
pool is what has to change. The reasoning is that of admission, which binds such Pods to nothing
(desired/admission_variables.py).
"""

from collections.abc import Mapping
from enum import StrEnum

from coder_cva.desired import stranded_claims
from coder_cva.desired.placement import WORKSPACES_ON_POOL
from coder_cva.rules import admission, remedies, virtual_machines
from coder_cva.rules.pool_fit import PoolFit, Volume, Wishes
from coder_cva.rules.subjects import named
from coder_cva.snapshot import marks, volume_topology
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.world import World


class NextStart(StrEnum):
    """What the next start of a workspace changes, if nothing else is changed before it."""

    MOVES = "Moves"
    MAY_MOVE = "MayMove"
    """Its Pod prefers the pool and is bound to nothing."""
    STAYS = "Stays"
    WAITS = "Waits"
    """It is bound to a pool that cannot take it."""


class Relocation:
    """How workspaces come onto their pool. What all of them share is worked out once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = world.deployment.spec.workspaces.node_pool
        self._tolerations = [one.dump() for one in self._pool.tolerations]
        self._fit = PoolFit(world, self._pool)
        self._stranded = stranded_claims.stranded(world, self._pool, self._tolerations)
        self._is_enforced = not admission.idle_for(world, WORKSPACES_ON_POOL)

    def choice(self, workspace: Workspace) -> str:
        """The nodes that its template itself chooses, in words; "" where it leaves that open."""
        return self._fit.wishes(workspace).choice

    def next_start(self, workspace: Workspace) -> NextStart:
        """What admission makes of its next Pod, as things stand now."""
        if not self._is_placed(workspace):
            return NextStart.STAYS
        wishes = self._fit.wishes(workspace)
        if self._fit.takes(workspace, wishes):
            is_sure = self._is_open(workspace, wishes) and self._binds(workspace)
            return NextStart.MOVES if is_sure else NextStart.MAY_MOVE
        is_bound = self._pool.placement == "Required" and not self._is_elsewhere(wishes)
        return NextStart.WAITS if is_bound else NextStart.STAYS

    def remedy(self, workspace: Workspace) -> str:
        """What to change first, and what to write into the template where the Pod can then run."""
        wishes = self._fit.wishes(workspace)
        volume = self._fit.unattached(workspace, wishes)
        if volume is not None:
            return self._nearer(workspace, volume)
        lacking = self._fit.lacking(workspace, wishes)
        if lacking:
            return self._with_devices(f"has {named(lacking)}, which it asks for")
        has_nodes = bool(self._fit.nodes(workspace))
        if has_nodes and not self._fit.takes(workspace, wishes.without_choice()):
            return self._with_devices("has its devices where its volumes can be attached")
        if wishes.choice and not self._fit.takes(workspace, wishes):
            return self._instead(workspace, wishes)
        return self._beside(workspace, wishes)

    def _nearer(self, workspace: Workspace, volume: Volume) -> str:
        """A volume stays where it is, so the pool has to come to it; there is nothing to type before that."""
        whose = f"claim {workspace.pod.meta.namespace}/{volume.claim}"
        if not volume.terms:
            return f"no node can attach the volume of {whose}: kubectl get pv {volume.name} -o yaml"
        where = volume_topology.place(volume.terms)
        return (
            f"the volume of {whose} is in {where} and stays there, and no ready node of the pool can attach "
            f"it: add nodes with {where} to the pool ({self._labels()}). {self._until_then()}"
        )

    def _until_then(self) -> str:
        if self._pool.placement == "Required" and self._is_enforced:
            return "That comes before its next start: placement: Required binds it to the pool"
        return (
            "Until then its template stays as it is: bound to the pool, its Pod would wait for ever"
        )

    def _with_devices(self, what: str) -> str:
        return (
            f"no ready node of the pool {what}: add such nodes to the pool ({self._labels()}). Bound to the "
            "pool before that, its Pod would wait for ever. Where workspaces of this kind belong on nodes "
            "of their own, say so, with a reason, in spec.waivers"
        )

    def _instead(self, workspace: Workspace, wishes: Wishes) -> str:
        """An explicit choice of other nodes: with the pool beside it, no node would be left."""
        return (
            f"its own {wishes.choice} leaves it no ready node of the pool, and nobody overrules that. If it is "
            f"meant, say so, with a reason, in spec.waivers; else, {self._first(workspace)}instead of it, "
            + self._template(workspace, self._pool.selector)
        )

    def _beside(self, workspace: Workspace, wishes: Wishes) -> str:
        """Whatever the template says itself stays: a node selector is one map in Terraform."""
        first = self._first(workspace)
        if workspace.pod.shape.claims_devices:
            first += "if nodes of the pool have what its resource claims ask for, "
        own = {
            key: value for key, value in wishes.selector if not virtual_machines.is_kubevirts(key)
        }
        selector = {**own, **self._pool.selector}
        return first + self._start_anew(workspace, wishes) + self._template(workspace, selector)

    def _first(self, workspace: Workspace) -> str:
        return "" if self._fit.nodes(workspace) else "once the pool has a ready node, "

    def _start_anew(self, workspace: Workspace, wishes: Wishes) -> str:
        """The shorter way, where admission binds the next Pod to the pool."""
        is_sure = self._is_placed(workspace) and self._is_open(workspace, wishes)
        if not is_sure or not self._binds(workspace):
            return ""
        return "stop and start the workspace, and admission places it while the pool has nodes; to say it "

    def _is_placed(self, workspace: Workspace) -> bool:
        """Whether admission does anything to its next Pod."""
        spec = self._world.deployment.spec.workspaces
        switches = {"": spec.bare_pods, marks.VIRTUAL_MACHINE: spec.virtual_machines}
        kind = workspace.controller.partition(" ")[0]
        return self._is_enforced and switches.get(kind, "Enforce") == "Enforce"

    def _is_open(self, workspace: Workspace, wishes: Wishes) -> bool:
        """Whether nothing but the pool is asked of its node: else admission merely prefers the pool."""
        return not (wishes.choice or wishes.devices or workspace.pod.shape.claims_devices)

    def _is_elsewhere(self, wishes: Wishes) -> bool:
        """Whether it names a node, or another pool by this one's labels: that nobody overrules."""
        keys = {key for key, _ in wishes.selector}
        keys |= {one.key for term in wishes.terms for one in term}
        return bool(wishes.node_name or keys & self._pool.selector.keys())

    def _binds(self, workspace: Workspace) -> bool:
        """Whether its next Pod, of which nothing else is asked, is bound to the pool and not only prefers it."""
        if not self._is_enforced or self._pool.placement == "Preferred":
            return False
        shape, place = workspace.pod.shape, workspace.pod.meta.namespace
        kept = (f"{place}/{one}" for one in shape.claims if one not in shape.own_claims)
        is_stranded = any(one in self._stranded.claims for one in kept)
        return self._pool.placement == "Required" or not (is_stranded or self._stranded.is_many)

    def _labels(self) -> str:
        labels = " ".join(f"{key}={value}" for key, value in sorted(self._pool.selector.items()))
        return f"labels {labels}"

    def _template(self, workspace: Workspace, selector: Mapping[str, str]) -> str:
        if virtual_machines.is_one(workspace):
            block = virtual_machines.selector_block(selector, self._tolerations)
            return remedies.template(workspace, block, virtual_machines.WHERE)
        return remedies.template(workspace, remedies.selector_block(selector, self._tolerations))
