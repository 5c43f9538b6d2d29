"""Containers in, the role that they play in Coder out.

Source: Coder's charts start one image in three ways, ``server``, ``wsproxy server`` and
``provisionerd start``; the image's own entry point is ``/opt/coder server`` (scripts/Dockerfile).
Names of containers and prefixes of names say nothing: coderd, proxies, provisioners and
workspaces share them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from coder_cva.snapshot import marks
from coder_cva.snapshot.records import Meta
from coder_cva.snapshot.shapes import mappings, text, texts

_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_SCRIPT = re.compile(
    r"(?:^|[\s/;&|])coder\s+(?P<words>(?:server|wsproxy\s+server|provisioner\w*\s+start)\b)"
)
_INITS = frozenset({"tini", "dumb-init", "catatonit"})
_SERVER_TOOLS = frozenset({"create-admin-user", "dbcrypt", "postgres-builtin-serve", "postgres-builtin-url"})  # fmt: skip


def is_agent(containers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a container is told a CODER_AGENT_TOKEN, in clear or from a Secret.

    What comes through ``envFrom`` cannot be seen; there the labels decide.
    """
    return any(
        variable.get("name") == marks.AGENT_TOKEN
        for container in containers
        for variable in mappings(container.get("env"))
    )


def playing(containers: Iterable[Mapping[str, Any]], meta: Meta) -> tuple[str, str]:
    """The role (coderd, wsproxy, provisionerd or "") and the image of the container that plays it.

    ``meta`` is that of the Pod or of the template: its component annotation and its name label are
    asked where the arguments leave it open.
    """
    role, container = player(containers, meta)
    return role, text(container.get("image"))


def player(containers: Iterable[Mapping[str, Any]], meta: Meta) -> tuple[str, Mapping[str, Any]]:
    """The same role, with the container itself; an empty one where there is no role."""
    if is_workspace(meta):
        return "", {}
    every = tuple(containers)
    candidates = [one for one in every if _is_coder(one)]
    if not candidates and meta.labels.get(marks.NAME) in marks.CHART_ROLES:
        candidates = list(every)  # an image of one's own under a name that only Coder's parts bear
    for container in candidates:
        role = _role(container, meta)
        if role:
            return role, container
    return "", {}


def is_workspace(meta: Meta) -> bool:
    """Whether labels of Coder's templates are on it."""
    labels = meta.labels
    return (
        any(one in labels for one in marks.WORKSPACE_LABELS)
        or labels.get(marks.NAME) == marks.WORKSPACE_NAME
        or labels.get("app") == marks.WORKSPACE_NAME
    )


def _is_coder(container: Mapping[str, Any]) -> bool:
    """Whether image or command are Coder's."""
    return _program(container)[0] == "coder" or _is_image(text(container.get("image")))


def _role(container: Mapping[str, Any], meta: Meta) -> str:
    program, words = _program(container)
    image = text(container.get("image"))
    if program in _SHELLS:
        return _of_script(" ".join(words)) if _is_image(image) else ""
    by_default = program == "" and _is_published(image)
    return _of_words(words) or _announced(meta) or _of_entry_point(words, by_default=by_default)


def _program(container: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """What is started ("" for the image's own entry point), without an init around it, and its words."""
    command = list(texts(container.get("command")))
    if command and _base(command[0]) in _INITS:
        while command and (command[0].startswith("-") or _base(command[0]) in _INITS):
            del command[0]
    program = _base(command[0]) if command else ""
    return program, (*command[1:], *texts(container.get("args")))


def _of_words(words: tuple[str, ...]) -> str:
    """The role of the first sub-command that is one of the three; flags are passed over."""
    plain = [word for word in words if not word.startswith("-")]
    for at, word in enumerate(plain):
        following = plain[at + 1] if at + 1 < len(plain) else ""
        if word == "wsproxy" and following == "server":
            return "wsproxy"
        if word in {"provisionerd", "provisioner", "provisioners"} and following == "start":
            return "provisionerd"
        if word == "server":
            return "" if following in _SERVER_TOOLS else "coderd"
    return ""


def _of_script(script: str) -> str:
    found = _SCRIPT.search(script)
    return _of_words(tuple(found["words"].split())) if found else ""


def _announced(meta: Meta) -> str:
    """The role by the charts' component annotation, or by a name label that only one role has."""
    for key in (marks.COMPONENT, "com.coder/component"):
        component = meta.annotations.get(key, "")
        if component in marks.ROLES:
            return component
    return marks.CHART_ROLES.get(meta.labels.get(marks.NAME, ""), "")


def _of_entry_point(words: tuple[str, ...], *, by_default: bool) -> str:
    """Coder's published image without a command starts coderd; all its arguments are then flags."""
    only_flags = all(one.startswith("-") for one in words[:1])
    return "coderd" if by_default and only_flags else ""


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _is_image(image: str) -> bool:
    return _base(_repository(image)) == "coder"


def _is_published(image: str) -> bool:
    return _repository(image).endswith("coder/coder")


def _repository(image: str) -> str:
    """The image without tag and digest: ``ghcr.io/coder/coder``."""
    head, slash, tail = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"
