from typing import Any

import pytest

from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Discovered
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders, coder_manifests
from support.deployments import adopted, managed
from support.workspace_manifests import workspace_pod

ANNOTATE = "kubectl annotate namespace team-a cva.coder.com/deployment=coder/coder"


def found(
    *manifests: Any, wanted: Any = None, cr: dict[str, Any] | None = None, **rest: Any
) -> Discovered:
    """What is discovered where ``spec.workspaces.namespaces`` is ``wanted``, beside coderd by Helm."""
    made = cr or adopted("coder")
    if wanted is not None:
        made["spec"]["workspaces"]["namespaces"] = wanted
    bodies = manifests if cr else (coder_manifests.chart_coderd(), *manifests)
    return discover(builders.coder_deployment(made), builders.snapshot_of(*bodies, **rest))


def words(it: Discovered) -> dict[str, str]:
    """By namespace the word of consent."""
    return {one.name: one.consent for one in it.namespaces}


def annotated(name: str, value: str = "coder/coder", **labels: str) -> dict[str, Any]:
    """A namespace with the annotation."""
    return builders.namespace(name, annotations={marks.CONSENT: value}, labels=labels)


def test_the_own_namespace_needs_no_word() -> None:
    """Who may write there has said so by writing the CoderDeployment."""
    assert words(found()) == {"coder": "own namespace"}


def test_a_namespace_consents_by_annotation() -> None:
    """The annotation names the CoderDeployment by namespace and name."""
    assert words(found(annotated("team-a")))["team-a"] == "annotation"
    assert "team-a" not in words(found(annotated("team-a", "coder/other")))
    assert "team-a" not in words(found(annotated("team-a", "coder")))


def test_a_namespace_consents_by_a_role_binding_for_coderd() -> None:
    """As the chart's ``workspaceNamespaces`` makes it."""
    it = found(coder_manifests.workspace_binding("team-a", name="coder-ws"))

    assert words(it)["team-a"] == "RoleBinding coder-ws"


@pytest.mark.parametrize(
    "binding",
    [
        coder_manifests.workspace_binding("team-a", account="other"),
        coder_manifests.workspace_binding("team-a", of="elsewhere"),
    ],
)
def test_a_binding_for_somebody_else_is_no_consent(binding: Any) -> None:
    """Another account, or the same name in another namespace."""
    assert words(found(binding)) == {"coder": "own namespace"}


@pytest.mark.parametrize("label", [{marks.MANAGED_BY: marks.OURS}, {marks.OWNER_UID: "x"}])
def test_our_own_binding_is_no_consent(label: dict[str, str]) -> None:
    """It follows from consent; it must not outlive the annotation that it was made for."""
    binding = coder_manifests.workspace_binding("team-a")
    binding[1]["metadata"]["labels"] = label

    assert words(found(binding)) == {"coder": "own namespace"}


LOOKS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
STARTS = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "delete"]}]


