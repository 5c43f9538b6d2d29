"""The plan in its order: what runs under an identity waits until that identity is ours."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva import ports
from coder_cva.apply import order
from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.desired import render
from coder_cva.desired.changes import Action, Change
from coder_cva.values.manifest import Ref, ref_of
from support import builders
from support.fake_api import FakeApi
from support.managed_coder import before, resource

RBAC = "rbac.authorization.k8s.io/v1"
ACCOUNT = Ref("v1", "ServiceAccount", "coder", "coder")
BINDING = Ref(RBAC, "RoleBinding", "coder", "coder")
THERE = Ref(RBAC, "RoleBinding", "team", "coder-coder")
SERVICE = Ref("v1", "Service", "coder", "coder")
CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
TEAM = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})
PLAN = render.plan(before(resource(), TEAM))


def somebody_elses(ref: Ref) -> dict[str, Any]:
    """An object that this operator did not make."""
    metadata = {"name": ref.name, "namespace": ref.namespace, "uid": "theirs"}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}


async def brought_about(
    api: FakeApi, owned: list[dict[str, Any]] | None = None
) -> dict[Ref, Change]:
    """What became of the plan."""
    engine = Engine(api, Memory(), may_write=lambda: True)
    changes = await order.bring_about(PLAN, engine, owned, builders.NOW)
    assert [one.ref for one in changes] == [ref_of(one) for one in PLAN.objects]
    return {one.ref: one for one in changes}


def waiting(changes: dict[Ref, Change]) -> set[Ref]:
    """What was not written, beside a Deployment that waits for admission."""
    found = {ref for ref, one in changes.items() if one.action is Action.WAITING}
    return {ref for ref in found if changes[ref].retry_after is None}


async def test_where_all_is_ours_nothing_waits() -> None:
    """Account, bindings and Service are made; the Deployment waits for admission alone."""
    changes = await brought_about(FakeApi())

    assert waiting(changes) == set()
    for ref in (ACCOUNT, BINDING, THERE, SERVICE):
        assert changes[ref].action is Action.CREATED


async def test_under_somebody_elses_account_nothing_is_run_nor_bound() -> None:
    """Else whoever may write a CoderDeployment could take the rights of any ServiceAccount beside it."""
    api = FakeApi(objects={ACCOUNT: somebody_elses(ACCOUNT)})

    changes = await brought_about(api)

    assert changes[ACCOUNT].action is Action.FOREIGN
    assert waiting(changes) == {BINDING, THERE, CODERD}
    assert changes[SERVICE].action is Action.CREATED
    told = changes[CODERD]
    assert told.reason == "ForeignIdentity"
    assert "apply the CoderDeployment under another name" in told.message
    assert "kubectl -n coder delete serviceaccount coder" in told.message


async def test_beside_somebody_elses_binding_of_that_name_nothing_is_run() -> None:
    """It may be about rights of a ServiceAccount that is still to come; one elsewhere concerns coderd not."""
    home = await brought_about(FakeApi(objects={BINDING: somebody_elses(BINDING)}))
    elsewhere = await brought_about(FakeApi(objects={THERE: somebody_elses(THERE)}))

    assert waiting(home) == {CODERD}
    assert waiting(elsewhere) == set()


@pytest.mark.parametrize("is_known", [False, True])
async def test_what_could_not_be_looked_at_may_be_anybodys(is_known: bool) -> None:
    """Unless the watches have seen it as ours: then coderd goes on, and the failure is told by itself."""
    api = FakeApi(refuse={ACCOUNT: ports.Forbidden(ACCOUNT, "no rights")})
    ours = [one for one in PLAN.objects if ref_of(one) == ACCOUNT] if is_known else None

    changes = await brought_about(api, ours)

    assert changes[ACCOUNT].action is Action.FAILED
    assert waiting(changes) == (set() if is_known else {BINDING, THERE, CODERD})
    assert changes[CODERD].reason == ""
