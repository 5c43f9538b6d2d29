"""The webhook's certificates: one Secret that the leader keeps up to date and every replica serves from."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from coder_cva.certificates.chain import Chain, advanced, expiry
from coder_cva.kube import paths, webhook_secret
from coder_cva.kube.connection import Connection
from coder_cva.kube.reflector import Pace, Reflector
from coder_cva.kube.webhook_secret import WebhookSecret
from coder_cva.ports import WriteError
from coder_cva.runtime.settings import Settings
from coder_cva.runtime.tls import Tls
from coder_cva.snapshot.model import Unavailable
from coder_cva.snapshot.webhook import Webhook
from coder_cva.telemetry import metrics
from coder_cva.values.manifest import Ref

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 600.0
"""How often it is looked whether a certificate is due; they last for weeks."""
RETRY_SECONDS: Final = 2.0
"""After a write that failed, and while this replica does not lead and nothing is there yet."""
_LOOK: Final = 0.1
PATIENCE_SECONDS: Final = 5.0
"""How long the first pass waits for the first certificates."""


class Certificates:
    """Follows the Secret, takes what is in it into use, and as the leader renews it in time."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        tls: Tls,
        *,
        on_change: Callable[[], None],
        leads: Callable[[], bool],
        pace: Pace,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._tls = tls
        self._on_change = on_change
        self._leads = leads
        self._ref = Ref("v1", "Secret", settings.namespace, settings.webhook_secret)
        self._changed = asyncio.Event()
        self._served = Chain.of({})
        self._reflector: Reflector[WebhookSecret] = Reflector(
            connection,
            lambda: paths.SECRETS,
            webhook_secret.secret,
            on_change=self._take,
            namespace=settings.namespace,
            field_selector=f"metadata.name={settings.webhook_secret}",
            pace=pace,
        )

    async def run(self) -> None:
        """Follows and renews until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reflector.run())
            tasks.create_task(self._renew())

    async def known(self) -> None:
        """Waits a moment for the Secret's first answer, and for certificates where there are none yet.

        An answer that does not come holds up nothing.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._reflector.answered()
                while not self._tls.is_ready and self._secret() is not None:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK)

    def webhook(self) -> Webhook:
        """How the API server reaches us, or why it cannot."""
        settings = self._settings
        problem = settings.webhook_problem or self._problem()
        return Webhook(
            url=settings.webhook_url,
            service=settings.webhook_service,
            ca_bundle="" if settings.webhook_certificate else self._served.authorities,
            inject_from=settings.webhook_certificate,
            problem=problem,
            is_known=self._reflector.has_answered or bool(settings.webhook_problem),
            preferred=settings.admission_engine == "Webhook",
        )

    def _problem(self) -> str:
        where = f"the Secret {self._ref.namespace}/{self._ref.name}"
        if self._tls.is_ready:
            ended = expiry(self._served)
            if ended is None or ended > datetime.now(UTC):
                return ""
            return f"the certificate in {where} ended at {ended:%Y-%m-%dT%H:%MZ}: have it renewed"
        reading = self._reflector.reading()
        if isinstance(reading, Unavailable):
            return f"{where} cannot be read ({reading.reason}): apply deploy/base again"
        if not reading.items:
            return f"{where} is not there: apply deploy/base again"
        return f"{where} holds no certificate yet"

    def _secret(self) -> WebhookSecret | None:
        reading = self._reflector.reading()
        if isinstance(reading, Unavailable) or not reading.items:
            return None
        return reading.items[0]

    def _take(self) -> None:
        """What the Secret holds now is served, where it can be."""
        self._changed.set()
        found = self._secret()
        chain = Chain.of(found.data) if found is not None else self._served
        if chain == self._served or not chain.certificate:
            return
        try:
            self._tls.take(chain.certificate, chain.key)
        except (ssl.SSLError, ValueError) as error:
            log.warning("%s: what it holds cannot be served: %s", self._ref, error)
            return
        log.info("the webhook serves by the certificate in %s", self._ref)
        self._served = chain
        ends = expiry(chain)
        if ends is not None:
            metrics.certificate_ends(ends.timestamp())
        self._on_change()

    async def _renew(self) -> None:
        while True:
            self._changed.clear()
            pause = await self._look()
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _look(self) -> float:
        """Writes what is due; seconds until the next look."""
        found = self._secret()
        if found is None or self._settings.webhook_certificate:
            return LOOK_SECONDS
        chain = Chain.of(found.data)
        wanted = advanced(chain, self._settings.webhook_names, datetime.now(UTC))
        if wanted == chain:
            return LOOK_SECONDS
        if not self._leads():
            return RETRY_SECONDS
        try:
            await webhook_secret.write(
                self._connection, self._ref, wanted.data(), version=found.version
            )
        except WriteError as error:
            log.warning("the webhook's certificates could not be written: %s", error)
        return RETRY_SECONDS
