"""Every method by name: what it is, what it needs, how it is built. Imports no torch, so that forms load quickly."""

from dataclasses import dataclass, replace
from typing import Literal

from backend.pipeline.methods.sections.adept import RefittedSection
from backend.pipeline.methods.sections.apv import BonusSection
from backend.pipeline.methods.sections.base import Section
from backend.pipeline.methods.sections.cmil import ConservativeSection
from backend.pipeline.methods.sections.context import ContextSection
from backend.pipeline.methods.sections.diswm import DistillationSection
from backend.pipeline.methods.sections.ditto import LikenessSection
from backend.pipeline.methods.sections.flow import FlowSection
from backend.pipeline.methods.sections.gp_dreams import ProcessSection
from backend.pipeline.methods.sections.hidden import HiddenSection
from backend.pipeline.methods.sections.lifelong import LifelongSection
from backend.pipeline.methods.sections.recore import RecoreSection
from backend.pipeline.methods.sections.teachers import TeachersSection

Kind = Literal[
    "latents",
    "video model",
    "context model",
    "context model with latents",
    "world models",
    "earlier chapter",
    "demonstrations",
    "recorded episodes",
    "second look",
]
"""What a method starts from.

Checkpoints: any model with the world model's latents, an action-free video model, one whose decoder sees a frame of
the clip, several models with actions, or the agent that `lifelong` left after other tasks. Data sets with actions: an
expert's episodes, or anyone's. A second look: an environment that draws each state in other colours too, and its depth.
"""
RECORDINGS: tuple[Kind, ...] = ("demonstrations", "recorded episodes")
"""The kinds that are data sets."""
SECOND_LOOK: Kind = "second look"


@dataclass(frozen=True)
class Need:
    """What a method starts from: the setting that names it, its required kind, whether it is required."""

    setting: str  # a JSON pointer, "/teacher"
    kind: Kind
    required: bool


@dataclass(frozen=True)
class Entry:
    """One method."""

    title: str
    paper: str
    stage: str
    builder: str  # "module:function", imported when a run is built: see `build.Builder`
    differs: str  # from the paper, or from the method that it is compared with; one sentence
    needs: tuple[Need, ...] = ()
    section: type[Section] = Section
    view: str = "traversals"  # the page that shows most about its checkpoints

    @property
    def learns_rewards(self) -> bool:
        """Whether it learns from the rewards of anyone's recordings, and not by likeness to an expert."""
        return any(need.setting == "/demonstrations" and need.kind == "recorded episodes" for need in self.needs)

    @property
    def looks_twice(self) -> bool:
        """Whether it learns from states that are drawn in two colours, and from their depth."""
        return any(need.kind == SECOND_LOOK for need in self.needs)

    def described(self, name: str) -> dict[str, object]:
        """The entry as JSON, under its name."""
        needs = [{"setting": need.setting, "kind": need.kind, "required": need.required} for need in self.needs]
        words = {"title": self.title, "paper": self.paper, "stage": self.stage}
        return {"name": name, **words, "needs": needs, "view": self.view, "differs": self.differs}


_DISWM = "Disentangled World Models (arXiv 2503.08751)"
_LATENTS = Need("/teacher", "latents", required=False)
_EXPERT = Need("/demonstrations", "demonstrations", required=True)
_MORE = Need("/dataset", "recorded episodes", required=False)
_VIDEO_MODEL = Need("/teacher", "video model", required=True)

