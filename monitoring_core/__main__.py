"""Shell: owns `python -m monitoring_core`, which is the console script under another name.

Refuses to know what the command line does; `cli` does.
"""

import sys

from monitoring_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
