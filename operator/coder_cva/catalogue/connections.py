"""Every connection that the architecture and Coder need, as data: from where, whereto, why, and when it stays open."""

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Number = Annotated[int, Field(ge=1, le=65535)]


class End(StrEnum):
    """An end of a connection."""

    WORKSPACES = "workspaces"
    CODERD = "coderd"
    PROVISIONERS = "provisioners"
    PROXIES = "proxies"
    INGRESS_CONTROLLERS = "ingress-controllers"
    SCRAPERS = "scrapers"
    OPERATOR = "operator"
    DNS = "dns"
    ACCESS_URL = "access-url"
    ENTRY = "entry"
    STUN = "stun"
    PEERS = "peers"
    RELAYS = "relays"
    METADATA = "metadata"
    POD_IDENTITY = "pod-identity"
    POSTGRESQL = "postgresql"
    KUBE_API = "kube-api"
    CLOUD = "cloud"
    GIT = "git"
    OIDC = "oidc"
    PACKAGES = "packages"
    REGISTRIES = "registries"
    HOSTED_SERVICES = "hosted-services"
    USERS = "users"
    NODES = "nodes"
    API_SERVER = "api-server"
    ANYONE = "anyone"


class Membership(StrEnum):
    """Under which choices of ``spec.network`` a connection stays possible; the file says what each means."""

    ALWAYS = "always"
    NAMED = "named"
    IN_USE = "in-use"
    DIRECT = "direct"
    METADATA = "metadata"
    LISTED = "listed"


class _Data(BaseModel):
    """The base of all of them: frozen, and no field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PortRange(_Data):
    """A port of a Pod, or all from ``port`` to ``end``."""

    port: Number
    end: Number | None = None
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"

    def __str__(self) -> str:
        numbers = f"{self.port}-{self.end}" if self.end else f"{self.port}"
        return f"{self.protocol} {numbers}"


class Connection(_Data):
    """One connection. Without ports it is one on any port."""

    id: Annotated[str, Field(pattern="^[a-z]+(-[a-z]+)+$")]
    source: End
    destination: End
    ports: tuple[PortRange, ...]
    why: Annotated[str, Field(min_length=1)]
    clause: Annotated[str, Field(pattern="^CVA-[A-Z]+-[0-9]{3}$")]
    settings: tuple[str, ...]
    """Coder's variables that change it; a name that ends in ``_`` stands for all that begin so."""
    source_of_fact: Annotated[str, Field(min_length=1)]
    membership: Membership

    @property
    def numbers(self) -> tuple[tuple[int, str], ...]:
        """The ports, number and protocol, of a connection that names each."""
        return tuple((one.port, one.protocol) for one in self.ports)


class Connections(_Data):
    """The whole table, and the places that no Coder decides: DNS, metadata addresses."""

    places: dict[End, tuple[dict[str, Any], ...]]
    """By end the peers, as a NetworkPolicy has them."""
    connections: tuple[Connection, ...]

    @model_validator(mode="after")
    def _known_once(self) -> Self:
        ids = [one.id for one in self.connections]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands in the table twice")
        return self

    def line(self, name: str) -> Connection:
        """The connection of that id. Raises KeyError where there is none."""
        for one in self.connections:
            if one.id == name:
                return one
        raise KeyError(f"no connection is called {name}")

    def of(self, source: End) -> tuple[Connection, ...]:
        """The connections that this end opens, in the order of the table."""
        return tuple(one for one in self.connections if one.source is source)

    def addresses(self, place: End) -> tuple[str, ...]:
        """The address ranges of a place."""
        blocks = (one.get("ipBlock") for one in self.places[place])
        return tuple(one["cidr"] for one in blocks if one)


@cache
def connections() -> Connections:
    """The table, read once."""
    file = resources.files("coder_cva.catalogue") / "data" / "connections.yaml"
    return Connections.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def numbers(name: str) -> tuple[int, ...]:
    """The port numbers of the connection of that id."""
    return tuple(one.port for one in connections().line(name).ports)
