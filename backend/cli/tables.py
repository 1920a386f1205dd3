"""Tables of numbers as a terminal shows them."""

from collections.abc import Callable, Mapping
from typing import Any

Table = Mapping[str, Any]


def leakage(table: Table) -> str:
    """How far active dimensions move, one row per edited dimension."""
    lines = [f"diagonal share {table['diagonal_share']:.2f}; sigmas that each dimension moves for an edit of the row's"]
    active = table["active"]
    lines.append(" " * 7 + "".join(f"{dim:>6}" for dim in active))
    for dim in active:
        lines.append(f"dim {dim:<3}" + "".join(f"{table['matrix'][dim][other]:>6.2f}" for other in active))
    return "\n".join(lines)


def invariance(table: Table) -> str:
    """How far latents move, one row per factor."""
    lines = [f"{'factor':<24}{'latents':>8}{'95% interval':>18}{'pictures':>10}"]
    for entry in table["factors"]:
        low, high = entry["interval"]
        around = f"{low:.2f} to {high:.2f}"
        name = str(entry["factor"]).replace("_", " ")
        lines.append(f"{name:<24}{entry['moved']:>8.2f}{around:>18}{entry['picture']:>10.2f}  {entry['verdict']}")
    lines.append(f"noise of the latents {table['noise']:.2f}; 1 is the distance of two unrelated states")
    return "\n".join([*lines, *([table["why"]] if table["why"] else [])])


def forgetting(table: Table) -> str:
    """Each measure as a matrix: one row per chapter, one column per task."""
    lines = [str(table["says"])]
    for measure in table["measures"]:
        better = "more" if measure["higher_is_better"] else "less"
        lines += ["", f"{measure['title']}: {measure['unit']}, {better} is better"]
        lines.append(" " * 34 + "".join(f"{name[:22]:>24}" for name in [*table["tasks"], "average"]))
        rows = [(row["after"], [*row["cells"], row["average"]]) for row in measure["rows"]]
        if measure["forgotten"]:
            rows.append(("forgotten since", [*measure["forgotten"], None, measure["average_forgotten"]]))
        lines += [f"{after[:32]:<34}" + "".join(f"{_measured(cell):>24}" for cell in cells) for after, cells in rows]
    return "\n".join(lines)


def _measured(cell: Table | None) -> str:
    if cell is None:
        return ""
    around = "" if cell["interval"] is None else f" ({cell['interval'][0]:.3g} to {cell['interval'][1]:.3g})"
    return f"{cell['mean']:.3g}{around}"


def sensitivity(table: Table) -> str:
    """How far outcomes move, one row per dimension."""
    lines = [f"{'dimension':<28}" + "".join(f"{outcome:>26}" for outcome in table["outcomes"])]
    for row in table["dimensions"]:
        cells = (row["outcomes"][outcome] for outcome in table["outcomes"])
        told = (f"{cell['share']:.2f} of SD, {cell['mean']:+.3g}" for cell in cells)
        lines.append(f"{row['dim']:>3} {row['name']:<24}" + "".join(f"{text:>26}" for text in told))
    return "\n".join([*lines, f"{table['frames']:,} frames of {table['episodes']} episodes"])


def transfer(table: Table) -> str:
    """Matched correlation and names, one row per checkpoint."""
    lines = [f"dimensions of {table['reference']['name']}, matched over {table['frames']} frames"]
    for entry in table["checkpoints"]:
        mean = f"{entry['mean_correlation']:.2f}, by chance {entry['mean_null']:.2f}"
        lines.append(f"{entry['steps']:>9,}  correlation {mean}  {_fate(entry)}")
    return "\n".join(lines)


def compare(table: Table) -> str:
    """Matched dimensions, one row per pair."""
    lines = []
    for row in table["matches"]:
        if row["first_active"] or row["second_active"]:
            names = [f"dim {row[side]} {row[f'{side}_name'] or ''}".strip() for side in ("first", "second")]
            turned = "" if row["sign"] > 0 else "  reversed"
            low, high = row["interval"]
            around = f"({low:.2f} to {high:.2f}), by chance {row['null']:.2f}"
            lines.append(f"{names[0]:<28} {names[1]:<28} {row['correlation']:.2f} {around}{turned}")
    low, high = table["mean_interval"]
    mean = f"{table['mean_correlation']:.2f} ({low:.2f} to {high:.2f}), by chance {table['mean_null']:.2f}"
    return "\n".join([*lines, f"mean correlation {mean}; {_fate(table)}"])


def _fate(entry: Table) -> str:
    if entry["kept"] is None:
        return "names are not compared: the environments differ"
    return "; ".join(f"{word} {', '.join(entry[word]) or 'none'}" for word in ("kept", "lost", "gained"))


TELL: Mapping[str, Callable[[Table], str]] = {
    "leakage": leakage,
    "invariance": invariance,
    "forgetting": forgetting,
    "sensitivity": sensitivity,
    "carried": transfer,
    "compare": compare,
}
"""The kinds whose command prints its table if no file is requested."""
