"""Which addresses are the internet's: an address in, whether a stranger's link may lead there out."""

from coder_cva.values import addresses


def is_public(text: str) -> bool:
    """Whether it is an address of the internet: no private, local, reserved or metadata address."""
    address = addresses.read(text)
    if address is None:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
