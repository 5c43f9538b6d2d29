"""A CoderDeployment and a snapshot in, what is recognised as Coder's out."""

from collections.abc import Collection

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import rivals, workloads
from coder_cva.snapshot.discovered import Discovered
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.workspaces import workspaces
from coder_cva.values.memo import Memo


def discover(
    deployment: CoderDeployment,
    snapshot: ClusterSnapshot,
    operator_namespace: str = "coder-cva-system",
    others: Collection[CoderDeployment] = (),
    memo: Memo | None = None,
) -> Discovered:
    """Coder's workloads, its workspaces, and the namespaces that consent and are nobody else's.

    coderd is looked for in the CoderDeployment's own namespace, proxies and provisioners also in
    the namespaces that consent. What could not be read gives nothing here; who judges asks the
    snapshot whether it was read.
    """
    memo = memo or Memo()
    every = rivals.claimants((deployment, *others), snapshot, operator_namespace, memo)
    mine, parts = every[0], workloads.coders(snapshot, memo)
    taken = rivals.taken(mine, every)
    namespaces = tuple(one for name, one in mine.given.items() if name not in taken)
    names = {one.name for one in namespaces}
    within = {deployment.namespace, *names}
    told = {name: rivals.sentence(name, holder, mine) for name, holder in taken.items()}
    return Discovered(
        coderd=mine.coderd,
        proxies=workloads.seen_by(deployment, parts, "wsproxy", within),
        provisioners=workloads.seen_by(deployment, parts, "provisionerd", within),
        workspaces=workspaces(snapshot, names, memo),
        namespaces=namespaces,
        refused_namespaces=dict(sorted({**mine.consent.refused(), **told}.items())),
        rival=rivals.rival(mine, every),
        taken=frozenset(taken),
    )
