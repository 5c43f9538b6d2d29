"""The client's paths, pages and errors, against a server of a few lines."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from harness.api import Api, ApiError, Unreachable
from harness.errors import HarnessError
from harness.kube import Kube
from harness.kubeconfigs import Access
from harness.waiting import TimedOut, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


def resource(plural: str, kind: str, scope: str = "Namespaced", **more: Any) -> dict[str, Any]:
    """One entry of a discovery document."""
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, **more}


CORE: dict[str, Any] = {
    "metadata": {},
    "versions": [
        {
            "version": "v1",
            "resources": [
                resource("pods", "Pod", shortNames=["po"], singularResource="pod"),
                resource("nodes", "Node", "Cluster"),
                {"resource": "strange", "scope": "Cluster"},
            ],
        }
    ],
}
APPS = {
    "metadata": {"name": "apps"},
    "versions": [
        {"version": "v2", "resources": [resource("deployments", "Deployment")]},
        {"version": "v1", "resources": [resource("deployments", "Deployment")]},
    ],
}


class Server:
    """Answers what it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any, Any]] = []
        self.answers: dict[str, Any] = {"/api": {"items": [CORE]}, "/apis": {"items": [APPS]}}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                outer.asked.append((self.command, self.path, body, self.headers))
                found = outer.answers.get(self.path)
                status = 200 if found is not None else 404
                text = json.dumps(found or {"reason": "NotFound", "message": "not found"}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        """Stop answering."""
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    running = Server()
    yield running
    running.close()


@pytest.fixture
def kube(server: Server) -> Kube:
    """A client of that server."""
    return Kube(Api(Access(context="test", server=server.address, token="secret"), timeout=5))


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
PATH = "/api/v1/namespaces/n/pods/p"


class TestPaths:
    """What people type becomes a path."""

    @pytest.mark.parametrize("kind", ["Pod", "pods", "po", "pod", PATH])
    def test_names_of_a_kind(self, kube: Kube, server: Server, kind: str) -> None:
        """Kind, plural, singular, short name and the path itself mean the same."""
        server.answers[PATH] = POD
        assert kube.get(kind, "p", "n") == POD

    @pytest.mark.parametrize("kind", ["Deployment", "deployments", "deployments.apps"])
    def test_the_preferred_version(self, kube: Kube, server: Server, kind: str) -> None:
        """Where no version is given, the server's first one is used."""
        server.answers["/apis/apps/v2/namespaces/n/deployments/d"] = {"found": True}
        assert kube.get(kind, "d", "n")

    def test_the_version_of_a_manifest(self, kube: Kube, server: Server) -> None:
        """A manifest is sent to exactly the version that it names."""
        path = "/apis/apps/v1/namespaces/default/deployments"
        server.answers[path] = {"made": True}
        manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
        assert kube.create(manifest) == {"made": True}
        assert server.asked[-1][:3] == ("POST", path, manifest)

    def test_cluster_scope(self, kube: Kube, server: Server) -> None:
        """A cluster-scoped object has no namespace in its path."""
        server.answers["/api/v1/nodes/a"] = {"node": True}
        assert kube.get("node", "a", "ignored")

    def test_a_kind_that_is_served_later(self, kube: Kube, server: Server) -> None:
        """A kind that is not known is looked for once more: its CRD may be new."""
        kube.find("Pod", "p", "n")
        crontabs = {"version": "v1", "resources": [resource("crontabs", "CronTab")]}
        group = {"metadata": {"name": "stable.test"}, "versions": [crontabs]}
        server.answers["/apis"] = {"items": [APPS, group]}
        server.answers["/apis/stable.test/v1/namespaces/n/crontabs/c"] = {"cron": True}
        assert kube.get("crontab", "c", "n")
        with pytest.raises(HarnessError, match="this API server serves no Unicorn"):
            kube.get("Unicorn", "u")


class TestVerbs:
    """What each verb sends."""

    def test_find(self, kube: Kube) -> None:
        """`find` answers None where `get` raises."""
        assert kube.find("Pod", "p", "n") is None
        with pytest.raises(ApiError, match="404 NotFound: not found") as error:
            kube.get("Pod", "p", "n")
        assert error.value.status == 404

    def test_apply(self, kube: Kube, server: Server) -> None:
        """Server-side apply carries the manager and whether it forces."""
        server.answers[f"{PATH}?fieldManager=me&force=false"] = POD
        assert kube.apply(POD, manager="me", force=False) == POD
        assert server.asked[-1][3]["Content-Type"] == "application/apply-patch+yaml"

    def test_dry_run(self, kube: Kube, server: Server) -> None:
        """A dry run says so to the server."""
        server.answers["/api/v1/namespaces/n/pods?dryRun=All"] = POD
        assert kube.create(POD, dry_run=True) == POD

    def test_patch_of_a_subresource(self, kube: Kube, server: Server) -> None:
        """A patch goes to the subresource, in the named form."""
        server.answers[f"{PATH}/status"] = POD
        kube.patch(POD, [{"op": "remove", "path": "/a"}], subresource="status", how="json")
        assert server.asked[-1][3]["Content-Type"] == "application/json-patch+json"

    def test_replace(self, kube: Kube, server: Server) -> None:
        """A replacement is a PUT of the whole object."""
        server.answers[PATH] = POD
        kube.replace(POD)
        assert server.asked[-1][:3] == ("PUT", PATH, POD)

    def test_delete(self, kube: Kube, server: Server) -> None:
        """Deleting what is gone is fine; the grace period is sent along."""
        kube.delete(POD, grace_seconds=0)
        assert server.asked[-1][2] == {"propagationPolicy": "Background", "gracePeriodSeconds": 0}

    def test_pages(self, kube: Kube, server: Server) -> None:
        """A list is followed to its end, and its items know what they are."""
        head = {"kind": "PodList", "apiVersion": "v1"}
        first = "/api/v1/namespaces/n/pods?limit=500&labelSelector=a%3Db"
        server.answers[first] = {
            **head,
            "metadata": {"continue": "more"},
            "items": [{"metadata": {"name": "1"}}],
        }
        server.answers[f"{first}&continue=more"] = {
            **head,
            "metadata": {},
            "items": [{"metadata": {"name": "2"}}],
        }
        found = kube.list("pods", "n", labels="a=b")
        assert [one["metadata"]["name"] for one in found] == ["1", "2"]
        assert {(one["kind"], one["apiVersion"]) for one in found} == {("Pod", "v1")}

    def test_identity(self, kube: Kube, server: Server) -> None:
        """Requests carry the token, and whom the client acts as."""
        kube.acting_as("jane", "a", "b").find("Pod", "p", "n")
        headers = server.asked[-1][3]
        assert headers["Authorization"] == "Bearer secret"
        assert headers["Impersonate-User"] == "jane"
        assert headers.get_all("Impersonate-Group") == ["a", "b"]

    def test_no_answer(self, kube: Kube, server: Server) -> None:
        """A server that is not there is told apart from one that refuses."""
        server.close()
        with pytest.raises(Unreachable):
            kube.get("/version")


class TestWaiting:
    """Waiting says what it waited for and what it saw."""

    def test_the_answer_is_returned(self) -> None:
        """What made the predicate true is the result; errors mean "not yet"."""
        answers: Iterator[Any] = iter([HarnessError("starting"), None, [], "here"])

        def ask() -> Any:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        assert wait_for(ask) == "here"

    def test_what_was_seen_last(self, kube: Kube, server: Server) -> None:
        """The error shows the object, status first, without managedFields."""
        noisy = {"name": "p", "namespace": "n", "managedFields": ["noise"]}
        server.answers[PATH] = {**POD, "metadata": noisy, "status": {"phase": "Stuck"}}
        with pytest.raises(TimedOut, match=f"waited 0.1 s for {PATH}") as error:
            kube.wait_until(POD, lambda pod: pod["status"]["phase"] == "Running", timeout=0.1)
        assert '{\n    "status": {' in str(error.value)
        assert "noise" not in str(error.value)

    def test_a_bug_in_the_predicate(self) -> None:
        """Other errors are not waited out."""
        with pytest.raises(KeyError):
            wait_for(lambda: CORE["missing"], timeout=60)

    def test_gone(self, kube: Kube) -> None:
        """An object that does not exist is gone."""
        kube.wait_gone(POD)
