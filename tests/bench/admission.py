"""What placing at admission adds to the creation of a Pod: by policies, by the webhook, and where neither acts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bench.figures import Figures, percentile
from harness import ports
from harness.errors import HarnessError
from harness.kube import Kube
from support.placement import is_placed, started_by_replica_set
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from bench.ground import Ground

WARM_UP = 20
CLIENTS = 8
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
BINDINGS = "MutatingAdmissionPolicyBinding"
WEBHOOKS = "MutatingWebhookConfiguration"


def baseline(ground: Ground) -> Figures:
    """Before any CoderDeployment is there: nothing of ours acts anywhere in the cluster."""
    pod = _pod(ground.kube.namespace("bench-none"))
    samples = [_once(ground, pod) for _ in range(WARM_UP + ground.extent.admissions)][WARM_UP:]
    return {
        "admission_none_ms_median": percentile(samples, 50) * 1000,
        "admission_none_per_second": _rate(ground, pod),
    }


def measure(ground: Ground, namespace: str) -> Figures:
    """By the API server's own policies; and by one that sets a label, which is what any of them costs."""
    labelled = _labelled(ground)
    samples, rate = _side_by_side(ground, namespace, label=_pod(labelled))
    medians = {which: percentile(taken, 50) * 1000 for which, taken in samples.items()}
    return {
        "admission_without_ms_median": medians["without"],
        "admission_without_ms_p95": percentile(samples["without"], 95) * 1000,
        "admission_with_ms_median": medians["with"],
        "admission_with_ms_p95": percentile(samples["with"], 95) * 1000,
        "admission_added_ms_median": medians["with"] - medians["without"],
        "admission_label_added_ms_median": medians["label"] - medians["without"],
        "admission_with_per_second": rate,
    }


def measure_webhook(ground: Ground, namespace: str) -> Figures:
    """By the webhook of an operator that is told to use it; afterwards the operator is as it was."""
    operator = ground.operator
    port = str(ports.free(1)[0])
    usual = operator.environment
    operator.stop()
    operator.environment = {
        **usual,
        "ADMISSION_ENGINE": "Webhook",
        "WEBHOOK_PORT": port,
        "WEBHOOK_URL": f"https://127.0.0.1:{port}",
    }
    operator.start()
    _alone(ground, WEBHOOKS, BINDINGS)
    samples, rate = _side_by_side(ground, namespace)
    operator.stop()
    operator.environment = usual
    operator.start()
    _alone(ground, BINDINGS, WEBHOOKS)
    medians = {which: percentile(taken, 50) * 1000 for which, taken in samples.items()}
    return {
        "admission_webhook_ms_median": medians["with"],
        "admission_webhook_ms_p95": percentile(samples["with"], 95) * 1000,
        "admission_webhook_added_ms_median": medians["with"] - medians["without"],
        "admission_webhook_per_second": rate,
    }


def elsewhere(measured: Figures) -> Figures:
    """What a Pod in another namespace pays for policies that are not about it."""
    paid = measured["admission_without_ms_median"] - measured["admission_none_ms_median"]
    return {"admission_elsewhere_added_ms_median": paid}


def _side_by_side(
    ground: Ground, namespace: str, **others: dict[str, Any]
) -> tuple[dict[str, list[float]], float]:
    """Dry runs of one client, in turn in a namespace that is served and in one that is not; the rate of many.

    Side by side, so that whatever else the machine does falls on all alike. ``others`` are further Pods.
    """
    served, unserved = _pod(namespace), _pod(ground.kube.namespace("bench-unserved"))
    _check(ground, served, unserved)
    pods = {"with": served, "without": unserved, **others}
    samples: dict[str, list[float]] = {which: [] for which in pods}
    for turn in range(WARM_UP + ground.extent.admissions):
        # Each goes first in its turn: those that follow find caches warm.
        order = [*pods] * 2
        for which in order[turn % len(pods) :][: len(pods)]:
            took = _once(ground, pods[which])
            if turn >= WARM_UP:
                samples[which].append(took)
    return samples, _rate(ground, served)


def _labelled(ground: Ground) -> str:
    """A namespace in which a policy sets one label on every Pod, without a condition or a parameter."""
    namespace = ground.kube.namespace("bench-label")
    (ours,) = ground.kube.list("MutatingAdmissionPolicy", labels=OURS)
    name = {"metadata": {"name": "bench-label"}}
    patch = "[JSONPatch{op: 'add', path: '/metadata/labels/bench', value: 'yes'}]"
    spec = {
        **{key: ours["spec"][key] for key in ("matchConstraints", "failurePolicy")},
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        "reinvocationPolicy": "Never",
    }
    places = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    bound = {"policyName": "bench-label", "matchResources": {"namespaceSelector": places}}
    policy = {"apiVersion": ours["apiVersion"], "kind": "MutatingAdmissionPolicy", **name}
    binding = {**policy, "kind": BINDINGS}
    ground.kube.apply({**policy, "spec": spec}, manager="bench")
    ground.kube.apply({**binding, "spec": bound}, manager="bench")
    pod = _pod(namespace)
    ground.kube.wait_for(
        lambda: "bench" in ground.kube.create(pod, dry_run=True)["metadata"]["labels"],
        timeout=30,
        what="the label that a policy sets",
    )
    return namespace


def _rate(ground: Ground, pod: dict[str, Any]) -> float:
    """Pods a second that several clients get admitted at the same time."""
    each = max(1, ground.extent.admissions // CLIENTS)

    def client(_: int) -> None:
        kube = Kube.of(ground.cluster.kubeconfig)
        for _ in range(each):
            kube.create(pod, dry_run=True)

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    return CLIENTS * each / (time.perf_counter() - began)


def _pod(namespace: str) -> dict[str, Any]:
    return started_by_replica_set(workspace_deployment("bench", namespace)[1])


def _once(ground: Ground, pod: dict[str, Any]) -> float:
    began = time.perf_counter()
    ground.kube.create(pod, dry_run=True)
    return time.perf_counter() - began


def _alone(ground: Ground, acts: str, gone: str) -> None:
    """Waits until one engine has taken over from the other."""
    kube = ground.kube
    kube.wait_for(
        lambda: kube.list(acts, labels=OURS) and not kube.list(gone, labels=OURS),
        timeout=180,
        what=f"{acts} in place of {gone}",
    )


def _check(ground: Ground, served: dict[str, Any], unserved: dict[str, Any]) -> None:
    """Something acts in one namespace and not in the other, or the figures would mean nothing."""
    ground.kube.wait_for(
        lambda: is_placed(ground.kube.create(served, dry_run=True)),
        timeout=30,
        what="the placement of workspaces at admission",
    )
    if is_placed(ground.kube.create(unserved, dry_run=True)):
        raise HarnessError("Pods are placed in a namespace that no CoderDeployment serves")
