"""The world model of NM512/r2dreamer (MIT licence): an RSSM of classes whose GRU works in blocks.

Modules have the names used in its files. Only runs with `rep_loss: dreamer` have a decoder; the others observe and
imagine, but cannot draw pictures.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.adapters.adapter import Adapter
from models.adapters.r2dreamer_sizes import R2Sizes
from models.types import Belief, Categorical, State

EPSILON = 1e-4


class BlockLinear(nn.Module):
    """A linear layer whose inputs and outputs fall into blocks that do not mix."""

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs // blocks, inputs // blocks, blocks))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, value: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs)."""
        blocks = value.reshape(len(value), self.weight.shape[2], -1)
        return torch.einsum("bgi,oig->bgo", blocks, self.weight).flatten(1) + self.bias


class ChannelNorm(nn.RMSNorm):
    """RMSNorm over the channels of a picture (B, C, H, W)."""

    def forward(self, value: Tensor) -> Tensor:
        return super().forward(value.movedim(-3, -1)).movedim(-1, -3)


def normed(inputs: int, outputs: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    """A linear layer, RMSNorm, activation."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.RMSNorm(outputs, eps=EPSILON), activation())


def named_layers(name: str, sizes: list[int], last: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Layers of these sizes, then one of logits, under the names of obs_net and img_net."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers[f"{name}_{index}"] = nn.Linear(inputs, outputs)
        layers[f"{name}_n_{index}"] = nn.RMSNorm(outputs, eps=EPSILON)
        layers[f"{name}_a_{index}"] = activation()
    layers[f"{name}_logit"] = nn.Linear(sizes[-1], last)
    return nn.Sequential(layers)


class Encoder(nn.Module):
    """Convolutions that keep the size, each followed by a maximum over 2 x 2."""

    def __init__(self, sizes: R2Sizes) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in sizes.stages:
            layers += [nn.Conv2d(inputs, outputs, sizes.kernel, padding="same"), nn.MaxPool2d(2, 2)]
            layers += [ChannelNorm(outputs, eps=EPSILON), sizes.activation()]
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in 0..1 -> (B, E)."""
        return self.layers(image - 0.5).flatten(1)  # type: ignore[no-any-return] # nn.Module call


class Decoder(nn.Module):
    """Both halves of the state as 4 x 4, channels last, added; then doublings with the nearest pixel."""

    def __init__(self, sizes: R2Sizes) -> None:
        super().__init__()
        channels = sizes.depths[-1]
        self.blocks, self.channels = sizes.decoder_blocks, channels
        self.sp0 = BlockLinear(sizes.deter, 16 * channels, sizes.decoder_blocks)
        self.sp1 = normed(sizes.spec.stoch, sizes.decoder_units, sizes.activation)
        self.sp2 = nn.Linear(sizes.decoder_units, 16 * channels)
        self.sp_norm = nn.Sequential(nn.RMSNorm(channels, eps=EPSILON), sizes.activation())
        layers: list[nn.Module] = []
        for outputs, inputs in reversed(sizes.stages[1:]):
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, sizes.kernel, padding="same")]
            layers += [ChannelNorm(outputs, eps=EPSILON), sizes.activation()]
        image, inputs = sizes.stages[0]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, image, sizes.kernel, padding="same")]
        self.layers = nn.Sequential(*layers)

    def forward(self, state: State) -> Tensor:
        """(B, .) -> (B, C, H, W) in 0..1."""
        deep = self.sp0(state.deter).reshape(-1, self.blocks, 4, 4, self.channels // self.blocks)
        deep = deep.permute(0, 2, 3, 1, 4).reshape(-1, 4, 4, self.channels)
        drawn = self.sp2(self.sp1(state.stoch)).reshape(-1, 4, 4, self.channels)
        hidden = self.sp_norm(deep + drawn).movedim(-1, -3)
        return torch.sigmoid(self.layers(hidden))


class DeterNet(nn.Module):
    """One step of the deterministic state: a GRU in blocks."""

    def __init__(self, sizes: R2Sizes) -> None:
        super().__init__()
        deter, hidden, blocks, act = sizes.deter, sizes.hidden, sizes.blocks, sizes.activation
        self.blocks = blocks
        self._dyn_in0 = normed(deter, hidden, act)
        self._dyn_in1 = normed(sizes.spec.stoch, hidden, act)
        self._dyn_in2 = normed(sizes.action_size, hidden, act)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        inputs = 3 * hidden * blocks + deter
        for index in range(sizes.dyn_layers):
            layers[f"dyn_hid_{index}"] = BlockLinear(inputs, deter, blocks)
            layers[f"norm_{index}"] = nn.RMSNorm(deter, eps=EPSILON)
            layers[f"act_{index}"] = act()
            inputs = deter
        self._dyn_hid = nn.Sequential(layers)
        self._dyn_gru = BlockLinear(inputs, 3 * deter, blocks)

    def forward(self, state: State, action: Tensor) -> Tensor:
        """(B, .), (B, A) -> (B, D). Actions beyond 1 are brought back to it."""
        action = action / action.abs().clamp(min=1)
        entered = [self._dyn_in0(state.deter), self._dyn_in1(state.stoch), self._dyn_in2(action)]
        shared = torch.cat(entered, -1).unsqueeze(1).expand(-1, self.blocks, -1)
        blocks = torch.cat([state.deter.reshape(len(action), self.blocks, -1), shared], -1).flatten(1)
        gates = self._dyn_gru(self._dyn_hid(blocks)).reshape(len(action), self.blocks, -1).chunk(3, -1)
        reset, candidate, update = (gate.flatten(1) for gate in gates)
        update = torch.sigmoid(update - 1)
        return update * torch.tanh(torch.sigmoid(reset) * candidate) + (1 - update) * state.deter


class R2Rssm(nn.Module):
    """The recurrent part under the names of its files."""

    def __init__(self, sizes: R2Sizes) -> None:
        super().__init__()
        deter, hidden, act = sizes.deter, sizes.hidden, sizes.activation
        self._deter_net = DeterNet(sizes)
        seen = [deter + sizes.embedding, *[hidden] * sizes.obs_layers]
        self._obs_net = named_layers("obs_net", seen, sizes.spec.stoch, act)
        self._img_net = named_layers("img_net", [deter, *[hidden] * sizes.img_layers], sizes.spec.stoch, act)


class R2Dreamer(Adapter):
    """The world model, without reward, actor and critic."""

    def __init__(self, sizes: R2Sizes) -> None:
        super().__init__()
        self.spec, self.sizes = sizes.spec, sizes
        self.encoder = Encoder(sizes)
        self.rssm = R2Rssm(sizes)
        self.decoder = Decoder(sizes) if sizes.decoder_units else None

    def encode(self, image: Tensor) -> Tensor:
        return self.encoder(image)  # type: ignore[no-any-return] # nn.Module call

    def advance(self, state: State, action: Tensor) -> Tensor:
        return self.rssm._deter_net(state, action)  # type: ignore[no-any-return] # nn.Module call

    def prior(self, deter: Tensor) -> Belief:
        return self._belief(self.rssm._img_net(deter))

    def posterior(self, deter: Tensor, seen: Tensor) -> Belief:
        return self._belief(self.rssm._obs_net(torch.cat([deter, seen], -1)))

    def decode(self, state: State) -> Tensor:
        assert self.decoder is not None, "the spec says that it does not decode"
        return self.decoder(state)  # type: ignore[no-any-return] # nn.Module call

    def _belief(self, logits: Tensor) -> Belief:
        spec = self.spec
        return Categorical(logits.reshape(*logits.shape[:-1], spec.latents, spec.classes), self.sizes.uniform)
