from typing import Any

import pytest

from coder_cva.snapshot.parse_rights import role, role_binding
from coder_cva.snapshot.records import Meta
from support.coder_manifests import WORKSPACE_RULES


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"kind": "ServiceAccount", "name": "coder", "namespace": "a"}, (("a", "coder"),)),
        ({"kind": "User", "name": "system:serviceaccount:a:coder"}, (("a", "coder"),)),
        ({"kind": "User", "name": "system:serviceaccount:a"}, ()),
        ({"kind": "User", "name": "coder"}, ()),
        ({"kind": "Group", "name": "system:serviceaccount:a:coder"}, ()),
        ({"kind": "Group", "name": "system:serviceaccounts:a"}, ()),
        ({"kind": "ServiceAccount", "name": "coder"}, ()),
    ],
)
def test_a_binding_names_service_accounts(
    subject: dict[str, str], expected: tuple[tuple[str, str], ...]
) -> None:
    """By kind, or as the user that the API server sees; a whole group names nobody in particular."""
    body = {"metadata": {"name": "b", "namespace": "w"}, "subjects": [subject]}
    found = role_binding({**body, "roleRef": {"kind": "Role", "name": "r"}})

    assert found is not None
    assert found.service_accounts == expected
    assert found.role == ("Role", "r")


def rule(group: str, resource: str, *verbs: str, **more: Any) -> dict[str, Any]:
    """A rule of a role."""
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


CHART: list[dict[str, Any]] = WORKSPACE_RULES
EVERYTHING = rule("*", "*", "*")


@pytest.mark.parametrize(
    "rules",
    [
        CHART,
        [EVERYTHING],
        [rule("", "pods", "create")],
        [rule("", "*", "*")],
        [rule("*", "pods", "get", "create")],
        [rule("", "secrets", "get"), rule("apps", "deployments", "create")],
        [rule("apps", "statefulsets", "*")],
        [rule("batch", "jobs", "create")],
        [
            {
                "apiGroups": ["", "apps"],
                "resources": ["services", "deployments"],
                "verbs": ["create"],
            }
        ],
    ],
    ids=str,
)
def test_a_role_that_makes_pods(rules: list[dict[str, Any]]) -> None:
    """Pods themselves or what makes them, by name or by a star, also of a role that people wrote by hand."""
    found = role({"metadata": {"name": "r", "namespace": "w"}, "rules": rules})

    assert found is not None
    assert found.makes_pods


@pytest.mark.parametrize(
    "rules",
    [
        None,
        [],
        "all of them",
        [rule("", "pods", "get", "list", "watch", "patch", "delete")],
        [rule("", "pods/exec", "create")],
        [rule("apps", "pods", "create")],
        [rule("metrics.k8s.io", "pods", "*")],
        [rule("", "deployments", "create")],
        [rule("", "persistentvolumeclaims", "*")],
        [rule("", "pods", "create", resourceNames=["one"])],
        [rule("apps", "deployments", "get"), rule("", "services", "create")],
        [{"nonResourceURLs": ["*"], "verbs": ["*"]}],
    ],
    ids=str,
)
def test_a_role_that_makes_none(rules: Any) -> None:
    """Verb, group and resource have to meet in one rule; what names its objects cannot create them."""
    found = role({"metadata": {"name": "r"}, "rules": rules})

    assert found is not None
    assert not found.makes_pods


def test_of_a_role_hardly_anything_is_kept() -> None:
    """A cluster may have thousands: neither rules nor labels."""
    body = {"metadata": {"name": "r", "namespace": "w", "labels": {"a": "b"}}, "rules": CHART}
    found = role(body)

    assert found is not None
    assert found.meta == Meta("r", "w")
    assert role({"rules": CHART}) is None
