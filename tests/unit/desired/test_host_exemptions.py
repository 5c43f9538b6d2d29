"""Who is exempt from what is said of volumes of the node: by name, never by what begins like it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.api.v1alpha1.host_volumes import HostVolumeExemption
from coder_cva.cel.policy import Review
from coder_cva.desired import host_exemptions, render, volumes
from coder_cva.desired.admission_names import HOST_VOLUMES
from coder_cva.desired.admission_review import Answer, answer
from coder_cva.desired.parameter import parameter
from coder_cva.desired.placement import placement
from coder_cva.snapshot import parse_pods
from support import admission_fuzz
from support import builders as b
from support.deployments import adopted, managed
from support.workspace_manifests import envbox_pod, workspace_deployment

IMAGE = {"image": "ghcr.io/coder/envbox"}
SHA = "sha256:" + "a" * 64


def resource(*exemptions: dict[str, str], word: str = "Deny") -> dict[str, Any]:
    """A managed Coder in which these are exempt."""
    made = managed("coder")
    storage = {"hostVolumes": word, "hostVolumeExemptions": [*exemptions]}
    made["spec"]["workspaces"]["storage"] = storage
    return made


def asked(body: dict[str, Any], *exemptions: dict[str, str]) -> Answer:
    """What the webhook answers, by the expressions of the policies."""
    made = resource(*exemptions)
    world = b.world(made)
    params = parameter(world.deployment, placement(world))
    return answer(HOST_VOLUMES, Review(body, body["kind"], body["metadata"]["namespace"], params))


def covered(body: dict[str, Any], *exemptions: dict[str, str]) -> bool:
    """What is said of the same Pod, or of a Deployment's template, once it is there."""
    every = host_exemptions.exemptions(b.world(resource(*exemptions)))
    namespace = body["metadata"]["namespace"]
    inner = body["spec"]["template"] if body["kind"] == "Deployment" else body
    whole = {**inner, "metadata": {"name": "x", **inner["metadata"]}}
    seen = parse_pods.pod(whole)
    assert seen is not None
    return bool(host_exemptions.covering(every, namespace, seen.meta.labels, seen.shape))


def box(*containers: tuple[str, bool], **labels: str) -> dict[str, Any]:
    """An envbox workspace with these containers: their image, and whether they mount the node's folder."""
    made = envbox_pod("box")[-1]
    first = made["spec"]["containers"][0]
    mounts = {True: [{"name": "usr-src", "mountPath": "/usr/src"}], False: []}
    made["spec"]["containers"] = [
        {**first, "name": f"c{number}", "image": image, "volumeMounts": mounts[is_mounting]}
        for number, (image, is_mounting) in enumerate(containers)
    ]
    made["metadata"]["labels"] = labels
    return made


