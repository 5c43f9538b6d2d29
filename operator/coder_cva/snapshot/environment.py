"""coderd's settings as far as its Deployment says them: literal values only, never a Secret's.

Source of the precedence: Coder's server reference. A flag wins over the variable, the variable over
the configuration file; the flag's name follows from the variable's, or stands in the catalogue.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from coder_cva.catalogue.variables import variables
from coder_cva.snapshot import parse_roles
from coder_cva.snapshot.masking import TAKEN_IN
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.shapes import mapping, mappings, text, texts
from coder_cva.values.manifest import dig

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""What Go's strconv.ParseBool takes for true; coderd reads its switches with it."""
_PROGRAM: Final = "coder"
_INITS: Final = frozenset({"tini", "dumb-init", "catatonit"})
"""What only passes signals on."""
_FILE: Final = "CODER_CONFIG_PATH"
_FILE_FLAGS: Final = ("--config", "-c")
_FLAGS: Final = {
    "CODER_PG_CONNECTION_URL": ("--postgres-url",),
    "CODER_ORGANIZATION": ("--org", "-O"),
    "CODER_PROVISIONERD_TAGS": ("--tag", "-t"),
    "CODER_PROVISIONER_DAEMON_KEY": ("--key",),
}
"""Flags whose names do not follow from the variable (Coder's reference: server, provisioner start)."""


def container(deployment: Deployment) -> Mapping[str, Any]:
    """The container of Coder's own among those of the template; sidecars are none of ours."""
    found = mappings(dig(deployment.body, "spec", "template", "spec", "containers"))
    for one in found:
        if parse_roles.playing((one,), deployment.template_meta)[0]:
            return one
    return found[0] if found else {}


def literal(deployment: Deployment, name: str) -> str | None:
    """The value of a setting as it is written; None where it is not set, or not in clear.

    Of a variable that is set twice the last one counts, as in Kubernetes.
    """
    flag = _flag(deployment, name)
    if flag is not None:
        return flag
    found = _entry(deployment, name)
    value = found.get("value", "") if found is not None and not found.get("valueFrom") else None
    return value if isinstance(value, str) else None


def is_elsewhere(deployment: Deployment, name: str) -> bool:
    """Whether the value may stand in a ConfigMap, a Secret or a file, which are not read here.

    Or be set by what starts coderd: a shell that takes in a file of Vault's agent, for instance.
    """
    if _flag(deployment, name) is not None:
        return False
    found = _entry(deployment, name)
    if found is not None:
        return bool(found.get("valueFrom"))
    return _comes_as_a_whole(deployment, name) or _has_file(deployment) or bool(starter(deployment))


def secret_of(deployment: Deployment, name: str) -> str:
    """The Secret of whose key a variable has its value; "" where it has it from anywhere else."""
    found = _entry(deployment, name) if _flag(deployment, name) is None else None
    return text(dig(found, "valueFrom", "secretKeyRef", "name"))


def is_set(deployment: Deployment, name: str) -> bool:
    """Whether the setting is there by name, wherever its value comes from."""
    if _flag(deployment, name) is not None:
        return True
    found = _entry(deployment, name)
    return found is not None and bool(found.get("value") or found.get("valueFrom"))


def is_true(value: str | None) -> bool:
    """Whether coderd takes the value of a switch for true."""
    return value in _TRUE


def names(deployment: Deployment) -> tuple[str, ...]:
    """The names of all variables that are set one by one, sorted."""
    found = (text(one.get("name")) for one in mappings(container(deployment).get("env")))
    return tuple(sorted({one for one in found if one}))


def entry(deployment: Deployment, name: str) -> Mapping[str, Any]:
    """A variable as it is written, the last one of the name; empty for none."""
    return _entry(deployment, name) or {}


def taken_in(deployment: Deployment) -> frozenset[str]:
    """The variables that others, or arguments, take in as ``$(NAME)``."""
    return frozenset(texts(container(deployment).get(TAKEN_IN)))


def wholes(deployment: Deployment) -> tuple[str, ...]:
    """The ConfigMaps and Secrets whose keys all become variables: ``ConfigMap a``, in their order."""
    sources = mappings(container(deployment).get("envFrom"))
    kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
    return tuple(
        f"{kind} {text(mapping(one.get(key)).get('name'))}"
        for one in sources
        for key, kind in kinds.items()
        if one.get(key) is not None
    )


def starter(deployment: Deployment) -> str:
    """The program that starts coderd and may give it any variable; "" where coderd is started by itself."""
    words = (one.rpartition("/")[2] for one in texts(container(deployment).get("command")))
    program = next((one for one in words if one not in _INITS and not one.startswith("-")), "")
    return "" if program.startswith(_PROGRAM) else program


def _entry(deployment: Deployment, name: str) -> Mapping[str, Any] | None:
    entries = [one for one in mappings(container(deployment).get("env")) if one.get("name") == name]
    return mapping(entries[-1]) if entries else None


def flag(deployment: Deployment, name: str) -> str:
    """The flag by which an argument says a setting: no variable changes it then. "" where none does."""
    return _names(name)[0] if _flag(deployment, name) is not None else ""


def arguments(deployment: Deployment, *flags: str) -> tuple[str, ...]:
    """The values that arguments give a flag in one of its names, ``--name=value`` or ``--name value``."""
    return tuple(value for value, _ in _said(deployment, flags))


def _said(deployment: Deployment, flags: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Each value, and whether it is the next word: a switch takes none from there."""
    words = _words(deployment)
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name in flags:
            yield (value, False) if equals else (following, True)


def _names(name: str) -> tuple[str, ...]:
    """The names of a setting's flag, the long one first."""
    known = variables().server.get(name)
    if known is not None and known.flag:
        return (f"--{known.flag}",)
    usual = "--" + name.removeprefix("CODER_").lower().replace("_", "-")
    return _FLAGS.get(name, (usual,))


def _is_switch(name: str) -> bool:
    """Whether a setting's flag needs no value, and takes none from the next word."""
    known = variables().server.get(name)
    return known is not None and known.kind == "bool"


def _flag(deployment: Deployment, name: str) -> str | None:
    """The value that an argument gives a setting; the last one counts."""
    said = None
    for value, is_next in _said(deployment, _names(name)):
        said = "true" if is_next and _is_switch(name) else value
    return said


def _words(deployment: Deployment) -> tuple[str, ...]:
    here = container(deployment)
    return (*texts(here.get("command")), *texts(here.get("args")))


def _comes_as_a_whole(deployment: Deployment, name: str) -> bool:
    """Whether variables come from a ConfigMap or a Secret as a whole, under a prefix that this one has."""
    sources = mappings(container(deployment).get("envFrom"))
    return any(name.startswith(text(one.get("prefix"))) for one in sources)


def _has_file(deployment: Deployment) -> bool:
    """Whether coderd is given a configuration file; provisioners take none, and ``-c`` for their cache."""
    if deployment.shape.role == "provisionerd":
        return False
    named = any(word in _FILE_FLAGS or word.startswith("--config=") for word in _words(deployment))
    return named or _entry(deployment, _FILE) is not None
