"""Values of coderd's variables: addresses of access, relays of replicas, and what Go reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules.variable_values import findings
from support import builders
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.rules.model import Finding

ACCESS = {"name": "CODER_ACCESS_URL", "value": "https://coder.corp.net"}
TEXTS = st.text(max_size=20) | st.sampled_from(["true", "FALSE", "0", "1", "-1", "+7", "1_0", "٣"])


def found(
    *env: dict[str, Any], replicas: int = 1, spec: dict[str, Any] | None = None
) -> dict[str, Finding]:
    """The findings about a coderd with these variables, by the variable."""
    coderd = chart_coderd(env=[ACCESS, *env], replicas=replicas)
    world = builders.world(
        merged(adopted("coder"), {"spec": spec or {}}),
        builders.pools(),
        builders.all_running([coderd], ["control-plane-1"]),
    )
    assert world.coderd is not None
    made = findings(world, world.coderd.deployment)
    return {one.field.partition("env[")[2].rstrip("]"): one for one in made}


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://coder.corp.net", ""),
        ("https://coder.corp.net:8443/", ""),
        ("http://coder.corp.net", "is not encrypted"),
        ("coder.corp.net", "is no URL"),
        ("ftp://coder.corp.net", "is no URL"),
        ("https://", "is no URL"),
        ("https://[::1", "is no URL"),
        ("http://localhost:3000", "leads nowhere but into the Pod itself"),
        ("https://127.0.0.1", "leads nowhere but into the Pod itself"),
        ("https://[::1]:8443", "leads nowhere but into the Pod itself"),
        ("https://coder.coder.svc", "nobody outside the cluster reaches"),
        ("", "not set: coderd opens a tunnel"),
    ],
)
def test_the_access_url(url: str, fault: str) -> None:
    """One under which users and agents reach coderd from outside, encrypted."""
    finding = found({"name": "CODER_ACCESS_URL", "value": url}).get("CODER_ACCESS_URL")

    assert (finding is not None) == bool(fault)
    assert fault in (finding.observed if finding else "")


@pytest.mark.parametrize(
    ("env", "replicas", "is_told"),
    [
        ([{"name": "CODER_DERP_SERVER_RELAY_URL", "value": ""}], 2, True),
        ([{"name": "CODER_DERP_SERVER_RELAY_URL", "value": ""}], 1, False),
        ([{"name": "CODER_DERP_SERVER_RELAY_URL", "value": "https://coder.corp.net/"}], 2, True),
        ([{"name": "CODER_DERP_SERVER_RELAY_URL", "value": "http://10.0.0.7:8080"}], 2, False),
        (
            [
                {"name": "CODER_DERP_SERVER_RELAY_URL", "value": ""},
                {"name": "CODER_DERP_SERVER_ENABLE", "value": "false"},
            ],
            2,
            False,
        ),
    ],
)
def test_the_relays_of_several_replicas(
    env: list[dict[str, Any]], replicas: int, is_told: bool
) -> None:
    """Each has an address of its own, unless coderd relays nothing."""
    assert ("CODER_DERP_SERVER_RELAY_URL" in found(*env, replicas=replicas)) is is_told


def test_direct_connections_lead_nowhere_from_a_cluster_that_is_cut_off() -> None:
    """There Coder's own page blocks them."""
    blocked = {"name": "CODER_BLOCK_DIRECT", "value": "true"}

    assert "CODER_BLOCK_DIRECT" in found(blocked)
    assert found(blocked, spec={"network": {"airGapped": True}}) == {}


@pytest.mark.parametrize("said", ["true", "TRUE", "t", "1", "false", "F", "0", ""])
def test_switches_that_go_reads(said: str) -> None:
    """As strconv.ParseBool does; nothing is false."""
    assert "CODER_UPDATE_CHECK" not in found({"name": "CODER_UPDATE_CHECK", "value": said})


@pytest.mark.parametrize("said", ["yes", "on", "True ", "tRuE", "2"])
def test_switches_that_go_does_not_read(said: str) -> None:
    """coderd does not start with them."""
    finding = found({"name": "CODER_UPDATE_CHECK", "value": said})["CODER_UPDATE_CHECK"]

    assert finding.expected.startswith("true or false")
    assert finding.remedy.endswith("value: 'false'")


@given(TEXTS)
def test_numbers_are_what_go_reads(said: str) -> None:
    """Digits of ASCII with a sign at most; what comes from elsewhere is not judged."""
    told = "CODER_PG_CONN_MAX_OPEN" in found({"name": "CODER_PG_CONN_MAX_OPEN", "value": said})

    digits = said[1:] if said[:1] in ("+", "-") else said
    is_number = digits.isascii() and digits.isdigit()
    assert told is not (is_number or not said or "$(" in said)
