"""The spec's word on storage in, a home folder as Terraform for a workspace's template out (CVA-STO-001).

As in Coder's own template: the claim stays while the workspace is stopped, so it has no ``count``, and
Terraform does not wait for a volume that is made only when the Pod comes.
"""

from typing import Final

from coder_cva.api.v1alpha1.workspaces import Storage
from coder_cva.values.quantity import byte_count

_SIZE: Final = "10Gi"
"""Of a home in Coder's template."""

MOUNT: Final = """\
volume_mount {
  name       = "home"  # as the volume is called
  mount_path = "/home/coder"
}"""
"""What mounts the volume, in the container."""

_WHOLE: Final = """\
# beside the workspace's own resources
resource "kubernetes_persistent_volume_claim" "home" {{
  metadata {{
    name      = "coder-${{data.coder_workspace.me.id}}-home"
    namespace = "{namespace}"
    labels = {{
      "com.coder.resource"     = "true"
      "com.coder.workspace.id" = data.coder_workspace.me.id
    }}
  }}
  wait_until_bound = false
  spec {{
    access_modes = ["ReadWriteOnce"]{storage_class}
    resources {{
      requests = {{
        storage = "{size}"
      }}
    }}
  }}
}}
# in the spec of its Pod, instead of a volume of that name
volume {{
  name = "home"
  persistent_volume_claim {{
    claim_name = kubernetes_persistent_volume_claim.home.metadata.0.name
  }}
}}
# in its container
{mount}"""


def whole(storage: Storage, namespace: str) -> str:
    """Claim, volume and mount, of the class and within the sizes (bytes as quantities) that the spec names."""
    name = storage.storage_class_name
    return _WHOLE.format(
        namespace=namespace,
        storage_class=f'\n    storage_class_name = "{name}"' if name else "",
        size=_size(storage),
        mount=MOUNT,
    )


def _size(storage: Storage) -> str:
    least, most = storage.min_size, storage.max_size
    if least is not None and byte_count(least) > byte_count(_SIZE):
        return str(least)
    if most is not None and byte_count(most) < byte_count(_SIZE):
        return str(most)
    return _SIZE
