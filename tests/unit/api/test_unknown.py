from __future__ import annotations

import pytest

from cluster.crd_cases import sample
from coder_cva.api.errors import Problem
from coder_cva.api.unknown import unknown_fields


@pytest.mark.parametrize("name", ["minimal", "managed", "adopted"])
def test_samples_hold_known_fields_only(name: str) -> None:
    """What we ship as an example has no typing errors."""
    assert unknown_fields(sample(name)) == ()


def test_typing_errors_are_named_with_what_was_meant() -> None:
    """A field that the contract does not have is named with the nearest one, at any depth."""
    manifest = sample("managed")
    manifest["spec"]["controlPlane"]["nodepool"] = {}
    manifest["spec"]["network"]["ingressControllers"][0]["podSelektor"] = {}

    assert unknown_fields(manifest) == (
        Problem("spec.controlPlane.nodepool", "is no field of the CoderDeployment: write nodePool"),
        Problem(
            "spec.network.ingressControllers[0].podSelektor",
            "is no field of the CoderDeployment: write podSelector",
        ),
    )


def test_a_field_near_to_nothing_is_answered_with_the_choices() -> None:
    """Where no name is near, the choices are listed."""
    (problem,) = unknown_fields({"spec": {"maintenance": {"xyz": 1}}})

    assert problem.message.endswith("remove it, or write one of until")


def test_keys_of_free_mappings_are_the_user_s_own() -> None:
    """Labels and annotations have keys of their own making."""
    assert unknown_fields({"spec": {"controlPlane": {"podLabels": {"anything": "x"}}}}) == ()


@pytest.mark.parametrize("spec", [None, [], "text", {"waivers": "text"}])
def test_wrong_types_are_left_to_the_parser(spec: object) -> None:
    """A value of the wrong type is not this function's to judge, and does not stop it."""
    assert unknown_fields({"spec": spec}) == ()
