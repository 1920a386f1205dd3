"""Settings of the whole pipeline, and the settings class of each stage."""

from pydantic import model_validator

from backend.envs.protocol import episode_frames
from backend.pipeline.fields import Closed, conflict
from backend.pipeline.settings.collect import CollectSettings
from backend.pipeline.settings.finetune import FinetuneSettings
from backend.pipeline.settings.offline import OfflineSettings
from backend.pipeline.settings.pretrain import PretrainSettings


class PipelineSettings(Closed):
    """All of it: collect, pretrain, then fine-tune with the pretrained model as the teacher."""

    collect: CollectSettings = CollectSettings()
    pretrain: PretrainSettings = PretrainSettings()
    finetune: FinetuneSettings = FinetuneSettings()

    @model_validator(mode="after")
    def _each_stage_takes_what_the_one_before_makes(self) -> "PipelineSettings":
        for place, name, source in (
            ("/pretrain/dataset", self.pretrain.dataset, "pretrains on what it collects"),
            ("/finetune/teacher", self.finetune.teacher, "distils from the video model that it pretrains"),
        ):
            if name is not None:
                raise conflict(place, f"a pipeline {source}: leave out {name!r}, or run the stage by itself")
        return self

    @model_validator(mode="after")
    def _fits(self) -> "PipelineSettings":
        collected = min(
            self.collect.episode_steps, episode_frames(self.collect.environment, self.collect.action_repeat)
        )
        for name in ("length", "cooling_length"):
            if (length := getattr(self.pretrain, name)) > collected:
                raise conflict(
                    f"/pretrain/{name}",
                    f"sequences of {length} frames are longer than the collected episodes "
                    f"of {collected} (collect.episode_steps is {self.collect.episode_steps})",
                )
        if self.pretrain.held_out >= self.collect.episodes:
            raise conflict(
                "/pretrain/held_out",
                f"{self.pretrain.held_out} held-out episodes leave none to train on "
                f"(collect.episodes is {self.collect.episodes})",
            )
        return self


OneStage = CollectSettings | PretrainSettings | FinetuneSettings | OfflineSettings
StageSettings = OneStage | PipelineSettings
STAGES: dict[str, type[StageSettings]] = {
    "collect": CollectSettings,
    "pretrain": PretrainSettings,
    "finetune": FinetuneSettings,
    "offline": OfflineSettings,
    "pipeline": PipelineSettings,
}
