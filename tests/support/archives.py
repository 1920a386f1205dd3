"""Archives of checkpoints for the tests of imports: good ones, and what can be done to them."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors.torch import load, save

from backend.data.catalogue import SHIPPED
from backend.data.files import sha256
from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig

Files = dict[str, bytes]
SHIPPED_FACTORS = SHIPPED / "finger-episode-factors"
INTERVENTIONS = "interventions.json"


def zipped(tmp_path: Path, files: Mapping[str, bytes], *, relist: bool = True) -> Path:
    """A zip of these files; `relist`: with a correct manifest."""
    files = dict(files)
    if relist:
        listed = json.loads(files["manifest.json"])
        for name in listed.keys() & files.keys():
            (tmp_path / "piece").write_bytes(files[name])
            listed[name] = sha256(tmp_path / "piece")
        files["manifest.json"] = json.dumps(listed).encode()
    path = tmp_path / "upload.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def home_of(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return home


def left(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.name != "checkpoints"]


def replaced(name: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: {**files, name: content}


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {key: value for key, value in files.items() if key != name}


def in_config(**changes: object) -> Callable[[Files], Files]:
    def edit(files: Files) -> Files:
        config = json.loads(files["config.json"])
        config["networks"]["world_model"] |= changes
        return {**files, "config.json": json.dumps(config).encode()}

    return edit


def in_policy(**changes: object) -> Callable[[Files], Files]:
    """A policy of other sizes, with weights of just these sizes."""

    def edit(files: Files) -> Files:
        config = json.loads(files["config.json"])
        sizes = config["networks"]["actor_critic"] | changes
        config["networks"]["actor_critic"] = sizes
        tensors = {key: value for key, value in load(files["model.safetensors"]).items() if key.startswith("model.")}
        policy = ActorCritic(ActorCriticConfig(**sizes)).state_dict()
        tensors |= {f"actor_critic.{key}": value.contiguous() for key, value in policy.items()}
        return {**files, "config.json": json.dumps(config).encode(), "model.safetensors": save(tensors)}

    return edit


def described(**changes: object) -> Callable[[Files], Files]:
    def edit(files: Files) -> Files:
        text = json.dumps(json.loads(files["config.json"]) | changes)  # NaN stays NaN
        return {**files, "config.json": text.encode()}

    return edit


def factors(latents: int, **changes: object) -> bytes:
    """A table of factors as this version writes it, of the shipped checkpoint, cut to so many dimensions."""
    table = json.loads((SHIPPED_FACTORS / "factors.json").read_bytes())
    for name in ("dimensions", "nmi", "null", "nmi_unadjusted"):
        table[name] = table[name][:latents]
    return json.dumps(table | changes).encode()


def interventions(latents: int, **changes: object) -> bytes:
    """The same for names that were checked by intervention."""
    table = json.loads((SHIPPED_FACTORS / "interventions.json").read_bytes())
    table["drawn"]["moves"] = table["drawn"]["moves"][:latents]
    for item in table["set"]["factors"]:
        item["moves"] = item["moves"][:latents]
    return json.dumps(table | changes).encode()


def quality(**changes: object) -> bytes:
    """A quality line as this version writes it."""
    curve = {"1": 20.0, "25": None}
    right: dict[str, object] = {"observed": 0.5, "imagined": {"1": 0.4, "25": None}}
    curves = dict.fromkeys(("model", "repeat_last", "mean_image", "observed_mean"), curve)
    line = {
        "agent_right": right,
        "guesses_right": {"repeat_last": {"imagined": {"1": 0.4, "25": None}}},
        "parts": {"pole": right | {"mean_image": 0.1}},
        "psnr": curves,
        "agent_psnr": curves,
        "reconstruction": {"psnr": {"model": 21.0}, "agent_psnr": {"model": None}},
        "intervals": {"psnr": {"model": {"1": [19.0, 21.0], "25": None}}},
        "beats": {"all": None, "repeat_last": 5},
        "sees": "This model does not see the pole.",
        "mask": "simulator",
        "part": "the cart and pole",
        "agent_share": 0.01,
        "context": 5,
        "episodes": 24,
        "frames": 1200,
        "source": "held out",
        "policy_return": {"mean": 612.0, "std": None, "episodes": 20, "random": 38.0},
    }
    return json.dumps(line | changes).encode()


def in_statistics(name: str, value: bytes) -> Callable[[Files], Files]:
    """An additional entry in statistics.json."""

    def edit(files: Files) -> Files:
        statistics = json.loads(files["statistics.json"]) | {name: json.loads(value)}
        return {**files, "statistics.json": json.dumps(statistics).encode()}

    return edit


def clip_of(**arrays: object) -> Callable[[Files], Files]:
    def edit(files: Files) -> Files:
        with np.load(io.BytesIO(files["clip.npz"])) as clip:
            values = dict(clip) | arrays
        buffer = io.BytesIO()
        np.savez(buffer, **values)  # type: ignore[arg-type]  # numpy's stub wants arrays; objects are the point
        return {**files, "clip.npz": buffer.getvalue()}

    return edit


def flipped_inside_clip(files: Files) -> Files:
    """The clip with a bit changed in its pictures: its own checksum is wrong, the manifest's hash is not."""
    content = bytearray(files["clip.npz"])
    content[len(content) // 4] ^= 1
    return {**files, "clip.npz": bytes(content)}


class RunsCode:
    """Unpickling this writes a file."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, ("/tmp/diswm-pickle-ran", "w"))


def zip_of_version(version: int) -> bytes:
    """An archive of one array which says that it needs a reader of this version of zip, times ten."""
    packed = io.BytesIO()
    np.savez(packed, image=np.zeros(3))
    content = bytearray(packed.getvalue())
    content[content.index(b"PK\x01\x02") + 6] = version  # in the directory's entry
    return bytes(content)
