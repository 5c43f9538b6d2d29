"""What is kept of the scalers that come with extensions: KEDA's, and the vertical one."""

from dataclasses import dataclass

from coder_cva.snapshot.records import Meta


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """A ScaledObject of KEDA and its target (kind, name).

    ``idle_replicas`` is what it scales to while nothing is asked of the target; None where that is not
    said. ``paused`` says that somebody has stopped it by an annotation.
    """

    meta: Meta
    target: tuple[str, str]
    min_replicas: int = 0
    max_replicas: int = 100
    idle_replicas: int | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class VerticalAutoscaler:
    """A VerticalPodAutoscaler, its target (kind, name), and what it does (``Off``, ``Initial``).

    ``mode`` is "" where none is said: then it replaces Pods. ``idle`` says that its policy leaves every
    container alone.
    """

    meta: Meta
    target: tuple[str, str]
    mode: str = ""
    idle: bool = False
