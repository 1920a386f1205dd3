"""Settings that every learned method has, online or offline; its own are a section, flattened into them in JSON."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from backend.pipeline.fields import Count, Fraction, Rate, Weight, conflict, described, one_of
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.flat import SECTION, gathered, methods_of_stage, with_sections
from backend.pipeline.methods.sections.base import Section
from backend.pipeline.settings.networks import NetworkSettings

MethodName = Annotated[str, one_of(CATALOGUE)]
Own = TypeVar("Own", bound=Section)


class LearningSettings(NetworkSettings):
    """The method, its section, the heads, and how a behaviour is learned in imagination."""

    stage: ClassVar[Literal["finetune", "offline"]]

    method: MethodName
    section: SerializeAsAny[Section] = Section()  # the method's own settings, flattened into the others in JSON
    reward_scale: Weight = described(2.0, "Reward scale", "Losses", "Weight of -log p(reward); the published code: 2.")
    discount_layers: Annotated[int, Field(ge=0, le=8)] = described(
        0, "Discount head layers", "Networks", "0: no discount head."
    )
    horizon: Annotated[int, Field(ge=1, le=200)] = described(15, "Imagined steps", "Behaviour", symbol="H")
    gamma: Fraction = described(0.99, "Discount", "Behaviour", symbol="γ")
    lam: Fraction = described(0.95, "Lambda", "Behaviour", symbol="λ")
    entropy: Weight = described(1e-4, "Entropy weight", "Behaviour")
    normalise_returns: bool = described(
        False,
        "Normalise returns",
        "Behaviour",
        "The actor's returns are divided by the distance of their 5th and 95th percentile, if over 1, so that one "
        "entropy weight fits any reward. The paper: no.",
    )
    imagine_every: Annotated[int, Field(ge=1, le=1000)] = described(
        1, "States per imagined rollout", "Behaviour", "Imagination starts from one state in this many. The paper: 1."
    )
    behaviour_after: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0, "Updates before behaviour", "Behaviour", "First updates, in which only the world model learns. The paper: 0."
    )
    actor_rate: Rate = described(8e-5, "Actor's learning rate", "Behaviour")
    critic_rate: Rate = described(8e-5, "Critic's learning rate", "Behaviour")
    units: Annotated[int, Field(ge=1, le=4096)] = described(400, "Units of the heads", "Networks")
    slow_critic_every: Count = described(100, "Updates between refreshes of the slow critic", "Behaviour")

    @property
    @abstractmethod
    def amount(self) -> int:
        """How much a whole run does: agent steps, or updates where nothing acts."""

    def own(self, kind: type[Own]) -> Own:
        """The method's own settings, checked to be of this class."""
        assert isinstance(self.section, kind), (self.method, kind)
        return self.section

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        if SECTION in values:
            raise conflict(f"/{SECTION}", f"there is no setting {SECTION!r}: a method's own stand among the others")
        return gathered(values, cls.stage)

    @field_validator("method")
    @classmethod
    def _is_of_this_stage(cls, method: str) -> str:
        stage = CATALOGUE[method].stage
        if stage != cls.stage:
            known = ", ".join(methods_of_stage(cls.stage))
            message = f"{method} is a method of {stage} (diswm {stage}); {cls.stage} has {known}"
            raise PydanticCustomError("unknown", "{message}", {"message": message})
        return method

    @field_validator(SECTION, mode="plain")
    @classmethod
    def _is_the_methods(cls, values: Any, info: ValidationInfo) -> Section:
        method = info.data.get("method")
        return CATALOGUE[method].section.model_validate(values) if method else Section()

    @model_serializer(mode="wrap")
    def _flat(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        own = values.pop(SECTION, {})
        return {**values, **own}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return with_sections(handler.resolve_ref_schema(handler(schema)), cls.stage)

    @model_validator(mode="after")
    def _section_fits(self) -> Self:
        self.section.check(self)
        return self
