"""Runs a whole update as one piece of work on the GPU: recorded once as a CUDA graph, then replayed.

An update is thousands of small kernels. Launching them one by one takes ten times as long as the work; a graph launches
them all at once. A graph is used only if its first run gives what the same update gave without it.
"""

import copy
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

Figures = dict[str, Tensor]
Work = Callable[..., Figures]  # tensors of the same shapes every time
WARM_UPS = 3  # plain runs before a recording, in which memory is laid out and optimisers create their state
TOLERANCE = 1e-2  # relative difference allowed in a recorded update's losses: kernels may sum in another order
log = logging.getLogger(__name__)


class Training(Protocol):
    """What an update changes."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Recorder(Protocol):
    """Records some work, on the stream on which it was run before."""

    def run(self, work: Work, inputs: Sequence[Tensor]) -> Figures:
        """Runs the work once, unrecorded."""
        ...

    def record(self, work: Work, inputs: Sequence[Tensor]) -> Callable[[], Figures]:
        """A function that repeats the work on the current content of `inputs`; raises if it cannot be recorded."""
        ...


class Recorded:
    """Does `work`, which changes `training`, directly or from a recording of it: both give the same result.

    `recorder` is None on CPUs, where nothing would be gained.
    """

    def __init__(self, work: Work, training: Training, recorder: Recorder | None) -> None:
        self._work, self._training, self._recorder = work, training, recorder
        self._inputs: list[Tensor] = []
        self._replay: Callable[[], Figures] | None = None
        self._shapes: list[torch.Size] = []
        self._runs = 0

    @property
    def in_use(self) -> bool:
        """Whether runs now use a recording."""
        return self._replay is not None

    def __call__(self, *inputs: Tensor) -> Figures:
        """One run; its figures are valid until the next one. Tensors of other shapes are recorded anew."""
        if self._recorder is None:
            return self._work(*inputs)
        shapes = [value.shape for value in inputs]
        if shapes != self._shapes:
            self._shapes, self._replay, self._runs = shapes, None, 0
        self._runs += 1
        if self._runs <= WARM_UPS:
            return self._recorder.run(self._work, inputs)
        if self._replay is None:
            return self._record(self._recorder, inputs)
        for place, value in zip(self._inputs, inputs, strict=True):
            place.copy_(value, non_blocking=True)
        return self._replay()

    def _record(self, recorder: Recorder, inputs: tuple[Tensor, ...]) -> Figures:
        """Does this run unrecorded, undoes it and repeats it from a recording, which is kept if it gives the same."""
        before = copy.deepcopy(self._training.state_dict())
        expected = {name: value.clone() for name, value in recorder.run(self._work, inputs).items()}
        after = copy.deepcopy(self._training.state_dict())
        self._training.load_state_dict(before)
        self._inputs = [value.clone() for value in inputs]
        try:
            self._replay = recorder.record(self._work, self._inputs)
            figures = self._replay()
            _check(expected, figures)
        except Exception as error:  # whatever the error is, the run continues without a recording
            log.warning("updates are not recorded as a CUDA graph, and are slower for it: %s", error)
            self._recorder = self._replay = None
            self._training.load_state_dict(after)
            return expected
        return figures


class GraphRecorder:
    """Records CUDA graphs in which the noise of `generator` continues from run to run."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator
        self._stream = torch.cuda.Stream(generator.device)  # type: ignore[no-untyped-call] # torch stub

    def run(self, work: Work, inputs: Sequence[Tensor]) -> Figures:
        """Runs the work once, unrecorded."""
        around = torch.cuda.current_stream(self._generator.device)
        self._stream.wait_stream(around)
        with torch.cuda.stream(self._stream):
            figures = work(*inputs)
        around.wait_stream(self._stream)
        return figures

    def record(self, work: Work, inputs: Sequence[Tensor]) -> Callable[[], Figures]:
        """The function that launches the graph."""
        graph = torch.cuda.CUDAGraph()
        register = getattr(graph, "register_generator_state", None)
        if register is not None:  # later versions of torch detect which generators are used
            register(self._generator)
        torch.cuda.synchronize(self._generator.device)
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            figures = work(*inputs)

        def replay() -> Figures:
            graph.replay()
            return figures

        return replay


def graph_recorder(generator: torch.Generator) -> GraphRecorder | None:
    """A recorder for work on the generator's device, if that is a GPU."""
    return GraphRecorder(generator) if generator.device.type == "cuda" else None


def _check(expected: Figures, recorded: Figures) -> None:
    for name, figure in expected.items():
        before, value = float(figure.mean()), float(recorded[name].mean())
        if not abs(value - before) <= TOLERANCE * max(abs(before), 1.0):
            raise ArithmeticError(f"{name} is {value:.6g} in the recording and {before:.6g} without it")
