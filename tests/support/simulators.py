"""Imported by the process whose forks are the environments of tests: it loads the simulator once for all of them."""

from backend.envs.gl import draw_on_one_thread
from backend.envs.simulator import load_task

draw_on_one_thread()  # a fork has none of the threads that a drawing library begins
load_task("cartpole-swingup")
