"""Operations: the links to help in the menu of Coder's dashboard (CVA-SUP-001)."""

import json
from collections.abc import Iterable
from typing import Final

from coder_cva.rules import remedies
from coder_cva.rules.model import (
    Finding,
    Judgement,
    Rule,
    failed,
    not_applicable,
    passed,
    unknown,
)
from coder_cva.rules.subjects import CODERD, are, named, no_coderd
from coder_cva.rules.support_links import (
    Fault,
    Link,
    UnreadableError,
    address,
    faults,
    parse,
)
from coder_cva.snapshot import environment
from coder_cva.snapshot.links_seen import LinkSeen
from coder_cva.snapshot.masking import HIDDEN
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_RULE: Final = "CVA-SUP-001"
_VARIABLE: Final = "CODER_SUPPORT_LINKS"
_LICENCE: Final = "links of one's own are shown with a licence that includes appearance"
_SERVER_ERROR: Final = 500
_EXAMPLE: Final = (Link("Help", "https://wiki.corp.example.com/coder", "docs"),)


def support_links_lead_somewhere(world: World) -> Judgement:
    """CVA-SUP-001: the links of coderd's menu are in order; where the spec asks to follow them, they answer.

    The sentence asks that links are valid, not that there are any: without some of one's own Coder's apply,
    which Coder keeps, and which without a licence are the only ones. They lead to the internet, so in a
    cluster that is cut off from it they lead nowhere.
    """
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    said = environment.literal(live, _VARIABLE) or ""
    if environment.is_elsewhere(live, _VARIABLE) or said.startswith(HIDDEN) or "$(" in said:
        why = "may come from a ConfigMap, a Secret, a file or another variable"
        return unknown("ValueNotSeen", f"{_VARIABLE} of {live.meta.path} {why}")
    try:
        links = parse(said)
    except UnreadableError as error:
        return _unreadable(world, live, str(error))
    return _judged(world, live, links) if links else _defaults(world, live)


def _judged(world: World, live: Deployment, links: tuple[Link, ...]) -> Judgement:
    found = tuple(faults(links))
    told = f"{live.meta.path} has {are(len(links), 'support link')} of its own"
    if found:
        remedy = _remedy(world, _sound(links, found))
        broken = [_of_entry(world, live, one, remedy) for one in found]
        return failed(f"{told}, {len({one.place for one in found})} of them not in order", broken)
    held = f"{told}, each with a name and an absolute address"
    if world.deployment.spec.network.follow_support_links and not _is_cut_off(world):
        return _followed(world, live, links, held)
    return passed(f"{held}; they are not followed; {_LICENCE}")


def _is_cut_off(world: World) -> bool:
    return world.deployment.spec.network.air_gapped


def _followed(world: World, live: Deployment, links: tuple[Link, ...], held: str) -> Judgement:
    """What the links answered: a page that is gone is a finding, one that was not reached is not known."""
    seen = world.observed.links
    if seen is None or seen.words:
        return unknown(
            "NotFollowed", f"{held}; {seen.words if seen else 'they are being followed'}"
        )
    asked = {place: address(one) for place, one in enumerate(links) if address(one)}
    answers = {place: seen.of(target) for place, target in asked.items()}
    gone = tuple(
        Fault(place, "target", "an address that answers", f"{asked[place]} answers {one.status}")
        for place, one in answers.items()
        if one is not None and _is_gone(one.status)
    )
    if gone:
        remedy = _remedy(world, _sound(links, gone))
        broken = [_of_entry(world, live, one, remedy) for one in gone]
        return failed(f"{held}; {len(gone)} of them lead nowhere", broken)
    unseen = [_why(asked[place], one) for place, one in answers.items() if not one or one.reason]
    if unseen:
        return unknown("LinksNotReached", f"{held}; {named(unseen)}")
    return passed(f"{held}, and each answers; {_LICENCE}")


def _is_gone(status: int) -> bool:
    """Whether there is no page: one that asks who you are, or to come later, is there."""
    return status in (404, 410) or status >= _SERVER_ERROR


def _why(target: str, seen: LinkSeen | None) -> str:
    if seen is None:
        return f"{target} was not followed yet"
    return f"{target} was not reached from the operator: {seen.words}"


def _sound(links: tuple[Link, ...], found: Iterable[Fault]) -> tuple[Link, ...]:
    wrong = {one.place for one in found}
    return tuple(one for place, one in enumerate(links) if place not in wrong)


def _of_entry(world: World, live: Deployment, fault: Fault, remedy: str) -> Finding:
    where = f"{remedies.setting_field(world, _VARIABLE)}[{fault.place}].{fault.part}"
    resource = f"Deployment {live.meta.path}"
    return Finding(_RULE, resource, where, fault.expected, fault.observed, remedy)


def _remedy(world: World, sound: tuple[Link, ...]) -> str:
    """The links that are in order stay; where there are none, the form of one."""
    if sound:
        return f"mend the link, or keep the sound ones, {_settings(world, sound)}"
    return f"name material of your own in this form, {_settings(world, _EXAMPLE)}"


def _settings(world: World, links: tuple[Link, ...]) -> str:
    value = json.dumps([one.dump() for one in links], ensure_ascii=False)
    spec = {"controlPlane": {"env": [{"name": _VARIABLE, "value": value}]}}
    return remedies.settings(world, {_VARIABLE: value}, spec)


def _unreadable(world: World, live: Deployment, why: str) -> Judgement:
    finding = Finding(
        _RULE,
        f"Deployment {live.meta.path}",
        remedies.setting_field(world, _VARIABLE),
        "a JSON list of objects with name and target, and icon and location where wanted",
        why,
        _remedy(world, ()),
    )
    return failed(f"{_VARIABLE} of {live.meta.path} cannot be read", [finding])


def _defaults(world: World, live: Deployment) -> Judgement:
    told = f"{live.meta.path} has no support links of its own, so Coder's apply"
    if not _is_cut_off(world):
        return not_applicable(f"{told}, which Coder keeps; {_LICENCE}")
    finding = Finding(
        _RULE,
        f"Deployment {live.meta.path}",
        remedies.setting_field(world, _VARIABLE),
        f"links inside: Coder's lead to the internet, which nobody reaches from here; {_LICENCE}",
        "not set",
        _remedy(world, ()),
    )
    return failed(f"{told}, and they lead to the internet", [finding])


RULES: Final = (Rule(_RULE, support_links_lead_somewhere, CODERD),)
