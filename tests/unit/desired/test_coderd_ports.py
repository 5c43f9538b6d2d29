"""Whatever reaches coderd today still does; where that cannot be told, coderd is not isolated."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.desired import render
from coder_cva.desired.network_coderd import ingress_rules
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed
from support.policies import CODERD, coderd_ports, policy, ports, service, specs

USUAL = {8080, 2112, 6060}
SETTINGS = {"configMapRef": {"name": "settings"}}


def variable(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def elsewhere(name: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": "settings", "key": name}}}


def coderd(*env: dict[str, Any], without: tuple[str, ...] = (), **container: Any) -> list[Any]:
    """A release of the chart with these variables more, and without some of its own."""
    made = chart_coderd()
    (own,) = made[-1]["spec"]["template"]["spec"]["containers"]
    own["env"] = [*(one for one in own["env"] if one["name"] not in without), *env]
    own.update(container)
    return made


def with_sidecar(*containers: dict[str, Any], key: str = "containers") -> list[Any]:
    made = chart_coderd()
    made[-1]["spec"]["template"]["spec"].setdefault(key, []).extend(containers)
    return made


def doubt(world: Any) -> str:
    """Why coderd is not isolated, because its ports are not known."""
    part = build_network_policies(world)
    assert part.objects == ()
    (reason,) = part.withheld
    assert (reason.rule, reason.reason) == ("CVA-NET-004", "PortsNotKnown")
    return reason.message


def demanded() -> dict[str, Any]:
    """An adopted Coder whose user says Enforce: what is not seen may be cut."""
    spec = adopted("coder")
    spec["spec"]["enforcement"] = {"rules": {"CVA-NET-004": "Enforce"}}
    return spec


@pytest.mark.parametrize("make", [adopted, managed])
def test_profiles_can_be_scraped_as_before(make: Any) -> None:
    """Coder's chart listens on 6060 and declares no port for it; pyroscope.io annotations lead there."""
    notes = {"pyroscope.io/scrape": "true", "pyroscope.io/port": "6061"}
    world = b.world(make("coder"), b.pools(), b.all_running(chart_coderd(pod_annotations=notes)))
    if make is managed:
        world = b.world(managed("coder", podAnnotations=notes))
    assert coderd_ports(world) == USUAL | {6061}


@pytest.mark.parametrize(
    ("name", "open_port"),
    [
        ("CODER_PROMETHEUS_ADDRESS", 9000),
        ("CODER_PPROF_ADDRESS", 9000),
        ("CODER_HTTP_ADDRESS", 9000),
        ("CODER_TLS_ADDRESS", 9000),
        ("CODER_AIBRIDGE_PROXY_LISTEN_ADDR", 9000),
    ],
)
def test_the_ports_of_coderds_own_settings_stay_open(name: str, open_port: int) -> None:
    """A PodMonitor by number needs no declared port: the setting is all that tells it."""
    for made in (
        coderd(variable(name, "0.0.0.0:9000")),
        coderd(
            args=["server", "--" + name.removeprefix("CODER_").lower().replace("_", "-"), ":9000"]
        ),
    ):
        assert open_port in coderd_ports(b.world(adopted("coder"), made))


def test_a_port_that_coderd_has_by_default_stays_open_where_it_is_switched_on() -> None:
    """The proxy of the AI bridge listens on every address, on 8888, where nothing else is said."""
    on = coderd(variable("CODER_AIBRIDGE_PROXY_ENABLED", "true"))
    assert 8888 in coderd_ports(b.world(adopted("coder"), on))
    assert 8888 not in coderd_ports(b.world(adopted("coder"), coderd()))


def test_metrics_by_a_changed_setting_are_the_scrapers_own() -> None:
    """Whoever is named as a scraper gets the port, and nobody else."""
    spec = adopted("coder")
    spec["spec"]["network"] = {"monitoring": [{"podSelector": {"matchLabels": {"app": "p"}}}]}
    world = b.world(spec, coderd(variable("CODER_PROMETHEUS_ADDRESS", "0.0.0.0:9000")))
    rules = specs(world)["coder/coder-coderd"]["ingress"]
    assert [one["ports"] for one in rules if "from" not in one] == [ports(8080)]
    assert rules[-1]["ports"] == ports(2112, 6060, 9000)


