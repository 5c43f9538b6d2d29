"""The names that coder reads: whole, consistent, and with secrets that are hidden."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.api.v1alpha1.environment import OWNED
from coder_cva.api.v1alpha1.resource import parse
from coder_cva.catalogue.variables import Variable, variables
from coder_cva.desired.coderd_pod import environment
from coder_cva.snapshot.masking import HIDDEN, masked
from support.deployments import managed

KNOWN = variables()
NAMES = sorted(KNOWN.server)


def test_a_name_stands_in_one_place_alone() -> None:
    """What coderd reads is not at the same time somebody else's."""
    server, elsewhere = set(KNOWN.server), set(KNOWN.elsewhere)

    assert not server & elsewhere
    assert not server & KNOWN.commands
    assert not elsewhere & KNOWN.commands
    assert all(name.startswith("CODER_") for name in server | elsewhere | KNOWN.commands)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_deprecated_leads_to_what_is_read(name: str) -> None:
    """A successor is known, and not gone; who has one is deprecated."""
    one = KNOWN.server[name]

    assert bool(one.deprecated) or not one.successors
    assert one.since <= KNOWN.newest
    assert all(KNOWN.server[each].until is None for each in one.successors)


@pytest.mark.parametrize("name", NAMES)
def test_a_default_is_of_its_kind(name: str) -> None:
    """Switches and numbers, whose values are judged."""
    one = KNOWN.server[name]
    if one.kind == "bool":
        assert one.default in ("", "true", "false")
    if one.kind == "int":
        assert one.default == "" or one.default.isdigit()


@pytest.mark.parametrize("name", [name for name in NAMES if KNOWN.server[name].secret])
def test_no_secret_of_coders_is_kept(name: str) -> None:
    """Every variable that Coder itself calls a secret is hidden where a Deployment says it in clear."""
    container = {"name": "coder", "env": [{"name": name, "value": "in clear"}]}
    body: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [container]}}}}

    (found,) = masked(body)["spec"]["template"]["spec"]["containers"]
    assert found["env"] == [{"name": name, "value": HIDDEN}]


def test_what_the_operator_itself_sets_is_known() -> None:
    """Its own variables, and those that it keeps for itself."""
    made = [one["name"] for one in environment(parse(managed("coder")))]
    named = {one for one in (*made, *OWNED) if one.startswith("CODER_")}

    assert named <= set(KNOWN.server) | KNOWN.commands


def test_a_release_is_compared_by_its_numbers() -> None:
    """2.9 comes before 2.10; the last release of a name still reads it."""
    one = Variable.model_validate({"kind": "bool", "since": "2.9.0", "until": "2.24.6"})

    assert one.is_read_by((2, 10, 0))
    assert one.is_read_by((2, 24, 6))
    assert not one.is_read_by((2, 8, 9))
    assert one.is_gone_in((2, 24, 7))


def test_a_variable_by_number_is_split_behind_it() -> None:
    """A number is needed, in digits that Go reads."""
    family = KNOWN.family("CODER_EXTERNAL_AUTH_12_CLIENT_ID")

    assert family is not None
    assert family.split("CODER_EXTERNAL_AUTH_12_CLIENT_ID") == (
        "CODER_EXTERNAL_AUTH_12_",
        "CLIENT_ID",
    )
    assert family.split("CODER_EXTERNAL_AUTH_GITHUB_ID") is None
    assert family.split("CODER_EXTERNAL_AUTH_٣_ID") is None
    assert KNOWN.family("CODER_ACCESS_URL") is None
