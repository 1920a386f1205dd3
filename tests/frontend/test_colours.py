"""A dimension has the same colour on every page and in every file."""

import numpy as np

from backend.export import colours as files
from frontend.components import charts
from frontend.components.colours import PALETTE, coloured, dimension_colour, dimension_of, dotted

DARK_PAGE = 0.0055  # relative luminance of #0e1117, Streamlit's dark background


def test_pages_and_files_give_a_dimension_the_same_colour() -> None:
    assert PALETTE == files.PALETTE
    for dim in range(40):
        assert dimension_colour(dim) == files.colour_of(f"dim {dim}: hip angle", 3)


def test_twenty_dimensions_have_colours_that_are_told_apart_on_white_and_on_dark() -> None:
    colours = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in PALETTE]) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722]
    assert len(set(PALETTE)) == 20
    assert ((1.05 / (light + 0.05)) >= 3).all(), "on white"
    assert (((light + 0.05) / (DARK_PAGE + 0.05)) >= 3).all(), "on the dark page"
    lab = _lab(linear)
    apart = np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(-1)) + 99 * np.eye(20)
    assert apart.min() > 10


def _lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB (N, 3), for the white of D65."""
    to_xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    x, y, z = np.cbrt(linear @ to_xyz.T / [0.9505, 1, 1.0888]).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def test_a_name_tells_which_dimension_it_is_about() -> None:
    assert [dimension_of(name) for name in ("dim 7: hip angle", "Dim 12", "dim 31?", "model", "dimmed")] == [
        *(7, 12, 31),
        *(None, None),
    ]


def test_lines_of_a_chart_are_coloured_by_dimension_whatever_their_order() -> None:
    line = ([0.0, 1.0], [0.2, 0.4])
    lines = charts.curves({"mean": line, "dim 23: light": line, "dim 3": line}, axis="updates")["data"]
    found = {item["name"]: item["line"].get("color") for item in lines}
    assert found == {"mean": None, "dim 23: light": PALETTE[3], "dim 3": PALETTE[3]}
    assert [item["line"].get("dash") for item in lines] == [None, "dash", "solid"]


def test_names_on_axes_carry_the_dot_of_their_dimension() -> None:
    assert dotted("dim 2: hue") == f'<span style="color:{PALETTE[2]}">●</span> dim 2: hue'
    assert dotted("reward") == "reward"
    assert coloured({"name": "dim 1", "values": []}, "name")["colour"] == PALETTE[1]
    assert "colour" not in coloured({"name": "model", "values": []}, "name")
