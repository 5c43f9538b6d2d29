"""What every replica keeps at hand to answer the API server about Pods and claims, leader or not."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from coder_cva.cel.policy import Review
from coder_cva.desired import admission_review
from coder_cva.desired.admission_review import Answer
from coder_cva.kube import paths
from coder_cva.kube.connection import Connection
from coder_cva.kube.reflector import DEFAULT_PACE, Pace, Reflector
from coder_cva.runtime.certificates import Certificates
from coder_cva.runtime.settings import Settings
from coder_cva.runtime.tls import Tls
from coder_cva.runtime.webhook_trials import Trials
from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.webhook import Webhook
from coder_cva.telemetry import metrics
from coder_cva.values.manifest import dig

log = logging.getLogger(__name__)

_GONE: Final = frozenset({Absence.FORBIDDEN, Absence.NOT_SERVED})


class Admission:
    """The parameters of the policies, the certificates by which the API server knows us, and whether it reaches us.

    ``entries`` are our webhook configurations as they are watched: those among them that only try are
    tried; without, it is taken for granted that it does. ``answer`` is called in another thread than all the rest.
    """

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        *,
        on_change: Callable[[], None],
        leads: Callable[[], bool],
        entries: Callable[[], tuple[Mapping[str, Any], ...]] | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self.settings = settings
        self.tls = Tls()
        self._certificates = Certificates(
            settings, connection, self.tls, on_change=on_change, leads=leads, pace=pace
        )
        self._placements: Reflector[Mapping[str, Any]] = Reflector(
            connection,
            lambda: paths.CODER_PLACEMENTS,
            parameter,
            on_change=self._learn,
            pace=pace,
        )
        self._parameters: Mapping[str, Mapping[str, Any]] = {}
        self._trials = (
            Trials(connection, entries, leads=leads, on_change=on_change) if entries else None
        )

    @property
    def is_offered(self) -> bool:
        """Whether there is an address at which the API server could call."""
        return not self.settings.webhook_problem

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows the CoderPlacements and the certificates while the context is open."""
        if not self.is_offered:
            yield
            return
        admission_review.prepare()
        jobs = [self._placements.run, self._certificates.run]
        if self._trials is not None:
            jobs.append(self._trials.run)
        tasks = [asyncio.create_task(_kept(one)) for one in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.tls.close()

    async def known(self) -> None:
        """Waits until it is known whether there are certificates, so that nobody decides too early."""
        if self.is_offered:
            await self._certificates.known()

    def webhook(self) -> Webhook:
        """How the API server reaches us, and whether, for whoever writes the configurations."""
        known = self._certificates.webhook()
        if self._trials is None or not self.is_offered:
            return known
        return self._trials.completed(known)

    def answer(self, name: str, deployment: str, kind: str, namespace: str, body: Any) -> Answer:
        """What a policy says about an object for the CoderDeployment ``namespace/name``.

        Of one that is gone, nothing. It never raises: nobody may be kept from starting by a fault of ours.
        """
        params = self._parameters.get(deployment)
        if params is None:
            return Answer()
        began = time.monotonic()
        try:
            answer = admission_review.answer(name, Review(body, kind, namespace, params))
        except Exception:
            log.exception("the policy %s failed; a %s is let through as it is", name, kind)
            answer = Answer(fault="failed")
        if answer.fault:
            log.warning("%s lets a %s in %s through: %s", name, kind, namespace, answer.fault)
        metrics.reviewed(name, _outcome(answer), time.monotonic() - began)
        return answer

    def _learn(self) -> None:
        reading = self._placements.reading()
        if isinstance(reading, Unavailable):
            # What was known stays in force while it cannot be read; what is not served is gone.
            if reading.reason in _GONE:
                self._parameters = {}
            return
        self._parameters = {_reference(one): one for one in reading.items}


def parameter(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a CoderPlacement what the policies read: its name, and what is to be done."""
    said = dig(body, "spec")
    return {
        "metadata": {
            "namespace": str(dig(body, "metadata", "namespace", default="")),
            "name": str(dig(body, "metadata", "name", default="")),
        },
        **({} if said is None else {"spec": said}),
    }


async def _kept(run: Callable[[], Awaitable[None]]) -> None:
    """Runs it again should it ever fail by a fault of ours."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("the webhook's readers failed and are started again")
        await asyncio.sleep(1.0)


def _outcome(answer: Answer) -> str:
    """In the words of the metrics."""
    said = ((answer.fault, "failed"), (answer.denial, "refused"), (answer.warning, "warned"))
    outcome = next((word for one, word in said if one), "")
    return outcome or ("changed" if answer.patches else "unchanged")


def _reference(params: Mapping[str, Any]) -> str:
    metadata = params["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
