"""Run `python -m bulk.ray`."""

import sys

from bulk.ray.cluster import main

if __name__ == "__main__":
    sys.exit(main())
