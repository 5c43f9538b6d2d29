"""A real Kubernetes control plane for tests and for trying things out.

Lives here: how clusters are started, broken and ended, and a small client for tests.
May be imported: the standard library, urllib3 and PyYAML; never coder_cva.
Never belongs here: claims about the operator; those are in the tests.
Read first: README.md to use it; provider.py, what every cluster offers; native.py, the usual one.
"""

from harness.factory import cluster

__all__ = ["cluster"]
