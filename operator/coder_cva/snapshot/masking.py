"""A workload's body in, a copy without secrets out: that something was written in clear is kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot.parse_meta import annotations
from coder_cva.snapshot.shapes import mapping, mappings, text, texts

HIDDEN: Final = "(hidden)"
"""Stands where a secret stood as a literal, so that a rule can still say that it was one."""
_VAULTS: Final = f"vault:{HIDDEN}"
TAKEN_IN: Final = "takenIn"
"""The key, of no API, under which a container says which of its variables its values and arguments take in."""

_SECRET_NAME = re.compile(
    r"(?:TOKEN|PASSWORD|PASSPHRASE|PSK|SECRET|SECRETS|KEY|KEYS|CREDENTIALS|AUTH_HEADER|PG_CONNECTION_URL)$", re.IGNORECASE
)  # fmt: skip
_SECRET_FLAG = re.compile(
    r"^(?P<flag>--?[\w-]*(?:token|password|passphrase|psk|secret|key|keys|auth-header|postgres-url))(?P<value>=.*)?$",
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip
_CREDENTIALS_IN_URL = re.compile(r"://[^/\s@:]*:[^/\s@]+@")
_REFERENCE = re.compile(r"^\$\([\w.-]+\)$")
_CONNECTION = re.compile(
    r"^(?P<scheme>postgres(?:ql)?://)(?:[^\s:@/?#]*(?::(?:\$\([\w.-]+\)|\$\{vault:[^\s{}@]+\}))?@)?"
    r"(?P<hosts>[\w.,:\[\]$()-]+)(?:[/?](?!\S*password)[^\s@]*)?$",
    re.IGNORECASE,
)
"""A URL of PostgreSQL without a password, or with one that Kubernetes puts in from another variable, or Vault."""
_OF_VAULT = re.compile(r"^vault:[\w./-]+#\S+$")
"""What Bank-Vaults' webhook has replaced when the container starts: where a secret is, and not the secret."""
_ENVIRONMENT = frozenset({"containers", "initContainers", "ephemeralContainers"})
_REFERENCES = re.compile(r"\$\(([\w.-]+)\)")


def masked(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a Deployment with the same keys and TAKEN_IN, the secrets hidden.

    Annotations that nobody reads go, and managedFields: a copy of the whole object, as kubectl
    writes it into an annotation, would bring the secrets back.
    """
    copy = dict(body)
    copy["metadata"] = _metadata(copy.get("metadata"))
    spec = dict(mapping(copy.get("spec")))
    template = dict(mapping(spec.get("template")))
    template["metadata"] = _metadata(template.get("metadata"))
    template["spec"] = _pod_spec(template.get("spec"))
    return {**copy, "spec": {**spec, "template": template}}


def _metadata(raw: Any) -> dict[str, Any]:
    kept = {key: one for key, one in mapping(raw).items() if key != "managedFields"}
    if "annotations" in kept:
        kept["annotations"] = dict(annotations(kept["annotations"]))
    return kept


def _pod_spec(raw: Any) -> dict[str, Any]:
    return {
        key: [_container(item) for item in one]
        if key in _ENVIRONMENT and isinstance(one, (list, tuple))
        else one
        for key, one in mapping(raw).items()
    }


def _container(raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    copy = dict(raw)
    variables = raw.get("env")
    if isinstance(variables, (list, tuple)):
        copy["env"] = [_variable(one) for one in variables]
    for words in ("command", "args"):
        if isinstance(raw.get(words), (list, tuple)):
            copy[words] = _words(raw[words])
    taken_in = _taken_in(raw)
    return {**copy, TAKEN_IN: taken_in} if taken_in else copy


def _taken_in(raw: Mapping[str, Any]) -> list[str]:
    """The variables of the container that others take in as ``$(NAME)``, also where that is hidden.

    Only names that are set beside it: anything else may be a part of a secret.
    """
    variables = mappings(raw.get("env"))
    values = (text(one.get("value")) for one in variables)
    words = (*values, *texts(raw.get("command")), *texts(raw.get("args")))
    found = {name for one in words for name in _REFERENCES.findall(one)}
    names = {text(one.get("name")) for one in variables}
    return sorted(names & (found | set(texts(raw.get(TAKEN_IN)))))


def _variable(raw: Any) -> Any:
    value = raw.get("value") if isinstance(raw, Mapping) else None
    if not isinstance(value, str) or not value:
        return raw
    named = _SECRET_NAME.search(str(raw.get("name", ""))) is not None
    return {**raw, "value": _hidden(value)} if named or _CREDENTIALS_IN_URL.search(value) else raw


def _hidden(value: str) -> str:
    """What stands for a secret: a reference to one is none, and of a database's URL without one its host stays."""
    if _REFERENCE.match(value):
        return value
    if _OF_VAULT.match(value) or value == _VAULTS:
        return _VAULTS
    found = _CONNECTION.match(value)
    return f"{found['scheme']}{found['hosts']}" if found else HIDDEN


def _words(raw: Any) -> list[Any]:
    """Arguments with the values of secret flags hidden, in both ways of writing them."""
    made: list[Any] = []
    expected = False
    for word in raw:
        found = _SECRET_FLAG.match(word) if isinstance(word, str) else None
        if expected and not (isinstance(word, str) and word.startswith("-")):
            made.append(_hidden(word) if isinstance(word, str) else HIDDEN)
        elif found and found["value"]:
            made.append(f"{found['flag']}={_hidden(found['value'][1:])}")
        elif isinstance(word, str) and _CREDENTIALS_IN_URL.search(word):
            made.append(HIDDEN)
        else:
            made.append(word)
        expected = found is not None and not found["value"]
    return made
