"""What a replica answers from: CoderPlacements, certificates out of one Secret."""

from __future__ import annotations

import base64
from typing import Any

import kopf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired.admission_names import HOST_VOLUMES, PLACEMENT
from coder_cva.desired.admission_review import Answer
from coder_cva.desired.parameter import parameter
from coder_cva.desired.placement import placement
from coder_cva.handlers import admission as handlers
from coder_cva.kube.webhook_secret import secret
from coder_cva.runtime.admission import Admission
from coder_cva.runtime.admission import parameter as read
from coder_cva.runtime.settings import Settings
from coder_cva.runtime.webhook_server import DEPLOYMENT, NAMESPACE
from support import builders as b
from support.admission import pod, required
from support.deployments import managed
from support.placing import NODES, WS
from support.strategies import JSON, mutated


def words() -> dict[str, Any]:
    """A CoderPlacement as the API server would show it."""
    made = managed("coder")
    made["spec"]["workspaces"]["storage"] = {"hostVolumes": "Deny"}
    world = b.world(made, NODES)
    return {**parameter(world.deployment, placement(world)), "status": {"of": "tomorrow"}}


class Offline(Admission):
    """One that knows its parameters, and speaks to nobody."""

    def __init__(self, *resources: dict[str, Any]) -> None:
        self.settings = Settings(in_pod=True)
        self._parameters = {
            f"{one['metadata']['namespace']}/{one['metadata']['name']}": read(one)
            for one in resources
        }


def test_a_parameter_is_what_the_policies_read_and_nothing_else() -> None:
    """Its metadata may be long, and nobody at admission reads them."""
    found = read(words())
    assert found["metadata"] == {"namespace": "coder", "name": "coder"}
    assert found.keys() == {"metadata", "spec"}
    assert set(found["spec"]) == {"controlPlane", "workspaces"}
    assert "spec" not in read({})


@given(mutated([words()]))
def test_no_shape_of_a_coderplacement_makes_it_fail(body: dict[str, Any]) -> None:
    """One odd object must not take the placement from all others."""
    given_params = Offline()
    given_params._parameters = {"coder/coder": read(body)}
    said = given_params.answer(PLACEMENT, "coder/coder", "Pod", "coder", pod("coder"))
    assert isinstance(said, Answer)


def test_for_a_coderdeployment_that_is_gone_nothing_is_done() -> None:
    """Deleting it disarms the webhook at once."""
    assert Offline().answer(PLACEMENT, "coder/coder", "Pod", "coder", pod("coder")) == Answer()


def test_an_unknown_policy_lets_everything_through() -> None:
    """A configuration of another version of the operator may still stand."""
    said = Offline(words()).answer("of-tomorrow", "coder/coder", "Pod", "coder", pod("coder"))
    assert (said.patches, said.denial) == ((), "")
    assert said.fault


async def test_kopfs_handlers_hand_over_and_back() -> None:
    """A patch, and a refusal with its words."""
    registry = kopf.OperatorRegistry()
    handlers.register(registry, Offline(words()))
    body = pod("coder", volumes=[{"name": "root", "hostPath": {"path": "/"}}])
    headers = {DEPLOYMENT: "coder/coder", NAMESPACE: "coder"}
    admission = Offline(words())
    patch = kopf.Patch()
    mutate = handlers._mutating(admission, PLACEMENT, "Pod")
    await mutate(patch=patch, body=_body(body), headers=headers)
    raw: Any = dict(body)
    for one in patch.fns:
        one(raw)
    assert required(raw["spec"]) == [{"matchExpressions": [WS]}]
    validate = handlers._validating(admission, HOST_VOLUMES, "Pod")
    with pytest.raises(kopf.AdmissionError, match="root"):
        await validate(body=_body(body), headers=headers, warnings=[])


def test_where_the_api_server_cannot_call_kopf_is_told_of_no_handler() -> None:
    """It would ask for a server as soon as there is one."""
    registry = kopf.OperatorRegistry()
    silent = Offline()
    silent.settings = Settings(in_pod=False)
    handlers.register(registry, silent)
    assert registry._webhooks.get_all_handlers() == []


def test_a_secret_is_read_whatever_stands_in_it() -> None:
    """What is no text is left out."""
    data = {"a": base64.b64encode(b"text").decode(), "b": "!", "c": "/w==", "d": None}
    found = secret({"metadata": {"resourceVersion": "7"}, "data": data})
    assert (found.version, found.data) == ("7", {"a": "text"})
    assert "text" not in repr(found)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_no_secret_makes_it_fail(data: dict[str, Any]) -> None:
    """Whoever may write it may write anything."""
    assert secret({"data": data}).version == ""


def _body(manifest: Any) -> kopf.Body:
    return kopf.Body(manifest)
