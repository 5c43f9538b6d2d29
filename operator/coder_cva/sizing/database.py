"""A spec in, the size of its database out, with the rule that was applied in words (CVA-DB-002, CVA-DB-003).

The architecture contradicts itself: the table of a tier, the baseline that grows with users who are active at
once, and the list of managed types by users. ``spec.database.sizing`` says which of them is applied.
"""

from dataclasses import dataclass
from typing import Final

from coder_cva.api.v1alpha1.database import SizingPolicy
from coder_cva.api.v1alpha1.spec import Architecture, Spec
from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.database_types import database_for
from coder_cva.catalogue.model import Architectures, Tier
from coder_cva.sizing.size import size
from coder_cva.values.quantity import byte_count, cpu_millicores, cpu_text

_THOUSAND: Final = 1_000


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """CPU, memory and disk that the architecture asks for; ``rule`` says by which of its rules."""

    policy: SizingPolicy
    cpu_millicores: int
    memory_bytes: int
    storage_bytes: int
    rule: str


def database_size(spec: Spec, policy: SizingPolicy | None = None) -> DatabaseSize:
    """By the spec's own rule, Tier where it says none, or by ``policy``."""
    tables = architectures(spec.edition)
    tier = tables.tier(size(spec).tier)
    match policy or (spec.database.sizing if spec.database is not None else "Tier"):
        case "Tier":
            return _by_tier(tables, tier)
        case "Baseline":
            return _by_baseline(spec.architecture, tables, tier)
        case "InstanceTypes":
            return _by_types(spec.architecture, tables, tier)


def _by_tier(tables: Architectures, tier: Tier) -> DatabaseSize:
    """The table of the tier; where it gives no disk, the baseline's."""
    table = tier.database
    return DatabaseSize(
        "Tier",
        table.cpu_millicores,
        table.memory_bytes,
        byte_count(table.storage or tables.database_baseline.storage),
        f"the table of tier {tier.name} (spec.database.sizing: Tier)",
    )


def _by_baseline(architecture: Architecture, tables: Architectures, tier: Tier) -> DatabaseSize:
    """The baseline, and its cores more for every full thousand of active users."""
    base = tables.database_baseline
    active = _users(architecture, tier) * architecture.active_users_percent // 100
    more = active // _THOUSAND * cpu_millicores(base.cpu_per_1000_active_users)
    grown = f" and {cpu_text(more)} CPU more" if more else ""
    return DatabaseSize(
        "Baseline",
        base.cpu_millicores + more,
        base.memory_bytes,
        byte_count(base.storage),
        f"the baseline{grown} for {active:,} active users (spec.database.sizing: Baseline)",
    )


def _by_types(architecture: Architecture, tables: Architectures, tier: Tier) -> DatabaseSize:
    """The list of managed types, by users; it gives no disk, so that is the baseline's."""
    users = _users(architecture, tier)
    row = database_for(users)
    return DatabaseSize(
        "InstanceTypes",
        row.cpu_millicores,
        row.memory_bytes,
        byte_count(tables.database_baseline.storage),
        f"the list of managed types for {users:,} users, such as {row.types[0]} "
        "(spec.database.sizing: InstanceTypes)",
    )


def _users(architecture: Architecture, tier: Tier) -> int:
    """How many users there are; where nobody says it, as many as the tier holds."""
    return architecture.users if architecture.users is not None else tier.limits.users


def is_large(spec: Spec) -> bool:
    """Whether the deployment is one of the large ones, whose database is to be highly available (CVA-DB-004)."""
    tables = architectures(spec.edition)
    names = [one.name for one in tables.tiers]
    return names.index(size(spec).tier) >= names.index(tables.large_from)
