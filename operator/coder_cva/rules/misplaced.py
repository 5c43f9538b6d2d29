"""The workspaces beside their pool, in groups that a person can act on (CVA-NODE-005).

A group has one template, as far as labels tell it, and one answer to what the next start changes.
Thousands of findings of the same kind say less than a dozen of these.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coder_cva.rules.relocation import NextStart, Relocation
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.world import World

_OWNER: Final = "com.coder.user.username"
_NAMED: Final = 3
_LONGEST: Final = 200
"""Characters of an image's name."""
_WORDS: Final = {
    NextStart.MOVES: "{count} onto the pool at the next start",
    NextStart.MAY_MOVE: "{count} maybe, where there is room",
    NextStart.STAYS: "{count} not before the template or the pool is changed",
    NextStart.WAITS: "{count} would find no node at the next start",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Workspaces of one template, or of one image where no label names it, with the same next start."""

    template: str
    next_start: NextStart
    count: int
    owners: tuple[str, ...]
    """Those whom labels name, who has most of them first."""


def workspaces(world: World) -> tuple[Workspace, ...]:
    """Every workspace that has a node, and none of its pool."""
    pool = world.pool(world.deployment.spec.workspaces.node_pool.selector)
    inside = frozenset(one.meta.name for one in pool)
    return world.memo.flat(_beside, world.found.workspaces, inside)


def _beside(every: tuple[Workspace, ...], inside: frozenset[str]) -> tuple[Workspace, ...]:
    return tuple(one for one in every if one.pod.node and one.pod.node not in inside)


def of(world: World) -> tuple[Group, ...]:
    """Those of a world. Its rule and its status ask: ``world.once(misplaced.of)``."""
    return groups(workspaces(world), world.once(Relocation))


def groups(astray: Iterable[Workspace], relocation: Relocation) -> tuple[Group, ...]:
    """The largest first."""
    found: defaultdict[tuple[str, NextStart], list[Workspace]] = defaultdict(list)
    for one in astray:
        found[_template(one), relocation.next_start(one)].append(one)
    made = (
        Group(template, start, len(members), _owners(members))
        for (template, start), members in found.items()
    )
    return tuple(sorted(made, key=lambda one: (-one.count, one.template, one.next_start)))


def told(found: Sequence[Group]) -> str:
    """What the next start changes, and of which templates they are, in one bounded sentence; "" for none."""
    if not found:
        return ""
    starts: Counter[NextStart] = Counter()
    templates: Counter[str] = Counter()
    for one in found:
        starts[one.next_start] += one.count
        templates[one.template] += one.count
    changes = [_WORDS[one].format(count=f"{starts[one]:,}") for one in NextStart if starts[one]]
    usual = sorted(templates, key=lambda one: (-templates[one], one))
    names = [f"{one} ({templates[one]:,})" for one in usual[:_NAMED]]
    if len(usual) > _NAMED:
        names.append(f"{len(usual) - _NAMED} more")
    return f"they move: {'; '.join(changes)}. They are of {', '.join(names)}"


def _template(workspace: Workspace) -> str:
    name = workspace.pod.meta.labels.get(marks.TEMPLATE)
    image = workspace.pod.shape.image or "unknown"
    if len(image) > _LONGEST:
        image = f"{image[:_LONGEST]}…"
    return f"template {name}" if name else f"image {image}"


def _owners(members: Iterable[Workspace]) -> tuple[str, ...]:
    names = (one.pod.meta.labels.get(_OWNER) for one in members)
    counts = Counter(one for one in names if one)
    return tuple(sorted(counts, key=lambda one: (-counts[one], one)))
