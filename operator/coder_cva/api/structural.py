"""Pydantic's JSON schema in, the structural OpenAPI schema of a CRD out.

A structural schema has no ``$ref`` and says a type at every node. Absence is no type of its own, so
``anyOf`` with null becomes the plain type of a field that is not required.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from coder_cva.api.part import Part
from coder_cva.api.validation import VALIDATIONS

Schema = dict[str, Any]

_DROPPED: Final = ("title", "$defs", "default", "const")
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"


def structural(model: type[Part]) -> Schema:
    """The structural schema of a model, defaults written where the API server is to fill them in."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _converted(raw, raw.get("$defs", {}))


def as_reported(schema: Schema) -> Schema:
    """The same schema without defaults and CEL: for a status, which the operator alone writes.

    A default there would be a statement that nobody made, and a refusal would silence the operator.
    """
    made = {key: value for key, value in schema.items() if key not in ("default", VALIDATIONS)}
    if "properties" in made:
        made["properties"] = {
            name: as_reported(child) for name, child in made["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = as_reported(made[key])
    return made


def _converted(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    whole = _resolved(node, definitions)
    made = {key: value for key, value in whole.items() if key not in _DROPPED}
    if "const" in whole:
        made["enum"] = [whole["const"]]
    if "description" in made:
        made["description"] = _prose(made["description"])
    if "properties" in made:
        made["properties"] = {
            name: _converted(child, definitions) for name, child in made["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = _converted(made[key], definitions)
    made.update(_default(whole, made))
    return made


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """The node with its reference followed and its null alternative dropped; its own words win."""
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        own = {key: value for key, value in node.items() if key != "$ref"}
        return _resolved({**target, **own}, definitions)
    if "anyOf" in node and _INT_OR_STRING not in node:
        (only,) = (one for one in node["anyOf"] if one.get("type") != "null")
        own = {key: value for key, value in node.items() if key != "anyOf"}
        return _resolved({**only, **own}, definitions)
    return dict(node)


def _default(whole: Schema, made: Schema) -> Schema:
    """The default to write down, if any.

    A scalar is written as it is. An object is written as ``{}``, and only if something below it has
    a default to fill in. Empty lists and mappings are not: they would be noise in every diff.
    """
    default = whole.get("default")
    if isinstance(default, (str, int)):
        return {"default": default}
    if isinstance(default, dict):
        children = made.get("properties", {}).values()
        return {"default": {}} if any("default" in child for child in children) else {}
    return {}


def _prose(text: str) -> str:
    """A docstring as ``kubectl explain`` shows it: paragraphs on one line, no markup."""
    paragraphs = re.split(r"\n\s*\n", text.replace("``", ""))
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)
