"""Whether replicas of coderd speak NATS to each other on port 6222 (CVA-NET-004).

Source: coder/coder, pull requests 25703 (an experiment, May 2026) and 29283 (the default, September 2026;
the experiment no_nats_pubsub turns it off), and the page High Availability: replicas are found by
CODER_CLUSTER_HOST, else by the host of CODER_DERP_SERVER_RELAY_URL; without either PostgreSQL carries all.
"""

from typing import Final

from coder_cva.snapshot import environment
from coder_cva.snapshot.address_ranges import Truth
from coder_cva.snapshot.records import Deployment
from coder_cva.values.version import in_image

_HOSTS: Final = ("CODER_CLUSTER_HOST", "CODER_DERP_SERVER_RELAY_URL")
_EXPERIMENTS: Final = "CODER_EXPERIMENTS"
_OPT_IN, _OPT_OUT = "nats_pubsub", "no_nats_pubsub"
_ALL: Final = "*"

_FIRST: Final = (2, 34, 0)
"""Releases are cut from main on the first Tuesday of a month; 2.33 is of May 2026, before the experiment."""
_NOT_YET_DEFAULT: Final = (2, 37, 0)
_DEFAULT: Final = (2, 38, 0)
"""2.37 is of the month in which the default changed: of its releases it is not known."""


def speaks_nats(live: Deployment) -> Truth:
    """Whether replicas of this coderd need port 6222 of each other; None where it cannot be told."""
    is_found = _has_host(live)
    if is_found is False:
        return False
    switched = _by_default(live)
    return False if switched is False else None if None in (is_found, switched) else True


def _has_host(live: Deployment) -> Truth:
    if any(environment.is_set(live, one) for one in _HOSTS):
        return True
    return None if any(environment.is_elsewhere(live, one) for one in _HOSTS) else False


def _by_default(live: Deployment) -> Truth:
    """Whether this version speaks it, with the experiments that are switched on or off."""
    found = in_image(live.shape.image)
    version = found.numbers if found is not None else None
    if version is not None and version < _FIRST:
        return False
    if environment.is_elsewhere(live, _EXPERIMENTS):
        return None
    said = (environment.literal(live, _EXPERIMENTS) or "").replace(" ", "").split(",")
    if _OPT_OUT in said:
        return False
    if _OPT_IN in said and version is not None and version < _DEFAULT:
        return True
    if version is None or _ALL in said:
        return None
    return True if version >= _DEFAULT else False if version < _NOT_YET_DEFAULT else None
