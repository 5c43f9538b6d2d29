"""Logging in by a plugin, as kubeconfigs of EKS, GKE and AKS ask for.

The protocol is Kubernetes' own (client.authentication.k8s.io, "client-go credential plugins"): a
program is run, is told in the environment what is wanted, and prints an ExecCredential.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from harness import environment
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECONDS = 60
EARLY = timedelta(minutes=1)
"""A credential is renewed before it ends: a request takes time, and clocks differ."""


@dataclass(frozen=True)
class Credential:
    """What a plugin hands out: a token, or a client certificate with its key (PEM)."""

    token: str | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    ends: datetime | None = None


@dataclass
class ExecPlugin:
    """The plugin of one user of a kubeconfig; its credential is kept until it ends."""

    command: list[str]
    api_version: str
    variables: dict[str, str] = field(default_factory=dict)
    cluster: dict[str, Any] | None = None
    """What the plugin is told of the cluster, where the kubeconfig asks for that."""
    _held: Credential | None = None

    @classmethod
    def of(cls, section: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path) -> ExecPlugin:
        """From a user's `exec` section and the cluster's; paths are relative to the file's folder.

        Raises:
            HarnessError: the plugin wants to talk to a person.
        """
        program = section["command"]
        if section.get("interactiveMode") == "Always":
            raise HarnessError(
                f"the login plugin {program} wants to ask at a terminal, which tests have not: "
                "use a kubeconfig with a token or a client certificate"
            )
        if os.sep in program:
            program = str(folder / program)
        return cls(
            command=[program, *(section.get("args") or [])],
            api_version=section["apiVersion"],
            variables={one["name"]: one["value"] for one in section.get("env") or []},
            cluster=dict(cluster) if section.get("provideClusterInfo") else None,
        )

    def credential(self) -> Credential:
        """The credential that holds at this moment.

        Raises:
            HarnessError: the plugin is missing, failed or answered something else.
        """
        held = self._held
        if held is None or (held.ends and held.ends - EARLY < datetime.now(UTC)):
            held = self._held = _parsed(self._answer(), self.command[0])
        return held

    def forget(self) -> None:
        """Ask anew the next time: the server did not take the credential."""
        self._held = None

    def _answer(self) -> str:
        spec = {"interactive": False, **({"cluster": self.cluster} if self.cluster else {})}
        wanted = {"kind": "ExecCredential", "apiVersion": self.api_version, "spec": spec}
        variables = {**self.variables, "KUBERNETES_EXEC_INFO": json.dumps(wanted)}
        try:
            done = subprocess.run(
                self.command,
                env=environment.for_child(**variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HarnessError(f"the login plugin {self.command[0]}: {error}") from error
        if done.returncode:
            told = done.stderr.strip()
            raise HarnessError(f"the login plugin {self.command[0]} failed: {told}")
        return done.stdout


def _parsed(answer: str, program: str) -> Credential:
    try:
        status = json.loads(answer)["status"]
        ends = status.get("expirationTimestamp")
        return Credential(
            token=status.get("token"),
            certificate=_encoded(status.get("clientCertificateData")),
            key=_encoded(status.get("clientKeyData")),
            ends=datetime.fromisoformat(ends) if ends else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # What it did answer may hold a secret.
        raise HarnessError(f"the login plugin {program} answered no ExecCredential") from error


def _encoded(text: str | None) -> bytes | None:
    return text.encode() if text else None
