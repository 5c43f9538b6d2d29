from __future__ import annotations

import pytest

from coder_cva.runtime.settings import Settings, from_environment


def test_outside_of_a_cluster_the_webhook_is_off_until_somebody_says_how_to_reach_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An API server that calls where nobody answers would let every Pod wait for two seconds."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert "WEBHOOK_URL" in from_environment().webhook_problem
    monkeypatch.setenv("WEBHOOK_URL", "https://10.1.2.3:9443")
    found = from_environment()
    assert found.webhook_problem == ""
    assert found.webhook_names == ("coder-cva-webhook.coder-cva-system.svc", "10.1.2.3")


def test_in_a_pod_it_is_on_unless_its_port_is_zero() -> None:
    """The Service is shipped."""
    assert Settings(in_pod=True).webhook_problem == ""
    assert "WEBHOOK_PORT" in Settings(in_pod=True, webhook_port=0).webhook_problem
    assert Settings(namespace="ops").webhook_names == ("coder-cva-webhook.ops.svc",)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("ADMISSION_ENGINE", "kyverno", "Auto or Webhook"), ("WEBHOOK_URL", "http://x", "https")],
)
def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """At the start, with the variable's name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=told) as refused:
        from_environment()
    assert name in str(refused.value)
