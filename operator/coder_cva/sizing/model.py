"""What a deployment is sized to, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica's CPU and memory, request and limit alike, and how many replicas there are."""

    replicas: int
    cpu_millicores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Sizing:
    """The tier and coderd's size.

    ``tier_replicas`` is what the architecture asks for, also where the licence allows only one.
    ``exceeded`` are the figures of the spec that are above the limits of the tier, in words; there
    are some where the spec names a tier that is too small, and beyond the largest one.
    ``steps`` is coderd's arithmetic in words, with its sources.
    """

    edition: str
    tier: str
    coderd: Replica
    tier_replicas: int
    exceeded: tuple[str, ...]
    steps: tuple[str, ...]
