"""The look at Coder's own API: the token out of its Secret, one look with it, and it is forgotten."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.coder_api import reading
from coder_cva.kube import secrets
from coder_cva.kube.connection import Connection
from coder_cva.snapshot.coder_seen import CoderSeen, nothing, patient
from coder_cva.values.addresses import Permit, anywhere

_CHART_SERVICE: Final = "coder"
"""The name of coderd's Service in Coder's chart, whatever the release is called."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,512}")
"""A token is letters, digits and a dash. Whoever names the Secret also names where it is sent: a connection URL
or a key in JSON, which stand in Secrets too, are not."""


@dataclass(frozen=True, slots=True)
class CoderLook:
    """What Coder says about itself, where the spec asks for it."""

    connection: Connection
    interval: float = 60.0
    """A licence, templates and accounts change rarely; a queue of builds is worth a minute's age."""
    permit: Permit = anywhere
    """Which addresses may be connected to: the URL is the word of whoever may write a CoderDeployment."""
    part: ClassVar[str] = "coder"

    async def look(self, deployment: CoderDeployment, before: Any) -> CoderSeen | None:
        """One look; None where it is not asked for."""
        said = deployment.spec.coder_api
        if said is None:
            return None
        where = said.token_secret_ref
        found = await secrets.value(self.connection, deployment.namespace, where.name, where.key)
        if found.problem:
            return nothing("TokenNotRead", f"{found.problem}. It holds the token for Coder's API")
        token = found.value.strip()
        if not _TOKEN.fullmatch(token):
            return nothing(
                "TokenNotRead",
                f"the Secret {deployment.namespace}/{where.name} holds no token under {where.key}: put there what "
                "coder tokens create prints",
            )
        now = await reading.seen(said.url or in_cluster(deployment), token, self.permit)
        return patient(before, now)


def in_cluster(deployment: CoderDeployment) -> str:
    """The URL of coderd's Service in the CoderDeployment's namespace."""
    is_ours = deployment.spec.control_plane.management == "Managed"
    name = deployment.name if is_ours else _CHART_SERVICE
    return f"http://{name}.{deployment.namespace}.svc"
