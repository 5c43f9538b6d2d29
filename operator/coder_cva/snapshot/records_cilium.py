"""What is kept of Cilium's own policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coder_cva.snapshot.records import Meta


@dataclass(frozen=True, slots=True)
class CiliumPolicy:
    """A CiliumNetworkPolicy, as far as it isolates for egress.

    Source: Cilium's policy language. Whom an egress rule selects may open no connection but those
    that some policy allows, a NetworkPolicy or one of Cilium's.
    """

    meta: Meta
    egress_selectors: tuple[Mapping[str, Any], ...] = ()
    """Its endpointSelectors for egress, as they stand: labels may have a prefix of their source."""
