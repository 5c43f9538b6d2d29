"""How the API server reaches our webhook in this cluster, as the process that serves it knows."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where it is called, and whose certificates are believed there; or why it cannot be called."""

    url: str = ""
    """For an operator outside of the cluster; "" where its Service is called."""
    service: str = ""
    """The name of that Service, in the operator's own namespace."""
    ca_bundle: str = ""
    """The authorities as PEM, the newest first. "" where cert-manager writes them."""
    inject_from: str = ""
    """cert-manager's Certificate, as ``namespace/name``, whose authority it writes into the configuration."""
    problem: str = ""
    """Why it cannot be called, with the remedy."""
    is_known: bool = True
    """False while it is too early to say whether it can be called: what was decided before stands."""
    preferred: bool = False
    """Whether it is to be used even where the API server serves policies."""

    @property
    def is_there(self) -> bool:
        """Whether it can be called."""
        return not self.problem


NOWHERE: Final = Webhook(problem="no operator that runs in this cluster was asked")
"""For whoever looks at a cluster from outside, as an audit does."""
