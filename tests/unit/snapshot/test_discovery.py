from typing import Any

import pytest

from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Discovered, Workload
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders, coder_manifests
from support.deployments import adopted, managed
from support.managed_coder import rendered, resource


def found(*manifests: Any, cr: dict[str, Any] | None = None, **rest: Any) -> Discovered:
    """What is discovered around an adopted CoderDeployment in namespace coder."""
    deployment = builders.coder_deployment(cr or adopted("coder"))
    return discover(deployment, builders.snapshot_of(*manifests, **rest))


def names(workloads: tuple[Workload, ...]) -> list[str]:
    """``namespace/name`` of workloads."""
    return [one.deployment.meta.path for one in workloads]


@pytest.mark.parametrize("component", [True, False])
def test_the_three_roles_of_one_image_are_told_apart(component: bool) -> None:
    """With the annotation of newer charts and without it; all three call their container alike."""
    it = found(
        coder_manifests.chart_coderd(component=component),
        coder_manifests.chart_proxy(component=component),
        coder_manifests.chart_provisioner(component=component),
    )

    assert names(it.coderd) == ["coder/coder"]
    assert names(it.proxies) == ["coder/coder-proxy"]
    assert names(it.provisioners) == ["coder/coder-provisioner"]


def test_a_name_that_begins_with_coder_proves_nothing() -> None:
    """Neither do its labels, without Coder's image or command."""
    labels = {"app.kubernetes.io/name": "coder"}

    assert found(builders.deployment("coder", "coder", labels=labels)) == found()


def test_coderd_of_another_namespace_is_somebody_elses() -> None:
    """Each CoderDeployment looks for coderd in its own."""
    assert found(coder_manifests.chart_coderd("elsewhere")).coderd == ()


def test_two_releases_in_one_namespace_are_both_found() -> None:
    """Which of them is meant is for others to say."""
    second = coder_manifests.chart_coderd(release="second", name="second")

    assert names(found(coder_manifests.chart_coderd(), second).coderd) == [
        "coder/coder",
        "coder/second",
    ]


def test_coder_k8s_is_recognised() -> None:
    """Other labels, no command, and flags as arguments."""
    it = found(coder_manifests.coder_k8s_coderd())

    assert [(one.deployment.meta.path, one.manager) for one in it.coderd] == [
        ("coder/coder", "coder-k8s")
    ]


@pytest.mark.parametrize("manager", ["Helm", "Argo CD", "Flux", ""])
def test_who_manages_coderd(manager: str) -> None:
    """Argo CD and Flux render Helm's labels too, and come first."""
    it = found(coder_manifests.chart_coderd(managed_by=manager))

    assert it.coderd[0].manager == manager
    assert not it.coderd[0].ours


def test_what_we_made_is_ours_by_the_uid() -> None:
    """Made for one of the same name that is gone, it is not, unless that one left it on purpose."""
    cr = builders.live(managed("coder"))
    coderd = coder_manifests.chart_coderd(managed_by="")[-1]
    labels = coderd["metadata"]["labels"]
    labels[marks.MANAGED_BY] = marks.OURS

    labels[marks.OWNER_UID] = cr["metadata"]["uid"]
    mine = found(coderd, cr=cr).coderd[0]
    labels[marks.OWNER_UID] = "another"
    orphan = found(coderd, cr=cr).coderd[0]

    labels[marks.SURVIVES] = "true"
    coderd["metadata"]["annotations"][marks.CONSENT] = "coder/coder"
    left = found(coderd, cr=cr).coderd[0]

    assert (mine.manager, mine.ours) == ("operator", True)
    assert (left.manager, left.ours) == ("operator", True)
    assert (orphan.manager, orphan.ours) == ("operator", False)


def test_what_was_released_is_nobodys_until_it_is_managed_again() -> None:
    """While it is adopted it is one that nobody manages; managed again, it is ours; and Helm may take it."""
    released, helms = rendered(resource()), rendered(resource())
    for one in (released, helms):
        del one["metadata"]["ownerReferences"]
    del released["metadata"]["labels"][marks.MANAGED_BY]
    helms["metadata"]["labels"][marks.MANAGED_BY] = "Helm"

    (here,) = found(released, cr=adopted("coder")).coderd
    (back,) = found(released, cr=managed("coder")).coderd
    (theirs,) = found(helms, cr=managed("coder")).coderd

    assert (here.manager, here.ours) == ("", False)
    assert (back.manager, back.ours) == ("", True)
    assert (theirs.manager, theirs.ours) == ("Helm", False)


def test_nothing_is_ours_that_is_not_managed() -> None:
    """A moment before it is released too: who judges it must not name our spec as the remedy."""
    made = rendered(resource())

    assert [one.ours for one in found(made, cr=adopted("coder")).coderd] == [False]


@pytest.mark.parametrize(
    "container",
    [{"command": ["/bin/sleep"]}, {"image": "nginx:1.29", "command": ["nginx"]}],
    ids=["another command", "another image"],
)
def test_ours_is_coderd_whatever_somebody_made_of_it(container: dict[str, Any]) -> None:
    """By owner and name; its body is there to be looked at, and beside it nothing else is taken for it."""
    made, other = rendered(resource()), builders.deployment("another", "coder")
    for one in (made, other):
        one["spec"]["template"]["spec"]["containers"][0] |= {"args": [], **container}

    (it,) = found(made, other, cr=managed("coder")).coderd

    assert (it.deployment.meta.name, it.role, it.ours) == ("coder", "coderd", True)
    assert it.deployment.body is not None


def test_proxies_and_provisioners_are_found_where_a_namespace_consents() -> None:
    """In a region of its own they stand in another namespace."""
    region = coder_manifests.chart_provisioner("region")
    consent = builders.namespace("region", annotations={"cva.coder.com/deployment": "coder/coder"})

    assert names(found(region).provisioners) == []
    assert names(found(region, consent).provisioners) == ["region/coder-provisioner"]


def test_what_could_not_be_read_gives_nothing() -> None:
    """And nothing breaks."""
    everything = dict.fromkeys(Need, Absence.FORBIDDEN)
    it = found(coder_manifests.chart_coderd(), unavailable=everything)

    assert (it.coderd, it.workspaces) == ((), ())
    assert [one.name for one in it.namespaces] == ["coder"]


def test_the_order_of_the_objects_never_matters() -> None:
    """Equal worlds, equal values."""
    bodies = builders.flat(
        [
            coder_manifests.chart_coderd(),
            coder_manifests.chart_proxy(),
            coder_manifests.chart_provisioner(),
        ]
    )

    assert repr(found(bodies)) == repr(found(list(reversed(bodies))))
