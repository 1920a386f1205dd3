"""Pushes checkpoints to a hub of models that speaks Hugging Face's protocol, and pulls them from there.

A checkpoint folder is a repository without changes. What is pulled is checked like an upload: only the known files are
read, each within its limit, and nothing stays if one of them is wrong. huggingface_hub reads the token (HF_TOKEN, or
`hf auth login`); nothing here does. HF_ENDPOINT names another hub.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from backend.data.checkpoint import CheckpointInfo
from backend.data.files import MANIFEST
from backend.data.import_checks import REQUIRED, RefusedImport
from backend.data.imports import LIMITS, Imported, take_in
from backend.data.packing import NAMES, packed_files

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PICTURES = (".png", ".gif")  # beside a card, which shows them
PATIENCE_S = 60.0  # without one byte from the hub
_PIECE = 2**20
_REMEDY = "Pull a repository that diswm push wrote."


class HubError(Exception):
    """A hub cannot be used; one sentence says why."""


class Pushed(NamedTuple):
    """Where a checkpoint is on a hub."""

    repo: str
    revision: str  # the commit's hash
    url: str


def push_checkpoint(info: CheckpointInfo, repo: str, *, private: bool = False, endpoint: str | None = None) -> Pushed:
    """Makes the repository if there is none, and puts a checkpoint there in one commit. Raises HubError, CorruptFile.

    A file that an earlier push put there and this checkpoint does not have is removed; other files stay.
    """
    files = packed_files(info)
    pictures = {path.name: path for path in info.folder.iterdir() if path.suffix in PICTURES and path.is_file()}
    with _sentences(repo, endpoint) as api:
        from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

        target = api.create_repo(repo, private=private or None, exist_ok=True).repo_id
        present = {one.rfilename for one in api.model_info(target).siblings or ()}
        changes: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
            *(CommitOperationAdd(name, content) for name, content in {**pictures, **files}.items()),
            *(CommitOperationDelete(name) for name in sorted(present.intersection(NAMES) - files.keys())),
        ]
        try:
            commit = api.create_commit(target, changes, commit_message=f"Put the checkpoint {info.name}")
        except RuntimeError as error:  # of the threads that send large files
            raise HubError(f"{_shown(api.endpoint)} did not take the files: {error}") from error
        return Pushed(target, commit.oid, f"{_shown(api.endpoint)}/{target}")


def pull_checkpoint(
    repo: str, home: Path, *, revision: str | None = None, name: str | None = None, endpoint: str | None = None
) -> Imported:
    """Brings a repository into `home/checkpoints`, completely or not at all; its config.json names the exact commit.

    Raises HubError, RefusedImport or IncompatibleCheckpoint.
    """
    if name is not None and (not name.strip() or len(name) > 200):
        raise HubError("the name must have 1 to 200 letters")
    with _sentences(repo, endpoint) as api:
        commit, names = _found(api, repo, revision)
        origin = f"{_shown(api.endpoint)}/{repo} at {commit}"

        def fill(folder: Path) -> None:
            for file in names:
                _download(api, repo, commit, file, folder / file)

        return take_in(home, fill, {"origin": origin, **({} if name is None else {"name": name})})


def _found(api: "HfApi", repo: str, revision: str | None) -> tuple[str, list[str]]:
    """The commit that a revision means now, and the files of a checkpoint in it; refuses what is too large."""
    info = api.model_info(repo, revision=revision, files_metadata=True)
    sizes = {one.rfilename: one.size or 0 for one in info.siblings or () if one.rfilename in LIMITS}
    missing = sorted({*REQUIRED, MANIFEST} - sizes.keys())
    if missing or info.sha is None:
        raise HubError(f"{repo} is no checkpoint: it has no {', '.join(missing) or 'commit'}")
    for name, size in sizes.items():
        if size > LIMITS[name]:
            raise RefusedImport(f"{name} would be {size:,} bytes, the limit is {LIMITS[name]:,}", _REMEDY, [name])
    return info.sha, sorted(sizes)


def _download(api: "HfApi", repo: str, commit: str, name: str, target: Path) -> None:
    """One file, never more bytes than its limit, whatever the hub said before."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented there, but not declared
        build_hf_headers,
        hf_raise_for_status,
    )

    url = hf_hub_url(repo, name, revision=commit, endpoint=api.endpoint)
    left = LIMITS[name]
    with (
        get_session().stream("GET", url, headers=build_hf_headers(), timeout=PATIENCE_S) as answer,
        target.open("wb") as file,
    ):
        hf_raise_for_status(answer)
        for piece in answer.iter_bytes(_PIECE):
            left -= len(piece)
            if left < 0:
                raise RefusedImport(f"{name} has more than {LIMITS[name]:,} bytes", _REMEDY, [name])
            file.write(piece)


@contextmanager
def _sentences(repo: str, endpoint: str | None) -> Iterator["HfApi"]:
    """The hub; whatever goes wrong with it becomes a HubError with one sentence, without headers or tokens."""
    try:
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            HFValidationError,
            LocalTokenNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError as error:
        raise HubError("this needs huggingface_hub: pip install 'diswm-studio[hub]'") from error
    api = HfApi(endpoint=endpoint)
    hub = _shown(api.endpoint)
    try:
        yield api
    except HFValidationError as error:
        raise HubError(f"{repo!r} is not the name of a repository, such as user/name") from error
    except LocalTokenNotFoundError as error:
        raise HubError(f"{hub} needs a token: set HF_TOKEN, or run hf auth login") from error
    except GatedRepoError as error:
        raise HubError(f"{repo} is open only to those whom its owner let in") from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo} has no such revision") from error
    except RepositoryNotFoundError as error:
        raise HubError(f"{hub} has no {repo}, or does not show it without another token (HF_TOKEN)") from error
    except HfHubHTTPError as error:
        raise HubError(_refusal(hub, repo, error.response.status_code)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ConnectionError) as error:
        raise HubError(f"the connection to {hub} failed ({type(error).__name__}); nothing was kept") from error


def _refusal(hub: str, repo: str, status: int) -> str:
    if status in (401, 403):
        return f"{hub} refuses access to {repo} ({status}): set HF_TOKEN to a token that may do this"
    return f"{hub} answered {status} for {repo}"


def _shown(endpoint: str) -> str:
    """An address without a user's name or password."""
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