def bound(kind: str, name: str, rules: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """A RoleBinding of coderd's account in team-a to a role with these rules, None for one that is not there."""
    role, binding = coder_manifests.workspace_binding("team-a", name="by-hand")
    binding["roleRef"] |= {"kind": kind, "name": name}
    if rules is None:
        return [binding]
    if kind == "ClusterRole":
        return [builders.cluster_role(name, rules), binding]
    role["metadata"]["name"] = name
    return [{**role, "rules": rules}, binding]


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
@pytest.mark.parametrize("name", ["workspaces", "view", "coder-workspace-perms"])
def test_consent_is_that_coderd_may_make_pods(kind: str, name: str) -> None:
    """Whatever the role is called: a role that people wrote counts, a name that only sounds so does not."""
    assert words(found(bound(kind, name, STARTS)))["team-a"] == "RoleBinding by-hand"
    assert "team-a" not in words(found(bound(kind, name, LOOKS)))
    assert "team-a" not in words(found(bound(kind, name, None)))


def test_a_role_counts_in_its_own_namespace_and_under_its_own_kind() -> None:
    """One of the same name somewhere else, or of the other kind, lets nobody do anything here."""
    looks = bound("Role", "workspaces", LOOKS)
    elsewhere = {
        **looks[0],
        "metadata": {"name": "workspaces", "namespace": "team-b"},
        "rules": STARTS,
    }

    assert "team-a" not in words(found(looks, elsewhere))
    assert "team-a" not in words(found(looks, builders.cluster_role("workspaces", STARTS)))


def test_of_several_bindings_one_that_makes_pods_is_enough() -> None:
    """Whichever comes first by name or by age."""
    binding = bound("ClusterRole", "view", LOOKS)
    binding[1]["metadata"]["name"] = "a-look"

    assert (
        words(found(binding, bound("Role", "workspaces", STARTS)))["team-a"]
        == "RoleBinding by-hand"
    )


def test_the_oldest_binding_is_the_word() -> None:
    """So a later one of a name that sorts before it changes nothing."""
    later = coder_manifests.workspace_binding("team-a", name="a-later")[1]
    later["metadata"]["creationTimestamp"] = "2026-11-20T08:00:00Z"
    (it,) = (
        one
        for one in found(bound("Role", "coder-workspace-perms", STARTS), later).namespaces
        if one.name == "team-a"
    )

    assert (it.consent, it.since) == ("RoleBinding by-hand", builders.CREATED)


def test_a_binding_that_only_looks_is_told_where_the_namespace_was_asked_for() -> None:
    """Whoever made it for consent sees why it is none, and what to type."""
    it = found(bound("ClusterRole", "view", LOOKS), wanted={"names": ["team-a"]})

    told = it.refused_namespaces["team-a"]
    assert ANNOTATE in told
    assert "RoleBinding by-hand names coderd's ServiceAccount" in told
    assert "ClusterRole view is not seen to let it create Pods" in told


@pytest.mark.parametrize(
    ("kind", "need", "what"),
    [("Role", Need.ROLES, "Roles"), ("ClusterRole", Need.CLUSTER_ROLES, "ClusterRoles")],
)
def test_a_role_that_could_not_be_read_proves_nothing(kind: str, need: Need, what: str) -> None:
    """Only the kind that was not read is in doubt, and the refusal says so."""
    unread = {need: Absence.FORBIDDEN}
    it = found(bound(kind, "r", STARTS), wanted={"names": ["team-a"]}, unavailable=unread)
    other = "Role" if kind == "ClusterRole" else "ClusterRole"

    assert words(it) == {}
    assert f"{what} could not be read (Forbidden)" in it.refused_namespaces["team-a"]
    assert "team-a" in words(found(bound(other, "r", STARTS), unavailable=unread))


def test_a_region_has_no_coderd_whose_rights_would_speak_for_it() -> None:
    """A coderd beside it is somebody else's: what is granted to that is no consent to the region."""
    region = adopted("coder")
    region["spec"]["controlPlane"] = {"management": "None"}
    coderd = coder_manifests.chart_coderd()
    it = found(coderd, coder_manifests.workspace_binding("team-a"), annotated("team-b"), cr=region)

    assert words(it) == {"coder": "own namespace", "team-b": "annotation"}


def test_coderds_account_is_read_from_its_pods() -> None:
    """Whatever the release is called."""
    coderd = coder_manifests.chart_coderd(name="acme")
    it = found(
        coderd, coder_manifests.workspace_binding("team-a", account="acme"), cr=adopted("coder")
    )

    assert words(it)["team-a"] == "RoleBinding coder"


def test_a_managed_coderd_that_is_not_made_yet_has_its_name() -> None:
    """So that a namespace can consent beforehand."""
    binding = coder_manifests.workspace_binding("team-a", account="dev")

    assert "team-a" in words(found(binding, cr=managed("coder", "dev")))
    assert "team-a" not in words(found(binding, cr=adopted("coder", "dev")))


def test_of_two_coderds_none_is_taken_for_the_one() -> None:
    """Then only annotations count."""
    second = coder_manifests.chart_coderd(release="second", name="second")
    it = found(second, coder_manifests.workspace_binding("team-a"), annotated("team-b"))

    assert words(it) == {"coder": "own namespace", "team-b": "annotation"}


@pytest.mark.parametrize(
    "name", ["kube-system", "kube-public", "kube-node-lease", "coder-cva-system"]
)
def test_system_namespaces_are_refused_whatever_they_say(name: str) -> None:
    """Also by annotation and binding, and also as the CoderDeployment's own."""
    it = found(annotated(name), coder_manifests.workspace_binding(name))
    own = found(cr=adopted(name))

    assert name not in words(it)
    assert own.namespaces == ()
    assert "belongs to the cluster or to this operator" in own.refused_namespaces[name]


def test_names_narrow_the_set() -> None:
    """Also the own namespace is left out where the spec names others; nobody is refused unasked."""
    it = found(annotated("team-a"), annotated("team-b"), wanted={"names": ["team-a"]})

    assert words(it) == {"team-a": "annotation"}
    assert it.refused_namespaces == {}


def test_a_selector_narrows_the_set() -> None:
    """By the labels of the namespaces; names and selector add up."""
    bodies = (annotated("team-a", team="a"), annotated("team-b"), annotated("team-c"))
    selector = {"matchLabels": {"team": "a"}}

    assert set(words(found(*bodies, wanted={"selector": selector}))) == {"team-a"}
    assert set(words(found(*bodies, wanted={"selector": selector, "names": ["team-b"]}))) == {
        "team-a",
        "team-b",
    }
    assert set(words(found(*bodies, wanted={"selector": {}}))) == {
        "coder",
        "team-a",
        "team-b",
        "team-c",
    }
    assert set(words(found(*bodies, wanted={}))) == {"coder", "team-a", "team-b", "team-c"}


def test_a_named_namespace_without_consent_is_refused_with_the_command() -> None:
    """The remedy is what to type, and nothing of that namespace is counted."""
    workspace = workspace_pod("dev", "team-a")
    it = found(workspace, wanted={"names": ["team-a", "coder"]})

    assert set(words(it)) == {"coder"}
    assert it.workspaces == ()
    assert it.refused_namespaces["team-a"].endswith(ANNOTATE)


def test_a_selected_namespace_without_consent_is_refused_too() -> None:
    """It was asked for; an empty selector asks for none in particular."""
    bare = builders.namespace("team-a", labels={"team": "a"})

    assert (
        "team-a"
        in found(bare, wanted={"selector": {"matchLabels": {"team": "a"}}}).refused_namespaces
    )
    assert found(bare, wanted={"selector": {}}).refused_namespaces == {}


def test_a_selector_that_hits_a_system_namespace_asks_for_nothing_there() -> None:
    """It is left out in silence: nobody named it."""
    system = builders.namespace("kube-system", labels={"team": "a"})
    it = found(system, wanted={"selector": {"matchLabels": {"team": "a"}}})

    assert it.refused_namespaces == {}
    assert words(it) == {}


def test_a_namespace_that_is_not_there_is_to_be_created() -> None:
    """And then to consent."""
    it = found(wanted={"names": ["team-a"]})

    assert f"kubectl create namespace team-a && {ANNOTATE}" in it.refused_namespaces["team-a"]


def test_a_namespace_of_another_deployment_is_not_taken() -> None:
    """The message names the other one."""
    it = found(annotated("team-a", "prod/coder"), wanted={"names": ["team-a"]})

    assert "consents to prod/coder" in it.refused_namespaces["team-a"]
    assert f"{ANNOTATE} --overwrite" in it.refused_namespaces["team-a"]


def test_a_namespace_that_is_going_is_left_alone() -> None:
    """Nothing can be created there any more."""
    going = annotated("team-a")
    going["metadata"]["deletionTimestamp"] = builders.CREATED
    it = found(going, wanted={"names": ["team-a"]})

    assert words(it) == {}
    assert "is being deleted" in it.refused_namespaces["team-a"]


def test_without_bindings_only_annotations_count() -> None:
    """And the refusal says that something was not seen."""
    it = found(
        coder_manifests.workspace_binding("team-a"),
        annotated("team-b"),
        wanted={"names": ["team-a", "team-b"]},
        unavailable={Need.ROLE_BINDINGS: Absence.FORBIDDEN},
    )

    assert words(it) == {"team-b": "annotation"}
    assert "RoleBindings could not be read (Forbidden)" in it.refused_namespaces["team-a"]


def test_without_namespaces_only_bindings_count() -> None:
    """A binding proves that its namespace is there."""
    it = found(
        coder_manifests.workspace_binding("team-a"),
        annotated("team-b"),
        unavailable={Need.NAMESPACES: Absence.FORBIDDEN},
    )

    assert words(it) == {"coder": "own namespace", "team-a": "RoleBinding coder"}
