"""Exit with 0 if the server of this container is ready for requests; HEALTHCHECK runs it."""

import http.client
import os
import socket
import ssl
import sys

HOST = "127.0.0.1"
TIMEOUT_S = 4  # less than the timeout of the Dockerfiles' HEALTHCHECK


def is_ready() -> bool:
    """Return whether /readyz answers 200.

    Where the server asks for client certificates, only whether it accepts connections: this script
    has none.
    """
    port = int(os.environ.get("ECG_PORT", "8000"))
    try:
        if os.environ.get("ECG_TLS_CLIENT_CA"):
            socket.create_connection((HOST, port), TIMEOUT_S).close()
            return True
        connection = _connection(port)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def _connection(port: int) -> http.client.HTTPConnection:
    if not os.environ.get("ECG_TLS_CERTIFICATE"):
        return http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    # The certificate names the public host, not this address. Nothing secret is sent.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(HOST, port, timeout=TIMEOUT_S, context=context)


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
