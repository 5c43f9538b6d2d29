"""Where the API server is and how this process proves who it is; fresh for every request."""

import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kubernetes.aio import config
from kubernetes.aio.client import Configuration

REFRESH: Final = 60.0
"""Seconds after which a token file or an exec plugin's expiry is looked at again."""


class NoCluster(Exception):
    """Nothing says where the API server is: no usable kubeconfig and no ServiceAccount."""


class Credentials:
    """The configuration of one cluster, as the official client reads it.

    The order is the one controllers have: a named kubeconfig, ``$KUBECONFIG``, the Pod's
    ServiceAccount, the kubeconfig in the home folder. A kubeconfig is never written back.
    """

    def __init__(
        self,
        kubeconfig: str | None = None,
        context: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kubeconfig = kubeconfig or os.environ.get("KUBECONFIG") or None
        self._context = context
        self._clock = clock
        self._configuration = Configuration()
        self._loader: Any = None
        self._read_at = 0.0
        self._tls: ssl.SSLContext | None = None

    async def load(self) -> None:
        """Reads everything anew: the files, the exec plugin, certificates that were renewed.

        Raises:
            NoCluster: there is no usable kubeconfig and no ServiceAccount.
        """
        configuration = Configuration()
        try:
            self._loader = await self._into(configuration)
        except config.ConfigException as error:
            raise NoCluster(str(error)) from error
        self._configuration = configuration
        self._read_at = self._clock()
        if self._tls is not None:
            self._load_files(self._tls)

    async def _into(self, configuration: Configuration) -> Any:
        """Fills the configuration in; the loader that keeps it fresh, None for a ServiceAccount's."""
        if self._kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
            return None
        return await config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=self._kubeconfig,
            context=self._context,
            client_configuration=configuration,
            persist_config=False,
        )

    @property
    def host(self) -> str:
        """The API server's base URL, which may have a path (behind Rancher), without a last slash."""
        return str(self._configuration.host).rstrip("/")

    @property
    def proxy(self) -> str | None:
        """The kubeconfig's proxy-url."""
        return self._configuration.proxy

    @property
    def server_name(self) -> str | None:
        """The kubeconfig's tls-server-name."""
        return self._configuration.tls_server_name

    async def authorization(self) -> str:
        """The Authorization header for a request made now; "" where a certificate is the proof."""
        if self._loader is not None and self._clock() - self._read_at >= REFRESH:
            # The loader reads a token file again and asks an exec plugin only after its expiry.
            await self._loader.load_and_set(self._configuration)
            self._read_at = self._clock()
        header = await self._configuration.get_api_key_with_prefix("BearerToken")
        return (header or "").strip()

    def tls(self) -> ssl.SSLContext:
        """The one TLS context; a later ``load`` renews the certificates inside it."""
        if self._tls is None:
            context = ssl.create_default_context(cafile=self._configuration.ssl_ca_cert)
            # Python 3.13 refuses certificate authorities without an Authority Key Identifier,
            # which is how several distributions make theirs; no other Kubernetes client does.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if not self._configuration.verify_ssl:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._load_files(context)
            self._tls = context
        return self._tls

    def _load_files(self, context: ssl.SSLContext) -> None:
        authority = self._configuration.ssl_ca_cert
        if authority and Path(authority).is_file():
            context.load_verify_locations(cafile=authority)
        if self._configuration.cert_file:
            context.load_cert_chain(
                self._configuration.cert_file, keyfile=self._configuration.key_file
            )

    async def kopf_info(self) -> dict[str, Any]:
        """The keyword arguments of ``kopf.ConnectionInfo`` for the same cluster and user."""
        scheme, _, token = (await self.authorization()).partition(" ")
        return {
            "server": self.host,
            "ca_path": self._configuration.ssl_ca_cert,
            "insecure": not self._configuration.verify_ssl,
            "scheme": scheme or None,
            "token": token.strip() or None,
            "certificate_path": self._configuration.cert_file,
            "private_key_path": self._configuration.key_file,
            "proxy_url": self.proxy,
        }