BOX, OTHER = "ghcr.io/coder/envbox:0.6", "codercom/enterprise-base:ubuntu"
CASES = [
    pytest.param(envbox_pod("box")[-1], IMAGE, True, id="coder's own template"),
    pytest.param(box(("ghcr.io/coder/envbox", True)), IMAGE, True, id="no tag"),
    pytest.param(box((f"ghcr.io/coder/envbox@{SHA}", True)), IMAGE, True, id="digest"),
    pytest.param(box((f"{BOX}@{SHA}", True)), IMAGE, True, id="tag and digest"),
    pytest.param(box((BOX, True), (OTHER, False)), IMAGE, True, id="a sidecar that mounts nothing"),
    pytest.param(box((BOX, True), (OTHER, True)), IMAGE, False, id="a sidecar that mounts it too"),
    pytest.param(box((BOX, False), (OTHER, True)), IMAGE, False, id="the image as a sidecar"),
    pytest.param(box((BOX, False)), IMAGE, False, id="mounted by nobody"),
    pytest.param(box(("ghcr.io/coder/envbox-evil:1", True)), IMAGE, False, id="called alike"),
    pytest.param(box(("ghcr.io/coder/envbox/evil:1", True)), IMAGE, False, id="a step further"),
    pytest.param(box(("evil.io/coder/envbox:1", True)), IMAGE, False, id="another registry"),
    pytest.param(box(("x/ghcr.io/coder/envbox:1", True)), IMAGE, False, id="a step before"),
    pytest.param(box(("GHCR.io/coder/envbox:1", True)), IMAGE, False, id="other letters"),
    pytest.param(box(("", True)), IMAGE, False, id="no image"),
    pytest.param(box(("box:5000/evil", True)), {"image": "box"}, False, id="a port is no tag"),
    pytest.param(box(("docker.io/a/box:1", True)), {"image": "a/box"}, True, id="docker hub said"),
    pytest.param(
        box(("a/box:1", True)), {"image": "docker.io/a/box"}, True, id="docker hub unsaid"
    ),
    pytest.param(box(("box:1", True)), {"image": "docker.io/library/box"}, True, id="official"),
    pytest.param(box((OTHER, True)), {"namespace": "coder"}, True, id="its namespace"),
    pytest.param(box((OTHER, True)), {"namespace": "code"}, False, id="another namespace"),
    pytest.param(
        box((OTHER, True), **{"com.coder.template.name": "docker"}),
        {"template": "docker"},
        True,
        id="its template",
    ),
    pytest.param(
        box((OTHER, True), **{"com.coder.template.name": "docker-2"}),
        {"template": "docker"},
        False,
        id="another template",
    ),
    pytest.param(box((OTHER, True)), {"template": "docker"}, False, id="no template said"),
]


@pytest.mark.parametrize(("body", "exemption", "is_exempt"), CASES)
def test_an_exemption_covers_whom_it_names(
    body: dict[str, Any], exemption: dict[str, str], is_exempt: bool
) -> None:
    """At admission, and of what runs; without the exemption everybody is refused."""
    assert (asked(body, exemption) == Answer()) is is_exempt
    assert covered(body, exemption) is is_exempt
    assert asked(body).denial


def test_init_containers_count() -> None:
    """What mounts the node's folder before the workspace starts has had it."""
    made = box((BOX, True))
    made["spec"]["initContainers"] = [
        {
            "name": "i",
            "image": OTHER,
            "volumeMounts": [{"name": "lib-modules", "mountPath": "/m"}],
        }
    ]
    assert asked(made, IMAGE).denial
    assert not covered(made, IMAGE)


def test_a_deployment_is_judged_by_its_template() -> None:
    """Labels of its Pods, not its own; images of their containers."""
    made = workspace_deployment("dev")[-1]
    template = made["spec"]["template"]
    template["spec"] = box((OTHER, True))["spec"]
    made["metadata"]["labels"]["com.coder.template.name"] = "docker"
    assert asked(made, {"template": "docker"}).denial
    template["metadata"]["labels"]["com.coder.template.name"] = "docker"
    assert asked(made, {"template": "docker"}) == Answer()
    assert covered(made, {"template": "docker"})
    template["spec"] = box((BOX, True))["spec"]
    assert asked(made, IMAGE) == Answer()


@pytest.mark.parametrize("seed", range(4))
def test_admission_and_what_is_said_of_running_pods_agree(seed: int) -> None:
    """Whatever a template says: of workspaces with volumes of their node the same ones are let through."""
    chance, exempt = Random(seed), admission_fuzz.EXEMPTIONS
    both = set()
    for number in range(150):
        body = (admission_fuzz.deployment if number % 4 == 0 else admission_fuzz.pod)(
            chance, "coder"
        )
        if not asked(body).denial:
            continue
        is_exempt = covered(body, *exempt)
        both.add(is_exempt)
        assert (asked(body, *exempt) == Answer()) is is_exempt, body
    assert both == {True, False}


@pytest.mark.parametrize(
    ("repository", "spellings"),
    [
        ("ghcr.io/coder/envbox", 1),
        ("registry:5000/box", 1),
        ("localhost/box", 1),
        ("codercom/box", 3),
        ("docker.io/codercom/box", 3),
        ("index.docker.io/codercom/box", 3),
        ("ubuntu", 6),
        ("library/ubuntu", 6),
        ("docker.io/ubuntu", 6),
    ],
)
def test_only_docker_hub_has_several_spellings(repository: str, spellings: int) -> None:
    """And whichever is written, all of them are meant."""
    found = host_exemptions.spellings(repository)
    assert len(found) == spellings
    assert repository in found
    assert {host_exemptions.spellings(one) for one in found} == {found}


