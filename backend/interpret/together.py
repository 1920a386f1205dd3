"""One stretch of an episode imagined by several checkpoints, shown step by step next to each other."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from backend.data.checkpoint import Checkpoint, CheckpointInfo
from backend.interpret.request import ViewError
from backend.interpret.rollout import CHARTS, Rollout, bands_of, build_rollout, scores_over_episodes
from backend.interpret.rollout_request import MAX_FRAMES, RolloutRequest, StretchRequest, TogetherRequest
from backend.interpret.timeline import Bands, Curve, Strip, Timeline, curve

MAX_CHECKPOINTS = 12


@dataclass(frozen=True)
class Together:
    """The rollouts of K checkpoints over the frames and actions of the first one's clip."""

    request: StretchRequest
    checkpoints: tuple[str, ...]  # ids
    titles: tuple[str, ...]  # (K,) such as "640 updates"
    rollouts: tuple[Rollout, ...]
    order: tuple[int, ...]  # of the rows: that of training within one run, otherwise as requested

    @cached_property
    def settings(self) -> str:
        """The view as one line of JSON, which is embedded in files made from it."""
        first = self.rollouts[0]
        origin = {key: first.provenance[key] for key in ("checkpoint", "weights")}
        asked = self.request
        view = TogetherRequest(asked.episode, asked.context, asked.horizon, asked.actions, self.checkpoints[1:])
        return json.dumps({"diswm": "together", **origin, "view": view.to_json()}, sort_keys=True)

    def timeline(self, name: str) -> Timeline:
        """The rows and curves to show, and the name of their files."""
        first = self.rollouts[0]
        pairs = [(self.titles[place], self.rollouts[place]) for place in self.order]
        charts: dict[str, dict[str, Curve]] = {}
        if all(rollout.comparable for rollout in self.rollouts):
            charts = {
                chart: {**{title: list(getattr(rollout, name)) for title, rollout in pairs}, **first.baselines[name]}
                for name, chart in CHARTS.items()
            }
        rewards = {
            title: curve(rollout.model.predicted_reward)
            for title, rollout in pairs
            if rollout.model.predicted_reward is not None
        }
        if rewards and first.reward is not None:
            charts["Reward"] = {
                "true": [*curve(first.reward), *[None] * (first.request.steps - first.known)],
                **rewards,
            }
        return Timeline(
            kind="together",
            title=f"Rollouts over training, {first.checkpoint_name}",
            name=name,
            context=first.request.context,
            strips=(
                Strip("truth", "", first.truth, "truth"),
                *(Strip(title, rollout.checkpoint_name, rollout.model.image) for title, rollout in pairs),
            ),
            curves=charts,
            settings=self.settings,
            facts={"checkpoints": list(self.checkpoints), "titles": list(self.titles), "known": first.known},
        )


def bands_together(checkpoints: Sequence[Checkpoint], together: Together) -> Bands | None:
    """The bands of the checkpoints of the first one's environment; None where nothing can be compared."""
    if not all(rollout.comparable for rollout in together.rollouts):
        return None
    environment = checkpoints[0].info.environment
    asked = RolloutRequest(context=together.request.context, horizon=together.request.horizon)
    return bands_of(
        {
            title: scores_over_episodes(checkpoint, asked)
            for checkpoint, title in zip(checkpoints, together.titles, strict=True)
            if checkpoint.info.environment == environment
        }
    )


def roll_out_together(checkpoints: Sequence[Checkpoint], request: StretchRequest) -> Together:
    """The same frames and actions for all, means propagated, earliest training first; raises ViewError."""
    first = checkpoints[0]
    if len(checkpoints) > MAX_CHECKPOINTS:
        raise ViewError("with", f"{len(checkpoints)} checkpoints are more than {MAX_CHECKPOINTS}")
    if request.steps * (len(checkpoints) + 1) > MAX_FRAMES:
        raise ViewError("with", f"more than {MAX_FRAMES} frames; use fewer checkpoints or steps")
    rollouts = []
    for checkpoint in checkpoints:
        size = checkpoint.model.config.action_size
        if size not in (0, first.clip.action.shape[2]):
            raise ViewError(
                "with", f"{checkpoint.info.id} takes {size} actions, these frames have {first.clip.action.shape[2]}"
            )
        if request.actions == "policy" and checkpoint.actor_critic is None:
            raise ViewError("actions", f"{checkpoint.info.id} has no policy; use recorded or zero actions")
        rollouts.append(build_rollout(replace(checkpoint, clip=first.clip), request.rollout))
    return Together(
        request,
        tuple(checkpoint.info.id for checkpoint in checkpoints),
        _titles(checkpoints),
        tuple(rollouts),
        _order([checkpoint.info for checkpoint in checkpoints]),
    )


def _order(infos: Sequence[CheckpointInfo]) -> tuple[int, ...]:
    places = range(len(infos))
    if infos[0].run is None or {info.run for info in infos} != {infos[0].run}:
        return tuple(places)
    return tuple(sorted(places, key=lambda place: (infos[place].stage == "finetune", infos[place].steps)))


def _titles(checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """One title each; equal titles get the name added, and the id if the names are equal too."""
    counts = [_title(checkpoint) for checkpoint in checkpoints]
    names = [f"{title}, {item.info.name}" for title, item in zip(counts, checkpoints, strict=True)]
    ids = [f"{title}, {item.info.id}" for title, item in zip(counts, checkpoints, strict=True)]
    return tuple(
        next((words for words, all_ in ((title, counts), (name, names)) if all_.count(words) == 1), id)
        for title, name, id in zip(counts, names, ids, strict=True)
    )


def _title(checkpoint: Checkpoint) -> str:
    unit = "agent steps" if checkpoint.info.stage == "finetune" else "updates"
    stage = {"finetune": "world model", "pretrain": "video model"}.get(checkpoint.info.stage, checkpoint.info.name)
    return f"{stage}, {checkpoint.info.steps:,} {unit}"
