"""Which Cluster is coderd's database, and who says what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules import databases
from support import builders
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.databases import cnpg_cluster
from support.deployments import adopted, managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

URL = "CODER_PG_CONNECTION_URL"


def world(env: dict[str, Any] | None, *there: Any, **declared: Any) -> World:
    """An adopted coderd with this variable for its database."""
    other = {"name": "DATABASE_URL", **secret("main-app")}
    said = [other, {"name": URL, **env}] if env is not None else []
    coderd = builders.all_running([chart_coderd(env=said)], ["control-plane-1"])
    cr = merged(adopted("coder"), {"spec": {"database": {"declared": declared}}})
    return builders.world(cr, builders.pools(), coderd, *there)


def secret(name: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": "uri"}}}


def host(name: str) -> dict[str, Any]:
    return {"value": f"postgres://coder:$(PASSWORD)@{name}:5432/coder"}


HERE, OTHER = cnpg_cluster(name="main"), cnpg_cluster(name="keycloak")
AWAY = cnpg_cluster("databases", name="main")


@pytest.mark.parametrize(
    ("env", "there", "expected"),
    [
        (None, [HERE], "coder/main"),
        (None, [AWAY], ""),
        (None, [HERE, OTHER], ""),
        (secret("main-app"), [HERE, OTHER], "coder/main"),
        (secret("keycloak-superuser"), [HERE, OTHER], "coder/keycloak"),
        (secret("main-app"), [AWAY], ""),
        (host("main-rw"), [HERE, OTHER, AWAY], "coder/main"),
        (host("main-rw.databases"), [HERE, AWAY], "databases/main"),
        (host("main-r.databases.svc.cluster.local"), [HERE, AWAY], "databases/main"),
        (host("pooler"), [HERE], "coder/main"),
        (host("pooler.coder.svc"), [HERE], "coder/main"),
        (host("pooler.databases.svc"), [HERE], ""),
        (host("postgres.lan"), [HERE], ""),
        ({"value": "$(DATABASE_URL)"}, [HERE, OTHER], "coder/main"),
        (host("db.eu-west-1.rds.amazonaws.com"), [HERE], ""),
    ],
)
def test_names_tell_which_cluster_is_meant(
    env: dict[str, Any] | None, there: list[Any], expected: str
) -> None:
    """The host, the Secret of CloudNativePG's own making, or that there is only one; else none."""
    found = databases.cluster(world(env, *there))

    assert (found.meta.path if found else "") == expected


def test_before_coderd_is_there_its_spec_names_the_secret() -> None:
    """As a managed one is about to be made."""
    cr = merged(managed("coder"), {"spec": {"database": {"urlSecretRef": {"name": "main-app"}}}})
    found = databases.cluster(builders.world(cr, HERE, OTHER, builders.pools()))

    assert found is not None
    assert found.meta.name == "main"


def test_what_the_cluster_shows_comes_before_what_is_declared() -> None:
    """And the amounts that are declared before the type of the machine."""
    shown = world(None, HERE, cpu=1, memory="1Gi", storage="1Gi")
    said = world(None, cpu=16, instanceType="db.r6i.large")

    assert databases.cpu(shown) == databases.Known(8000, "Cluster coder/main")
    assert databases.storage(shown) == databases.Known(512 * 1024**3, "Cluster coder/main")
    assert databases.cpu(said) == databases.Known(16_000, "spec.database.declared.cpu")
    assert databases.memory(said) == databases.Known(
        16 * 1024**3, "spec.database.declared.instanceType"
    )
    assert databases.storage(said) is None
