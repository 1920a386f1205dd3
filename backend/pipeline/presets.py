"""Presets: `tiny` for a first look and for tests, `small` for two CPU cores, `paper` for a GPU."""

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """What a preset is for, in words."""

    title: str
    description: str


DESCRIPTIONS = {
    "tiny": Preset("Tiny", "The whole pipeline once, as small as it goes: a first look, not a result."),
    "small": Preset("Small", "For two CPU cores: latents that carry factors, and a policy better than random actions."),
    "paper": Preset("Paper", "The paper's settings, for a GPU."),
}

_TINY_NETWORKS = {"latents": 8, "stoch": 16, "deter": 64, "hidden": 64}

PRESET_VALUES: dict[str, dict[str, dict[str, Any]]] = {
    "tiny": {
        "collect": {"episodes": 12, "episode_steps": 24},
        "pretrain": _TINY_NETWORKS
        | {
            "batch": 8,
            "length": 8,
            "learning_rate": 1e-3,
            "beta": 0.05,
            "updates": 160,
            "held_out": 2,
            "checkpoint_every": 80,
            "log_every": 10,
        },
        "finetune": _TINY_NETWORKS
        | {
            "batch": 8,
            "length": 8,
            "learning_rate": 1e-3,
            "beta": 0.02,
            "units": 64,
            "agent_steps": 600,
            "prefill": 400,
            "first_updates": 40,
            "train_every": 5,
            "horizon": 8,
            "replay_capacity": 5_000,
            "evaluate_every": 600,
            "evaluate_episodes": 1,
            "held_out": 4,
            "held_out_steps": 24,
            "checkpoint_every": 20,
            "log_every": 5,
            "distill_steps": 500,
        },
    },
    "small": {
        "collect": {"environment": "finger-spin", "episodes": 3000, "episode_steps": 16},
        "pretrain": {
            "batch": 24,
            "length": 3,
            "learning_rate": 1e-3,
            "beta": 0.4,
            "updates": 15_000,
            "held_out": 320,
            "checkpoint_every": 1_000,
            "log_every": 50,
        },
        "finetune": {
            "environment": "cartpole-swingup",
            "distraction": "none",
            "batch": 8,
            "length": 16,
            "learning_rate": 6e-4,
            "beta": 0.02,
            "reward_scale": 100.0,  # at this length the picture alone would take too long to show the pole
            "entropy": 0.3,  # with less the actor settles on one action before the rewards are known
            "actor_rate": 1e-4,
            "critic_rate": 2e-4,
            "agent_steps": 8_000,
            "prefill": 1_500,
            "first_updates": 300,
            "train_every": 2,
            "replay_capacity": 50_000,
            "evaluate_every": 1_500,
            "evaluate_episodes": 2,
            "held_out": 40,
            "held_out_steps": 50,
            "checkpoint_every": 200,
            "log_every": 20,
            "distill_steps": 5_000,
        },
    },
    "paper": {
        "collect": {
            "environment": "cheetah-run",
            "distraction": "set-a",
            "look": "paper",
            "episodes": 2_000,
            "episode_steps": 500,
            "random_pose": False,
        },
        "pretrain": {"updates": 200_000, "checkpoint_every": 5_000},
        "finetune": {"environment": "walker-walk", "distraction": "set-a", "look": "paper"},
    },
}
