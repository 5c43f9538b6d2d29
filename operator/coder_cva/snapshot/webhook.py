"""How the API server reaches our webhook in this cluster, as the process that serves it knows."""

from dataclasses import dataclass, field
from typing import Final

from coder_cva.snapshot.webhook_calls import Reach


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
    caller: str | None = None
    """The operator's own name at the API server, by which calls on trial are known from all others; "" where
    it is not told, None where nobody tries."""
    reach: Reach = field(default_factory=Reach)
    """What such calls came to. Where nobody tries it is taken for granted."""

    @property
    def is_there(self) -> bool:
        """Whether there is something to call."""
        return not self.problem

    @property
    def acts(self) -> bool:
        """Whether Pods may depend on it: the API server is known to get through."""
        return self.is_there and bool(self.reach.is_reached)

    @property
    def is_tried(self) -> bool:
        """Whether it is not known yet if the API server gets through, or if there is something to call."""
        return not self.is_known or (self.is_there and self.reach.is_reached is None)


NOWHERE: Final = Webhook(problem="no operator that runs in this cluster was asked")
"""For whoever looks at a cluster from outside, as an audit does."""
