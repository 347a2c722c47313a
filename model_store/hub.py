"""One file of a Hugging Face repository, whole and as expected, in huggingface_hub's own cache.

huggingface_hub 2.4 starts a broken download anew in the next process; a gigabyte deserves better. So the bytes are fetched
with its own client into a file beside its cache's blobs, which the next attempt continues, and handed to the cache when they
are whole. HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE hold as everywhere: huggingface_hub reads them when it is imported.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import HfFileMetadata, http_get, repo_folder_name
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, re-exported without `as`

from atomic_files import exclusive_lock
from errors import ChecksumMismatch, HubError
from model_store.weights_file import sha256_of

log = logging.getLogger(__name__)

DEFAULT_REVISION = "main"
LISTED_AT_MOST = 40  # files of a repository named in one error
ATTEMPTS = 2  # an altered file is fetched anew once


@dataclass(frozen=True)
class Fetched:
    """A file as it was fetched: the commit it belongs to and what its bytes hash to."""

    path: Path
    revision: str
    sha256: str


def fetch(
    repo: str, file: str, *, revision: str | None = None, sha256: str | None = None
) -> Fetched:
    """The file at a commit (None: at the head of `main`), from the cache where it is there already.

    sha256  what it must hash to. A cached file that does not is fetched anew.
    Raises HubError (not there, not reachable, not allowed; the message says what to do) and ChecksumMismatch.
    """
    if revision is not None:
        cached = _cached(repo, file, revision, sha256)
        if cached is not None:
            return cached
    try:
        metadata = get_hf_file_metadata(
            hf_hub_url(repo, file, revision=revision or DEFAULT_REVISION)
        )
    except (OfflineModeIsEnabled, httpx2.HTTPError, EntryNotFoundError, FileMetadataError) as error:
        cached = (
            None
            if _refused(error) or revision is not None
            else _cached(repo, file, DEFAULT_REVISION, sha256)
        )
        if cached is None:
            raise _explained(error, repo, file, revision) from error
        log.warning(
            "%s cannot be asked; %s of %s is taken from the cache as it is",
            constants.ENDPOINT,
            file,
            repo,
        )
        return cached
    return _download(repo, file, metadata, sha256)


def _cached(repo: str, file: str, revision: str, sha256: str | None) -> Fetched | None:
    """The file in huggingface_hub's cache, None where it is not there, or is no longer what it was (then it is removed)."""
    found = try_to_load_from_cache(repo, file, revision=revision)
    if not isinstance(found, str):
        return None
    path = Path(found)
    actual = sha256_of(path)
    if sha256 is not None and actual != sha256:
        log.warning(
            "%s in the cache is altered (sha256 %s, expected %s): fetching it anew",
            file,
            actual,
            sha256,
        )
        _remove(path)
        return None
    return Fetched(path, path.relative_to(_storage(repo) / "snapshots").parts[0], actual)


def _download(repo: str, file: str, metadata: HfFileMetadata, sha256: str | None) -> Fetched:
    etag, commit = metadata.etag or "", metadata.commit_hash or ""
    if not re.fullmatch(r"[\w.-]{8,128}", etag) or not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise HubError(
            f"{constants.ENDPOINT} does not answer as a Hugging Face hub does (no ETag or commit); check HF_ENDPOINT and proxies"
        )
    expected = sha256 or (
        etag if re.fullmatch(r"[0-9a-f]{64}", etag) else None
    )  # the hub's ETag of a large file is its sha256
    blob = _storage(repo) / "blobs" / etag
    blob.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(blob.with_name(f"{etag}.ecg.lock")):
        for _ in range(ATTEMPTS):
            if not blob.exists():
                _fetch_blob(repo, file, metadata, blob)
            actual = sha256_of(blob)
            if expected is None or actual == expected:
                return Fetched(Path(hf_hub_download(repo, file, revision=commit)), commit, actual)
            log.warning(
                "%s of %s is not what was expected (sha256 %s, expected %s)",
                file,
                repo,
                actual,
                expected,
            )
            blob.unlink()
    raise ChecksumMismatch(
        f"{file} of {repo} at {commit}: the hub serves sha256 {actual}, expected {expected}; nothing was kept "
        "(`python -m model_store pull --update` accepts another version)"
    )


def _fetch_blob(repo: str, file: str, metadata: HfFileMetadata, blob: Path) -> None:
    """The bytes, continuing what an earlier attempt left. Raises HubError that says how far it came."""
    partial = blob.with_name(f"{blob.name}.ecg.partial")
    with partial.open("ab") as output:
        there = output.tell()
        if metadata.size is not None and there > metadata.size:
            output.truncate(0)
            there = 0
        if there:
            log.info("%s: continuing at %d of %s bytes", file, there, metadata.size)
        try:
            http_get(
                metadata.location,
                output,
                resume_size=there,
                headers=_headers(metadata.location),
                expected_size=metadata.size,
                displayed_filename=file,
            )
        except (httpx2.HTTPError, OSError) as error:
            output.flush()
            raise HubError(
                f"{file} of {repo}: the download broke off after {output.tell()} of {metadata.size} bytes ({_reason(error)}); "
                "the same command continues there"
            ) from error
    partial.replace(blob)


def _headers(location: str) -> dict[str, str]:
    """The token goes to the hub only, never to the storage host that it redirects to (whose addresses are signed)."""
    headers: dict[str, str] = build_hf_headers()
    if httpx2.URL(location).host != httpx2.URL(constants.ENDPOINT).host:
        headers.pop("authorization", None)
    headers["Accept-Encoding"] = "identity"
    return headers


def _refused(error: Exception) -> bool:
    """Whether the hub answered, and said no: then what the cache holds is not what was asked for."""
    return isinstance(error, EntryNotFoundError | RevisionNotFoundError | RepositoryNotFoundError)


def _explained(error: Exception, repo: str, file: str, revision: str | None) -> HubError:
    where = f"{repo} at {revision or DEFAULT_REVISION} ({constants.ENDPOINT})"
    if isinstance(error, OfflineModeIsEnabled):
        return HubError(
            f"{file} of {repo} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it"
        )
    if isinstance(error, GatedRepoError):
        return HubError(f"{where}: access must be granted on its page first, then set HF_TOKEN")
    if isinstance(error, RepositoryNotFoundError):
        return HubError(
            f"{where}: no such repository, or it is private and HF_TOKEN does not open it"
        )
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"{where}: the repository no longer has this revision; `pull --update` takes the newest"
        )
    if isinstance(error, EntryNotFoundError):
        return HubError(f"{where} has no file {file!r}; it holds {_listing(repo, revision)}")
    return HubError(f"{where} cannot be reached ({_reason(error)}), and {file} is not in the cache")


def _listing(repo: str, revision: str | None) -> str:
    try:
        files = sorted(HfApi().list_repo_files(repo, revision=revision or DEFAULT_REVISION))
    except httpx2.HTTPError as error:
        return f"files that could not be listed ({_reason(error)})"
    more = f" and {len(files) - LISTED_AT_MOST} more" if len(files) > LISTED_AT_MOST else ""
    return ", ".join(files[:LISTED_AT_MOST]) + more


def _reason(error: Exception) -> str:
    if isinstance(error, HfHubHTTPError):
        return f"HTTP {error.response.status_code}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _storage(repo: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")


def _remove(path: Path) -> None:
    """A cached file and the blob that it points at: without both, huggingface_hub would take the blob again."""
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)
