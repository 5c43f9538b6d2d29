"""The look at support links: once a day, where the spec asks for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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

TICK_SECONDS: Final = 300.0
"""How often it is seen which links there are: others than before are followed at once."""
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
"""After which links are followed again where one of them did not answer: a page may be away for a moment."""
_BAD: Final = 400
_MOST: Final = 32
"""Links that are followed; a menu holds fewer."""
_VARIABLE: Final = "CODER_SUPPORT_LINKS"


class LinksLook:
    """Reads which links coderd has, and asks them."""

    part = "links"
    interval = TICK_SECONDS

    def __init__(
        self,
        connection: Connection,
        permit: Permit = is_public,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connection
        self._permit = permit
        self._clock = clock

    async def look(self, deployment: CoderDeployment, before: Any) -> LinksSeen | None:
        """What each link answers, or answered while nobody is due to ask; None where the spec does not."""
        network = deployment.spec.network
        if not network.follow_support_links or network.air_gapped:
            return None
        try:
            targets = (await self._targets(deployment.namespace))[:_MOST]
        except NoAnswer as error:
            return LinksSeen(words=f"coderd's Deployment could not be read: {error}")
        now = self._clock()
        if isinstance(before, LinksSeen) and not _is_due(before, targets, now):
            return before
        async with Visits(self._permit) as visits:
            return LinksSeen(await visits.all(targets), at=now)

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


def _is_due(before: LinksSeen, targets: list[str], now: datetime) -> bool:
    if before.at is None or [one.target for one in before.links] != targets:
        return True
    is_away = any(one.reason == "NotReached" or one.status >= _BAD for one in before.links)
    return not timedelta() <= now - before.at < (_HOUR if is_away else _DAY)


def _of(said: str) -> list[str]:
    """The addresses of links that are in order."""
    try:
        links = parse(said)
    except UnreadableError:
        return []
    wrong = {one.place for one in faults(links)}
    addresses = [address(one) for place, one in enumerate(links) if place not in wrong]
    return [one for one in addresses if one]
