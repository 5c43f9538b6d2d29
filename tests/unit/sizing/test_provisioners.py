from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.api.v1alpha1.resource import parse
from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.sizing.provisioners import OneProvisioner, provisioners_size
from support.deployments import adopted

MI = 1024**2


def spec(architecture: dict[str, Any], edition: str = "2026", sizing: str | None = None) -> Spec:
    """The spec of an adopted Coder."""
    cr = adopted("coder")
    cr["spec"].update(architecture=architecture, edition=edition)
    if sizing:
        cr["spec"]["provisioners"] = {"sizing": sizing}
    return parse(cr).spec


@pytest.mark.parametrize(
    ("edition", "sizing", "each"),
    [
        ("2026", None, OneProvisioner(1000, 1024 * MI)),
        ("2026", "Tier", OneProvisioner(1000, 1024 * MI)),
        ("2026", "TwoBuildsPerCPU", OneProvisioner(500, 512 * MI)),
        ("2024", "Tier", None),
        ("2024", "TwoBuildsPerCPU", OneProvisioner(500, 512 * MI)),
    ],
)
def test_each_is_as_large_as_the_chosen_rule_says(
    edition: str, sizing: str | None, each: OneProvisioner | None
) -> None:
    """Edition 2024 sizes only their nodes; the formula stands by itself."""
    it = provisioners_size(spec({"tier": "2k"}, edition, sizing))

    assert it.each == each
    assert it.policy == (sizing or "Tier")
    assert f"(spec.provisioners.sizing: {it.policy})" in it.rule
    assert (it.nodes is not None) is (each is None)


def test_the_formula_by_name_is_asked_whatever_the_spec_says() -> None:
    """So a finding can show the other rule."""
    assert provisioners_size(spec({"users": 1}), "TwoBuildsPerCPU").each == OneProvisioner(
        500, 512 * MI
    )


@given(
    st.integers(1, 600),
    st.sampled_from(["2024", "2026"]),
    st.sampled_from(["Tier", "TwoBuildsPerCPU"]),
)
def test_their_number_is_that_of_the_builds_by_either_rule(
    builds: int, edition: str, sizing: str
) -> None:
    """Each runs one build at a time, however large it is."""
    said = {"users": 100, "concurrentBuilds": builds, "tier": "1k"}

    assert provisioners_size(spec(said, edition, sizing)).replicas == builds
