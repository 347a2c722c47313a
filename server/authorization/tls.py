"""TLS from the settings: certificate, private key, lowest version, and the CA of clients."""

from __future__ import annotations

import ssl
from typing import Final

from errors import AccessError
from server.settings import Settings

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context of every HTTPS connection; None where the server speaks HTTP.

    Made before the HTTP processes are forked: a file that cannot be used ends the start with a
    sentence, and the processes need not be able to read the private key. Raises AccessError.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None:
        if key is not None or settings.tls_client_ca is not None:
            raise AccessError("ECG_TLS_CERTIFICATE is missing; ECG_TLS_KEY or _CLIENT_CA is set")
        return None
    if key is None:
        raise AccessError("ECG_TLS_KEY is missing; ECG_TLS_CERTIFICATE is set")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.tls_min_version]
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise AccessError(f"ECG_TLS_CERTIFICATE or ECG_TLS_KEY: {error}") from None
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(cafile=settings.tls_client_ca)
        except OSError as error:
            raise AccessError(f"ECG_TLS_CLIENT_CA: {error}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _no_password() -> str:
    # Without this OpenSSL would ask on the terminal.
    raise ValueError("the private key is encrypted; a key without a password is needed")
