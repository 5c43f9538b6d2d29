"""The operator that keeps a cluster on the Coder Validated Architecture.

Lives here: one folder for each subject, in the order in which the data flows.
May be imported: see the contracts in pyproject.toml; import-linter holds them.
Never belongs here: code; this file holds the version only.
Read first: reconcile.py, the whole story on one page.
"""

from typing import Final

__version__: Final = "0.1.0"
