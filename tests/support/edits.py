"""The lives of two Coders as edits of their CoderDeployment, for tests that end the operator in between."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coder_cva.snapshot.model import Served
from support import deployments

if TYPE_CHECKING:
    from collections.abc import Mapping

Manifest = dict[str, Any]

NEWEST = Served(("v1",), ("v1",))
WITHOUT_MUTATION = Served((), ("v1",))
"""What an older API server serves."""
ADMISSION = ("CVA-NODE-003", "CVA-NODE-005", "CVA-NODE-006", "CVA-STO-002", "CVA-STO-004")
NETWORK = ("CVA-NET-004", "CVA-NET-005")


@dataclass(frozen=True)
class Edit:
    """One edit: what is laid over the spec, what the API server serves from then on."""

    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    management: str = ""
    version: str = "2.30.0"
    served: Served = NEWEST
    is_deletion: bool = False
    without: tuple[str, ...] = ()
    """Kinds of which nothing of ours is there after it."""

    def of(self, base: Manifest) -> Manifest:
        """The CoderDeployment after this edit."""
        made = copy.deepcopy(base)
        plane = made["spec"]["controlPlane"]
        if self.management == "Adopted":
            made["spec"]["controlPlane"] = {
                "management": "Adopted",
                "nodePool": plane["nodePool"],
            }
            made["spec"].pop("database", None)
        elif plane["management"] == "Managed":
            plane["version"] = self.version
        for key, value in self.spec.items():
            made["spec"][key] = {**made["spec"].get(key, {}), **value} if isinstance(value, dict) else value  # fmt: skip
        return made

    def __str__(self) -> str:
        return self.name


def rules(mode: str, *ids: str) -> dict[str, Any]:
    """These rules enforced in this way."""
    return {"enforcement": {"rules": dict.fromkeys(ids, mode)}}


BINDINGS = ("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding")
POLICY = ("NetworkPolicy",)
VOLUMES = {"workspaces": {"storage": {"minSize": "1Gi", "maxSize": "500Gi", "hostVolumes": "Deny"}}}
_LISTED = {
    "name": "kube-api",
    "why": "builds make workspaces",
    "cidrs": ["10.0.0.1/32"],
    "ports": [{"port": 443}],
}
EGRESS = {
    "network": {
        "workspaceEgress": "Restricted",
        "controlPlaneEgress": "Restricted",
        "provisionerEgress": "Restricted",
        "proxyEgress": "Restricted",
        "accessURLCIDRs": ["203.0.113.0/24"],
        "egress": {
            "controlPlane": [
                {**_LISTED, "connection": "coderd-to-kube-api"},
                {**_LISTED, "name": "database", "connection": "coderd-to-postgresql"},
            ],
            "provisioners": [{**_LISTED, "connection": "provisioner-to-kube-api"}],
        },
    }
}
"""Egress restricted for everybody of Coder's."""

MANAGED = (
    Edit("installed"),
    Edit("isolation is audited", rules("Audit", *NETWORK), without=POLICY),
    Edit("isolation is back"),
    Edit("suspended", {"suspend": True}, without=(*BINDINGS, *POLICY)),
    Edit("resumed"),
    Edit("volumes are restricted", VOLUMES),
    Edit("admission is off, rule by rule", rules("Off", *ADMISSION), without=BINDINGS),
    Edit("admission is back"),
    Edit("an API server without mutation", served=WITHOUT_MUTATION),
    Edit("an API server with it"),
    Edit("a newer Coder", version="2.31.0"),
    Edit("adopted", management="Adopted"),
    Edit("managed again", version="2.31.0"),
    Edit("it shall stay", {"deletionPolicy": "Orphan"}, version="2.31.0"),
    Edit("it shall go", version="2.31.0"),
    Edit("deleted", is_deletion=True, without=(*BINDINGS, *POLICY)),
)
ADOPTED = (
    Edit("installed"),
    Edit("isolation is enforced", rules("Enforce", *NETWORK)),
    Edit("isolation is audited", rules("Audit", *NETWORK), without=POLICY),
    Edit("egress is restricted", {**rules("Enforce", *NETWORK, "CVA-NET-003"), **EGRESS}),
    Edit("egress is open", rules("Enforce", *NETWORK, "CVA-NET-003")),
    Edit("all is enforced", {**rules("Enforce", *NETWORK, *ADMISSION), **VOLUMES}),
    Edit(
        "suspended",
        {"suspend": True, **rules("Enforce", *NETWORK, *ADMISSION), **VOLUMES},
        without=(*BINDINGS, *POLICY),
    ),
    Edit("resumed", {**rules("Enforce", *NETWORK, *ADMISSION), **VOLUMES}),
    Edit("deleted", is_deletion=True, without=(*BINDINGS, *POLICY)),
)
LIVES = {"Managed": MANAGED, "Adopted": ADOPTED}


def base(management: str, namespace: str) -> Manifest:
    """The CoderDeployment before any edit."""
    if management == "Managed":
        return deployments.managed(namespace)
    return deployments.adopted(namespace)
