"""Every rule, written down by hand: one reads here what is judged."""

from typing import Final

from coder_cva.rules.chapters import (
    control_plane,
    general,
    network,
    node_pools,
    observability,
    provisioners,
    storage,
    workspaces,
)
from coder_cva.rules.model import Rule

ALL: Final[tuple[Rule, ...]] = (
    *general.RULES,
    *control_plane.RULES,
    *node_pools.RULES,
    *workspaces.RULES,
    *network.RULES,
    *storage.RULES,
    *provisioners.RULES,
    *observability.RULES,
)
