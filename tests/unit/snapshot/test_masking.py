from typing import Any

import pytest
from hypothesis import given

from coder_cva.snapshot.masking import HIDDEN, TAKEN_IN, masked
from support import coder_manifests
from support.strategies import mutated

SECRET = "hunter2-5f0c"
CODERD = coder_manifests.chart_coderd()[-1]


def container(**parts: Any) -> dict[str, Any]:
    """The masked form of a container with these parts."""
    body = {"spec": {"template": {"spec": {"containers": [{"name": "coder", **parts}]}}}}
    found: dict[str, Any] = masked(body)["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    "name",
    [
        "CODER_PG_CONNECTION_URL",
        "CODER_PROXY_SESSION_TOKEN",
        "CODER_PROVISIONER_DAEMON_PSK",
        "CODER_PROVISIONER_DAEMON_KEY",
        "CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS",
        "CODER_OIDC_CLIENT_SECRET",
        "CODER_EXTERNAL_AUTH_0_CLIENT_SECRET",
        "CODER_EMAIL_AUTH_PASSWORD",
        "CODER_SCIM_AUTH_HEADER",
        "PGPASSWORD",
    ],
)
def test_a_literal_secret_is_hidden_and_stays_a_literal(name: str) -> None:
    """A rule can say that it was written in clear; nobody can read it."""
    found = container(env=[{"name": name, "value": SECRET}])

    assert found["env"] == [{"name": name, "value": HIDDEN}]


def test_credentials_in_a_url_are_hidden_under_any_name() -> None:
    """A proxy with a password is one under an innocent name."""
    found = container(env=[{"name": "HTTPS_PROXY", "value": f"http://user:{SECRET}@proxy:3128"}])

    assert found["env"][0]["value"] == HIDDEN


def test_what_a_hidden_value_takes_in_stays_known() -> None:
    """Variables of the same container alone: anything else may be a part of the secret."""
    url = f"postgres://coder:$(PASSWORD){SECRET}$(hunter2)@db/coder"
    found = container(
        env=[
            {"name": "HOST", "value": "db"},
            {"name": "PASSWORD", "value": SECRET},
            {"name": "UNUSED", "value": "x"},
            {"name": "CODER_PG_CONNECTION_URL", "value": url},
        ],
        args=["server", f"--scim-auth-header={SECRET}$(HOST)"],
    )

    assert found["env"][3]["value"] == HIDDEN
    assert found["args"] == ["server", f"--scim-auth-header={HIDDEN}"]
    assert found[TAKEN_IN] == ["HOST", "PASSWORD"]


@pytest.mark.parametrize(
    "variable",
    [
        {"name": "CODER_ACCESS_URL", "value": "https://coder.example.com"},
        {"name": "CODER_TLS_KEY_FILE", "value": "/etc/ssl/tls.key"},
        {"name": "CODER_PG_CONNECTION_URL", "value": "$(DATABASE_URL)"},
        {
            "name": "CODER_PG_CONNECTION_URL",
            "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}},
        },
        {"name": "CODER_PROVISIONER_DAEMON_PSK", "value": ""},
    ],
)
def test_what_is_no_secret_stays(variable: dict[str, Any]) -> None:
    """Plain settings, paths, references, and that something is empty."""
    assert container(env=[variable])["env"] == [variable]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["server", f"--postgres-url={SECRET}"], ["server", f"--postgres-url={HIDDEN}"]),
        (["--psk", SECRET, "--verbose"], ["--psk", HIDDEN, "--verbose"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        ([f"postgres://u:{SECRET}@db/coder"], [HIDDEN]),
        (["server", "--http-address=0.0.0.0:8080"], ["server", "--http-address=0.0.0.0:8080"]),
    ],
)
def test_secrets_on_the_command_line_are_hidden(words: list[str], expected: list[str]) -> None:
    """Both ways of giving a flag its value."""
    assert container(args=words)["args"] == expected
    assert container(command=words)["command"] == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgres://coder:$(PASSWORD)@db.example.com:5432/coder",
            "postgres://db.example.com:5432",
        ),
        ("postgres://coder:${vault:secret/data/coder#password}@db/coder", "postgres://db"),
        ("vault:secret/data/coder#url", f"vault:{HIDDEN}"),
        (f"vault:{SECRET}", HIDDEN),
        ("postgresql://coder@db-rw/coder?sslmode=verify-full", "postgresql://db-rw"),
        ("postgres://$(USER):$(PASSWORD)@$(HOST)/coder", "postgres://$(HOST)"),
        ("postgres://db-rw.coder.svc", "postgres://db-rw.coder.svc"),
        ("postgres://a@one:5432,two:5432/coder", "postgres://one:5432,two:5432"),
        ("postgres://coder@[::1]:5432/coder", "postgres://[::1]:5432"),
        (f"postgres://coder:{SECRET}@db/coder", HIDDEN),
        (f"postgres://coder:$(A){SECRET}@db/coder", HIDDEN),
        (f"postgres://coder:123/{SECRET}@db/coder", HIDDEN),
        (f"postgres://coder:12?{SECRET}@db/coder", HIDDEN),
        (f"postgres://coder@db/coder?password={SECRET}", HIDDEN),
        (f"host=db password={SECRET}", HIDDEN),
    ],
)
def test_of_a_databases_url_without_a_password_the_host_stays(url: str, shown: str) -> None:
    """Whoever takes the password from a Secret may be told so, and which host it is."""
    found = container(env=[{"name": "CODER_PG_CONNECTION_URL", "value": url}])

    assert found["env"][0]["value"] == shown
    assert container(args=["--postgres-url", url])["args"][1] == shown
    assert container(args=[f"--postgres-url={url}"])["args"][0] == f"--postgres-url={shown}"


def test_a_reference_is_no_secret_on_the_command_line() -> None:
    """It names the variable that has it."""
    words = ["--postgres-url=$(DATABASE_URL)", "--psk", "$(PSK)"]

    assert container(args=words)["args"] == words


def test_copies_of_the_object_in_annotations_are_dropped() -> None:
    """kubectl writes the whole object into one."""
    copy = {
        "kubectl.kubernetes.io/last-applied-configuration": SECRET,
        "prometheus.io/scrape": "true",
    }
    body = {
        "metadata": {"name": "coder", "annotations": copy, "managedFields": [SECRET]},
        "spec": {"template": {"metadata": {"annotations": copy}}},
    }
    found = masked(body)

    assert SECRET not in repr(found)
    assert found["metadata"]["annotations"] == {"prometheus.io/scrape": "true"}


@pytest.mark.parametrize(
    "broken", [{"containers": "x"}, {"containers": ["x", None]}, {"volumes": [SECRET]}, None]
)
def test_what_has_no_containers_is_left_as_it_is(broken: Any) -> None:
    """Only environment and command line of containers are looked at."""
    body = {"spec": {"template": {"spec": broken}}}

    assert masked(body)["spec"]["template"]["spec"] == (broken or {})


def test_the_body_itself_is_not_touched() -> None:
    """Masking makes a copy: who read the object may still need it."""
    body = {
        "spec": {
            "template": {"spec": {"containers": [{"env": [{"name": "A_TOKEN", "value": SECRET}]}]}}
        }
    }
    masked(body)

    assert SECRET in repr(body)


@given(mutated([CODERD]))
def test_masking_twice_is_masking_once(body: dict[str, Any]) -> None:
    """Whatever the shape."""
    assert masked(masked(body)) == masked(body)
