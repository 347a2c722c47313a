"""`python -m bulk`."""

import sys

from bulk.run import main

if __name__ == "__main__":
    sys.exit(main())
