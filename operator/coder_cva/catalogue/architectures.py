"""An edition in, its reference architectures out, from the package's own data."""

from functools import cache
from importlib import resources
from typing import Final, get_args

import yaml

from coder_cva.catalogue.model import Architectures, Edition

EDITIONS: Final[tuple[Edition, ...]] = get_args(Edition)


@cache
def architectures(edition: Edition) -> Architectures:
    """The reference architectures of an edition, read once. Raises KeyError for an unknown one."""
    if edition not in EDITIONS:
        raise KeyError(f"there is no edition {edition}: write one of {', '.join(EDITIONS)}")
    file = resources.files("coder_cva.catalogue") / "data" / edition / "architectures.yaml"
    return Architectures.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
