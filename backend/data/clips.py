"""Imports a user's films, pictures and episodes as a data set; a separate process decodes them."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.data.containers import DATASETS, PUBLISHED, Container, VideoError, natural, sniff
from backend.data.cutting import Cut, Source, episodes_of, say_broken_off
from backend.data.decode.client import decode_in_child
from backend.data.decode.sandbox import CROPS, Limits, Options, Request
from backend.data.episodes import DATASET, REFERENCE, DatasetInfo, encode_dataset_info, now
from backend.data.files import Content, aside_of, write_folder

MIN_FRAMES = 16  # an episode needs at least these
MIN_SPLIT, MAX_SPLIT = MIN_FRAMES, 10_000
MIN_FPS, MAX_FPS = 0.1, 240.0
MAX_STRIDE = 100
MAX_PICTURES = 900  # loose pictures, all open at once while they are decoded
SEVERAL = "pictures"  # the name of the clip that loose pictures make


class UserFile(NamedTuple):
    """One uploaded file: its name for display, its path and the hash of its bytes."""

    name: str
    path: Path
    sha256: str


class Preview(NamedTuple):
    """The result that an import would have: the data set's description, and frames (T, 64, 64, 3) of some episodes."""

    info: DatasetInfo
    rows: list[NDArray[np.uint8]]


