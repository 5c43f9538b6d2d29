from typing import Any

from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import PROJECTIONS, gathered
from coder_cva.snapshot.parse_network import service
from support import coder_manifests
from support.samples import samples

SAMPLES = samples()


def read(need: Need) -> Any:
    """The record of the sample of a kind."""
    return PROJECTIONS[need](SAMPLES[need][0])


def test_a_service_leads_to_pods() -> None:
    """Type, selector, and ports with their target as text."""
    body = coder_manifests.chart_coderd()[3]
    body["spec"]["ports"].append({"port": 443})
    found = service(body)

    assert found is not None
    assert found.type == "LoadBalancer"
    assert found.selector["app.kubernetes.io/name"] == "coder"
    assert found.ports == (("", 443, "443", "TCP"), ("http", 80, "http", "TCP"))


def test_a_headless_service_is_told_apart() -> None:
    """Its name stands for the Pods' addresses; an address of its own, or none yet, does not."""
    body = coder_manifests.chart_coderd()[3]

    for address, headless in (("None", True), ("10.0.0.7", False), (None, False)):
        body["spec"]["clusterIP"] = address
        found = service(body)
        assert found is not None
        assert found.headless is headless


def test_an_ingress_leads_to_services_of_its_own_namespace() -> None:
    """The default backend is one too."""
    found = read(Need.INGRESSES)

    assert found.hosts == ("coder.example.com",)
    assert found.backends == (("coder", "coder"), ("coder", "fallback"))


def test_a_route_may_lead_to_another_namespace() -> None:
    """What is no Service is left out."""
    assert read(Need.HTTP_ROUTES).backends == (("coder", "coder"), ("other", "coder"))


def test_a_policy_keeps_its_spec() -> None:
    """Reachability is worked out from it as it stands."""
    assert read(Need.NETWORK_POLICIES).spec == SAMPLES[Need.NETWORK_POLICIES][0]["spec"]


def test_a_cilium_policy_says_whom_it_isolates_for_egress() -> None:
    """By one rule or several; ingress alone, and what says that it denies nothing, isolates nobody."""
    one, other = {"matchLabels": {"a": "b"}}, {"matchLabels": {"k8s:c": "d"}}

    def selectors(**body: Any) -> Any:
        made = {"metadata": {"name": "x", "namespace": "coder"}, **body}
        (found,) = gathered(Need.CILIUM_POLICIES, [made]).items
        return found.egress_selectors

    assert selectors(spec={"endpointSelector": one, "egress": []}) == (one,)
    assert selectors(spec={"endpointSelector": one, "ingress": [{}]}) == ()
    assert selectors(spec={"endpointSelector": one, "egressDeny": [{}]}) == (one,)
    several = [{"endpointSelector": one, "egress": [{}]}, {"endpointSelector": other, "egress": []}]
    assert selectors(specs=several) == (one, other)
    quiet = {"endpointSelector": one, "egress": [{}], "enableDefaultDeny": {"egress": False}}
    assert selectors(spec=quiet) == ()
