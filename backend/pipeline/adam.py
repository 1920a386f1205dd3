"""Adam without torch's compiler, whose import would double the time that a training process takes to start."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
from torch.optim import Optimizer


class Adam(torch.optim.Adam):
    """torch's Adam. Its methods are called without the wrappers that import `torch._dynamo` at their first call.

    Those wrappers matter only to `torch.compile`, which is not used here. Closures are not supported.
    """

    add_param_group = unwrap(Optimizer.add_param_group)
    state_dict: Callable[..., dict[str, Any]] = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)
    zero_grad = unwrap(Optimizer.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))