def test_an_annotation_that_names_the_port_of_users_does_not_close_it_to_them() -> None:
    """Also where coderd listens on a port of its people's choice."""
    spec = adopted("coder")
    spec["spec"]["network"] = {"monitoring": [{"podSelector": {"matchLabels": {"app": "p"}}}]}
    made = coderd(variable("CODER_HTTP_ADDRESS", "0.0.0.0:3000"))
    notes = made[-1]["spec"]["template"]["metadata"]["annotations"]
    notes["prometheus.io/port"] = "3000"
    assert 3000 in coderd_ports(b.world(spec, made))


@pytest.mark.parametrize("switch", ["true", None])
def test_a_scraped_address_that_is_elsewhere_is_a_reason_not_to_isolate(switch: str | None) -> None:
    """By name, in variables that come as a whole, or with a variable for its port; on, or perhaps on."""
    name = "CODER_PROMETHEUS_ADDRESS"
    enable = (
        variable("CODER_PROMETHEUS_ENABLE", switch)
        if switch
        else elsewhere("CODER_PROMETHEUS_ENABLE")
    )
    for made in (
        coderd(enable, elsewhere(name), without=(name,)),
        coderd(enable, without=(name,), envFrom=[SETTINGS]),
        coderd(enable, variable(name, "0.0.0.0:$(PORT)")),
    ):
        message = doubt(b.world(adopted("coder"), made))
        assert message.startswith(f"{name} may come from a ConfigMap")
        assert "CVA-NET-004: Enforce" in message


def test_an_endpoint_that_is_off_is_no_reason() -> None:
    """Nobody scrapes it, wherever its address stands."""
    name = "CODER_PPROF_ADDRESS"
    off = coderd(variable("CODER_PPROF_ENABLE", "false"), elsewhere(name), without=(name,))
    assert coderd_ports(b.world(adopted("coder"), off)) == {8080, 2112}


def test_variables_that_come_as_a_whole_are_no_reason_where_the_chart_names_the_addresses() -> None:
    """An entry of its own wins over envFrom, and users come through Services whose targets are seen."""
    world = b.world(adopted("coder"), coderd(envFrom=[SETTINGS]))
    assert coderd_ports(world) == USUAL


def test_a_managed_coderd_is_known_before_it_is_there() -> None:
    """Its addresses are the operator's to write, so that no ConfigMap can hide one; its policy is there first."""
    hidden = managed("coder", envFrom=[SETTINGS])
    world = b.world(hidden)
    assert coderd_ports(world) == USUAL
    made = [one for one in render.plan(world).objects if one["kind"] in ("Deployment", "Service")]
    later = b.world(hidden, b.pools(), b.all_running(made))
    assert specs(later)["coder/coder-coderd"] == specs(world)["coder/coder-coderd"]


def test_what_a_managed_coderd_serves_follows_from_its_spec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rule that prints what to allow declares Services, Namespaces and Pods, and not who scales coderd."""
    world = b.world(managed("coder"))
    asked = set()
    reading = ClusterSnapshot.reading

    def noted(snapshot: ClusterSnapshot, need: Need) -> Any:
        asked.add(need)
        return reading(snapshot, need)

    monkeypatch.setattr(ClusterSnapshot, "reading", noted)
    assert ingress_rules(world)
    assert asked <= {Need.SERVICES, Need.NAMESPACES, Need.PODS}


def test_a_sidecar_that_declares_no_port_is_a_reason_not_to_isolate() -> None:
    """It may listen on any, and somebody may scrape it. An init container that ends listens on none."""
    world = b.world(adopted("coder"), with_sidecar({"name": "cloud-sql-proxy", "image": "x"}))
    assert "container cloud-sql-proxy declares no port" in doubt(world)
    lasting = {"name": "proxy", "image": "x", "restartPolicy": "Always"}
    assert "proxy" in doubt(b.world(adopted("coder"), with_sidecar(lasting, key="initContainers")))
    ending = {"name": "migrate", "image": "x"}
    world = b.world(adopted("coder"), with_sidecar(ending, key="initContainers"))
    assert coderd_ports(world) == USUAL


def test_a_sidecar_that_admission_puts_into_pods_counts_too() -> None:
    """The template knows nothing of it."""
    running = b.all_running(chart_coderd())
    pod = next(one for one in running if one["kind"] == "Pod")
    agent = {"name": "vault-agent", "image": "x"}
    pod["spec"] = {**pod["spec"], "containers": [*pod["spec"]["containers"], agent]}
    assert "vault-agent" in doubt(b.world(adopted("coder"), b.pools(), running))


def test_a_headless_service_without_ports_is_a_reason_not_to_isolate() -> None:
    """It gives away the Pods' addresses, and whoever asks for them may use any port."""
    peers = service("peers", CODERD)
    peers["spec"] = {"selector": CODERD, "clusterIP": "None"}
    assert "Service coder/peers" in doubt(b.world(adopted("coder"), chart_coderd(), peers))
    elsewhere_too = {**peers, "metadata": {"name": "peers", "namespace": "other"}}
    assert coderd_ports(b.world(adopted("coder"), chart_coderd(), elsewhere_too)) == USUAL


