"""The story on one page: read the cluster, decide what should be, write what differs, tell what is.

Everything here goes through ports; the deciding is pure and lives in the rooms below. Level-triggered:
a pass looks at the cluster as it is and owes nothing to the event that woke it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from coder_cva import ports
from coder_cva.api.errors import InvalidSpec
from coder_cva.api.v1alpha1.resource import CoderDeployment, parse
from coder_cva.apply import arming, contest, handover, nodes, order, release, sweep
from coder_cva.apply.engine import Engine
from coder_cva.desired import protected_nodes, render
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.plan import Plan
from coder_cva.rules.engine import evaluate
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.scaling import AUTOSCALERS
from coder_cva.snapshot.webhook import NOWHERE, Webhook
from coder_cva.snapshot.world import World
from coder_cva.status import conclude, events, stalled
from coder_cva.status.reasons import Reason
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import ref_of
from coder_cva.values.memo import Memo, Memos


class Eyes(Protocol):
    """What reading takes."""

    @property
    def reader(self) -> ports.ReadPort:
        """How the cluster is read."""
        ...

    @property
    def observer(self) -> ports.ObservePort:
        """How what is not in the cluster's API is looked at."""
        ...

    @property
    def operator_namespace(self) -> str:
        """Where the operator lives."""
        ...

    @property
    def may_annotate_nodes(self) -> frozenset[str]:
        """For whose CoderDeployments it may annotate nodes."""
        ...

    @property
    def autoscaler_namespaces(self) -> frozenset[str]:
        """Where a status of cluster-autoscaler is believed."""
        ...

    @property
    def webhook(self) -> Callable[[], Webhook]:
        """How the API server reaches the operator's own webhook."""
        ...


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything outside: reading, writing, telling, the time, and where the operator lives."""

    reader: ports.ReadPort
    observer: ports.ObservePort
    engine: Engine
    teller: ports.TellPort
    clock: Callable[[], datetime]
    operator_namespace: str
    may_annotate_nodes: frozenset[str] = frozenset()
    autoscaler_namespaces: frozenset[str] = AUTOSCALERS
    webhook: Callable[[], Webhook] = lambda: NOWHERE
    memos: Memos = field(default_factory=Memos)
    """What was worked out for each CoderDeployment in the pass before, by its UID."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended: one word for logs and metrics, the status, when to look again (seconds).

    ``retry_after`` knows nothing of changes that failed: they say it themselves, and the queue
    makes it longer with each failure. Of a pass that ``failed`` as a whole it is the error's own.
    """

    word: str
    status: Mapping[str, Any]
    changes: tuple[Change, ...] = ()
    retry_after: float | None = None
    is_looked_after: bool = True
    """Whether there is a spec by which anything beside the cluster's API may be looked at."""


async def reconcile(key: tuple[str, str], shell: Shell) -> Outcome:
    """One pass over the CoderDeployment ``(namespace, name)``.

    Raises WriteError where not even the CoderDeployments can be listed or the status be written,
    LeadershipLostError where another replica of the operator has taken over.
    """
    now = shell.clock()
    bodies = await shell.reader.deployments()
    shell.memos.keep(frozenset(map(_uid, bodies)))
    swept = await sweep_abandoned(bodies, shell)
    body = next((one for one in bodies if _key(one) == key), None)
    if body is None or body["metadata"].get("deletionTimestamp"):
        return gone((*swept, *await give_back(bodies, shell, now)))
    try:
        deployment = parse(body)
    except InvalidSpec as error:
        status = stalled.invalid_spec(body, error, now)
        stands = Outcome("stalled", status, swept, is_looked_after=False)
        return await tell(body, status, shell, stands)

    shell.engine.memory.patience.looked_at(deployment.uid, deployment.generation)
    world = await read(deployment, body, bodies, shell, now, shell.memos.of(deployment.uid))
    if world.is_starting:
        status = conclude.starting(world)
        return await tell(body, status, shell, Outcome("starting", status, swept, 1.0))
    if world.is_ending:
        return gone(swept)
    plan = render.plan(world)
    early = conclude.early(world, plan)
    if early is not None:
        body = await tell_status(body, early, shell)
    changes = await write(plan, world, shell)
    report = evaluate(world)
    status = conclude.conclude(world, plan, report, changes)
    done = (*swept, *changes)
    outcome = Outcome(
        conclude.word(status), status, done, conclude.retry_after(world, status, done)
    )
    return await tell(body, status, shell, outcome)


async def greet(shell: Shell) -> None:
    """A first status for every CoderDeployment that has none, before the cluster has been read.

    Reading it may take long, where one kind hangs; without a status a resource counts as current.
    Raises WriteError and LeadershipLostError, as a pass does.
    """
    now = shell.clock()
    for body in await shell.reader.deployments():
        before = body.get("status") or {}
        if conclude.is_told(before) or body["metadata"].get("deletionTimestamp"):
            continue
        try:
            deployment = parse(body)
        except InvalidSpec as error:
            status = stalled.invalid_spec(body, error, now)
        else:
            seen = await shell.reader.snapshot(frozenset())
            status = conclude.starting(World(deployment, seen, now, previous=before))
        await tell_status(body, status, shell)


