"""NetworkPolicies come and go one by one, and at no time cut what works before and afterwards.

Policies are a union, and the first one that selects a Pod isolates it. Two that keep a port each open on
the same Pod are harmless together; while only one of them is there, the other one's port is cut. So such
policies come open for everything, and get their own rules when all of them are there; and before they go
they are opened again. Where a policy without rules closes the Pods anyhow, nothing of this is needed.
"""

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from coder_cva.desired.metadata import OWNER_NAME, OWNER_UID
from coder_cva.values.manifest import Manifest, dig, ref_of

_RULES: Final = {"Ingress": "ingress", "Egress": "egress"}
_OURS: Final = ("name", "namespace", "labels", "annotations", "ownerReferences")
_Identity = tuple[str, str, str, str]
Body = Mapping[str, Any]


def has_rules(body: Body) -> bool:
    """Whether a NetworkPolicy lets anything through; one that does not only closes."""
    return any(dig(body, "spec", rules) for rules in _RULES.values())


def before(objects: Iterable[Manifest], there: Collection[_Identity]) -> Iterator[Manifest]:
    """What to make first, open for everything, before these objects are made as they are.

    ``there`` are ours that exist. In a namespace that is closed already what is new only opens.
    """
    for wanted in _by_namespace(objects).values():
        unclosed = [
            direction
            for direction in _RULES
            if not all(_exists(one, there) for one in _closing(wanted, direction))
            or not _closing(wanted, direction)
        ]
        new = (one for one in wanted if not _exists(one, there))
        yield from _opened_each(new, wanted, unclosed)


def after(going: Iterable[Body], stays: Iterable[Body]) -> Iterator[Manifest]:
    """What of these objects to open for everything before any of them goes.

    ``stays`` are ours that do not go: where one of them closes, what goes was open through them alone.
    """
    staying = _by_namespace(stays)
    for space, bodies in _by_namespace(going).items():
        unclosed = [one for one in _RULES if not _closing(staying.get(space, ()), one)]
        # The first to go may stay as it is: all others are open when it goes.
        marked = [one for one in bodies if has_rules(one) and _is_marked(one)]
        yield from _opened_each(marked[1:], bodies, unclosed)


def opened(body: Body, directions: Collection[str] = tuple(_RULES)) -> Manifest:
    """The same policy, ours to apply, that lets everything through in those of its directions."""
    metadata, spec = body["metadata"], body["spec"]
    types = _directions(body)
    rules = {
        _RULES[one]: [{}] if one in directions else dig(spec, _RULES[one])
        for one in types
        if one in directions or dig(spec, _RULES[one])
    }
    return copy.deepcopy(
        {
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "metadata": {key: metadata[key] for key in _OURS if key in metadata},
            "spec": {
                "podSelector": dig(spec, "podSelector", default={}),
                "policyTypes": types,
                **rules,
            },
        }
    )


def _opened_each(
    bodies: Iterable[Body], among: Collection[Body], directions: Iterable[str]
) -> Iterator[Manifest]:
    """Those of them that keep something open beside others, open in the directions in which they do."""
    shared = [one for one in directions if len(_opening(among, one)) > 1]
    for body in bodies:
        own = [one for one in shared if body in _opening((body,), one)]
        if own:
            yield opened(body, own)


def _opening(bodies: Iterable[Body], direction: str) -> list[Body]:
    """Those with rules for this direction."""
    return [one for one in bodies if direction in _directions(one) and _lets(one, direction)]


def _closing(bodies: Iterable[Body], direction: str) -> list[Body]:
    """Those that are about this direction and let nothing through."""
    return [one for one in bodies if direction in _directions(one) and not _lets(one, direction)]


def _lets(body: Body, direction: str) -> bool:
    return bool(dig(body, "spec", _RULES[direction]))


def _directions(body: Body) -> list[str]:
    """By the defaults of the API: ingress always, egress where there is a rule for it."""
    said = dig(body, "spec", "policyTypes")
    if said:
        return [one for one in _RULES if one in said]
    return ["Ingress", "Egress"] if dig(body, "spec", "egress") else ["Ingress"]


def _exists(body: Body, there: Collection[_Identity]) -> bool:
    return ref_of(body).identity in there


def _is_marked(body: Body) -> bool:
    """Whether it still says for whom it was made; by that the engine knows that it may write it."""
    return bool(
        dig(body, "metadata", "labels", OWNER_UID)
        and dig(body, "metadata", "annotations", OWNER_NAME)
    )


def _by_namespace(bodies: Iterable[Body]) -> dict[str, list[Body]]:
    found: defaultdict[str, list[Body]] = defaultdict(list)
    for one in bodies:
        if one["kind"] == "NetworkPolicy":
            found[one["metadata"]["namespace"]].append(one)
    return dict(found)
