"""The rules of access from the settings, or the reason why the server must not start."""

from __future__ import annotations

import logging
from typing import Final

from access.browser import LOOPBACK_HOSTS, checked_hosts, checked_origins
from access.identity import ANONYMOUS_NAME, Identity
from access.jwks import check_url
from access.key_file import WatchedKeyFile
from access.oidc import OidcRules
from access.rates import check_rate
from errors import AccessError
from server.authorization.guard import AccessRules
from server.authorization.route_scopes import ALL_SCOPES
from server.settings import Settings, comma_separated

logger = logging.getLogger("ecg.start")

LOOPBACK_ADDRESS: Final = "127.0.0.1"


def access_rules(settings: Settings) -> AccessRules:
    """Return who may do what. Raises AccessError, BadKeyFile."""
    oidc = _oidc_rules(settings)
    if settings.key_rate is not None:
        check_rate(settings.key_rate)
    key_file = None if settings.key_file is None else _key_file(settings)
    is_local = settings.host == LOOPBACK_ADDRESS
    if not (is_local or settings.has_credentials or settings.allow_anonymous):
        raise AccessError(
            f"ECG_HOST is {settings.host}, which others can reach, and there are no keys: make one "
            "with `python -m server keys add NAME --key-file FILE` and set ECG_KEY_FILE, or set "
            "ECG_OIDC_ISSUER, or serve everybody with --allow-anonymous"
        )
    return AccessRules(
        anonymous=Identity(ANONYMOUS_NAME, anonymous_scopes(settings)),
        key_file=key_file,
        oidc=oidc,
        oidc_jwks_url=settings.oidc_jwks_url,
        allowed_hosts=_allowed_hosts(settings),
        cors_origins=checked_origins(settings.cors_origin_list),
        key_rate=settings.key_rate,
        key_max_in_flight=settings.key_max_in_flight,
        holds_secrets=settings.has_credentials or settings.tls_key is not None,
    )


def _key_file(settings: Settings) -> WatchedKeyFile:
    assert settings.key_file is not None
    key_file = WatchedKeyFile(settings.key_file)
    ring = key_file.ring()
    if not ring.keys and not settings.allow_anonymous:
        raise AccessError(
            f"ECG_KEY_FILE is {settings.key_file}, which has no key: make one with `python -m "
            "server keys add NAME`, or serve everybody with --allow-anonymous"
        )
    valid = ring.count_valid()
    logger.log(
        logging.INFO if valid else logging.WARNING,
        "key file: %d keys, %d of them valid",
        len(ring.keys),
        valid,
    )
    return key_file


def anonymous_scopes(settings: Settings) -> frozenset[str]:
    """Return what a request without a credential may do. Raises AccessError."""
    opened = comma_separated(settings.open_scopes)
    unknown = [word for word in opened if word not in ALL_SCOPES]
    if unknown:
        raise AccessError(
            f"ECG_OPEN_SCOPES names {', '.join(unknown)}; allowed are {', '.join(ALL_SCOPES)}"
        )
    everything = settings.allow_anonymous or not settings.has_credentials
    return frozenset(ALL_SCOPES if everything else opened)


def _allowed_hosts(settings: Settings) -> frozenset[str]:
    if settings.allowed_hosts is not None:
        return checked_hosts(comma_separated(settings.allowed_hosts))
    # On other addresses the server cannot know its names. There a page needs a key.
    return frozenset(LOOPBACK_HOSTS if settings.host == LOOPBACK_ADDRESS else {"*"})


def _oidc_rules(settings: Settings) -> OidcRules | None:
    if settings.oidc_issuer is None:
        if settings.oidc_audience is not None or settings.oidc_jwks_url is not None:
            raise AccessError("ECG_OIDC_ISSUER is missing; other settings of tokens are set")
        return None
    if settings.oidc_audience is None:
        # A token for any other application of the issuer would be accepted.
        raise AccessError("ECG_OIDC_AUDIENCE is missing; ECG_OIDC_ISSUER is set")
    check_url(settings.oidc_issuer)
    if settings.oidc_jwks_url is not None:
        check_url(settings.oidc_jwks_url)
    return OidcRules(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithms=comma_separated(settings.oidc_algorithms),
        clock_skew_s=settings.oidc_clock_skew,
        scope_claim=settings.oidc_scope_claim,
        scope_prefix=settings.oidc_scope_prefix,
    )
