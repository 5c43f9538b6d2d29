"""A node and the size that an architecture asks for in, whether its machine has that out."""

from typing import Final

from coder_cva.catalogue.model import Size
from coder_cva.snapshot.records import Node

_TOLERANCE: Final = 0.9
"""A machine sold as 8 GB shows some less: its firmware and kernel have taken theirs."""


def is_large_enough(node: Node, wanted: Size) -> bool:
    """Whether its capacity, of which the node itself takes a part, is that of the architecture."""
    return (
        node.capacity_millicores >= wanted.cpu_millicores
        and node.capacity_bytes >= wanted.memory_bytes * _TOLERANCE
    )
