"""Whether one connection is allowed, as a terminal and a program get it."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import yaml

from coder_cva.reports.table import WIDTH, printable
from coder_cva.snapshot.explanations import EndWord, Explanation, RuleWord
from coder_cva.snapshot.three_valued import Truth

VERSION: Final = "cva.coder.com/reach/v1"
"""Of the JSON: fields are added; none is renamed or taken away without another version."""
ANSWERS: Final[dict[Truth, str]] = {True: "allowed", False: "denied", None: "unknown"}
_HEADS: Final[dict[Truth, str]] = {True: "ALLOWED", False: "DENIED", None: "CANNOT BE TOLD"}
_ENDS: Final[dict[Truth, str]] = {True: "open", False: "closed", None: "cannot be told"}
_RULES: Final[dict[Truth, str]] = {True: "allows it", False: "no", None: "perhaps"}
_SHOWN: Final = 10
"""Rules of one end that are shown where they do not help; JSON has all of them."""
LIMITS: Final = (
    "By NetworkPolicies alone: whether the network plugin of the cluster enforces them is not seen, "
    "and policies of other kinds (Cilium, Calico, AdminNetworkPolicy) are not read."
)


def render(found: Explanation, form: str) -> str:
    """The report in the form that was asked for: ``json`` or ``text``."""
    return as_json(found) if form == "json" else as_text(found)


def unread(why: str, form: str) -> str:
    """Where what the answer hangs on could not be read: nothing is denied, and nothing allowed."""
    if form == "json":
        data = {
            "report": VERSION,
            "answer": ANSWERS[None],
            "why": why,
            "ends": [],
            "notes": [LIMITS],
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return f"{_HEADS[None]}\n\n{printable(why)}\n"


def as_text(found: Explanation) -> str:
    """The text with a line break at its end; what is to be pasted stands in it as one whole manifest."""
    lines = [
        f"{_HEADS[found.answer.possible]}  {found.source} to {found.target} on {found.protocol} {found.port}"
    ]
    for end in found.ends:
        lines += ["", *_end(end)]
    for one in (*(f"Note: {note}." for note in found.notes), LIMITS):
        lines += ["", *_wrapped(one, "")]
    return "\n".join(printable(one) for one in lines) + "\n"


def as_json(found: Explanation) -> str:
    """The same for a program, with a line break at its end."""
    data = {
        "report": VERSION,
        "answer": ANSWERS[found.answer.possible],
        "why": found.answer.why,
        "source": found.source,
        "target": found.target,
        "port": found.port,
        "protocol": found.protocol,
        "ends": [_end_data(one) for one in found.ends],
        "notes": [*found.notes, LIMITS],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _end(end: EndWord) -> Iterator[str]:
    side = end.side
    yield f"{side.direction} of {end.subject}: {_ENDS[side.possible]}"
    yield from _wrapped(side.why or "it is not asked", "  ")
    yield from _rules(end)
    if end.missing is not None:
        yield "  missing, to be applied beside these policies:"
        yield from (f"    {one}" for one in _manifest(end.missing))
        yield from _wrapped(end.caution, "  ")


def _rules(end: EndWord) -> Iterator[str]:
    """What allows it, else what comes nearest; a policy without rules is named as well."""
    helpful = [one for one in end.rules if one.allows]
    shown = helpful or sorted(end.rules, key=lambda one: one.allows is False)
    for one in shown[:_SHOWN]:
        yield from _wrapped(_rule(one), "  ")
    if len(shown) > _SHOWN:
        yield f"  and {len(shown) - _SHOWN:,} more rules; -o json has them all"
    mute = sorted({*end.side.policies} - {one.policy for one in end.rules})
    if mute and end.side.possible is not True:
        yield f"  without a rule for {end.side.direction}: NetworkPolicy {', '.join(mute)}"


def _rule(rule: RuleWord) -> str:
    why = f", {rule.why}" if rule.why else ""
    return f"NetworkPolicy {rule.policy} {rule.place}: {rule.text}: {_RULES[rule.allows]}{why}"


def _wrapped(words: str, indent: str) -> list[str]:
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _manifest(body: Any) -> list[str]:
    text: str = yaml.safe_dump(body, sort_keys=False, default_flow_style=False, width=1_000)
    return text.splitlines()


def _end_data(end: EndWord) -> dict[str, Any]:
    return {
        "direction": end.side.direction,
        "subject": end.subject,
        "answer": ANSWERS[end.side.possible],
        "why": end.side.why,
        "policies": list(end.side.policies),
        "rules": [
            {
                "policy": one.policy,
                "field": one.place,
                "rule": one.text,
                "answer": ANSWERS[one.allows],
                "why": one.why,
            }
            for one in end.rules
        ],
        "missing": end.missing,
        "caution": end.caution,
    }
