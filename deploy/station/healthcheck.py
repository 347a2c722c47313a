"""Exit with 0 if the station of this container is ready for requests; HEALTHCHECK runs it."""

import http.client
import os
import sys

HOST = "127.0.0.1"
TIMEOUT_S = 4  # less than the timeout of the Dockerfile's HEALTHCHECK


def is_ready() -> bool:
    """Return whether /readyz answers 200, which processes of every role do."""
    port = int(os.environ.get("STATION_PORT", "8100"))
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
