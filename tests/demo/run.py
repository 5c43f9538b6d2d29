"""`make run`: the operator in the foreground, against any cluster, with the rights it is shipped with.

kubectl does the talking, so every way of logging in that a kubeconfig may name works, and the
operator itself gets nothing but a short-lived token of its own ServiceAccount. It acts for as long
as this command runs: whatever ends the command, ends the operator.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import binaries, environment, ports
from harness.children import dies_with
from harness.errors import HarnessError
from support.installation import NAMESPACE, ROOT, SERVICE_ACCOUNT, SHIPPED

TOKEN_LIFETIME = "24h"
SECONDS = 60


@dataclass(frozen=True)
class Target:
    """The cluster that the user's kubeconfig points at."""

    context: str
    cluster: dict[str, Any]

    @classmethod
    def read(cls, view: dict[str, Any]) -> Target:
        """From `kubectl config view --minify --flatten --raw`.

        Raises:
            HarnessError: the kubeconfig has no current context.
        """
        context = view.get("current-context") or ""
        clusters = view.get("clusters") or []
        if not context or not clusters:
            raise HarnessError("there is no current context: set KUBECONFIG to a kubeconfig")
        return cls(context, clusters[0]["cluster"])

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self.cluster["server"])

    def kubeconfig(self, token: str) -> dict[str, Any]:
        """A kubeconfig for the same cluster with this token and nothing else of the user's."""
        name = "coder-cva-operator"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": self.cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }


def run() -> int:
    """Install CRD, namespace and RBAC after asking, then run the operator until it is stopped.

    Returns:
        The operator's exit code.

    Raises:
        HarnessError: the cluster was not confirmed, or kubectl failed; the message says why.
    """
    kubectl = program()
    target = Target.read(view(kubectl))
    confirm(
        target,
        "the operator will install its CRD, its namespace and its RBAC in",
        "and act on every CoderDeployment there, for as long as it runs.",
    )
    for path in SHIPPED:
        print(call(kubectl, "apply", "--server-side", "-f", str(ROOT / path)), end="")
    for plural in ("coderdeployments", "coderplacements"):
        crd = f"crd/{plural}.cva.coder.com"
        call(kubectl, "wait", "--for=condition=Established", crd, f"--timeout={SECONDS}s")
    with tempfile.TemporaryDirectory(prefix="coder-cva-run-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(json.dumps(target.kubeconfig(_token(kubectl))))
        return _operate(kubeconfig)


def confirm(target: Target, what: str, rest: str) -> None:
    """Name the context and have it confirmed: by CVA_YES=<context>, or typed.

    Args:
        target: the cluster.
        what: what will be done, up to the context's name.
        rest: a line that follows it.

    Raises:
        HarnessError: it was not confirmed.
    """
    agreed = environment.variable(environment.YES)
    if agreed == target.context:
        return
    if agreed:
        raise HarnessError(
            f"{environment.YES}={agreed} is not the current context, {target.context}"
        )
    where = f"context {target.context} ({target.server})"
    if not sys.stdin.isatty():
        raise HarnessError(f"{what} {where}: to agree, set {environment.YES}={target.context}")
    print(f"{what[:1].upper()}{what[1:]} {where},")
    print(rest)
    if input("Type the context's name to agree: ").strip() != target.context:
        raise HarnessError("not confirmed: nothing was done")


def program() -> str:
    """The user's kubectl, else one that is built for it."""
    return shutil.which("kubectl") or str(binaries.kubectl())


def view(kubectl: str) -> dict[str, Any]:
    """The kubeconfig's current context alone, with every file that it names read into it."""
    try:
        text = call(kubectl, "config", "view", "--minify", "--flatten", "--raw", "-o", "json")
    except HarnessError as error:
        raise HarnessError(
            f"{error}\nset KUBECONFIG to a kubeconfig with a current context"
        ) from error
    found: dict[str, Any] = json.loads(text)
    return found


def _token(kubectl: str) -> str:
    account = (SERVICE_ACCOUNT, "-n", NAMESPACE)
    token = call(kubectl, "create", "token", *account, f"--duration={TOKEN_LIFETIME}").strip()
    print(f"the operator runs as {NAMESPACE}/{SERVICE_ACCOUNT}; its token lasts {TOKEN_LIFETIME}")
    return token


def _operate(kubeconfig: Path) -> int:
    """The operator until it ends; an interrupt from the keyboard reaches it by itself.

    It ends in order by the signals that end this process, and without warning where this process
    is killed: on Linux the kernel sees to that.
    """
    code = os.pathsep.join(
        filter(None, (str(ROOT / "operator"), environment.variable("PYTHONPATH")))
    )
    port = environment.variable("PORT") or str(ports.free(1)[0])
    print(f"endpoints: http://127.0.0.1:{port}/readyz, /healthz, /metrics", flush=True)
    operator = subprocess.Popen(
        [sys.executable, "-m", "coder_cva", "run"],
        env=environment.for_child(
            KUBECONFIG=str(kubeconfig), OPERATOR_NAMESPACE=NAMESPACE, PYTHONPATH=code, PORT=port
        ),
        preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - the child only calls prctl
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: operator.terminate())
    return operator.wait()


def call(kubectl: str, *arguments: str) -> str:
    """What kubectl answers. Raises HarnessError with its own words where it fails."""
    try:
        done = subprocess.run(
            [kubectl, *arguments], capture_output=True, text=True, check=False, timeout=2 * SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"kubectl {' '.join(arguments)} got no answer") from error
    if done.returncode:
        raise HarnessError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
