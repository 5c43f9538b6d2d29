"""Every rule, written down by hand: one reads here what is judged."""

from typing import Final

from coder_cva.rules.chapters import (
    alarms,
    cluster,
    control_plane,
    environment,
    general,
    network,
    node_pools,
    node_scaling,
    node_sizes,
    observability,
    observability_bundle,
    offline,
    operations,
    provisioner_fleet,
    provisioners,
    proxies,
    storage,
    support,
    version_control,
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
    *provisioners.RULES,
    *provisioner_fleet.RULES,
    *proxies.RULES,
    *offline.RULES,
    *version_control.RULES,
    *environment.RULES,
    *support.RULES,
    *operations.RULES,
    *observability.RULES,
    *observability_bundle.RULES,
    *alarms.RULES,
)
