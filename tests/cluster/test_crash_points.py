"""The operator is killed at every write on a real API server: after each one nothing is cut and nothing acts alone.

Two Coders live the same life, edit by edit. Of the one every process ends after a single write, and the
next one knows nothing; of the other none does. After each edit both have the same objects.
"""

from __future__ import annotations

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva import reconcile
from coder_cva.rules.model import Report
from harness.waiting import wait_for
from support import builders, fields, safety
from support.admission import pod
from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy
from support.deployments import database_secret
from support.edits import LIVES, base
from support.in_process import in_process
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from harness.kube import Kube
    from harness.provider import Provider
    from support.edits import Edit
    from support.in_process import InProcess

pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
MANY = {"Managed": 90, "Adopted": 40}
"""Writes at which the operator is killed at least."""
INSIDE = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "RoleBinding",
    "PodDisruptionBudget",
    "NetworkPolicy",
)
OUTSIDE = (
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
SERVER = ("uid", "resourceVersion", "managedFields", "creationTimestamp", "generation")
COUNTED = ("deployment.kubernetes.io/revision", "cva.coder.com/template")
"""Annotations that differ between two namespaces: a count, and a digest of what has their names in it."""
ASSIGNED = ("clusterIP", "clusterIPs", "healthCheckNodePort", "nodePort")


class Life:
    """One Coder with its workspaces, in two namespaces."""

    def __init__(self, kube: Kube, management: str) -> None:
        self.kube, self.management = kube, management
        self.home, self.team = kube.namespace("crash"), kube.namespace("crash-team")
        self.key = (self.home, "coder")
        consent = {"cva.coder.com/deployment": f"{self.home}/coder"}
        kube.patch(kube.get("Namespace", self.team), {"metadata": {"annotations": consent}})
        there: list[Any] = [database_secret(self.home)]
        for space in (self.home, self.team):
            there += [workspace_deployment("alpha", space), safety.in_use(space)]
        if management == "Adopted":
            there += chart_coderd(self.home, database=False)
            there += [chart_provisioner(self.home), chart_proxy(self.home)]
        for one in builders.flat(there):
            kube.create(one)

    def edit(self, edit: Edit) -> None:
        """Somebody applies the next version of it."""
        manifest = edit.of(base(self.management, self.home))
        if edit.is_deletion:
            self.kube.delete(manifest)
        else:
            self.kube.apply(manifest)

    def resource(self) -> dict[str, Any] | None:
        """The CoderDeployment."""
        return self.kube.find("CoderDeployment", "coder", self.home)

    def objects(self) -> list[dict[str, Any]]:
        """What may matter of all that is there."""
        here = {self.home, self.team}
        found = [one for kind in INSIDE for one in self.kube.list(kind)]
        return [
            *(one for one in found if one["metadata"]["namespace"] in here),
            *(one for kind in OUTSIDE for one in self.kube.list(kind, labels=OURS)),
        ]

    def working(self, objects: list[dict[str, Any]]) -> frozenset[str]:
        """The connections that are possible, the namespaces by their part."""
        found = safety.working(objects, self.home, self.team)
        return frozenset(one.replace(self.team, "team").replace(self.home, "home") for one in found)

    def check(self, keeps: frozenset[str], what: str) -> dict[str, Any] | None:
        """coderd's Deployment; raises where something is cut that stays open, or acts that should not."""
        objects = self.objects()
        lost = keeps - self.working(objects)
        assert not lost, f"{what} cuts {sorted(lost)}"
        assert list(safety.unsafe(objects, None)) == [], what
        for space in (self.home, self.team):
            self.kube.create(pod(space), dry_run=True)
        coderd = ("Deployment", self.home, "coder")
        return next((one for one in objects if _name(one) == coderd), None)

    def ours(self) -> dict[str, Any]:
        """Everything of ours, without what the API server gives it and without the names of the namespaces."""
        resource = self.resource()
        uid = resource["metadata"]["uid"] if resource else "none"
        found = {}
        for one in self.objects():
            text = json.dumps(one["metadata"])
            is_ours = '"cva.coder.com/deployment"' in text or '"cva.coder.com/owner-uid"' in text
            if not is_ours or f"{self.home}/coder" not in text:
                continue
            plain = json.dumps(_plain(one), sort_keys=True)
            for real, said in (
                (uid, "UID"),
                (uid[:8], "U"),
                (self.team, "TEAM"),
                (self.home, "HOME"),
            ):
                plain = plain.replace(real, said)
            body = json.loads(plain)
            found[
                f"{body['kind']} {body['metadata'].get('namespace')}/{body['metadata']['name']}"
            ] = body
        return found


def differing(one: Life, other: Life) -> list[str]:
    """Where the objects are not alike in the two, with what is there."""
    mine, theirs = (fields.leaves({"all": it.ours()}) for it in (one, other))
    return sorted(
        f"{fields.text(path)}: {mine.get(path)!r}, {theirs.get(path)!r}"
        for path in mine.keys() | theirs.keys()
        if mine.get(path) != theirs.get(path)
    )


def _name(body: dict[str, Any]) -> tuple[str, str, str]:
    meta = body["metadata"]
    return body["kind"], meta.get("namespace", ""), meta["name"]


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    made = {key: copy.deepcopy(one) for key, one in body.items() if key != "status"}
    made["metadata"] = {k: v for k, v in made["metadata"].items() if k not in SERVER}
    for note in COUNTED:
        made["metadata"].get("annotations", {}).pop(note, None)
    spec = made.get("spec", {})
    for key in ASSIGNED:
        spec.pop(key, None)
        for port in spec.get("ports", ()):
            port.pop(key, None)
    return made


@pytest.fixture(autouse=True)
def _unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules write nothing, and cost most of a pass."""
    monkeypatch.setattr(reconcile, "evaluate", lambda _world: Report(()))


@pytest.mark.parametrize("management", LIVES)
async def test_killed_at_every_write(
    unattended: Provider, management: str, record_property: Any
) -> None:
    """Each prefix of the writes is safe, and the end is that of an operator which nobody killed."""
    kube = unattended.kube
    # What tests before this one left of the policies that all Coders share fails loudly, as ours does not.
    for kind in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"):
        for one in await asyncio.to_thread(kube.list, kind, labels=OURS):
            await asyncio.to_thread(kube.delete, one)
    whole, torn = [await asyncio.to_thread(Life, kube, management) for _ in range(2)]
    killed = 0
    async with in_process(unattended) as operator:
        for edit in LIVES[management]:
            operator.served = edit.served
            worked = await asyncio.to_thread(lambda: whole.working(whole.objects()))
            await asyncio.to_thread(whole.edit, edit)
            await operator.rests(whole.key)
            there = await asyncio.to_thread(whole.ours)
            if not edit.is_deletion:
                assert not {one.partition(" ")[0] for one in there} & {*edit.without}, edit
            keeps = worked & await asyncio.to_thread(lambda: whole.working(whole.objects()))
            killed += await lived(operator, torn, edit, keeps)
            await asyncio.to_thread(
                wait_for,
                lambda: not differing(torn, whole),
                timeout=60,
                what=f"the same objects after: {edit}",
                seen=lambda: differing(torn, whole),
            )
    print(f"{management}: killed at {killed} writes, none unsafe")
    record_property("killed_at", killed)
    assert killed > MANY[management]


async def lived(operator: InProcess, life: Life, edit: Edit, keeps: frozenset[str]) -> int:
    """One edit, each process of which ends after its first write; how many did."""
    before = await asyncio.to_thread(life.kube.find, "Deployment", "coder", life.home)
    await asyncio.to_thread(life.edit, edit)
    killed = 0
    while (written := await operator.dies(life.key, 1)) is not None:
        killed += 1
        assert killed < 100, f"{edit}: no end, the last one was {written}"
        after = await asyncio.to_thread(life.check, keeps, f"{edit}: {written}")
        if before is not None and not edit.is_deletion:
            assert after is not None
            assert after["metadata"]["uid"] == before["metadata"]["uid"], f"{edit}: {written}"
    return killed