def import_clips(
    files: Sequence[UserFile],
    target: Path,
    name: str,
    *,
    options: Options | None = None,
    min_frames: int = MIN_FRAMES,
    limits: Limits | None = None,
) -> DatasetInfo:
    """Make the data set `target` from films, pictures or npz episodes: completely or not at all.

    Only the bytes decide what a file is. `options` say how frames become 64x64, which are kept and where clips are
    split; loose pictures make one clip in the order of their names. A damaged film gives its good frames and a warning.

    Raises VideoError (naming the file), FileExistsError where `target` exists, OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = aside_of(target.parent / "decoded")
    staging.mkdir()
    try:
        info, episodes = _decoded(files, staging, name, options or Options(), min_frames, limits or Limits())
        info = replace(info, id=target.name, folder=target)
        contents: dict[str, Content] = {f"episode-{i:06d}.npz": part.write for i, part in enumerate(episodes)}
        if "reference" in info.settings:
            contents = {REFERENCE: json.dumps(info.settings["reference"], indent=1).encode()}
        contents[DATASET] = encode_dataset_info(info)
        write_folder(target, contents)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return info


def preview_clips(
    files: Sequence[UserFile], name: str, options: Options, *, episodes: int, frames: int, limits: Limits | None = None
) -> Preview:
    """What `import_clips` would make of files, without storing it, with frames of at most `episodes` episodes.

    Raises VideoError (naming the file), OSError.
    """
    with tempfile.TemporaryDirectory(prefix="diswm-preview-") as folder:
        info, parts = _decoded(files, Path(folder), name, options, MIN_FRAMES, limits or Limits())
        rows = []
        for number in spread(len(parts), episodes):
            image = parts[number].look()
            rows.append(image[spread(len(image), frames)])
        return Preview(info, rows)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` indices below `count`, evenly from first to last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def check_options(options: Options) -> None:
    """Raises ValueError for options that no import takes."""
    if options.crop not in CROPS:
        raise ValueError(f"crop must be one of {', '.join(CROPS)}")
    if not 1 <= options.stride <= MAX_STRIDE:
        raise ValueError(f"stride must be 1 to {MAX_STRIDE}")
    if options.fps is not None and not MIN_FPS <= options.fps <= MAX_FPS:
        raise ValueError(f"fps must be {MIN_FPS:g} to {MAX_FPS:g}")
    if options.split and not MIN_SPLIT <= options.split <= MAX_SPLIT:
        raise ValueError(f"split must be 0 or {MIN_SPLIT} to {MAX_SPLIT}")


def _decoded(
    files: Sequence[UserFile], staging: Path, name: str, options: Options, min_frames: int, limits: Limits
) -> tuple[DatasetInfo, list[Cut]]:
    check_options(options)
    if not files:
        raise VideoError("empty", "there is no file to make a data set of", "Choose at least one film.")
    sources = [
        _decode(group, container, staging / f"{index:04d}", options, limits)
        for index, (container, group) in enumerate(_grouped(files))
    ]
    _check_alike(sources)
    episodes: list[Cut] = []
    warnings: list[str] = []
    for source in sources:
        found, said = episodes_of(source, options.split, min_frames)
        episodes += found
        warnings += [f"{source.name}: {text}" for text in (*source.decoded.warnings, *said)]
    if not episodes:
        raise _too_short(sources[0], min_frames, options)
    if sources[0].container in PUBLISHED:
        warnings += say_broken_off([episode.frames for episode in episodes], min_frames)
    return _describe(sources, episodes, name, options, warnings), episodes


def _grouped(files: Sequence[UserFile]) -> list[tuple[Container, list[UserFile]]]:
    """One group per file; loose pictures are one group, in the order of their names."""
    groups: list[tuple[Container, list[UserFile]]] = []
    pictures: list[UserFile] = []
    for file in files:
        try:
            container = sniff(file.path)
        except VideoError as error:
            raise error.about(file.name) from error
        if container != "picture":
            groups.append((container, [file]))
            continue
        if not pictures:
            groups.append((container, pictures))
        pictures.append(file)
    if len(pictures) > MAX_PICTURES:
        message = f"{len(pictures)} loose pictures are too many; at most {MAX_PICTURES} are taken"
        raise VideoError("too_large", message, "Pack them into a zip.")
    pictures.sort(key=lambda file: natural(file.name))
    return groups


def _decode(group: list[UserFile], container: Container, output: Path, options: Options, limits: Limits) -> Source:
    name = group[0].name if len(group) == 1 else SEVERAL
    request = Request(tuple(str(file.path) for file in group), str(output), container, options, limits)
    try:
        decoded = decode_in_child(request)
        if container not in PUBLISHED and decoded.frames == 0:
            remedy = "Check that a player shows it, or encode it again as H.264 mp4."
            raise VideoError("damaged", "not one frame of it can be decoded", remedy)
    except VideoError as error:
        raise error.about(name) from error
    return Source(name, container, output, decoded, _hash(group), str(group[0].path.resolve()))


def _hash(group: Sequence[UserFile]) -> str:
    """The hash of a file; for loose pictures, that of their hashes."""
    if len(group) == 1:
        return group[0].sha256
    return hashlib.sha256("\n".join(file.sha256 for file in group).encode()).hexdigest()


def _too_short(source: Source, min_frames: int, options: Options) -> VideoError:
    decoded = source.decoded
    strided = f" with every {options.stride}th kept" if options.stride > 1 else ""
    thinned = strided or (f" at {options.fps:g} frames a second" if options.fps else "")
    clips = f" in {len(decoded.parts)} clips" if len(decoded.parts) > 1 else ""
    lost = "".join(f"; {warning}" for warning in decoded.warnings)
    message = f"{decoded.frames} frames{clips}{thinned} are too few; at least {min_frames} are needed{lost}"
    remedy = "Choose a longer film" + (" or a smaller stride." if strided else ".")
    return VideoError("too_short", message, remedy).about(source.name)


def _check_alike(sources: Sequence[Source]) -> None:
    if len({source.container in PUBLISHED for source in sources}) > 1:
        message = "films and npz episodes cannot make one data set together"
        raise VideoError("mixed", message, "Import them one after the other, under two names.")
    shapes = {(source.decoded.action_size, source.decoded.factor_names) for source in sources}
    if len(shapes) > 1:
        message = "the episodes differ in their actions or factors"
        raise VideoError("mixed", message, "Import episodes of one environment at a time.")


def _describe(
    sources: Sequence[Source], episodes: Sequence[Cut], name: str, options: Options, warnings: Sequence[str]
) -> DatasetInfo:
    published = sources[0].container in PUBLISHED
    first = sources[0].decoded
    return DatasetInfo(
        id="",
        name=name,
        kind="published" if published else "clips",
        folder=Path(),
        environment=None,
        episodes=len(episodes),
        frames=sum(episode.frames for episode in episodes),
        lengths=tuple(episode.frames for episode in episodes),
        action_size=first.action_size,
        factor_names=first.factor_names,
        guessed_factors=not first.factor_names,
        created_at=now(),
        settings=_settings(sources, options),
        warnings=tuple(warnings),
    )


def _settings(sources: Sequence[Source], options: Options) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    first = sources[0]
    if first.container in DATASETS:
        settings = {"format": first.decoded.format, "pictures": {"crop": options.crop}}
    elif first.container not in PUBLISHED:
        settings = asdict(options)
        del settings["format"]
    if first.decoded.referenced:
        settings["reference"] = {"path": first.origin, "format": first.decoded.format, "crop": options.crop}
    return {**settings, "files": [_about(source) for source in sources]}


def _about(source: Source) -> dict[str, Any]:
    decoded = source.decoded
    values = asdict(decoded)
    for name in ("warnings", "parts", "action_size", "factor_names", "referenced", "format"):
        del values[name]
    clips = [{"name": part.name, "frames": part.frames} for part in decoded.parts if part.name]
    return {"name": source.name, "sha256": source.sha256, **values, "clips": clips}
