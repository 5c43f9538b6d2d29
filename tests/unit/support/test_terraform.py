"""Terraform's blocks are Kubernetes' fields: what a person pastes into a template lands in the Pod."""

from support.terraform import pod_part


def test_blocks_and_attributes() -> None:
    """Single blocks, lists of blocks, maps whose keys are nobody's to spell."""
    text = """
    # a comment
    node_selector = { "coder.com/node-group" = "workspaces", plain_key = "x" }
    affinity {
      pod_anti_affinity {
        preferred_during_scheduling_ignored_during_execution {
          weight = 1
          pod_affinity_term { topology_key = "kubernetes.io/hostname" }
        }
      }
    }
    toleration { key = "a" }
    """

    assert pod_part(text) == {
        "nodeSelector": {"coder.com/node-group": "workspaces", "plain_key": "x"},
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"}}
                ]
            }
        },
        "tolerations": [{"key": "a"}],
    }
