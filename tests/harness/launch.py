"""Starting a control plane: the supervisor first, then each component when it can work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import kwok
from harness.errors import HarnessError
from harness.kube import Kube
from harness.supervised import ComponentEndedError
from harness.waiting import wait_for

if TYPE_CHECKING:
    from harness.control_plane import ControlPlane
    from harness.supervised import Supervised

START_SECONDS = 120
PORT_TAKEN = "address already in use"
VARIABLES = {"GOGC": "400"}
"""The components' environment: they collect garbage seldom. A start of the API server costs 15 % less CPU so, and
100 MB more memory."""


class PortTaken(HarnessError):
    """Another process took a port between our look at it and the component's start."""


class Launch:
    """The start of one control plane under its supervisor."""

    def __init__(self, plane: ControlPlane, supervised: Supervised) -> None:
        self._plane = plane
        self._supervised = supervised

    def run(self) -> None:
        """Return when every component runs and the API server is ready."""
        try:
            self._supervised.start(**VARIABLES)
            self._supervised.run(("etcd", "kube-apiserver"))
            wait_for(
                self._certificate_is_made, timeout=START_SECONDS, what="the API server's start"
            )
            wait_for(self._is_ready, timeout=START_SECONDS, what="the API server to be ready")
            self._supervised.run(("kube-controller-manager", "kube-scheduler", kwok.NAME))
            wait_for(self._has_default_account, what="kube-controller-manager to do its work")
        except ComponentEndedError as error:
            text = str(error)
            raise (PortTaken if PORT_TAKEN in text else HarnessError)(text) from None

    def _certificate_is_made(self) -> bool:
        self._supervised.check()
        if not self._plane.has_certificate:
            return False
        self._plane.write_kubeconfigs()
        return True

    def _is_ready(self) -> bool:
        self._supervised.check()
        answer = Kube.of(self._plane.kubeconfig).api.request("GET", "/readyz", timeout=5)
        return bool(answer == "ok")

    def _has_default_account(self) -> bool:
        self._supervised.check()
        kube = Kube.of(self._plane.kubeconfig)
        return bool(kube.find("ServiceAccount", "default", "default"))
