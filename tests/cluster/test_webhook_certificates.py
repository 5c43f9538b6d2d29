"""The webhook's certificates: emptied, expired, and somebody else's."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from coder_cva.certificates.chain import Chain, advanced
from harness.fixtures import own_cluster
from harness.versions import OLDEST
from support.admission import pod, required
from support.deployments import database_secret, managed, wait_condition
from support.installation import NAMESPACE, OperatorProcess, install
from support.placing import BY_NAME, WS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.api import Object
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
]

NAMES = (f"coder-cva-webhook.{NAMESPACE}.svc", "127.0.0.1")
PLACED = [{"matchExpressions": [WS]}]


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with own_cluster(request, OLDEST) as cluster:
        install(cluster.kube)
        cluster.nodes("cp", 3, labels={"coder.com/node-group": "control-plane"})
        cluster.nodes("ws", 2, labels={"coder.com/node-group": "workspaces"})
        yield cluster


@pytest.fixture
def secret(own: Provider) -> Object:
    """The Secret, emptied as it is shipped."""
    found = own.kube.get("Secret", "coder-cva-webhook", NAMESPACE)
    return own.kube.patch(found, {"data": None})


def test_an_emptied_secret_is_filled_anew_and_believed(
    own: Provider, secret: Object, tmp_path: Path
) -> None:
    """Another authority, in the Secret, in the server and in the configuration, without a restart."""
    kube = own.kube
    operator = OperatorProcess(own, tmp_path, webhook=True)
    operator.start()
    try:
        namespace, _ = _coder(kube)
        assert _is_placed(kube, namespace)
        before = kube.refresh(secret)["data"]["ca.crt"]
        kube.patch(secret, {"data": None})
        kube.wait_for(
            lambda: kube.refresh(secret).get("data", {}).get("ca.crt", before) != before,
            timeout=60,
            what="another authority",
        )
        kube.wait_for(lambda: _is_placed(kube, namespace), timeout=60, what="it to be believed")
    finally:
        operator.stop()


def test_with_an_expired_certificate_pods_start_and_the_status_says_so(
    own: Provider, secret: Object, tmp_path: Path
) -> None:
    """cert-manager's, which we never renew: unplaced while it has expired, placed once it is renewed."""
    kube = own.kube
    _fill(kube, secret, datetime.now(UTC) - timedelta(days=100))
    certificate = f"{NAMESPACE}/webhook"
    operator = OperatorProcess(own, tmp_path, webhook=True)
    operator.environment = {"WEBHOOK_CERTIFICATE": certificate}
    operator.start()
    try:
        namespace, resource = _coder(kube)
        placement = resource["status"]["placement"]
        assert placement["engine"] == "None"
        assert "have it renewed" in placement["engineReason"]
        assert not _is_placed(kube, namespace)

        told = _fill(kube, secret, datetime.now(UTC))
        bundle = base64.b64encode(told.authorities.encode()).decode()
        kube.wait_for(
            lambda: _inject(kube, certificate, bundle) and _is_placed(kube, namespace),
            timeout=150,
            what="the placement",
        )
        kube.wait_until(resource, lambda one: one["status"]["placement"]["engine"] == "Webhook")
        operator.look_again(kube, resource)
        assert _is_placed(kube, namespace)
    finally:
        operator.stop()


def _inject(kube: Kube, certificate: str, bundle: str) -> bool:
    """The injector's part: it looks for the annotation again and again, and what it writes stays."""
    found = [
        one
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        for one in kube.list(kind)
        if one["metadata"]["annotations"].get("cert-manager.io/inject-ca-from") == certificate
    ]
    for one in found:
        if one["webhooks"][0]["clientConfig"].get("caBundle") != bundle:
            path = "/webhooks/0/clientConfig/caBundle"
            kube.patch(one, [{"op": "add", "path": path, "value": bundle}], how="json")
    return bool(found)


def _coder(kube: Kube) -> tuple[str, Object]:
    namespace = kube.namespace("coder")
    kube.create(database_secret(namespace))
    return namespace, wait_condition(kube, kube.apply(managed(namespace)), "Ready", "True")


def _is_placed(kube: Kube, namespace: str) -> bool:
    """Whether a workspace's Pod would be placed; that it is admitted at all is asked every time."""
    return required(kube.create(pod(namespace, labels=BY_NAME), dry_run=True)["spec"]) == PLACED


def _fill(kube: Kube, secret: Object, now: datetime) -> Chain:
    """Writes what a certificate manager would have written at that time."""
    chain = advanced(Chain.of({}), NAMES, now)
    data = {"tls.crt": chain.certificate, "tls.key": chain.key, "ca.crt": chain.authorities}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    kube.patch(secret, {"data": encoded})
    return chain
