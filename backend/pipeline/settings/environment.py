"""Settings of the environment that frames come from: task, distraction, films and look."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backend.envs.protocol import DISTRACTIONS, environments, offered_distractions, withheld_distractions
from backend.pipeline.fields import Closed, Offered, Withheld, conflict, described, one_of

EnvironmentName = Annotated[str, one_of(environments), Offered(environments)]
DistractionName = Annotated[
    str, one_of(DISTRACTIONS), Offered(lambda: DISTRACTIONS), Withheld(environments, withheld_distractions)
]


class EnvironmentSettings(Closed):
    """The environment settings that collecting and fine-tuning share."""

    environment: EnvironmentName = described("cartpole-swingup", "Environment", "Environment")
    distraction: DistractionName = described(
        "episode",
        "Distraction",
        "Environment",
        "none; episode: colours, light and camera drawn once per episode; set-a, set-b: the paper's flicker; "
        "camera-jitter, light, video: one of these changes all the time; everything: set-a and these three.",
    )
    films: str | None = described(
        None,
        "Background videos",
        "Environment",
        "Data set whose clips play in the sky with video and everything; none: procedural waves.",
    )
    action_repeat: Annotated[int, Field(ge=1, le=16)] = described(2, "Action repeat", "Environment")
    look: Literal["fast", "near", "paper"] = described(
        "fast",
        "Look",
        "Environment",
        "fast leaves out shadows and anti-aliasing; paper keeps them; near is fast, with a camera that in "
        "cartpole-swingup follows the cart from nearer.",
    )

    @model_validator(mode="after")
    def _distractions_are_offered(self) -> Self:
        for setting in ("distraction", "distraction_later", "evaluate_distraction"):
            wanted = getattr(self, setting, None)
            offered = offered_distractions(self.environment)
            if wanted is not None and wanted not in offered:
                message = f"{self.environment} cannot show {wanted!r}; it offers {', '.join(offered)}"
                raise conflict(f"/{setting}", message)
        return self
