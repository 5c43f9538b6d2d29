"""Why a connection is possible or not: each end with its policies, what each rule does, and what is missing."""

from dataclasses import dataclass

from coder_cva.snapshot.connection_answers import Answer, Side
from coder_cva.snapshot.connection_ends import Peer
from coder_cva.snapshot.missing_policies import lasting, missing
from coder_cva.snapshot.plugin_readings import Asked, End, rule_truth
from coder_cva.snapshot.policy_rules import Rule
from coder_cva.snapshot.policy_words import rule_words
from coder_cva.snapshot.reachability import Reachability
from coder_cva.snapshot.three_valued import Truth
from coder_cva.values.manifest import Manifest


@dataclass(frozen=True, slots=True)
class RuleWord:
    """What a rule does to the connection: whose it is, where it stands, what it allows, and why or why not."""

    policy: str
    place: str
    text: str
    allows: Truth
    why: str


@dataclass(frozen=True, slots=True)
class EndWord:
    """An end, its policies' rules in their order, and the policy that is missing where it is not sure."""

    side: Side
    subject: str
    rules: tuple[RuleWord, ...] = ()
    missing: Manifest | None = None
    caution: str = ""
    """Whom else the missing policy would let in, where that cannot be narrowed."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer with its reasons. ``notes`` say what is true of it beside the policies."""

    source: str
    target: str
    port: int
    protocol: str
    answer: Answer
    ends: tuple[EndWord, ...]
    notes: tuple[str, ...] = ()


def explain(
    net: Reachability, source: Peer, target: Peer, port: int, protocol: str = "TCP"
) -> Explanation:
    """The answer of ``net.connection``, and all that led to it."""
    asked = Asked(port, protocol)
    answer = net.connection(source, target, port, protocol)
    ends = zip(net.ends(source, target), answer.sides, strict=True)
    return Explanation(
        source=source.name,
        target=target.name,
        port=port,
        protocol=protocol,
        answer=answer,
        ends=tuple(_end(source, target, end, side, asked) for end, side in ends),
        notes=tuple(_notes(source, target, asked)),
    )


def _end(source: Peer, target: Peer, end: End, side: Side, asked: Asked) -> EndWord:
    if not side.policies or (side.possible and end.is_on_own_node):
        return EndWord(side, end.subject.name)
    rules = tuple(_rule(source, target, end, rule, asked) for rule in end.rules)
    lacking = None if side.possible else missing(end, asked)
    return EndWord(side, end.subject.name, rules, lacking, _caution(end) if lacking else "")


def _rule(source: Peer, target: Peer, end: End, rule: Rule, asked: Asked) -> RuleWord:
    allows = rule_truth(source, target, end, rule, asked)
    why = ""
    if allows is None:
        why = _doubt(end)
    elif not allows:
        served = end.subject.ports if end.direction == "ingress" else end.other.ports
        is_elsewhere = rule.on_port(served, asked.port, asked.protocol) is False
        why = "for other ports" if is_elsewhere else "for others"
    text = rule_words(rule.body, end.direction)
    return RuleWord(rule.policy, rule.place, text, allows, why)


def _doubt(end: End) -> str:
    """Why it cannot be told of a rule: the first of the reasons that there may be."""
    if end.subject.host_network or end.other.host_network:
        return (
            "to some network plugins a Pod on its node's network is a Pod, to most it is its node"
        )
    if end.other.is_pod and not end.other.is_space_read:
        return f"the labels of namespace {end.other.namespace} could not be read"
    return "some network plugins hold addresses to be those of Pods too, others only those outside"


def _caution(end: End) -> str:
    if end.other.is_pod and not lasting(end.other.labels):
        return f"{end.other.name} has no label that lasts, so it lets in every Pod of its namespace"
    return ""


def _notes(source: Peer, target: Peer, asked: Asked) -> list[str]:
    found = [
        f"{one.name} has no address yet: the answer is for when it has one"
        for one in (source, target)
        if one.path and not one.addresses and not one.ended
    ]
    if source.addresses and not _is_met(source, target):
        found.append(f"{source.name} and {target.name} have no family of addresses in common")
    declared = {(number, protocol) for _, number, protocol in target.ports}
    port, protocol = asked.port, asked.protocol
    if target.is_pod and (port, protocol) not in declared:
        found.append(
            f"{target.name} declares no port {port} of {protocol}, and may listen on it all the same"
        )
    if not (source.is_pod and target.is_pod):
        found.append(
            "an address is taken as the Pod sees it: load balancers, nodes and Services may change it on the way"
        )
    return found


def _is_met(source: Peer, target: Peer) -> bool:
    there = target.addresses if target.is_pod else [one for way in target.ranges for one in way]
    mine = {one.version for one in source.addresses}
    return not there or any(one.version in mine for one in there)
