"""coderd's Deployment in, what its own container requests and is limited to out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coder_cva.snapshot import environment
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.shapes import byte_count, millicores
from coder_cva.values.manifest import dig
from coder_cva.values.quantity import byte_text
from coder_cva.values.quantity import cpu_text as cpu_words


@dataclass(frozen=True, slots=True)
class Amounts:
    """CPU in millicores and memory in bytes; 0 where nothing is said."""

    cpu_request: int
    memory_request: int
    cpu_limit: int
    memory_limit: int

    @property
    def cpu_text(self) -> str:
        """The CPU request as Kubernetes writes it."""
        return cpu_words(self.cpu_request)

    @property
    def memory_text(self) -> str:
        """The memory request as Kubernetes writes it."""
        return byte_text(self.memory_request)

    @property
    def requests(self) -> str:
        """The requests in words."""
        return _words(self.cpu_request, self.memory_request)

    @property
    def limits(self) -> str:
        """The limits in words."""
        return _words(self.cpu_limit, self.memory_limit)


def amounts(deployment: Deployment) -> Amounts:
    """What coderd's own container gets: a sidecar's share is not coderd's.

    A request that is not said is the limit, as the API server has it; what the container leaves
    open the Pod's own resources may say.
    """
    own = environment.container(deployment)
    whole = dig(deployment.body, "spec", "template", "spec", default={})
    return Amounts(
        _request(own, whole, "cpu", millicores),
        _request(own, whole, "memory", byte_count),
        _limit(own, whole, "cpu", millicores),
        _limit(own, whole, "memory", byte_count),
    )


_Amount = Callable[[Any], int]


def _request(own: Mapping[str, Any], whole: Any, resource: str, amount: _Amount) -> int:
    return (
        amount(dig(own, "resources", "requests", resource))
        or amount(dig(own, "resources", "limits", resource))
        or amount(dig(whole, "resources", "requests", resource))
        or amount(dig(whole, "resources", "limits", resource))
    )


def _limit(own: Mapping[str, Any], whole: Any, resource: str, amount: _Amount) -> int:
    return amount(dig(own, "resources", "limits", resource)) or amount(
        dig(whole, "resources", "limits", resource)
    )


def _words(cpu: int, memory: int) -> str:
    parts = (
        f"{cpu_words(cpu)} CPU" if cpu else "no CPU",
        byte_text(memory) if memory else "no memory",
    )
    return " and ".join(parts)
