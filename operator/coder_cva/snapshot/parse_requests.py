"""A Pod spec in, what the scheduler reckons with out: millicores and bytes.

Source: Kubernetes, "Sidecar Containers" (resource sharing within containers), "Pod overhead" and
"Pod-level resources".
"""

from collections.abc import Callable, Mapping
from typing import Any

from coder_cva.snapshot.shapes import byte_count, mappings, millicores
from coder_cva.values.manifest import dig


def requested(spec: Any) -> tuple[int, int]:
    """CPU in millicores and memory in bytes that a Pod of this spec takes from a node."""
    return _requested(spec, "cpu", millicores), _requested(spec, "memory", byte_count)


def _requested(spec: Any, resource: str, amount: Callable[[Any], int]) -> int:
    overhead = amount(dig(spec, "overhead", resource))
    for_the_pod = amount(_raw(spec, resource))
    if for_the_pod:
        return for_the_pod + overhead
    running = sum(amount(_raw(one, resource)) for one in mappings(dig(spec, "containers")))
    starting = sidecars = 0
    for one in mappings(dig(spec, "initContainers")):
        its = amount(_raw(one, resource))
        if one.get("restartPolicy") == "Always":
            sidecars += its
            starting = max(starting, sidecars)
        else:
            starting = max(starting, sidecars + its)
    return max(running + sidecars, starting) + overhead


def _raw(holder: Mapping[str, Any] | Any, resource: str) -> Any:
    """The request; where there is none the limit, which the API server takes in its place."""
    request = dig(holder, "resources", "requests", resource)
    return request if request is not None else dig(holder, "resources", "limits", resource)
