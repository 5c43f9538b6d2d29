"""What the webhook's server shows to whoever connects; it can be exchanged while it serves."""

import os
import shutil
import ssl
import tempfile
import threading
from pathlib import Path


class Tls:
    """One TLS context for the life of the process. A new certificate holds for every new connection."""

    def __init__(self) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._ready = threading.Event()
        self._folder: Path | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is something to show."""
        return self._ready.is_set()

    @property
    def files(self) -> tuple[Path, Path]:
        """The certificate's file and the key's, readable by this user alone."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="coder-cva-webhook-"))
        return self._folder / "tls.crt", self._folder / "tls.key"

    def take(self, certificate: str, key: str) -> None:
        """Shows this one from now on. Raises ssl.SSLError where the two do not belong together."""
        # The ssl module takes nothing but files.
        paths = self.files
        for path, text in zip(paths, (certificate, key), strict=True):
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
            ) as file:
                file.write(text)
        # A context that has met the wrong key is left with none, so another one tries first.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths)
        self.context.load_cert_chain(*paths)
        self._ready.set()

    def close(self) -> None:
        """Removes the files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
