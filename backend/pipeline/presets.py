"""Presets: `tiny` for a first look and for tests, `small` for two CPU cores, `paper` for a GPU."""

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """A description of what a preset is for."""

    title: str
    description: str


DESCRIPTIONS = {
    "tiny": Preset("Tiny", "The whole pipeline once, as small as it goes: a first look, not a result."),
    "small": Preset("Small", "For two CPU cores: the agent is drawn and dimensions carry factors."),
    "paper": Preset("Paper", "The paper's settings, for a GPU."),
}

_TINY_NETWORKS = {"latents": 8, "stoch": 16, "deter": 64, "hidden": 64}
_SEEING_FIRST = {"initialisation": "scaled", "first_channels": 16, "learning_rate": 1e-3}

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
        "offline": _TINY_NETWORKS
        | {
            "batch": 8,
            "length": 12,
            "learning_rate": 1e-3,
            "beta": 0.02,
            "units": 64,
            "actor_rate": 1e-3,
            "critic_rate": 1e-3,
            "horizon": 6,
            "updates": 160,
            "behaviour_after": 100,
            "evaluate_every": 160,
            "evaluate_episodes": 1,
            "held_out": 4,
            "checkpoint_every": 80,
            "log_every": 10,
        },
    },
    "small": {
        "collect": {"environment": "finger-spin", "episodes": 2_400, "episode_steps": 32},
        "pretrain": _SEEING_FIRST
        | {
            "batch": 4,
            "length": 24,
            "seeing": 6_000,
            "settling": 8_000,
            "beta": 0.5,
            "dynamics_weight": 0.3,
            "motion_weight": 2.0,
            "overshooting": 0.6,
            "updates": 32_000,
            "cooling": 0.2,
            "held_out": 200,
            "checkpoint_every": 2_000,
            "log_every": 100,
        },
        "finetune": _SEEING_FIRST
        | {
            "environment": "cartpole-swingup",
            "distraction": "episode",
            "look": "near",
            "batch": 4,
            "length": 24,
            "learning_rate": 5e-4,
            "cooling": 0.1,
            "seeing": 9_000,
            "settling": 3_000,
            "beta": 0.05,
            "dynamics_weight": 4.0,
            "motion_weight": 16.0,
            "coarse_weight": 1.0,
            "overshooting": 1.0,
            "reward_scale": 1_000.0,
            "explore_episodes": 800,
            "demonstrations": 600,
            "explore_steps": 50,
            "agent_steps": 88_000,
            "prefill": 2_500,
            "first_updates": 30_000,
            "behaviour_after": 29_000,
            "train_every": 1,
            "replay_capacity": 100_000,
            "normalise_returns": True,
            "imagine_every": 4,
            "entropy": 0.003,
            "advice": 40.0,
            "actor_rate": 1e-3,
            "critic_rate": 3e-4,
            "units": 256,
            "distill_start": 0.03,
            "evaluate_every": 5_000,
            "evaluate_episodes": 4,
            "held_out": 60,
            "checkpoint_every": 2_000,
            "log_every": 50,
        },
        "offline": _SEEING_FIRST
        | {
            "batch": 8,
            "length": 24,
            "learning_rate": 5e-4,
            "seeing": 2_000,
            "settling": 1_000,
            "beta": 0.05,
            "motion_weight": 16.0,
            "coarse_weight": 1.0,
            "overshooting": 1.0,
            "units": 256,
            "actor_rate": 3e-4,
            "critic_rate": 3e-4,
            "updates": 8_000,
            "behaviour_after": 6_000,
            "evaluate_every": 1_000,
            "held_out": 20,
            "checkpoint_every": 1_000,
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
        "offline": {"updates": 200_000, "behaviour_after": 100_000, "checkpoint_every": 5_000, "held_out": 20},
    },
}
