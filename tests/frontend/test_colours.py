"""A dimension has the same colour on every page and in every file."""

from backend.export import colours as files
from frontend.components import charts
from frontend.components.colours import PALETTE, coloured, dimension_colour, dimension_of, dotted


def test_pages_and_files_give_a_dimension_the_same_colour() -> None:
    assert PALETTE == files.PALETTE
    for dim in range(40):
        assert dimension_colour(dim) == files.colour_of(f"dim {dim}: hip angle", 3)


def test_a_name_tells_which_dimension_it_is_about() -> None:
    assert [dimension_of(name) for name in ("dim 7: hip angle", "Dim 12", "dim 31?", "model", "dimmed")] == [
        *(7, 12, 31),
        *(None, None),
    ]


def test_lines_of_a_chart_are_coloured_by_dimension_whatever_their_order() -> None:
    line = ([0.0, 1.0], [0.2, 0.4])
    lines = charts.curves({"mean": line, "dim 9: light": line, "dim 3": line}, axis="updates")["data"]
    found = {item["name"]: item["line"].get("color") for item in lines}
    assert found == {"mean": None, "dim 9: light": PALETTE[3], "dim 3": PALETTE[3]}
    assert [item["line"].get("dash") for item in lines] == [None, "dash", "solid"]


def test_names_on_axes_carry_the_dot_of_their_dimension() -> None:
    assert dotted("dim 2: hue") == f'<span style="color:{PALETTE[2]}">●</span> dim 2: hue'
    assert dotted("reward") == "reward"
    assert coloured({"name": "dim 1", "values": []}, "name")["colour"] == PALETTE[1]
    assert "colour" not in coloured({"name": "model", "values": []}, "name")
