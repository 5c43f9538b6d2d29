from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import gathered
from support import builders, coder_manifests

if TYPE_CHECKING:
    from coder_cva.snapshot.records import Deployment

NAME = "CODER_PROVISIONER_DAEMONS"
SECRET = {"secretKeyRef": {"name": "it", "key": "it"}}


def coderd(env: Any = (), **container: Any) -> Deployment:
    """A coderd with these variables, and a sidecar with variables of its own before it."""
    body = builders.live(coder_manifests.chart_coderd(env=list(env))[-1])
    own = body["spec"]["template"]["spec"]["containers"]
    own[0].update(container)
    own.insert(0, {"name": "sidecar", "image": "envoy", "env": [{"name": NAME, "value": "7"}]})
    found: Deployment = gathered(Need.DEPLOYMENTS, [body]).items[0]
    return found


def variable(value: Any) -> dict[str, Any]:
    return {"name": NAME, "value": value}


@pytest.mark.parametrize(
    ("env", "literal", "elsewhere", "is_set"),
    [
        ([], None, False, False),
        ([variable("5")], "5", False, True),
        ([variable("")], "", False, False),
        ([variable("5"), variable("6")], "6", False, True),
        ([{"name": NAME}], "", False, False),
        ([{"name": NAME, "valueFrom": SECRET}], None, True, True),
        ([variable("5"), {"name": NAME, "valueFrom": SECRET}], None, True, True),
        ([{"name": NAME, "valueFrom": SECRET}, variable("5")], "5", False, True),
    ],
)
def test_what_a_variable_is_told(
    env: Any, literal: str | None, elsewhere: bool, is_set: bool
) -> None:
    """Of coderd's own container, the last entry of the name, as Kubernetes has it."""
    found = coderd(env)

    assert environment.literal(found, NAME) == literal
    assert environment.is_elsewhere(found, NAME) is elsewhere
    assert environment.is_set(found, NAME) is is_set


@pytest.mark.parametrize(
    ("source", "elsewhere"),
    [
        ({"secretRef": {"name": "it"}}, True),
        ({"configMapRef": {"name": "it"}, "prefix": "CODER_"}, True),
        ({"configMapRef": {"name": "it"}, "prefix": "OTHER_"}, False),
    ],
)
def test_variables_that_come_as_a_whole(source: Any, elsewhere: bool) -> None:
    """They may hold it, unless their prefix rules that out; an entry of its own wins over them."""
    assert environment.is_elsewhere(coderd(envFrom=[source]), NAME) is elsewhere
    assert not environment.is_elsewhere(coderd([variable("5")], envFrom=[source]), NAME)


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (["/bin/sh", "-ec", ". /vault/secrets/coder; exec /opt/coder server"], "sh"),
        (["/vault/vault-env", "/opt/coder"], "vault-env"),
        (["/opt/coder"], ""),
        (["/sbin/tini", "--", "/usr/local/bin/coder-linux-amd64"], ""),
        ([], ""),
    ],
)
def test_what_starts_coderd_may_set_what_nothing_else_does(
    command: list[str], program: str
) -> None:
    """A shell with a file of Vault's agent; what is written as a variable is known all the same."""
    assert environment.starter(coderd(command=command)) == program
    assert environment.is_elsewhere(coderd(command=command), NAME) is bool(program)
    assert not environment.is_elsewhere(coderd([variable("5")], command=command), NAME)


@pytest.mark.parametrize(
    ("args", "literal"),
    [
        (["server", "--provisioner-daemons=0"], "0"),
        (["server", "--provisioner-daemons", "0"], "0"),
        (["server", "--provisioner-daemons=0", "--provisioner-daemons=1"], "1"),
        (["server", "--provisioner-daemons-more=0"], "5"),
        (["server"], "5"),
    ],
)
def test_a_flag_wins_over_the_variable(args: list[str], literal: str) -> None:
    """The last one, in both ways of writing it."""
    found = coderd([variable("5")], args=args)

    assert environment.literal(found, NAME) == literal
    assert environment.is_set(found, NAME)
    assert not environment.is_elsewhere(found, NAME)


@pytest.mark.parametrize(
    ("args", "flag"),
    [
        (["server", "--provisioner-daemons=0"], "--provisioner-daemons"),
        (["server", "--provisioner-daemons", "0"], "--provisioner-daemons"),
        (["server"], ""),
    ],
)
def test_which_flag_says_it(args: list[str], flag: str) -> None:
    """Where one does, a variable changes nothing."""
    assert environment.flag(coderd([variable("5")], args=args), NAME) == flag


@pytest.mark.parametrize(
    ("args", "literal"),
    [
        (["server", "--prometheus-enable"], "true"),
        (["server", "--prometheus-enable", "--other"], "true"),
        (["server", "--prometheus-enable", "--prometheus-enable=false"], "false"),
        (["server", "--prometheus-enable=false", "--prometheus-enable"], "true"),
    ],
)
def test_a_switch_takes_no_value_from_the_next_word(args: list[str], literal: str) -> None:
    """The last one counts, bare or not."""
    assert environment.literal(coderd(args=args), "CODER_PROMETHEUS_ENABLE") == literal


