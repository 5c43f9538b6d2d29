"""Texts that mean harm, or only look it: nothing of them is run, lost, or takes the operator down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import managed, ready_coder, wait_condition
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

TEXTS = {
    "quotes": "'\"`) || true || ('",
    "expression": "object.spec.containers.all(c, false) // ${x} {{ .Values }} %s %(a)s",
    "lines": "first\nsecond: {}\n---\n\ttabbed",
    "expansion": "$(CODER_PG_CONNECTION_URL) $$(KUBE_POD_IP) `id` ; rm -rf /",
    "unicode": "ß\u202egro.elpmaxe\u200b\U0001f600\u0007",
    "length": "x" * 4096,
}


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_of_the_spec_arrive_as_they_are(
    kube: Kube, operator: OperatorProcess, namespace: str, kind: str
) -> None:
    """Variables, annotations and pool labels of any text reach coderd unchanged, and it becomes Ready."""
    text = TEXTS[kind]

    ready_coder(
        kube,
        namespace,
        env=[{"name": "CODER_HOSTILE", "value": text}],
        podAnnotations={"example.com/hostile": text},
        service={"annotations": {"example.com/hostile": text}},
    )

    template = kube.get("Deployment", "coder", namespace)["spec"]["template"]
    assert {"name": "CODER_HOSTILE", "value": text} in template["spec"]["containers"][0]["env"]
    assert template["metadata"]["annotations"]["example.com/hostile"] == text
    service = kube.get("Service", "coder", namespace)
    assert service["metadata"]["annotations"]["example.com/hostile"] == text


@pytest.mark.parametrize("kind", ["quotes", "expression", "lines", "unicode"])
def test_texts_of_the_cluster_do_no_harm(
    kube: Kube, operator: OperatorProcess, namespace: str, kind: str
) -> None:
    """Annotations and variables of workspaces and namespaces are data: status counts, and stays within laws."""
    text = TEXTS[kind]
    resource = ready_coder(kube, namespace)
    kube.patch(
        kube.get("Namespace", namespace),
        {"metadata": {"annotations": {"cva.coder.com/deployment": text, "cva.coder.com/x": text}}},
    )
    for manifest in workspace_deployment("dev", namespace):
        if manifest["kind"] == "Deployment":
            pod = manifest["spec"]["template"]
            pod["metadata"].setdefault("annotations", {})["cva.coder.com/hostile"] = text
            pod["spec"]["containers"][0]["env"].append({"name": "HOSTILE", "value": text})
        kube.create(manifest)

    told = kube.wait_until(resource, lambda one: one["status"]["workspaces"]["count"] == 1)
    assert told["status"]["workspaces"]["namespaces"] == [namespace]
    wait_condition(kube, resource, "Ready", "True")


def test_the_longest_names_fit(kube: Kube, operator: OperatorProcess) -> None:
    """A name of forty characters in a namespace of sixty-three: everything that is derived from both fits."""
    namespace = f"{'n' * 54}-{kube.namespace('x')[-8:]}"
    made = kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    assert len(namespace) == 63

    ready_coder(kube, namespace, "c" * 40)

    kube.delete(made)


def test_a_pool_label_that_no_node_could_have_is_refused_at_once(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """What could break an expression at admission does not even get into the resource."""
    manifest = managed(namespace)
    manifest["spec"]["controlPlane"]["nodePool"]["selector"] = {"a'] || true || ['": "b"}

    with pytest.raises(Exception, match="422"):
        kube.apply(manifest)
