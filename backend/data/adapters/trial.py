"""A trial of an adapter, for its author to run before it is installed.

from diswm.adapters import try_adapter
try_adapter(MyModel())
"""

from collections.abc import Callable

import torch
from torch import Tensor

from models.adapters.adapted import Adapted, adapted
from models.adapters.adapter import Adapter
from models.types import Categorical, Gaussian, State

BATCH, STEPS, SEED = 3, 4, 0
CLOSE = 1e-4
MOST_BRIGHT = 10.0  # a picture is about 0..1; a range far beyond that is a mistake


class AdapterError(Exception):
    """An adapter breaks a rule; the message says which, and what was found."""


def try_adapter(adapter: Adapter) -> list[str]:
    """Calls everything that views call, with random pictures; returns the rules that were kept, one sentence each.

    Raises AdapterError at the first rule that is broken.
    """
    torch.manual_seed(SEED)
    model = adapted(adapter, "trial", {})
    rules: tuple[Callable[[Adapted], str], ...] = (_shapes, _repeats, _batches, _edits, _decodes, _imagines, _no_future)
    with torch.no_grad():
        return [rule(model) for rule in rules]


def _shapes(model: Adapted) -> str:
    spec, seen = model.config.spec, _seen(model)
    belief = model.adapter.posterior(_deter(model), seen)
    if isinstance(belief, Categorical):
        _need(tuple(belief.logits.shape), (BATCH, spec.latents, spec.classes), "posterior gives logits")
    elif isinstance(belief, Gaussian):
        _need(spec.classes, 0, "posterior gives a Gaussian, so the spec's classes")
        _need(tuple(belief.mean.shape), (BATCH, spec.latents), "posterior gives means")
        _need(tuple(belief.std.shape), (BATCH, spec.latents), "posterior gives standard deviations")
    else:
        raise AdapterError(f"posterior gives {type(belief).__name__}; a Gaussian or Categorical is needed")
    if not torch.isfinite(belief.mean).all() or not torch.isfinite(belief.std).all():
        raise AdapterError("posterior gives NaN or infinity")
    return "encode and posterior give latents of the shapes that the spec declares"


def _repeats(model: Adapted) -> str:
    _same(_latents(model), _latents(model), "the same pictures twice give different latents: something is drawn")
    return "the same pictures give the same latents"


def _batches(model: Adapted) -> str:
    image = _pictures(model)
    together = model.adapter.encode(image)
    alone = torch.cat([model.adapter.encode(part) for part in torch.split(image, 1)])
    _same(together, alone, "pictures of one batch change each other: is it in evaluation mode?")
    return "a picture is seen alike alone and in a batch"


def _edits(model: Adapted) -> str:
    deter, latent = _deter(model), _latents(model)
    belief = model.adapter.posterior(deter, _seen(model))
    _same(model.stoch_of(deter, latent), belief.mean, "putting the latents back gives another state")
    return "a frame's own latents give its own state"


def _decodes(model: Adapted) -> str:
    spec = model.config.spec
    if not spec.decodes:
        return "it does not decode, and says so"
    deter = _deter(model)
    image = model.adapter.decode(State(deter, model.stoch_of(deter, _latents(model))))
    _need(tuple(image.shape), (BATCH, spec.channels, spec.height, spec.width), "decode gives pictures")
    if not torch.isfinite(image).all() or float(image.abs().max()) > MOST_BRIGHT:
        raise AdapterError(f"decode gives pictures up to {float(image.abs().max()):g}; they must be about 0..1")
    return "decode gives pictures of the declared size, about 0..1"


def _imagines(model: Adapted) -> str:
    spec = model.config.spec
    if not spec.recurrent:
        return "it has no memory, and says so"
    states = model.imagine(model.rssm.initial(BATCH), STEPS, torch.zeros(BATCH, STEPS, spec.action_size))
    _need(tuple(states.deter.shape), (BATCH, STEPS, spec.deter), "imagining gives deterministic states")
    _need(tuple(states.stoch.shape), (BATCH, STEPS, spec.stoch), "imagining gives latents")
    return "it imagines as many steps as are asked"


def _no_future(model: Adapted) -> str:
    if not model.config.spec.recurrent:
        return "nothing comes after a picture"
    seen = torch.stack([_seen(model, step) for step in range(STEPS)], 1)
    other = torch.cat([seen[:, :-1], seen[:, -1:] + 1], 1)
    action = torch.zeros(BATCH, STEPS, model.config.action_size)
    before, after = (model.observe(each, action).states.deter[:, :-1] for each in (seen, other))
    _same(before, after, "a later picture changes an earlier state")
    return "no state depends on a later picture"


def _pictures(model: Adapted, seed: int = SEED) -> Tensor:
    spec = model.config.spec
    return torch.rand((BATCH, spec.channels, spec.height, spec.width), generator=torch.Generator().manual_seed(seed))


def _seen(model: Adapted, seed: int = SEED) -> Tensor:
    return model.adapter.encode(_pictures(model, seed))


def _deter(model: Adapted) -> Tensor:
    spec = model.config.spec
    return model.rssm.advance(model.rssm.initial(BATCH), torch.zeros(BATCH, spec.action_size))


def _latents(model: Adapted) -> Tensor:
    belief = model.adapter.posterior(_deter(model), _seen(model))
    return belief.classes.float() if isinstance(belief, Categorical) else belief.mean


def _need(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise AdapterError(f"{what} of {found}; the spec says {wanted}")


def _same(one: Tensor, other: Tensor, sentence: str) -> None:
    if one.shape != other.shape or not torch.allclose(one, other, atol=CLOSE, rtol=CLOSE):
        raise AdapterError(sentence)
