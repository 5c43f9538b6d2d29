from typing import Any

import pytest

from coder_cva.api.v1alpha1.resource import parse
from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.catalogue.architectures import architectures
from coder_cva.sizing.reference import node_rule, reference, smaller_figure
from coder_cva.sizing.size import size
from support.deployments import adopted

GI = 1024**3


def spec(tier: str, choice: str | None = None, edition: str = "2024") -> Spec:
    """The spec of an adopted Coder of a tier."""
    cr = adopted("coder")
    cr["spec"].update(architecture={"tier": tier}, edition=edition)
    if choice:
        cr["spec"]["controlPlane"]["nodeSizing"] = choice
    return parse(cr).spec


@pytest.mark.parametrize(
    ("choice", "node", "coderd"),
    [
        (None, (8000, 32), (6000, 20)),
        ("Capacity", (8000, 32), (6000, 20)),
        ("InstanceTypes", (4000, 16), (3000, 10)),
    ],
)
def test_the_spec_chooses_one_of_the_two_figures_of_tier_3k(
    choice: str | None, node: tuple[int, int], coderd: tuple[int, int]
) -> None:
    """Nodes and coderd go together: a replica of the larger figure would fit no machine of the smaller one."""
    it = reference(spec("3k", choice))

    assert it.nodes is not None
    assert (it.nodes.coderd.cpu_millicores, it.nodes.coderd.memory_bytes // GI) == node
    assert (it.coderd.cpu_millicores, it.coderd.memory_bytes // GI) == coderd
    assert (it.coderd.replicas, it.nodes.coderd.count) == (4, 4)
    sized = size(spec("3k", choice))
    assert (sized.coderd.cpu_millicores, sized.coderd.memory_bytes // GI) == coderd
    (step,) = (one for one in sized.steps if one.startswith("Nodes"))
    assert f"spec.controlPlane.nodeSizing: {choice or 'Capacity'}" in step


@pytest.mark.parametrize(
    ("tier", "choice", "edition"),
    [("1k", "InstanceTypes", "2024"), ("2k", "InstanceTypes", "2024"), ("3k", None, "2026")],
)
def test_where_the_page_agrees_with_itself_nothing_is_chosen(
    tier: str, choice: Any, edition: Any
) -> None:
    """And no verdict speaks of a choice."""
    said = spec(tier, choice, edition)

    assert reference(said) == architectures(edition).tier(tier)
    assert node_rule(said) == ""
    assert "nodeSizing" not in " ".join(size(said).steps)


@pytest.mark.parametrize(
    ("tier", "choice", "edition", "there"),
    [
        ("3k", None, "2024", True),
        ("3k", "InstanceTypes", "2024", False),
        ("2k", None, "2024", False),
        ("3k", None, "2026", False),
    ],
)
def test_the_smaller_figure_is_another_way_only_where_it_was_not_chosen(
    tier: str, choice: Any, edition: Any, there: bool
) -> None:
    """And where the page has two."""
    assert (smaller_figure(spec(tier, choice, edition)) is not None) is there


def test_only_the_control_planes_nodes_are_others() -> None:
    """Of the same number, types and everything else."""
    table, chosen = architectures("2024").tier("3k"), reference(spec("3k", "InstanceTypes"))

    assert chosen.nodes is not None
    assert table.nodes is not None
    assert chosen.nodes.workspaces == table.nodes.workspaces
    assert chosen.nodes.coderd.types == table.nodes.coderd.types
    assert (chosen.limits, chosen.database) == (table.limits, table.database)
