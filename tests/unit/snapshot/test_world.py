from __future__ import annotations

from typing import TYPE_CHECKING

from support import builders as b
from support.deployments import managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World


def test_what_leads_to_a_service_is_known_by_the_service() -> None:
    """Ingresses of its namespace and routes of any, sorted; one that leads there twice is named once."""
    backend = {"service": {"name": "app", "port": {"number": 80}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "dev"},
        "spec": {
            "defaultBackend": backend,
            "rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/", "backend": backend}]}}],
        },
    }  # fmt: skip
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "route", "namespace": "edge"},
        "spec": {"rules": [{"backendRefs": [{"name": "app", "namespace": "dev", "port": 80}]}]},
    }

    world = b.world(managed("coder"), ingress, route)

    assert world.routes == {("dev", "app"): ("dev/web", "edge/route")}


def test_what_several_ask_for_is_worked_out_once() -> None:
    """In one pass, and anew in the next."""
    asked: list[World] = []

    def work(world: World) -> int:
        asked.append(world)
        return len(asked)

    first, second = b.world(managed("coder")), b.world(managed("coder"))

    assert (first.once(work), first.once(work), second.once(work)) == (1, 1, 2)
    assert asked == [first, second]