STEPS = st.lists(
    st.from_regex(r"[a-z0-9]([-a-z0-9._]{0,6}[a-z0-9])?", fullmatch=True), min_size=1, max_size=3
)


@given(STEPS, st.booleans(), st.sampled_from(["", ":1", f"@{SHA}", f":1.2-rc@{SHA}"]))
def test_tag_and_digest_are_no_part_of_a_repository(
    steps: list[str], has_port: bool, rest: str
) -> None:
    """A port is, and the API takes every such name for one."""
    host, *path = steps
    name = "/".join([f"{host}:5000" if has_port and path else host, *path])
    assert host_exemptions.repository(name + rest) == name
    assert name in host_exemptions.spellings(name)
    assert HostVolumeExemption(image=name).image == name


def test_the_parameter_is_sorted_and_says_nothing_needless() -> None:
    """The order of the spec changes no status."""
    entries = [{"namespace": "lab"}, {"template": "docker"}, IMAGE, {"namespace": "a"}]
    worlds = [b.world(resource(*one)) for one in (entries, entries[::-1])]
    told = [host_exemptions.parameter(one) for one in worlds]
    assert told[0] == told[1]
    assert told[0] == {
        "namespaces": ["a", "lab"],
        "images": ["ghcr.io/coder/envbox"],
        "templates": ["docker"],
    }
    assert "hostVolumeExemptions" not in placement(b.world(resource()))["workspaces"]


def exempting(*exemptions: dict[str, str], word: str = "Deny") -> Any:
    """An adopted Coder with two envbox workspaces, each in its own namespace."""
    made = adopted("coder")
    storage = {"hostVolumes": word, "hostVolumeExemptions": [*exemptions]}
    made["spec"]["workspaces"]["storage"] = storage
    consent = {"cva.coder.com/deployment": "coder/coder"}
    running = b.all_running([envbox_pod("box"), envbox_pod("trial", "lab")])
    return b.world(made, b.pools(), b.namespace("lab", annotations=consent), running)


def test_who_is_exempt_is_in_no_preview_and_in_no_class() -> None:
    """An exempt namespace is not asked for either; with everybody exempt there is nothing to tell."""
    told = {one.rule: one for one in render.plan(exempting({"namespace": "lab"})).previews}
    preview = told["CVA-STO-004"]
    assert preview.resources == ("Pod coder/coder-alice-box",)
    assert not any("lab" in hit for hit in preview.hits)
    assert "volumes of the node in coder" in preview.hits

    by_image = {one.rule: one for one in render.plan(exempting(IMAGE)).previews}["CVA-STO-004"]
    assert by_image.resources == ()
    assert by_image.hits == ("volumes of the node in coder", "volumes of the node in lab")
    assert "no workspace that runs mounts" in by_image.message

    silent = exempting({"namespace": "lab"}, {"namespace": "coder"})
    assert "CVA-STO-004" not in {one.rule for one in render.plan(silent).previews}


@pytest.mark.parametrize("word", ["Warn", "Deny"])
def test_nobody_asks_in_an_exempt_namespace(word: str) -> None:
    """The binding does not name it, and it is not said to be restricted."""
    world = exempting({"namespace": "lab"}, word=word)
    world.deployment.spec.enforcement.rules["CVA-STO-004"] = "Enforce"
    plan = render.plan(world)
    (binding,) = (
        one
        for one in plan.objects
        if one["kind"] == "ValidatingAdmissionPolicyBinding"
        and one["spec"]["policyName"] == HOST_VOLUMES
    )
    (chosen,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert chosen["values"] == ["coder"]
    assert volumes.host_places(world) == ("coder",)
    restricted = {one.namespace for one in plan.restrictions if one.rule == "CVA-STO-004"}
    assert restricted == ({"coder"} if word == "Deny" else set())
