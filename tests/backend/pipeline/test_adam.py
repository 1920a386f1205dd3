"""Our Adam is torch's, and does not import the compiler."""

import copy
import subprocess
import sys

import torch
from torch import nn

from backend.pipeline.adam import Adam

LEARN = """
import sys
import torch
from backend.pipeline.update import Update

weight = torch.nn.Parameter(torch.ones(3))
for _ in range(2):
    update = Update([weight], 0.1, 1e-8, 1.0)
    update(weight.sum())
    update.load_state_dict(update.state_dict())
print(int("torch._dynamo" in sys.modules))
torch.optim.Adam([weight])
print(int("torch._dynamo" in sys.modules))
"""


def learned(kind: type[torch.optim.Adam], steps: int, saved: dict[str, object] | None = None) -> tuple[object, ...]:
    """Weights after some steps, and the state, in which the first steps may be continued."""
    torch.manual_seed(steps)
    layer = nn.Linear(4, 3)
    optimiser = kind(layer.parameters(), lr=1e-2, fused=True)
    if saved is not None:
        optimiser.load_state_dict(copy.deepcopy(saved))
    for _ in range(steps):
        layer(torch.randn(2, 4)).square().sum().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return layer.weight.detach(), optimiser.state_dict()


def test_it_learns_bit_for_bit_what_torchs_learns_also_from_a_save() -> None:
    ours, saved = learned(Adam, 3)
    theirs, _ = learned(torch.optim.Adam, 3)
    assert torch.equal(ours, theirs)
    assert torch.equal(learned(Adam, 2, saved)[0], learned(torch.optim.Adam, 2, saved)[0])
    assert not torch.equal(learned(Adam, 2, saved)[0], learned(Adam, 2)[0])


def test_a_process_that_learns_does_not_import_the_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", LEARN], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]
