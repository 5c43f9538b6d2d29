"""Where coderd listens by its own settings, without a declared port: the chart declares none for profiles.

Source: Coder's server reference and its chart. Literal values only; what stands in a ConfigMap, a Secret or
a file is not read.
"""

from dataclasses import dataclass
from typing import Final

from coder_cva.desired.pod_ports import Port, of_address
from coder_cva.snapshot import environment
from coder_cva.snapshot.records import Deployment


@dataclass(frozen=True, slots=True)
class Listener:
    """A setting that holds an address, the one that switches it on, and its default port.

    ``is_scraped``: asked at the Pods' own addresses by scrapers of metrics and profiles. All others are
    reached through Services, whose targets are seen. The default is 0 where it is one of the loopback,
    from which nobody outside the Pod gets an answer.
    """

    address: str
    switch: str = ""
    is_scraped: bool = False
    default: int = 0


LISTENERS: Final = (
    Listener("CODER_HTTP_ADDRESS"),
    Listener("CODER_TLS_ADDRESS"),
    Listener("CODER_ADDRESS"),
    Listener("CODER_AIBRIDGE_PROXY_LISTEN_ADDR", "CODER_AIBRIDGE_PROXY_ENABLED", default=8888),
    Listener("CODER_AI_GATEWAY_PROXY_LISTEN_ADDR", "CODER_AI_GATEWAY_PROXY_ENABLED", default=8888),
    Listener("CODER_PROMETHEUS_ADDRESS", "CODER_PROMETHEUS_ENABLE", is_scraped=True),
    Listener("CODER_PPROF_ADDRESS", "CODER_PPROF_ENABLE", is_scraped=True),
)


def ports(coderd: Deployment, *, scraped: bool) -> frozenset[Port]:
    """The ports of users and agents, or those of scrapers.

    An address that is written counts also while its endpoint is off: nothing answers there, and the day on
    which it is switched on needs no change here.
    """
    found = {_port(coderd, one) for one in LISTENERS if one.is_scraped is scraped}
    return frozenset((number, "TCP") for number in found - {0})


def not_seen(coderd: Deployment) -> tuple[str, ...]:
    """The settings of scraped ports whose value cannot be told, while they may be switched on."""
    return tuple(
        one.address
        for one in LISTENERS
        if one.is_scraped and _may_be_on(coderd, one.switch) and _is_hidden(coderd, one.address)
    )


def _port(coderd: Deployment, listener: Listener) -> int:
    said = environment.literal(coderd, listener.address)
    if said:
        return of_address(said)
    is_on = listener.default and environment.is_true(environment.literal(coderd, listener.switch))
    return listener.default if is_on else 0


def _may_be_on(coderd: Deployment, switch: str) -> bool:
    said = environment.literal(coderd, switch)
    return environment.is_true(said) or environment.is_elsewhere(coderd, switch)


def _is_hidden(coderd: Deployment, address: str) -> bool:
    said = environment.literal(coderd, address)
    return environment.is_elsewhere(coderd, address) or bool(said and not of_address(said))
