"""Namespaces in, those on which a CoderDeployment may act out, and why not on the others.

Nobody who may write a CoderDeployment in one namespace gains anything in another: the other one
must say so itself. This is checked at every reconcile, since the API server cannot see it.
"""

from collections.abc import Iterable
from typing import Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.api.v1alpha1.workspaces import SYSTEM_NAMESPACES
from coder_cva.snapshot import marks, records
from coder_cva.snapshot.discovered import ConsentingNamespace, Workload
from coder_cva.snapshot.grants import Account, Bindings, Grants
from coder_cva.snapshot.model import ClusterSnapshot, Unavailable
from coder_cva.snapshot.needs import Need
from coder_cva.values import selectors

OWN: Final = "own namespace"
ANNOTATION: Final = "annotation"

NEEDS: Final = frozenset({Need.NAMESPACES, Need.ROLE_BINDINGS, Need.ROLES, Need.CLUSTER_ROLES})
"""What has to be read before it is known who consents; for RoleBindings also coderd, whose account they name."""


class Consent:
    """What the namespaces of one snapshot say about one CoderDeployment.

    ``coderd`` are the coderd Deployments of its namespace. What could not be read proves nothing:
    without RoleBindings or their roles only annotations count, without Namespaces only RoleBindings.
    """

    def __init__(
        self,
        deployment: CoderDeployment,
        snapshot: ClusterSnapshot,
        coderd: tuple[Workload, ...],
        grants: Grants,
        operator_namespace: str,
    ) -> None:
        self._owner = deployment
        self._reference = deployment.reference
        self._wanted = deployment.spec.workspaces.namespaces
        self._snapshot = snapshot
        self._system = frozenset({*SYSTEM_NAMESPACES, operator_namespace})
        self._namespaces: dict[str, records.Namespace] = {
            one.meta.name: one for one in snapshot.items(Need.NAMESPACES)
        }
        account = _account(deployment, coderd)
        self._bindings: Bindings = grants.making.get(account, {}) if account else {}
        self._powerless: Bindings = grants.other.get(account, {}) if account else {}

    def given(self) -> tuple[ConsentingNamespace, ...]:
        """The namespaces that consent, as far as the spec does not narrow them, sorted by name."""
        candidates = {self._owner.namespace, *self._namespaces, *self._bindings}
        words = ((name, self._word(name)) for name in sorted(candidates))
        return tuple(
            ConsentingNamespace(name, word, self._since(name, word))
            for name, word in words
            if word and self._is_wanted(name)
        )

    def command(self, name: str) -> str:
        """What whoever administers a namespace types, so that it consents."""
        return f"kubectl annotate namespace {name} {marks.CONSENT}={self._reference}"

    def refused(self) -> dict[str, str]:
        """Namespaces that the spec asks for and that are not acted on: the reason and the remedy."""
        asked = {name for name in self._asked() if not self._word(name)}
        if self._owner.namespace in self._system:
            asked.add(self._owner.namespace)
        return {name: self._reason(name) for name in sorted(asked)}

    def _word(self, name: str) -> str:
        """By which of its own words a namespace consents, "" where it does not."""
        if name in self._system or self._is_going(name):
            return ""
        if name == self._owner.namespace:
            return OWN
        if self._annotation(name) == self._reference:
            return ANNOTATION
        return f"RoleBinding {self._bindings[name].meta.name}" if name in self._bindings else ""

    def _since(self, name: str, word: str) -> str:
        """From when on it consents, where that can be told: nothing dates an annotation."""
        return "" if word in (OWN, ANNOTATION) else self._bindings[name].meta.created

    def _is_wanted(self, name: str) -> bool:
        """Whether the spec leaves it in: named or selected, or nothing is narrowed at all."""
        if self._wanted is None or not (self._wanted.names or self._wanted.selector):
            return True
        return self._chooses_all or name in self._wanted.names or self._is_selected(name)

    def _asked(self) -> Iterable[str]:
        """The namespaces that the spec itself points at; an empty selector points at none."""
        if self._wanted is None:
            return ()
        selected = () if self._chooses_all else self._namespaces
        return {
            *self._wanted.names,
            *(name for name in selected if name not in self._system and self._is_selected(name)),
        }

    @property
    def _chooses_all(self) -> bool:
        selector = self._wanted.selector if self._wanted else None
        return selector is not None and not (selector.match_labels or selector.match_expressions)

    def _is_selected(self, name: str) -> bool:
        found = self._namespaces.get(name)
        if self._wanted is None or self._wanted.selector is None or found is None:
            return False
        return selectors.matches(self._wanted.selector.dump(), found.meta.labels)

    def _annotation(self, name: str) -> str:
        found = self._namespaces.get(name)
        return found.meta.annotations.get(marks.CONSENT, "").strip() if found else ""

    def _is_going(self, name: str) -> bool:
        found = self._namespaces.get(name)
        return found is not None and found.meta.deleting

    def _reason(self, name: str) -> str:
        command = self.command(name)
        other = self._annotation(name)
        if name in self._system:
            return (
                f"Namespace {name} belongs to the cluster or to this operator: nothing is done there. "
                "Give workspaces a namespace of their own"
            )
        if self._is_going(name):
            return f"Namespace {name} is being deleted: nothing is done there"
        if name not in self._namespaces and self._is_read(Need.NAMESPACES):
            return f"Namespace {name} is not there. Create it: kubectl create namespace {name} && {command}"
        if other:
            return (
                f"Namespace {name} consents to {other}, not to {self._reference}: nothing is done "
                f"there. To change that: {command} --overwrite"
            )
        return (
            f"Namespace {name} does not consent: nothing is done there. Who administers it types: "
            f"{command}{self._seen_there(name)}{self._unread()}"
        )

    def _seen_there(self, name: str) -> str:
        """The RoleBinding that names coderd and is not enough, lest it be taken for consent."""
        found = self._powerless.get(name)
        if found is None:
            return ""
        return (
            f" (RoleBinding {found.meta.name} names coderd's ServiceAccount, but {' '.join(found.role)} is not "
            "seen to let it create Pods)"
        )

    def _is_read(self, need: Need) -> bool:
        return not isinstance(self._snapshot.reading(need), Unavailable)

    def _unread(self) -> str:
        missing = [
            f"{what} could not be read ({reading.reason})"
            for need, what in (
                (Need.NAMESPACES, "namespaces"),
                (Need.ROLE_BINDINGS, "RoleBindings"),
                (Need.ROLES, "Roles"),
                (Need.CLUSTER_ROLES, "ClusterRoles"),
            )
            if isinstance(reading := self._snapshot.reading(need), Unavailable)
        ]
        return (
            f" ({', '.join(missing)}, so a consent that is there may go unseen)" if missing else ""
        )


def _account(deployment: CoderDeployment, coderd: tuple[Workload, ...]) -> Account | None:
    """coderd's ServiceAccount, None where it is not known which coderd is meant.

    A managed coderd that is not made yet will have an account of the CoderDeployment's name. A region
    has no coderd: one that stands beside it speaks for another CoderDeployment, or for none.
    """
    management = deployment.spec.control_plane.management
    if management == "None":
        return None
    ours = [one for one in coderd if one.ours] or list(coderd)
    if len(ours) == 1:
        return deployment.namespace, ours[0].deployment.shape.service_account or "default"
    if not ours and management == "Managed":
        return deployment.namespace, deployment.name
    return None
