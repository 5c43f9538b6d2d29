"""The look at support links: once a day, where the spec asks for it."""

from typing import Any, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.kube.connection import Connection, NoAnswer
from coder_cva.rules.support_links import UnreadableError, address, faults, parse
from coder_cva.snapshot import environment
from coder_cva.snapshot.links_seen import LinksSeen
from coder_cva.snapshot.parse_workloads import deployment as parsed
from coder_cva.snapshot.shapes import mappings
from coder_cva.values.addresses import Permit
from coder_cva.values.manifest import dig
from coder_cva.web.addresses import is_public
from coder_cva.web.visits import Visits

_DAY: Final = 86_400.0
_MOST: Final = 32
"""Links that are followed; a menu holds fewer."""
_VARIABLE: Final = "CODER_SUPPORT_LINKS"


class LinksLook:
    """Reads which links coderd has, and asks them."""

    part = "links"
    interval = _DAY

    def __init__(self, connection: Connection, permit: Permit = is_public) -> None:
        self._connection = connection
        self._permit = permit

    async def look(self, deployment: CoderDeployment, before: Any) -> LinksSeen | None:  # noqa: ARG002
        """What each link answers; None where the spec does not ask."""
        network = deployment.spec.network
        if not network.follow_support_links or network.air_gapped:
            return None
        try:
            targets = await self._targets(deployment.namespace)
        except NoAnswer as error:
            return LinksSeen(words=f"coderd's Deployment could not be read: {error}")
        async with Visits(self._permit) as visits:
            return LinksSeen(await visits.all(targets[:_MOST]))

    async def _targets(self, namespace: str) -> list[str]:
        """The addresses of the web among the links of every coderd in the namespace, each once."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        answer = await self._connection.request("GET", path)
        if not answer.ok:
            raise NoAnswer(answer.message)
        found: dict[str, None] = {}
        for body in mappings(dig(answer.body, "items")):
            live = parsed(body)
            if live is None or live.shape.role != "coderd":
                continue
            found |= dict.fromkeys(_of(environment.literal(live, _VARIABLE) or ""))
        return list(found)


def _of(said: str) -> list[str]:
    """The addresses of links that are in order."""
    try:
        links = parse(said)
    except UnreadableError:
        return []
    wrong = {one.place for one in faults(links)}
    addresses = [address(one) for place, one in enumerate(links) if place not in wrong]
    return [one for one in addresses if one]