async def read(
    deployment: CoderDeployment,
    body: Mapping[str, Any],
    bodies: tuple[Mapping[str, Any], ...],
    eyes: Eyes,
    now: datetime,
    memo: Memo | None = None,
) -> World:
    """The world around one CoderDeployment, with what is recognised in it."""
    memo = memo or Memo()
    snapshot = await eyes.reader.snapshot(render.secrets_of(deployment))
    others = tuple(
        sorted(
            (one for one in map(_parsed, bodies) if one is not None and one.uid != deployment.uid),
            key=lambda one: one.age,
        )
    )
    return World(
        deployment=deployment,
        snapshot=snapshot,
        now=now,
        found=discover(deployment, snapshot, eyes.operator_namespace, others, memo),
        others=others,
        living=frozenset(map(_uid, bodies)),
        observed=await eyes.observer.observations(deployment),
        operator_namespace=eyes.operator_namespace,
        may_annotate_nodes=eyes.may_annotate_nodes,
        autoscaler_namespaces=eyes.autoscaler_namespaces,
        webhook=eyes.webhook(),
        previous=body.get("status") or {},
        memo=memo,
    )


async def write(plan: Plan, world: World, shell: Shell) -> tuple[Change, ...]:
    """Applies the plan in its order, lets go of what it no longer holds, then frees who is stranded.

    A plan that writes nothing has no objects and keeps every kind but the parameter of admission.
    """
    engine = shell.engine
    owned = engine.port.owned()
    uid, is_tried = world.deployment.uid, plan.awaits_webhook
    arming.awaits(engine.memory, uid, world.now, is_tried=is_tried)
    changes = await order.bring_about(plan, engine, owned, world.now)
    changes += [await release.unbind(engine, ref, world.now) for ref in sorted(plan.unbound)]
    if owned is not None:
        wanted = frozenset(ref_of(one) for one in plan.objects) | plan.keep
        wanted -= {one.ref for one in changes if one.reason == Reason.EXCEPTION_MISSING}
        owner = world.deployment
        going = sweep.unwanted(owned, owner.uid, owner.reference, wanted, plan.keep_kinds)
        await order.open_first(going, owned, engine, world.now)
        for one in going:
            stays = handover.kept(ref_of(one), changes, engine.memory, world.now)
            changes.append(stays or await let_go(one, plan, engine, world.now))
    changes += [await engine.evict(one) for one in plan.evictions]
    changes += await nodes.annotate(engine, plan.node_edits, world.now)
    return tuple(changes)


async def let_go(body: Mapping[str, Any], plan: Plan, engine: Engine, now: datetime) -> Change:
    """Releases what the plan says is released, which is all of a coderd; deletes what is not."""
    ref = ref_of(body)
    if (ref.kind, ref.namespace) in plan.releases:
        return await release.release(engine, body, now)
    return await engine.delete(body, now)


async def sweep_abandoned(
    bodies: tuple[Mapping[str, Any], ...], shell: Shell
) -> tuple[Change, ...]:
    """Removes what deleted CoderDeployments left behind outside the garbage collector's reach.

    ``bodies`` is a complete live list, so a UID that is not in it is gone, also one that was deleted
    and applied again under the same name while the operator was away.
    """
    owned = shell.engine.port.owned()
    living = frozenset(one["metadata"]["uid"] for one in bodies)
    going = sweep.abandoned(owned or (), living)
    now = shell.clock()
    await order.open_first(going, owned or (), shell.engine, now)
    return tuple([await shell.engine.delete(one, now) for one in going])


async def give_back(
    bodies: tuple[Mapping[str, Any], ...], shell: Shell, now: datetime
) -> list[Change]:
    """Takes our annotations off the nodes that nobody wants protected any more; nodes have no owner."""
    living = tuple(one for one in map(_parsed, bodies) if one is not None)
    wishes = protected_nodes.Wishes(shell.may_annotate_nodes, living, len(living) == len(bodies))
    seen = await shell.reader.snapshot(frozenset())
    edits = protected_nodes.abandoned(seen.items(Need.NODES), wishes)
    return await nodes.annotate(shell.engine, edits, now)


def gone(swept: tuple[Change, ...]) -> Outcome:
    """The outcome for a CoderDeployment that is gone or on its way: all is done once the sweep is."""
    undone = (Action.FAILED, Action.WITHHELD)
    waits = [one.retry_after or 0.0 for one in swept if one.action in undone]
    word, wait = ("failed", max(waits)) if waits else ("gone", None)
    return Outcome(word, {}, swept, wait, is_looked_after=False)


async def tell(
    body: Mapping[str, Any], status: Mapping[str, Any], shell: Shell, outcome: Outcome
) -> Outcome:
    """Writes the status where it changed, and the Events that the transition deserves."""
    before = body.get("status") or {}
    if status != before:
        await tell_status(body, status, shell)
    for event in events.deserved(before, status, outcome.changes, ref_of(body), _uid(body)):
        await shell.teller.emit(event)
    return outcome


async def tell_status(
    body: Mapping[str, Any], status: Mapping[str, Any], shell: Shell
) -> Mapping[str, Any]:
    """Replaces the status, unless somebody fights over it; the body as it is then."""
    memory, uid = shell.engine.memory, _uid(body)
    shell.engine.check()
    is_left, news = contest.overwritten(memory, uid, body.get("status") or {}, shell.clock())
    if is_left:
        return body
    stored = await shell.teller.write_status(ref_of(body), uid, status)
    memory.told[uid] = digest(stored)
    if news:
        event = ports.Event(ref_of(body), uid, "Warning", Reason.CONTESTED, news)
        await shell.teller.emit(event)
    return {**body, "status": stored}


def _parsed(body: Mapping[str, Any]) -> CoderDeployment | None:
    try:
        return parse(body)
    except InvalidSpec:
        return None


def _uid(body: Mapping[str, Any]) -> str:
    uid: str = body["metadata"]["uid"]
    return uid


def _key(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]
