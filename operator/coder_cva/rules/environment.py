"""coderd's environment as far as its Deployment says it: literal values only, never a Secret's."""

from collections.abc import Iterator, Mapping
from typing import Any

from coder_cva.snapshot.records import Deployment
from coder_cva.values.manifest import dig


def variable(deployment: Deployment, name: str) -> str | None:
    """The literal value of a variable; None where it is not set, "" where it comes from elsewhere."""
    for env in _environment(deployment):
        if dig(env, "name") == name:
            return str(dig(env, "value", default=""))
    return None


def has_hidden_part(deployment: Deployment) -> bool:
    """Whether variables come from ConfigMaps or Secrets as a whole (envFrom), which is not read here."""
    return any(dig(one, "envFrom") for one in _containers(deployment))


def _environment(deployment: Deployment) -> Iterator[Mapping[str, Any]]:
    for container in _containers(deployment):
        yield from dig(container, "env", default=[])


def _containers(deployment: Deployment) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = dig(
        deployment.body, "spec", "template", "spec", "containers", default=[]
    )
    return found