CATALOGUE: dict[str, Entry] = {
    "diswm": Entry(
        title="DisWM",
        paper=_DISWM,
        stage="finetune",
        builder="backend.pipeline.methods.diswm:build",
        needs=(_LATENTS,),
        section=DistillationSection,
        differs="Distillation is the paper's KL of Gaussians; distillation=as-released is what its code does.",
    ),
    "diswm-no-distillation": Entry(
        title="DisWM without distillation",
        paper=_DISWM,
        stage="finetune",
        builder="backend.pipeline.methods.diswm:build_without_distillation",
        differs="Ablation: DisWM without its video model.",
    ),
    "diswm-no-disentanglement": Entry(
        title="DisWM without disentanglement",
        paper=_DISWM,
        stage="finetune",
        builder="backend.pipeline.methods.diswm:build_without_disentanglement",
        needs=(_LATENTS,),
        section=DistillationSection,
        differs="Ablation: DisWM with beta 0.",
    ),
    "dreamerv2": Entry(
        title="DreamerV2",
        paper="Mastering Atari with Discrete World Models (arXiv 2010.02193)",
        stage="finetune",
        builder="backend.pipeline.methods.dreamerv2:build",
        view="imagine",
        differs="Gaussian states, as all methods here have, and actions that are continuous.",
    ),
    "dv2-finetune": Entry(
        title="DreamerV2, finetuned",
        paper="Disentangled World Models, as its baseline (arXiv 2503.08751)",
        stage="finetune",
        builder="backend.pipeline.methods.dv2_finetune:build",
        needs=(_VIDEO_MODEL,),
        view="imagine",
        differs="Goes on with the video model's weights; actions are padded to the larger of both sizes.",
    ),
    "apv": Entry(
        title="APV",
        paper="Reinforcement Learning with Action-Free Pre-Training from Videos (arXiv 2203.13880)",
        stage="finetune",
        builder="backend.pipeline.methods.apv:build",
        needs=(_VIDEO_MODEL,),
        section=BonusSection,
        view="imagine",
        differs="The bonus is divided by its running mean and added to the reward that the reward head learns.",
    ),
    "contextwm": Entry(
        title="ContextWM",
        paper="Pre-training Contextualized World Models with In-the-wild Videos (arXiv 2305.18499)",
        stage="finetune",
        builder="backend.pipeline.methods.contextwm:build",
        needs=(replace(_VIDEO_MODEL, kind="context model"),),
        section=ContextSection,
        view="imagine",
        differs="Gaussian states, layer norm, no dropout; pictures are drawn beside the whole context, without chance.",
    ),
    "contextwm-beta": Entry(
        title="ContextWM with latents",
        paper="after Pre-training Contextualized World Models with In-the-wild Videos (arXiv 2305.18499)",
        stage="finetune",
        builder="backend.pipeline.methods.contextwm:build_beta",
        needs=(replace(_VIDEO_MODEL, kind="context model with latents"),),
        section=ContextSection,
        view="imagine",
        differs="Ours: contextwm with the beta-VAE's encoder and prior, so that its dimensions can be named.",
    ),
    "diswm-hidden": Entry(
        title="DisWM from harder pictures, after DistillFlow",
        paper="after DistillFlow: Learning by Distillation for Optical Flow (arXiv 2106.04195)",
        stage="finetune",
        builder="backend.pipeline.methods.diswm_hidden:build",
        needs=(replace(_LATENTS, required=True),),
        section=HiddenSection,
        view="traversals",
        differs="The paper's idea on latents instead of optical flow: losses and constants are ours, hence after.",
    ),
    "vid2act": Entry(
        title="Vid2Act",
        paper="Vid2Act: Activate Offline Videos for Visual RL (arXiv 2306.03360)",
        stage="finetune",
        builder="backend.pipeline.methods.vid2act:build",
        needs=(Need("/teachers", "world models", required=True),),
        section=TeachersSection,
        view="imagine",
        differs="The gate sees the student, which the released one cannot; hints need no teacher while acting.",
    ),
    "gp-dreams": Entry(
        title="Dreams of a Gaussian process, after Dream to Explore",
        paper="after Dream to Explore: Adaptive Simulations for Autonomous Systems (arXiv 2110.14157)",
        stage="finetune",
        builder="backend.pipeline.methods.gp_dreams:build",
        section=ProcessSection,
        view="imagine",
        differs="A reconstruction, hence after: a sparse process of the last two states, which fix deter.",
    ),
    "recore": Entry(
        title="After ReCoRe",
        paper="after ReCoRe: Regularized Contrastive Representation Learning of World Model (arXiv 2312.09056)",
        stage="finetune",
        builder="backend.pipeline.methods.recore:build",
        needs=(Need("/distraction", SECOND_LOOK, required=False),),
        section=RecoreSection,
        view="factors",
        differs="Which features are contrasted, and the constants, are ours, hence after; the picture is only a probe.",
    ),
    "lifelong": Entry(
        title="Life-long world model",
        paper="Continual Visual Reinforcement Learning with A Life-Long World Model (arXiv 2303.06572)",
        stage="finetune",
        builder="backend.pipeline.methods.lifelong:build",
        needs=(Need("/teacher", "earlier chapter", required=False),),
        section=LifelongSection,
        view="compare",
        differs="One run is one task, and the next goes on from it; the encoder sees no label, and no frame is kept.",
    ),
    "ditto": Entry(
        title="DITTO",
        paper="DITTO: Offline Imitation Learning with World Models (arXiv 2302.03086)",
        stage="offline",
        builder="backend.pipeline.methods.ditto:build",
        needs=(_EXPERT, _MORE),
        section=LikenessSection,
        view="imagine",
        differs="Continuous actions: the actor learns by gradients through the dynamics, which follow means.",
    ),
    "cloning": Entry(
        title="Cloning in latent states",
        paper="DITTO, as its baseline D-BC (arXiv 2302.03086)",
        stage="offline",
        builder="backend.pipeline.methods.cloning:build",
        needs=(_EXPERT, _MORE),
        view="imagine",
        differs="The likelihood is that of a truncated normal; the weight of the entropy is a setting (paper: 0.1).",
    ),
    "cmil": Entry(
        title="CMIL",
        paper="Efficient Imitation Learning with Conservative World Models (arXiv 2405.13193)",
        stage="offline",
        builder="backend.pipeline.methods.cmil:build",
        needs=(_EXPERT, _MORE),
        section=ConservativeSection,
        view="imagine",
        differs="Offline: nothing acts, and the dynamics are frozen; one critic, without targets on real steps.",
    ),
    "adept": Entry(
        title="Refitted diffusion, after ADEPT",
        paper="after Closed-loop Policy Evaluation and Diffusion World-Model Adaptation (ADEPT, arXiv 2405.19878)",
        stage="offline",
        builder="backend.pipeline.methods.adept:build",
        needs=(Need("/demonstrations", "recorded episodes", required=True), _MORE),
        section=RefittedSection,
        view="train",
        differs="A reconstruction, hence after: in latent states, with actor and critic, and no cut of long dreams.",
    ),
    "flow": Entry(
        title="Optical flow, after DDFlow and SelFlow",
        paper="after DistillFlow: Learning by Distillation for Optical Flow (arXiv 2106.04195)",
        stage="offline",
        builder="backend.pipeline.methods.flow:build",
        needs=(Need("/demonstrations", "recorded episodes", required=True), _MORE),
        section=FlowSection,
        view="imagine",
        differs="A reconstruction, hence after: a copy of one small network teaches it, beside a world model.",
    ),
}
"""The methods that `--set method=NAME` and the form offer; the first of each stage is its default."""
