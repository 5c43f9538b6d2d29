from __future__ import annotations

import re

from cluster.crd_cases import sample
from coder_cva.api import crd
from coder_cva.api.v1alpha1 import resource
from coder_cva.api.v1alpha1.environment import OWNED
from coder_cva.desired import coderd_pod


def test_what_the_operator_sets_is_refused_in_env() -> None:
    """Every variable of a managed coderd is one that users may not set a second time."""
    manifest = sample("managed")
    manifest["spec"]["controlPlane"] |= {"env": [], "tls": {"secretNames": ["coder-tls"]}}

    variables = coderd_pod.environment(resource.parse(manifest))

    assert {one["name"] for one in variables} <= set(OWNED)


def test_remedies_name_fields_that_exist() -> None:
    """A field that a refusal sends the user to is a field of the contract."""
    named = re.findall(r"spec[.]([A-Za-z.]+)", " ".join(OWNED.values()))

    assert named
    for path in named:
        node = crd.schema()["properties"]["spec"]
        for step in path.split("."):
            node = node["properties"][step]
