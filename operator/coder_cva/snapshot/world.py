"""The world: the single argument of whoever decides."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import confirmations, pools, records, scaling
from coder_cva.snapshot.confirmations import Confirmation
from coder_cva.snapshot.discovered import Discovered, Workload, Workspace
from coder_cva.snapshot.model import Absence, ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.observations import Observations
from coder_cva.snapshot.webhook import NOWHERE, Webhook
from coder_cva.values import selectors
from coder_cva.values.memo import Memo

R = TypeVar("R")


@dataclass(frozen=True)
class World:
    """One CoderDeployment, the cluster around it, and the reading of the clock (aware, UTC)."""

    deployment: CoderDeployment
    snapshot: ClusterSnapshot
    now: datetime
    found: Discovered = field(default_factory=Discovered)
    others: tuple[CoderDeployment, ...] = ()
    """The other CoderDeployments of the cluster, oldest first."""
    living: frozenset[str] = frozenset()
    """The UIDs of all CoderDeployments, this one's too, and of those whose spec cannot be understood."""
    operator_namespace: str = "coder-cva-system"
    may_annotate_nodes: frozenset[str] = frozenset()
    """For whose CoderDeployments the operator may annotate nodes: their namespaces, or ``*``."""
    autoscaler_namespaces: frozenset[str] = scaling.AUTOSCALERS
    """Where a status of cluster-autoscaler is believed."""
    observed: Observations = field(default_factory=Observations)
    """What was seen beside the cluster's API."""
    webhook: Webhook = NOWHERE
    """The operator's own admission webhook."""
    previous: Mapping[str, Any] = field(default_factory=dict)
    """The status as it stands on the API server, as plain data."""
    memo: Memo = field(default_factory=Memo, compare=False, repr=False)
    """What was worked out in passes before this one: it makes the answers quicker, and no other."""

    @property
    def is_starting(self) -> bool:
        """Whether some kind was not listed even once yet: too early to decide anything."""
        return any(one.reason is Absence.NOT_SYNCED for one in self.snapshot.missing().values())

    @property
    def is_ending(self) -> bool:
        """Whether its namespace is being deleted, and the CoderDeployment with it."""
        here = self.deployment.namespace
        return any(
            one.meta.deleting
            for one in self.snapshot.items(Need.NAMESPACES)
            if one.meta.name == here
        )

    @cached_property
    def coderd(self) -> Workload | None:
        """The coderd that this deployment is about: ours first, else the only one found, else None.

        A region (management None) has none: what stands in its namespace is somebody else's business.
        """
        if self.deployment.spec.control_plane.management == "None":
            return None
        ours = [one for one in self.found.coderd if one.ours]
        if ours:
            return ours[0]
        return self.found.coderd[0] if len(self.found.coderd) == 1 else None

    @cached_property
    def confirmations(self) -> tuple[Confirmation, ...]:
        """What the user has confirmed and the status remembers; the first one is in force."""
        return confirmations.remembered(self.previous, self.deployment.spec.network.confirm)

    @cached_property
    def running_workspaces(self) -> int:
        """How many workspaces run. One may have several Pods: Coder's id tells which belong together."""
        return len(frozenset().union(*self.memo.parts(_ids, self.found.workspaces)))

    @cached_property
    def workspaces_by_namespace(self) -> Mapping[str, tuple[Workspace, ...]]:
        """The workspaces of each namespace that consents, also of those in which nobody works now."""
        every = self.found.workspaces
        return {
            one.name: every[
                bisect_left(every, one.name, key=_namespace) : bisect_right(
                    every, one.name, key=_namespace
                )
            ]
            for one in self.found.namespaces
        }

    def once(self, work: Callable[["World"], R]) -> R:
        """``work`` of this world, worked out once however many ask for it in a pass."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        found: R = self._worked_out[work]
        return found

    @cached_property
    def _worked_out(self) -> dict[Any, Any]:
        return {}

    def pool(self, selector: Mapping[str, str]) -> tuple[records.Node, ...]:
        """The nodes of a pool; () for the empty selector, which is no pool."""
        return self.memo.once(pools.having, dict(selector), self.snapshot.items(Need.NODES))

    @cached_property
    def routes(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """The Ingresses and HTTPRoutes that lead to each Service, by its namespace and name; sorted."""
        needs = (Need.INGRESSES, Need.HTTP_ROUTES)
        return self.memo.once(_routes, *(self.snapshot.items(need) for need in needs))

    @cached_property
    def coderd_pods(self) -> tuple[records.Pod, ...]:
        """The Pods of that coderd, by the Deployment's own selector and namespace."""
        if self.coderd is None:
            return ()
        deployment = self.coderd.deployment
        return self.memo.flat(
            selected,
            self.snapshot.items(Need.PODS),
            deployment.meta.namespace,
            deployment.selector,
        )


def selected(
    pods: tuple[records.Pod, ...], namespace: str, selector: Mapping[str, Any]
) -> tuple[records.Pod, ...]:
    """The Pods of a namespace that a LabelSelector selects."""
    return tuple(
        pod
        for pod in pods
        if pod.meta.namespace == namespace and selectors.matches(selector, pod.meta.labels)
    )


def _namespace(workspace: Workspace) -> str:
    return workspace.pod.meta.namespace


def _ids(workspaces: tuple[Workspace, ...]) -> frozenset[str]:
    return frozenset(
        one.pod.meta.labels.get("com.coder.workspace.id") or one.pod.meta.path for one in workspaces
    )


def _routes(*every: tuple[records.Ingress, ...]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in chain.from_iterable(every):
        for backend in one.backends:
            found[backend].add(one.meta.path)
    return {backend: tuple(sorted(names)) for backend, names in found.items()}
