"""`python -m coder_cva`."""

import sys

from coder_cva.cli.main import main

sys.exit(main())
