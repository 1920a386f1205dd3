"""The numbers behind a view: CSV for a spreadsheet, NPZ with the pictures for a script."""

import csv
import io
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.interpret.rollout import Rollout
from backend.interpret.timeline import curve
from backend.interpret.view import TraversalView

SETTINGS = "diswm"  # the name of the column that reopens the view
FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # a cell that begins so is run by a spreadsheet
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


def traversal_csv(view: TraversalView) -> bytes:
    """One line per dimension: its name, the frame's value, and the value of each column, in σ of the data.

    `latent_mean` and `latent_std` turn σ into the values of the latent: mean + σ * std.
    """
    header = ["dim", "name", "status", "factor", "nmi", "kl_nats", "latent_mean", "latent_std"]
    header += ["frame_sigma", "held_sigma", *(f"sigma_{index + 1}" for index in range(view.sigmas.shape[1]))]
    if view.doubt is not None:
        header += [f"{view.doubt_words.column}_{index + 1}" for index in range(view.doubt.shape[1])]
    lines: list[list[Any]] = []
    for row, label in enumerate(view.labels):
        what = [label.dim, label.text, label.status or "", label.factor or "", _number(label.nmi)]
        held = view.held(row)
        numbers = [view.kl[row], view.mean[label.dim], view.std[label.dim], view.mark(row).sigma]
        numbers += [held.sigma if held else None, *view.sigmas[row], *([] if view.doubt is None else view.doubt[row])]
        lines.append([*what, *map(_number, numbers)])
    return table([header, *lines], view.settings)


def traversal_npz(view: TraversalView) -> bytes:
    """Pictures, values (of the latents, and in σ of the data), names and settings; nothing in it needs pickle."""
    return npz(
        images=view.images,
        values=view.values,
        sigmas=view.sigmas,
        frame_sigma=np.array([view.mark(row).sigma for row in range(len(view.dims))]),
        mean=view.mean[list(view.dims)],
        std=view.std[list(view.dims)],
        dims=np.array(view.dims),
        names=np.array(view.names),
        kl=view.kl,
        nmi=np.array([np.nan if value is None else value for value in view.nmi]),
        reference=view.reference,
        original=view.original,
        reconstruction=view.reconstruction,
        footprint=view.footprint,
        settings=np.array(view.settings),
        **({} if view.doubt is None else {view.doubt_words.column: view.doubt}),
    )


def rollout_csv(rollout: Rollout) -> bytes:
    """One line per step: how well it was predicted, and the reward and value that the model expected."""
    edited = rollout.edited
    header = ["step", "seen", "psnr_db", "ssim", "reward", "predicted_reward", "value"]
    header += [f"action_{index}" for index in range(rollout.model.action.shape[1])]
    header += ["edited_predicted_reward", "edited_value"] if edited else []
    beside = scores_beside(rollout) | _doubts(rollout)
    header += [*beside]
    lines: list[list[Any]] = [header]
    for step in range(rollout.request.steps):
        reward = None if rollout.reward is None or step >= rollout.known else rollout.reward[step]
        expected = (rollout.model.predicted_reward, rollout.model.value)
        other = (edited.predicted_reward, edited.value) if edited else ()
        lines.append(
            [
                step,
                int(step < rollout.request.context),
                _number(rollout.psnr[step]),
                _number(rollout.ssim[step]),
                _number(reward),
                *(_at(series, step) for series in expected),
                *(_number(value) for value in rollout.model.action[step]),
                *(_at(series, step) for series in other),
                *(_number(values[step]) for values in beside.values()),
            ]
        )
    return table(lines, rollout.settings)


def scores_beside(rollout: Rollout) -> dict[str, list[float | None]]:
    """The numbers beside PSNR and SSIM, by column: both baselines, and the ends of the band over episodes."""
    found = {}
    for measure, unit in (("psnr", "_db"), ("ssim", "")):
        for title, values in rollout.baselines[measure].items():
            found[f"{measure}{unit}_{title.replace(' ', '_')}"] = values
        if rollout.scores:
            for end in ("low", "high"):
                found[f"{measure}{unit}_{end}_over_episodes"] = rollout.scores[measure]["model"][end]
    return found


def _doubts(rollout: Rollout) -> dict[str, list[float | None]]:
    """The model's doubt by column, if the model estimates it."""
    lines = {"": rollout.doubt, "edited_": rollout.edited_doubt}
    return {f"{whose}{doubt.words.column}": curve(doubt.steps) for whose, doubt in lines.items() if doubt is not None}


def rollout_npz(rollout: Rollout) -> bytes:
    """Every row of pictures and every curve."""
    branches = {"model": rollout.model} | ({"edited": rollout.edited} if rollout.edited else {})
    curves = {
        f"{name}_{curve}": getattr(branch, curve)
        for name, branch in branches.items()
        for curve in ("image", "action", "predicted_reward", "value")
        if getattr(branch, curve) is not None
    }
    psnr, ssim = (
        np.array([np.nan if value is None else value for value in series]) for series in (rollout.psnr, rollout.ssim)
    )
    reward = {} if rollout.reward is None else {"reward": rollout.reward}
    doubt = {}
    if rollout.doubt is not None:
        doubt = {rollout.doubt.words.column: rollout.doubt.steps, rollout.doubt.words.row: rollout.doubt.image}
    return npz(
        truth=rollout.truth[: rollout.known],
        samples=rollout.samples,
        psnr=psnr,
        ssim=ssim,
        context=np.array(rollout.request.context),
        settings=np.array(rollout.settings),
        **{
            name: np.array([np.nan if value is None else value for value in values])
            for name, values in scores_beside(rollout).items()
        },
        **reward,
        **doubt,
        **curves,
    )


def npz(**arrays: npt.NDArray[Any]) -> bytes:
    """A compressed npz; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def table(lines: list[list[Any]], settings: str) -> bytes:
    """Lines of cells, names first, as CSV; None is an empty cell. The last column contains the view's settings, once.

    The byte order mark makes Excel read UTF-8 (pandas and R skip it). Text that a spreadsheet would run as a formula
    gets an apostrophe before it.
    """
    head, *rest = lines
    told = [settings, *[None] * (len(rest) - 1)]
    lines = [[*head, SETTINGS], *([*line, cell] for line, cell in zip(rest, told, strict=False))]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([[_cell(value) for value in line] for line in lines])
    return buffer.getvalue().encode("utf-8-sig")


def _at(series: npt.NDArray[Any] | None, step: int) -> str:
    return "" if series is None else _number(series[step])


def _cell(value: Any) -> Any:
    """A cell as a number, or as text that a spreadsheet does not run as a formula."""
    if not isinstance(value, str) or not value.startswith(FORMULA) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def _number(value: Any) -> str:
    """A number with six digits; empty for None, NaN and infinity."""
    return "" if value is None or not math.isfinite(value) else f"{float(value):.6g}"
