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

_DIRECTIONS: Final = (("Ingress", "ingress"), ("Egress", "egress"))
_OURS: Final = ("name", "namespace", "labels", "annotations", "ownerReferences")
_Identity = tuple[str, str, str, str]


def has_rules(body: Mapping[str, Any]) -> bool:
    """Whether a NetworkPolicy lets anything through; one that does not only closes."""
    return any(dig(body, "spec", rules) for _, rules in _DIRECTIONS)


def before(objects: Iterable[Manifest], there: Collection[_Identity]) -> Iterator[Manifest]:
    """What to make first, open for everything, before these objects are made as they are.

    ``there`` are ours that exist. In a namespace that is closed already what is new only opens.
    """
    for wanted in _by_namespace(objects).values():
        opening = [one for one in wanted if has_rules(one)]
        closing = [one for one in wanted if not has_rules(one)]
        is_closed = bool(closing) and all(ref_of(one).identity in there for one in closing)
        if len(opening) > 1 and not is_closed:
            yield from (opened(one) for one in opening if ref_of(one).identity not in there)


def after(
    going: Iterable[Mapping[str, Any]], stays: Iterable[Mapping[str, Any]]
) -> Iterator[Manifest]:
    """What of these objects to open for everything before any of them goes.

    ``stays`` are ours that do not go: where one of them closes, what goes was open through them alone.
    """
    closed = {space for space, one in _by_namespace(stays).items() if not all(map(has_rules, one))}
    for space, bodies in _by_namespace(going).items():
        opening = [one for one in bodies if has_rules(one) and _is_marked(one)]
        if space not in closed:
            yield from map(opened, opening[1:])


def opened(body: Mapping[str, Any]) -> Manifest:
    """The same policy, ours to apply, that lets everything through in the directions that it is about."""
    metadata, spec = body["metadata"], body["spec"]
    types = dig(spec, "policyTypes", default=["Ingress"])
    return copy.deepcopy(
        {
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "metadata": {key: metadata[key] for key in _OURS if key in metadata},
            "spec": {
                "podSelector": dig(spec, "podSelector", default={}),
                "policyTypes": types,
                **{rules: [{}] for name, rules in _DIRECTIONS if name in types},
            },
        }
    )


def _is_marked(body: Mapping[str, Any]) -> bool:
    """Whether it still says for whom it was made; by that the engine knows that it may write it."""
    return bool(
        dig(body, "metadata", "labels", OWNER_UID)
        and dig(body, "metadata", "annotations", OWNER_NAME)
    )


def _by_namespace(bodies: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in bodies:
        if one["kind"] == "NetworkPolicy":
            found[one["metadata"]["namespace"]].append(one)
    return dict(found)