def test_flags_of_provisioners_have_names_of_their_own() -> None:
    """Their tags are given one by one, and ``-c`` is where they cache, no configuration file."""
    body = builders.live(coder_manifests.chart_provisioner(key=False)[-1])
    words = ["provisionerd", "start", "--tag", "a=1", "-t", "b=2", "--key=it", "-c", "/tmp"]
    body["spec"]["template"]["spec"]["containers"][0]["args"] = words
    found = gathered(Need.DEPLOYMENTS, [body]).items[0]

    assert environment.arguments(found, "--tag", "-t") == ("a=1", "b=2")
    assert environment.is_set(found, "CODER_PROVISIONER_DAEMON_KEY")
    assert not environment.is_elsewhere(found, "CODER_ORGANIZATION")


@pytest.mark.parametrize("args", [["server", "--config", "c.yaml"], ["server", "-c", "c"], ["server", "--config=c"]])  # fmt: skip
def test_a_file_may_say_what_nothing_else_does(args: list[str]) -> None:
    """It is not read here."""
    assert environment.is_elsewhere(coderd(args=args), NAME)
    assert not environment.is_elsewhere(coderd([variable("5")], args=args), NAME)


def test_the_secret_of_a_variable_is_named_and_not_read() -> None:
    """Only where its value comes from that very key: the last entry counts, and a flag wins."""
    url = "CODER_PG_CONNECTION_URL"
    named = {"name": url, "valueFrom": SECRET}

    assert environment.secret_of(coderd(), url) == "coder-db-url"
    assert environment.secret_of(coderd([named]), url) == "it"
    assert environment.secret_of(coderd([{"name": url, "value": "$(A)"}]), url) == ""
    assert environment.secret_of(coderd([named], args=["server", "--postgres-url=$(A)"]), url) == ""
    assert environment.literal(coderd(args=["server", "--postgres-url=$(A)"]), url) == "$(A)"
    assert environment.secret_of(coderd(), NAME) == ""


@pytest.mark.parametrize("word", ["1", "t", "T", "TRUE", "true", "True"])
def test_words_for_true(word: str) -> None:
    """Those of Go's strconv.ParseBool."""
    assert environment.is_true(word)


@pytest.mark.parametrize("word", ["", "yes", "on", "tRUE", "0", "false", None])
def test_no_words_for_true(word: str | None) -> None:
    assert not environment.is_true(word)


def test_where_no_container_is_coders_the_first_one_counts() -> None:
    """A Deployment that is announced by its name label alone runs an image of one's own."""
    body = builders.live(coder_manifests.coder_k8s_coderd())
    body["spec"]["template"]["spec"]["containers"] = [{"name": "own", "image": "own/build:1"}]
    deployment = gathered(Need.DEPLOYMENTS, [body]).items[0]

    assert environment.container(deployment)["name"] == "own"


def test_the_names_of_what_is_set() -> None:
    """One by one, each once and sorted; of coderd's own container alone."""
    found = coderd([variable("5"), variable("6"), {"value": "no name"}, {"name": 3}])

    assert environment.names(found)[-3:] == (
        "CODER_PROMETHEUS_ADDRESS",
        NAME,
        "KUBE_POD_IP",
    )
    assert environment.entry(found, NAME) == variable("6")
    assert environment.entry(found, "CODER_NOTHING") == {}


def test_what_others_take_in() -> None:
    """In values, in arguments, and in what is hidden: variables that are set beside it."""
    found = coderd(
        [
            {"name": "A", "value": "a"},
            {"name": "B", "value": "b"},
            {"name": "C_PASSWORD", "value": "x$(A)$(UNKNOWN)"},
            {"name": "URL", "value": "https://$(HOST)/$$(ESCAPED)"},
        ],
        args=["server", "--postgres-url=postgres://c:$(B)@db", "--http-address=$(ADDRESS)"],
    )

    assert environment.taken_in(found) == {"A", "B", "KUBE_POD_IP"}


def test_what_comes_as_a_whole() -> None:
    """In its order, by kind and name."""
    sources = [
        {"secretRef": {"name": "a"}},
        {"configMapRef": {"name": "b"}, "prefix": "CODER_"},
        {"configMapRef": None},
        "no source",
    ]

    assert environment.wholes(coderd(envFrom=sources)) == ("Secret a", "ConfigMap b")
    assert environment.wholes(coderd()) == ()


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("CODER_BLOCK_DIRECT", ["--block-direct-connections"], "true"),
        ("CODER_TELEMETRY_ENABLE", ["--telemetry=false"], "false"),
        ("CODER_TELEMETRY_ENABLE", ["--telemetry-enable=false"], None),
        ("CODER_CACHE_DIRECTORY", ["--cache-dir", "/tmp/coder"], "/tmp/coder"),
        ("CODER_DANGEROUS_DISABLE_RATE_LIMITS", ["--dangerous-disable-rate-limits", "x"], "true"),
    ],
)
def test_flags_have_the_names_of_coders_reference(
    name: str, words: list[str], said: str | None
) -> None:
    """Not all follow from the variable; switches take nothing from the next word."""
    assert environment.literal(coderd(args=["server", *words]), name) == said
