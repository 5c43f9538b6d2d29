"""The four things that are done at admission, by name: one spec for each, whichever engine reads it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from coder_cva.desired import admission_placement, admission_storage

PLACEMENT: Final = "coder-cva-placement"
CLAIMS: Final = "coder-cva-claims"
CLAIM_BOUNDS: Final = "coder-cva-claim-bounds"
HOST_VOLUMES: Final = "coder-cva-host-volumes"

SPECS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    PLACEMENT: admission_placement.policy_spec,
    CLAIMS: admission_storage.claims_spec,
    CLAIM_BOUNDS: admission_storage.bounds_spec,
    HOST_VOLUMES: admission_storage.host_volumes_spec,
}
"""The spec of each policy, as the API server takes it."""
