"""HTTPS by setting, from a lowest version on, and with client certificates if asked for."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from errors import AccessError
from server.authorization.tls import tls_context
from server.openapi.examples import record
from server.settings import Settings
from tests.server.harness import ANSWER_S, RunningServer


class Certificates:
    """A CA of ours, a server's certificate of it, and one of a client; another CA's client."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.other_ca = trustme.CA(), trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        server = self.ca.issue_cert("127.0.0.1", "localhost")
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.key.write_bytes(server.private_key_pem.bytes())
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))

    def client_context(
        self, signer: trustme.CA | None = None, highest: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if highest is not None:
            context.maximum_version = highest
        if signer is not None:
            signer.issue_cert("client@ward.example").configure_cert(context)
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


@contextmanager
def https_server(certificates: Certificates, **settings: str) -> Iterator[str]:
    """Yield the address of a server that has started."""
    with RunningServer(
        wait=False,
        ECG_MODEL="none",
        ECG_SIGNAL_WORKERS="1",
        ECG_TLS_CERTIFICATE=str(certificates.certificate),
        ECG_TLS_KEY=str(certificates.key),
        **settings,
    ) as server:
        server.url = f"https://127.0.0.1:{server.port}"
        ready = certificates.client_context(certificates.ca)
        server.wait_until_ready(verify=ready)
        yield server.url


@pytest.fixture(scope="module")
def https_url(certificates: Certificates) -> Iterator[str]:
    with https_server(certificates, ECG_TLS_MIN_VERSION="1.3") as url:
        yield url


def get(url: str, context: ssl.SSLContext) -> httpx.Response:
    return httpx.get(f"{url}/livez", verify=context, timeout=ANSWER_S)


def test_recordings_are_answered_over_https(https_url: str, certificates: Certificates) -> None:
    with httpx.Client(verify=certificates.client_context(), timeout=ANSWER_S) as client:
        for _ in range(2):
            answer = client.post(f"{https_url}/assess_quality", json=record())
            assert answer.status_code == 200
            assert answer.json()["signal_quality"]


def test_there_is_no_http_on_the_same_port(https_url: str) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(https_url.replace("https", "http") + "/livez", timeout=ANSWER_S)


def test_a_version_below_the_lowest_is_refused(https_url: str, certificates: Certificates) -> None:
    old = certificates.client_context(highest=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(httpx.ConnectError, match="SSL"):
        get(https_url, old)
    assert get(https_url, certificates.client_context()).status_code == 200


def test_without_the_ca_the_certificate_is_not_trusted(https_url: str) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        get(https_url, ssl.create_default_context())


def test_with_a_client_ca_only_its_clients_get_a_connection(certificates: Certificates) -> None:
    with https_server(certificates, ECG_TLS_CLIENT_CA=str(certificates.ca_file)) as url:
        known = certificates.client_context(certificates.ca)
        assert get(url, known).status_code == 200
        for signer in (None, certificates.other_ca):
            with pytest.raises(httpx.TransportError):
                get(url, certificates.client_context(signer))
        tls_1_2 = certificates.client_context(certificates.ca, ssl.TLSVersion.TLSv1_2)
        assert get(url, tls_1_2).status_code == 200


def test_nothing_set_means_http() -> None:
    assert tls_context(Settings()) is None


@pytest.fixture
def files(certificates: Certificates, tmp_path: Path) -> dict[str, Path]:
    """The settings' files, in a folder where a test may change them."""
    names = {
        "tls_certificate": certificates.certificate,
        "tls_key": certificates.key,
        "tls_client_ca": certificates.ca_file,
    }
    return {name: Path(shutil.copy(path, tmp_path)) for name, path in names.items()}


def test_the_context_has_the_settings(files: dict[str, Path]) -> None:
    context = tls_context(Settings(**files, tls_min_version="1.3"))
    assert context is not None
    assert (context.minimum_version, context.verify_mode) == (
        ssl.TLSVersion.TLSv1_3,
        ssl.CERT_REQUIRED,
    )
    del files["tls_client_ca"]
    context = tls_context(Settings(**files))
    assert context is not None
    assert (context.minimum_version, context.verify_mode) == (
        ssl.TLSVersion.TLSv1_2,
        ssl.CERT_NONE,
    )


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key"])
def test_a_certificate_needs_its_key(files: dict[str, Path], missing: str) -> None:
    del files[missing]
    with pytest.raises(AccessError, match=f"ECG_{missing.upper()} is missing"):
        tls_context(Settings(**files))


@pytest.mark.parametrize("name", ["tls_certificate", "tls_key", "tls_client_ca"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_cannot_be_used_is_named(
    files: dict[str, Path], name: str, content: bytes | None
) -> None:
    if content is None:
        files[name].unlink()
    else:
        files[name].write_bytes(content)
    with pytest.raises(AccessError, match="ECG_TLS_CLIENT_CA" if "ca" in name[4:7] else "ECG_TLS"):
        tls_context(Settings(**files))


def test_an_encrypted_key_is_refused_without_asking_for_its_password(
    files: dict[str, Path],
) -> None:
    key = serialization.load_pem_private_key(files["tls_key"].read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    files["tls_key"].write_bytes(encrypted)
    with pytest.raises(AccessError, match="the private key is encrypted"):
        tls_context(Settings(**files))


def test_a_server_whose_certificate_is_missing_says_so_and_ends(tmp_path: Path) -> None:
    flags = ["--tls-certificate", str(tmp_path / "no.pem"), "--tls-key", str(tmp_path / "no.key")]
    ended = subprocess.run(
        [sys.executable, "-m", "server", "--model", "none", *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "ECG_TLS_CERTIFICATE or ECG_TLS_KEY" in ended.stderr
    assert "Traceback" not in ended.stderr
