"""Download one file of a Hugging Face repository into huggingface_hub's own cache, and verify it.

huggingface_hub 2.4 starts an interrupted download from the beginning in the next process. This
module therefore downloads with huggingface_hub's own client into a file next to the cache's blobs,
which the next attempt continues, and adds the complete file to the cache. HF_HOME, HF_ENDPOINT,
HF_TOKEN and HF_HUB_OFFLINE have their usual meaning: huggingface_hub reads them when it is
imported.
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

# Documented, but re-exported without `as`.
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from atomic_files import exclusive_lock
from errors import ChecksumMismatch, HubError
from model_store.weights_file import sha256_of

log = logging.getLogger("ecg.model_store")

DEFAULT_REVISION = "main"
MAX_LISTED_FILES = 40  # of a repository, in one error
DOWNLOAD_ATTEMPTS = 2  # an altered file is downloaded again once

_ETAG = re.compile(r"[\w.-]{8,128}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Fetched:
    """A downloaded file, its commit, and the sha256 of its content."""

    path: Path
    revision: str
    sha256: str


def fetch(
    repo: str, file: str, *, revision: str | None = None, sha256: str | None = None
) -> Fetched:
    """Return the file at a commit, from the cache or the hub.

    revision  the commit; None takes the head of `main`
    sha256    the expected checksum. A cached file with another one is downloaded again.
    Raises HubError (missing, unreachable or not allowed; the message says what to do) or
    ChecksumMismatch.
    """
    if revision is not None:
        cached = _cached(repo, file, revision, sha256)
        if cached is not None:
            return cached
    url = hf_hub_url(repo, file, revision=revision or DEFAULT_REVISION)
    try:
        metadata = get_hf_file_metadata(url)
    except (OfflineModeIsEnabled, httpx2.HTTPError, EntryNotFoundError, FileMetadataError) as error:
        cached = None
        if revision is None and not _is_refusal(error):
            cached = _cached(repo, file, DEFAULT_REVISION, sha256)
        if cached is None:
            raise _hub_error(error, repo, file, revision) from error
        log.warning(
            "%s cannot be reached; using the cached %s of %s", constants.ENDPOINT, file, repo
        )
        return cached
    return _download(repo, file, metadata, sha256)


def _cached(repo: str, file: str, revision: str, sha256: str | None) -> Fetched | None:
    """Return the file in huggingface_hub's cache, None if it is missing.

    An altered file is removed.
    """
    cached = try_to_load_from_cache(repo, file, revision=revision)
    if not isinstance(cached, str):
        return None
    path = Path(cached)
    actual = sha256_of(path)
    if sha256 is not None and actual != sha256:
        log.warning(
            "%s in the cache is altered (sha256 %s, expected %s): downloading it again",
            file,
            actual,
            sha256,
        )
        _remove_cached(path)
        return None
    # snapshots/<commit>/<file>
    commit = path.relative_to(_cache_folder(repo) / "snapshots").parts[0]
    return Fetched(path, commit, actual)


def _download(repo: str, file: str, metadata: HfFileMetadata, sha256: str | None) -> Fetched:
    etag = metadata.etag or ""
    commit = metadata.commit_hash or ""
    if not _ETAG.fullmatch(etag) or not _COMMIT.fullmatch(commit):
        raise HubError(
            f"{constants.ENDPOINT} does not answer like a Hugging Face hub (no ETag or commit); "
            "check HF_ENDPOINT and proxies"
        )
    # The hub's ETag of a large file is its sha256.
    expected = etag if sha256 is None and _SHA256.fullmatch(etag) else sha256
    blob = _cache_folder(repo) / "blobs" / etag
    blob.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(blob.with_name(f"{etag}.ecg.lock")):
        for _ in range(DOWNLOAD_ATTEMPTS):
            if not blob.exists():
                _download_blob(repo, file, metadata, blob)
            actual = sha256_of(blob)
            if expected is None or actual == expected:
                return Fetched(Path(hf_hub_download(repo, file, revision=commit)), commit, actual)
            log.warning(
                "%s of %s has another checksum (sha256 %s, expected %s)",
                file,
                repo,
                actual,
                expected,
            )
            blob.unlink()
    raise ChecksumMismatch(
        f"{file} of {repo} at {commit}: the hub serves sha256 {actual}, expected {expected}; "
        "nothing was kept (`python -m model_store pull --update` accepts another version)"
    )


def _download_blob(repo: str, file: str, metadata: HfFileMetadata, blob: Path) -> None:
    """Download to `blob`, continuing an earlier attempt.

    Raises HubError, with the number of bytes received, if the connection fails.
    """
    partial = blob.with_name(f"{blob.name}.ecg.partial")
    with partial.open("ab") as output:
        start = output.tell()
        if metadata.size is not None and start > metadata.size:
            output.truncate(0)
            start = 0
        if start:
            log.info("%s: continuing at %d of %s bytes", file, start, metadata.size)
        try:
            http_get(
                metadata.location,
                output,
                resume_size=start,
                headers=_headers(metadata.location),
                expected_size=metadata.size,
                displayed_filename=file,
            )
        except (httpx2.HTTPError, OSError) as error:
            output.flush()
            raise HubError(
                f"{file} of {repo}: the download was interrupted after {output.tell()} of "
                f"{metadata.size} bytes ({_reason(error)}); run the same command again to continue"
            ) from error
    partial.replace(blob)


def _headers(location: str) -> dict[str, str]:
    """Return the request headers of a download.

    The token is sent to the hub only, never to the storage host that it redirects to, whose URLs
    are signed.
    """
    headers: dict[str, str] = build_hf_headers()
    if httpx2.URL(location).host != httpx2.URL(constants.ENDPOINT).host:
        headers.pop("authorization", None)
    headers["Accept-Encoding"] = "identity"
    return headers


def _is_refusal(error: Exception) -> bool:
    """Return whether the hub answered that there is no such file: the cache must not replace it."""
    return isinstance(error, EntryNotFoundError | RevisionNotFoundError | RepositoryNotFoundError)


def _hub_error(error: Exception, repo: str, file: str, revision: str | None) -> HubError:
    """Return the error that tells the user what to do."""
    where = f"{repo} at {revision or DEFAULT_REVISION} ({constants.ENDPOINT})"
    if isinstance(error, OfflineModeIsEnabled):
        return HubError(f"{file} of {repo} is not in the cache, and HF_HUB_OFFLINE is set")
    if isinstance(error, GatedRepoError):
        return HubError(f"{where}: request access on the repository's page, then set HF_TOKEN")
    if isinstance(error, RepositoryNotFoundError):
        return HubError(
            f"{where}: no such repository, or it is private and HF_TOKEN gives no access"
        )
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"{where}: the repository no longer has this revision; `pull --update` takes the newest"
        )
    if isinstance(error, EntryNotFoundError):
        return HubError(f"{where} has no file {file!r}; it has {_listing(repo, revision)}")
    return HubError(f"{where} cannot be reached ({_reason(error)}), and {file} is not in the cache")


def _listing(repo: str, revision: str | None) -> str:
    try:
        files = sorted(HfApi().list_repo_files(repo, revision=revision or DEFAULT_REVISION))
    except httpx2.HTTPError as error:
        return f"files that could not be listed ({_reason(error)})"
    listed = ", ".join(files[:MAX_LISTED_FILES])
    more = len(files) - MAX_LISTED_FILES
    return f"{listed} and {more} more" if more > 0 else listed


def _reason(error: Exception) -> str:
    if isinstance(error, HfHubHTTPError):
        return f"HTTP {error.response.status_code}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _cache_folder(repo: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")


def _remove_cached(path: Path) -> None:
    """Remove a cached file and its blob; huggingface_hub would reuse a blob that stays."""
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)
