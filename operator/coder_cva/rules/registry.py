"""Every rule, written down by hand: one reads here what is judged."""

from typing import Final

from coder_cva.rules.chapters import (
    cluster,
    control_plane,
    database_measured,
    environment,
    general,
    network,
    node_pools,
    node_scaling,
    node_sizes,
    observability,
    offline,
    provisioner_fleet,
    provisioners,
    proxies,
    storage,
    support,
    volume_types,
    workspaces,
)
from coder_cva.rules.model import Rule

ALL: Final[tuple[Rule, ...]] = (
    *cluster.RULES,
    *general.RULES,
    *control_plane.RULES,
    *node_pools.RULES,
    *node_scaling.RULES,
    *node_sizes.RULES,
    *workspaces.RULES,
    *network.RULES,
    *storage.RULES,
    *volume_types.RULES,
    *database_measured.RULES,
    *provisioners.RULES,
    *provisioner_fleet.RULES,
    *proxies.RULES,
    *offline.RULES,
    *environment.RULES,
    *observability.RULES,
    *support.RULES,
)
