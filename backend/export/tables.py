"""The numbers behind a view: CSV for a spreadsheet, NPZ with the pictures for a script."""

import csv
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.interpret.rollout import Rollout
from backend.interpret.view import TraversalView


def traversal_csv(view: TraversalView) -> bytes:
    """A line a dimension: what it is, and the value of each column."""
    columns = view.values.shape[1]
    header = ["dim", "name", "status", "factor", "nmi", "kl_nats", "reference"]
    header += [f"value_{index - columns // 2:+d}" if index != columns // 2 else "value_0" for index in range(columns)]
    lines: list[list[Any]] = []
    for row, label in enumerate(view.labels):
        what = [label.dim, label.text, label.status or "", label.factor or "", _number(label.nmi)]
        numbers = [_number(view.kl[row]), _number(view.reference[label.dim])]
        lines.append([*what, *numbers, *(_number(value) for value in view.values[row])])
    return table([header, *lines])


def traversal_npz(view: TraversalView) -> bytes:
    """Pictures, values, names and settings; nothing in it needs pickle."""
    return npz(
        images=view.images,
        values=view.values,
        dims=np.array(view.dims),
        names=np.array(view.names),
        kl=view.kl,
        nmi=np.array([np.nan if value is None else value for value in view.nmi]),
        reference=view.reference,
        original=view.original,
        reconstruction=view.reconstruction,
        footprint=view.footprint,
        settings=np.array(view.settings),
    )


def rollout_csv(rollout: Rollout) -> bytes:
    """A line a step: how well it was foreseen, and what was expected of it."""
    edited = rollout.edited
    header = ["step", "seen", "psnr_db", "ssim", "reward", "predicted_reward", "value"]
    header += [f"action_{index}" for index in range(rollout.model.action.shape[1])]
    header += ["edited_predicted_reward", "edited_value"] if edited else []
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
            ]
        )
    return table(lines)


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
    return npz(
        truth=rollout.truth[: rollout.known],
        samples=rollout.samples,
        psnr=psnr,
        ssim=ssim,
        context=np.array(rollout.request.context),
        settings=np.array(rollout.settings),
        **reward,
        **curves,
    )


def npz(**arrays: npt.NDArray[Any]) -> bytes:
    """A compressed npz; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def table(lines: list[list[Any]]) -> bytes:
    """Lines of cells as CSV; None is an empty cell."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue().encode("utf-8")


def _at(series: npt.NDArray[Any] | None, step: int) -> str:
    return "" if series is None else _number(series[step])


def _number(value: Any) -> str:
    return "" if value is None else f"{float(value):.6g}"
