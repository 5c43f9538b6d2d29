"""What is to be told of attestations, waivers and exemptions: what ends or has ended, and what has no effect."""

from collections.abc import Iterator, Mapping
from typing import Final

from coder_cva.api.v1alpha1.governance import Attestation, Waiver
from coder_cva.rules import host_volumes
from coder_cva.rules.attestations import ATTESTED, in_days, is_soon
from coder_cva.rules.model import Notice, NoticeKind, RuleResult, Verdict
from coder_cva.rules.subjects import are, named
from coder_cva.snapshot.world import World

_ORDER: Final = {kind: place for place, kind in enumerate(NoticeKind)}


def notices(world: World, results: tuple[RuleResult, ...]) -> tuple[Notice, ...]:
    """Urgent ones first, then by clause; in whatever order the spec says its waivers."""
    by_id = {one.id: one for one in results}
    spec = world.deployment.spec
    found = [
        *(it for one in spec.attestations for it in _of_attestation(one, by_id, world)),
        *(it for one in spec.waivers for it in _of_waiver(one, by_id, world)),
        *host_volumes.notices(world, by_id.get(host_volumes.RULE)),
    ]
    return tuple(sorted(found, key=lambda one: (_ORDER[one.kind], one.clause, one.message)))


def _of_attestation(
    one: Attestation, by_id: Mapping[str, RuleResult], world: World
) -> Iterator[Notice]:
    today, result = world.now.date(), by_id.get(one.clause)
    if result is None:
        return
    if not result.clause.is_attestable:
        yield Notice(
            one.clause,
            NoticeKind.ATTESTATION_NOT_TAKEN,
            f"{one.clause} is judged by what the cluster shows, and nobody's word counts for it: take its "
            "attestation out; a failure that you accept for a time is written in spec.waivers",
        )
    elif result.reason == ATTESTED:
        if is_soon(one.until, today):
            yield Notice(
                one.clause,
                NoticeKind.ATTESTATION_ENDING,
                f"the attestation of {one.clause} ends {in_days(one.until, today)}: renew it, then the clause "
                f"stays passed; its evidence is {one.evidence}",
            )
    elif result.verdict is not Verdict.UNKNOWN:
        yield Notice(
            one.clause,
            NoticeKind.ATTESTATION_NOT_NEEDED,
            f"the cluster itself shows that {one.clause} is {_WORDS[result.verdict]}, and that counts: its "
            "attestation has no effect and can be taken out",
        )
    elif one.until < today:
        yield Notice(
            one.clause,
            NoticeKind.ATTESTATION_ENDED,
            f"the attestation of {one.clause} ended on {one.until.isoformat()}, and the clause is unknown again: "
            "renew it with evidence and another date",
        )


def _of_waiver(one: Waiver, by_id: Mapping[str, RuleResult], world: World) -> Iterator[Notice]:
    today, result = world.now.date(), by_id.get(one.rule)
    if result is None or result.verdict is Verdict.UNKNOWN:
        # Whether there is something under it will be seen once the clause is judged.
        return
    found = {finding.resource for finding in result.findings}
    under = found.intersection(one.resources) if one.resources else found
    stray = sorted(set(one.resources) - found)
    if not under or (stray and today <= one.until):
        yield Notice(one.rule, NoticeKind.WAIVER_UNUSED, _unused(one, result, stray))
    if under and one.until < today:
        yield Notice(
            one.rule,
            NoticeKind.WAIVER_ENDED,
            f"the waiver of {one.rule} ended on {one.until.isoformat()}, and what was under it counts again "
            f"({named(sorted(under))}): mend it, or renew the waiver",
        )
    elif under and is_soon(one.until, today):
        yield Notice(
            one.rule,
            NoticeKind.WAIVER_ENDING,
            f"the waiver of {one.rule} ends {in_days(one.until, today)}; {are(len(under), 'resource')} under it: "
            "mend it, or renew the waiver",
        )


_WORDS: Final = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.NOT_APPLICABLE: "not applicable",
}


def _unused(one: Waiver, result: RuleResult, stray: list[str]) -> str:
    if not result.findings:
        return f"{one.rule} finds nothing ({_WORDS[result.verdict]}): its waiver has no effect and can be taken out"
    return (
        f"{one.rule} finds nothing at {named(stray)}: the waiver has no effect there. Resources are written as "
        "status.findings shows them"
    )
