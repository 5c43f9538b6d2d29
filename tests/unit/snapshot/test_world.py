from __future__ import annotations

from support import builders as b
from support.deployments import managed


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