def test_a_headless_service_keeps_the_port_that_it_names_open_as_well() -> None:
    """Whoever takes the Pods' addresses from it asks for its port, not for the target."""
    peers = service("peers", CODERD, 7000)
    peers["spec"]["clusterIP"] = "None"
    world = b.world(adopted("coder"), chart_coderd(), peers)
    assert coderd_ports(world) == USUAL | {80, 7000}


def test_a_service_counts_that_selects_pods_by_a_label_that_only_they_have() -> None:
    """Admission and people label Pods too, not only templates."""
    running = b.all_running(chart_coderd())
    pod = next(one for one in running if one["kind"] == "Pod")
    pod["metadata"] = {**pod["metadata"], "labels": {**pod["metadata"]["labels"], "track": "blue"}}
    blue = service("blue", {"track": "blue"}, 7000)
    assert 7000 in coderd_ports(b.world(adopted("coder"), b.pools(), running, blue))


def test_so_does_a_policy_of_others() -> None:
    """Ours would pierce what it closes, though the template does not have the label."""
    running = b.all_running(chart_coderd())
    pod = next(one for one in running if one["kind"] == "Pod")
    pod["metadata"] = {**pod["metadata"], "labels": {**pod["metadata"]["labels"], "track": "blue"}}
    theirs = policy("blue", {"matchLabels": {"track": "blue"}})
    part = build_network_policies(b.world(adopted("coder"), b.pools(), running, theirs))
    assert [one.reason for one in part.withheld] == ["IsolatedByOthers"]


def test_an_annotation_of_a_service_sends_scrapers_to_the_pods() -> None:
    """Prometheus asks the endpoints of an annotated Service on the port of the annotation."""
    noted = service("noted", CODERD, 8080)
    noted["metadata"]["annotations"] = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9187",
    }
    assert 9187 in coderd_ports(b.world(adopted("coder"), chart_coderd(), noted))


def test_a_service_without_a_selector_may_lead_to_coderd() -> None:
    """Its endpoints are not read; as a rule they have its ports. An ExternalName leads out of the cluster."""
    by_hand = service("by-hand", {}, 7443)
    assert 7443 in coderd_ports(b.world(adopted("coder"), chart_coderd(), by_hand))
    by_hand["spec"]["type"] = "ExternalName"
    assert coderd_ports(b.world(adopted("coder"), chart_coderd(), by_hand)) == USUAL


def test_whoever_says_enforce_closes_also_what_is_not_seen_and_is_told() -> None:
    """The default never cuts what works; the user's own word does, and the status says what was not seen."""
    world = b.world(demanded(), with_sidecar({"name": "vault-agent", "image": "x"}))
    assert coderd_ports(world) == USUAL
    (preview,) = build_network_policies(world).previews
    assert "Not seen: container vault-agent declares no port" in preview.message


def test_a_hostport_of_coderd_stays_open() -> None:
    """The node leads it to the container's port, which has to be declared for that."""
    declared = [{"containerPort": 8081, "hostPort": 443}]
    assert 8081 in coderd_ports(b.world(adopted("coder"), coderd(ports=declared)))
