from __future__ import annotations

import pytest

from coder_cva.desired import listeners
from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from support import builders, coder_manifests


@pytest.mark.parametrize("one", [it for it in listeners.LISTENERS if it.switch], ids=lambda it: it.switch)  # fmt: skip
def test_every_switch_may_be_a_flag_without_a_value(one: listeners.Listener) -> None:
    """coderd takes --pprof-enable alone for true, and so does who reads its arguments here."""
    flag = "--" + one.switch.removeprefix("CODER_").lower().replace("_", "-")
    body = builders.live(coder_manifests.chart_coderd()[-1])
    body["spec"]["template"]["spec"]["containers"][0]["args"] = ["server", flag, "--verbose"]
    found = builders.snapshot_of(body).items(Need.DEPLOYMENTS)[0]

    assert environment.is_true(environment.literal(found, one.switch))


def test_what_scrapers_ask_and_what_users_ask_are_told_apart() -> None:
    """Of the chart's own settings, HTTP is for users, Prometheus and pprof are for scrapers."""
    found = builders.snapshot_of(coder_manifests.chart_coderd()).items(Need.DEPLOYMENTS)[0]

    assert listeners.ports(found, scraped=False) == {(8080, "TCP")}
    assert listeners.ports(found, scraped=True) == {(2112, "TCP"), (6060, "TCP")}
