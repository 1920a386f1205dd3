"""The dm_control tasks as environments: pictures of 64x64, action repeat, distraction, true factors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.envs.depth import Nearness
from backend.envs.distract import Distraction, EpisodeFactors, FlickeringColours, Recolourable, checked
from backend.envs.factors import joints_of, physical_factors
from backend.envs.flow import Shot
from backend.envs.parts import agent_parts, part_names
from backend.envs.protocol import EnvironmentFailed, SecondLook, Step, check_action
from backend.envs.scene import Scene
from backend.envs.simulator import Task, physics_error

NO_LIMIT = 1e6  # a control whose largest value is above this is one without a limit


class ControlEnvironment:
    """A dm_control task seen through one camera; follows `backend.envs.protocol.Environment`."""

    def __init__(
        self,
        name: str,
        task: Task,
        scene: Scene,
        distraction: Distraction,
        action_repeat: int,
        random_pose: bool,
        second_look: bool = False,
    ) -> None:
        """`second_look`: each step also holds its state in other colours, and its depth."""
        self.name = name
        self._task = task
        self._scene = scene
        self._distraction = distraction
        self._action_repeat = action_repeat
        self._random_pose = random_pose
        self._random, self._other_random = np.random.default_rng(0), np.random.default_rng(0)
        self._finished = True
        specification = task.action_spec()
        unlimited = specification.maximum > NO_LIMIT
        self._low = np.where(unlimited, -1.0, specification.minimum)
        self._high = np.where(unlimited, 1.0, specification.maximum)
        self.action_size = int(specification.shape[0])
        self.episode_steps = -(-int(task._step_limit) // action_repeat)
        self._physical = physical_factors(name, task.physics, scene.camera)
        self._joints = joints_of(self._physical)
        self.factor_names = (*(factor.name for factor in self._physical), *distraction.factor_names)
        settable = distraction.factor_names if isinstance(distraction, EpisodeFactors | FlickeringColours) else ()
        self.knobs = (*self._joints, *settable)  # what `redraw` can set
        self.part_names = part_names(name)
        self._part_of_geom = _numbered(name, task, scene)
        self._nearness = Nearness.of(scene.depth()) if second_look else None

    def reset(self, seed: int) -> Step:
        """Start an episode that depends on nothing but the seed (0 <= seed)."""
        physics_seed, scene_seed, pose_seed, other_seed = np.random.SeedSequence(seed).spawn(4)
        self._task.task._random = np.random.RandomState(np.random.MT19937(physics_seed))
        self._random, self._other_random = np.random.default_rng(scene_seed), np.random.default_rng(other_seed)
        first = self._task.reset()
        if self._random_pose:
            _place_anywhere(self.name, self._task, np.random.default_rng(pose_seed))
        self._distraction.reset(self._scene, self._random)
        self._finished = False
        return self._seen(first, reward=0.0)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Apply an action (A,) in [-1, 1] for `action_repeat` control steps; their rewards are summed once."""
        check_action(self, action, over=self._finished)
        control = self._low + (np.clip(action, -1.0, 1.0) + 1.0) / 2.0 * (self._high - self._low)
        reward = 0.0
        for _ in range(self._action_repeat):
            try:
                moment = self._task.step(control)
            except physics_error() as error:
                raise EnvironmentFailed(self.name, "not_finite", str(error)) from error
            self._distraction.advance(self._scene, self._random)
            reward += float(moment.reward)
            if moment.last():
                break
        self._finished = moment.last()
        return self._seen(moment, reward)

    def redraw(self, factors: Mapping[str, float]) -> Step:
        """Give some of `knobs` other values from here on and look again; no time passes, nothing is earned.

        Joints are set without regard to contacts. Raises ValueError for a factor that cannot be set.
        """
        if self._finished:
            raise RuntimeError(f"{self.name}: the episode is over (or was never begun): call reset(seed)")
        checked(factors, self.knobs)
        physics = self._task.physics
        moved = {self._joints[name]: value for name, value in factors.items() if name in self._joints}
        for joint, value in moved.items():
            physics.named.data.qpos[joint] = value
        if moved:
            physics.forward()
        if isinstance(self._distraction, EpisodeFactors | FlickeringColours):
            painted = {name: value for name, value in factors.items() if name not in self._joints}
            self._distraction.redraw(self._scene, painted)
        return Step(
            image=self._scene.render(),
            reward=0.0,
            discount=1.0,
            is_first=False,
            is_last=False,
            is_terminal=False,
            factors=self._factors(),
        )

    def agent_parts(self) -> NDArray[np.uint8]:
        """Which part of the agent each pixel of the present picture shows: (64, 64), 0 for none."""
        return np.asarray(self._part_of_geom[self._scene.geoms()])

    def shot(self) -> Shot:
        """What the present picture shows, and from where: its true flow to a later picture follows from both."""
        return self._scene.shot()

    def close(self) -> None:
        """Free the rendering context; without it OSMesa complains at exit."""
        self._task.physics.free()

    def _seen(self, moment: Any, reward: float) -> Step:
        discount = 1.0 if moment.discount is None else float(moment.discount)
        return Step(
            image=self._scene.render(),
            reward=reward,
            discount=discount,
            is_first=bool(moment.first()),
            is_last=bool(moment.last()),
            is_terminal=bool(moment.last()) and discount == 0.0,
            factors=self._factors(),
            second=self._second_look(),
        )

    def _second_look(self) -> SecondLook | None:
        """None where it was not asked for."""
        if self._nearness is None:
            return None
        assert isinstance(self._distraction, Recolourable), "checked when the environment was made"
        with self._distraction.other_colours(self._scene, self._other_random):
            recoloured = self._scene.render()
        return SecondLook(recoloured, self._nearness(self._scene.depth()))

    def _factors(self) -> NDArray[np.float32]:
        physical = np.array([factor.read() for factor in self._physical], np.float32)
        return np.concatenate([physical, self._distraction.values()])


def _numbered(name: str, task: Task, scene: Scene) -> NDArray[np.uint8]:
    """The number of the part that each geom belongs to, 0 for none, and one more 0 at the end for no geom."""
    of_body, model = scene.of_body(), task.physics.model
    numbers = np.zeros(model.ngeom + 1, np.uint8)
    if not of_body.any():
        of_body = np.asarray(model.geom_bodyid) > 0  # nothing wears a body's material: all that is not the world's
    for number, geoms in enumerate(agent_parts(name).values(), 1):
        chosen = [model.name2id(geom, "geom") for geom in geoms] or np.flatnonzero(of_body)
        numbers[chosen] = number
    return numbers


def _place_anywhere(name: str, task: Task, random: np.random.Generator) -> None:
    """Begin in a pose drawn from a much wider range than the task's own; tasks that already do so are unchanged."""
    if name != "cartpole-swingup":
        return
    physics = task.physics
    physics.named.data.qpos["slider"] = random.uniform(-1.3, 1.3)
    physics.named.data.qpos["hinge_1"] = random.uniform(-np.pi, np.pi)
    physics.named.data.qvel["slider"] = random.normal(0.0, 0.5)
    physics.named.data.qvel["hinge_1"] = random.normal(0.0, 1.0)
    physics.after_reset()
