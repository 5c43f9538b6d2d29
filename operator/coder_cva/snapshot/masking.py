"""A workload's body in, a copy without secrets out: that something was written in clear is kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot.parse_meta import annotations
from coder_cva.snapshot.shapes import mapping, mappings, text

HIDDEN: Final = "(hidden)"
"""Stands where a secret stood as a literal, so that a rule can still say that it was one.

References to variables of the same container follow it: what they name is in use.
"""

_SECRET_NAME = re.compile(
    r"(?:TOKEN|PASSWORD|PASSPHRASE|PSK|SECRET|SECRETS|KEY|KEYS|CREDENTIALS|AUTH_HEADER|PG_CONNECTION_URL)$", re.IGNORECASE
)  # fmt: skip
_SECRET_FLAG = re.compile(
    r"^(?P<flag>--?[\w-]*(?:token|password|passphrase|psk|secret|key|keys|auth-header|postgres-url))(?P<value>=.*)?$",
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip
_CREDENTIALS_IN_URL = re.compile(r"://[^/\s@:]*:[^/\s@]+@")
_REFERENCE = re.compile(r"^\$\([\w.-]+\)$")
_REFERENCES = re.compile(r"\$\(([\w.-]+)\)")
_ENVIRONMENT = frozenset({"containers", "initContainers", "ephemeralContainers"})


def masked(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a Deployment with the same keys, the secrets hidden.

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
    names = frozenset(text(one.get("name")) for one in mappings(variables))
    if isinstance(variables, (list, tuple)):
        copy["env"] = [_variable(one, names) for one in variables]
    for words in ("command", "args"):
        if isinstance(raw.get(words), (list, tuple)):
            copy[words] = _words(raw[words], names)
    return copy


def _hidden(value: str, names: frozenset[str]) -> str:
    """What stands for a secret: with the variables that it refers to, which are set beside it."""
    found = sorted(names.intersection(_REFERENCES.findall(value)))
    return HIDDEN + "".join(f"$({name})" for name in found)


def _variable(raw: Any, names: frozenset[str]) -> Any:
    value = raw.get("value") if isinstance(raw, Mapping) else None
    if not isinstance(value, str) or not value or _REFERENCE.match(value):
        return raw
    named = _SECRET_NAME.search(str(raw.get("name", ""))) is not None
    if named or _CREDENTIALS_IN_URL.search(value):
        return {**raw, "value": _hidden(value, names)}
    return raw


def _words(raw: Any, names: frozenset[str]) -> list[Any]:
    """Arguments with the values of secret flags hidden, in both ways of writing them."""
    made: list[Any] = []
    expected = False
    for word in raw:
        found = _SECRET_FLAG.match(word) if isinstance(word, str) else None
        if expected and not (isinstance(word, str) and word.startswith("-")):
            made.append(_hidden(word, names) if isinstance(word, str) else HIDDEN)
        elif found and found["value"]:
            made.append(f"{found['flag']}={_hidden(found['value'], names)}")
        elif isinstance(word, str) and _CREDENTIALS_IN_URL.search(word):
            made.append(_hidden(word, names))
        else:
            made.append(word)
        expected = found is not None and not found["value"]
    return made
