"""The data folder of one control plane and the command line of each of its components."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import kubeconfigs, kwok, ports, signing_key
from harness.children import Plan
from harness.folders import MANIFESTS

if TYPE_CHECKING:
    from pathlib import Path

ADMIN = "admin"
# The users to whom Kubernetes itself binds the components' roles; kwok plays every kubelet.
USERS = {
    ADMIN: "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    kwok.NAME: "system:masters",
}


@dataclass(frozen=True)
class Options:
    """What may differ between two clusters of the same world."""

    audit: bool = False
    apiserver: tuple[str, ...] = ()
    """Further flags of kube-apiserver; a flag given here overrides the same one below."""


@dataclass
class ControlPlane:
    """Files, ports and tokens of one cluster."""

    folder: Path
    name: str
    programs: dict[str, Path]
    options: Options = Options()
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.etcd_port, self.peer_port, self.port = ports.free(3)

    @property
    def server(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Every request that the API server answered, if the audit was asked for."""
        return self.folder / "logs" / "audit.log"

    def prepare(self) -> None:
        """Write everything that must exist before the first component starts."""
        for part in ("logs", "certificates"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        signing_key.write(self._signing_key)
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        lines = [f'{self.tokens[user]},{user},{user},"{USERS[user]}"\n' for user in USERS]
        self._tokens.touch(mode=0o600)
        self._tokens.write_text("".join(lines))
        Plan(self.commands()).write(self.folder / "plan.json")

    @property
    def has_certificate(self) -> bool:
        """Whether the API server has made its certificate, and written all of it."""
        key = self._certificate.with_suffix(".key")
        # The key is written after the certificate.
        return key.exists() and key.stat().st_size > 0

    def write_kubeconfigs(self) -> None:
        """Write a kubeconfig for every user, once the API server has made its certificate."""
        authority = self._certificate.read_bytes()
        for user, token in self.tokens.items():
            path = self.kubeconfig if user == ADMIN else self._kubeconfig_of(user)
            kubeconfigs.write(
                path,
                name=f"coder-cva-{self.name}" if user == ADMIN else user,
                server=self.server,
                authority=authority,
                token=token,
            )

    def commands(self) -> dict[str, list[str]]:
        """The command line of every component, in the order in which they start."""
        arguments = {
            "etcd": self._etcd(),
            "kube-apiserver": self._apiserver(),
            "kube-controller-manager": self._controller_manager(),
            "kube-scheduler": self._scheduler(),
        }
        commands = {name: [str(self.programs[name]), *args] for name, args in arguments.items()}
        plays = kwok.command(self.programs[kwok.NAME], self._kubeconfig_of(kwok.NAME))
        return {**commands, kwok.NAME: plays}

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.peer_port))
        return [
            "--name=single",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=single={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver(self) -> list[str]:
        flags = [
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--token-auth-file={self._tokens}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._signing_key}",
            f"--service-account-signing-key-file={self._signing_key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
        ]
        if self.options.audit:
            flags += [
                f"--audit-policy-file={MANIFESTS / 'audit-policy.yaml'}",
                f"--audit-log-path={self.audit_log}",
            ]
        return [*flags, *self.options.apiserver]

    def _controller_manager(self) -> list[str]:
        return [
            f"--kubeconfig={self._kubeconfig_of('system:kube-controller-manager')}",
            f"--root-ca-file={self._certificate}",
            f"--service-account-private-key-file={self._signing_key}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            *(f"--{name}={value}" for name, value in kwok.CONTROLLER_MANAGER.items()),
        ]

    def _scheduler(self) -> list[str]:
        configuration = self.folder / "scheduler.json"
        connection = {
            "kubeconfig": str(self._kubeconfig_of("system:kube-scheduler")),
            "qps": 300,
            "burst": 600,
        }
        document = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": connection,
            "podMaxBackoffSeconds": 2,
        }
        configuration.write_text(json.dumps(document, indent=2))
        return [f"--config={configuration}", "--secure-port=0"]

    def _kubeconfig_of(self, user: str) -> Path:
        return self.folder / f"{user.removeprefix('system:')}.kubeconfig"

    @property
    def _signing_key(self) -> Path:
        return self.folder / "service-account.key"

    @property
    def _tokens(self) -> Path:
        return self.folder / "tokens.csv"

    @property
    def _certificate(self) -> Path:
        return self.folder / "certificates" / "apiserver.crt"
