"""Every supported layout of models: the built-in ones, and those of packages that the administrator installed.

A package announces a layout as an entry point of the group `diswm.adapters`. A checkpoint names a layout by its
name alone; what it names is looked up here, so that no file and no request can choose which code runs.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from models.adapters.adapter import Layout, LayoutError
from models.adapters.disentangling_vae import DisentanglingVaeLayout
from models.adapters.dreamerv3_layout import DreamerV3TorchLayout
from models.adapters.r2dreamer_layout import R2DreamerLayout

GROUP = "diswm.adapters"
BUILT_IN: tuple[Layout, ...] = (DisentanglingVaeLayout(), DreamerV3TorchLayout(), R2DreamerLayout())


@cache
def layouts() -> Mapping[str, Layout]:
    """Layouts by name, the built-in ones first. An installed one cannot take a built-in name. Raises LayoutError."""
    found: dict[str, Layout] = {layout.name: layout for layout in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            layout = point.load()()
        except Exception as error:  # an error of an installed package is reported with its name
            raise LayoutError(f"the adapter {point.name!r} ({point.value}) cannot be loaded: {error!r}") from error
        if layout.name in found:
            raise LayoutError(
                f"the adapter {point.name!r} ({point.value}) takes the name {layout.name!r}, which is taken"
            )
        found[layout.name] = layout
    return found


def find_layout(name: str) -> Layout:
    """A layout by name. Raises LayoutError with the known ones."""
    known = layouts()
    if name not in known:
        raise LayoutError(f"there is no layout {name[:40]!r}; known are {', '.join(known)}")
    return known[name]


def detect_layout(keys: frozenset[str]) -> Layout:
    """The layout of tensors with these names. Raises LayoutError."""
    for layout in layouts().values():
        if layout.recognises(keys):
            return layout
    shown = ", ".join(sorted(keys)[:3])
    raise LayoutError(f"the tensors ({shown[:120]}, ...) are of no known layout: {', '.join(layouts())}")
