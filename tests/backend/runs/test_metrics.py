"""Metric lines: read from a position on, found by an index, and thinned without losing extremes."""

import json
import random
import time
from pathlib import Path

from backend.runs import metrics


def test_metrics_are_read_on_from_where_the_reader_was(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"updates": 1}\n{"updates": 2}\n')
    assert metrics.read_metrics(tmp_path, 0) == ([{"updates": 1}, {"updates": 2}], 2)
    with path.open("a") as file:
        file.write('{"updates": 3}\n')
    assert metrics.read_metrics(tmp_path, 2) == ([{"updates": 3}], 3)
    assert metrics.read_metrics(tmp_path, 3) == ([], 3)


def test_a_line_that_is_being_written_waits_for_its_end(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"updates": 1}\n{"upda')
    assert metrics.read_metrics(tmp_path, 0) == ([{"updates": 1}], 1)


def test_a_reader_ahead_of_a_file_that_was_cut_goes_on_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"updates": 1}\n')
    assert metrics.read_metrics(tmp_path, 40) == ([], 1)


def test_numbers_that_json_does_not_know_come_back_as_none(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"loss": NaN, "norm": Infinity}\n')
    answer = metrics.read_metrics(tmp_path, 0).items
    assert answer == [{"loss": None, "norm": None}]
    json.dumps(answer, allow_nan=False)


def test_one_answer_holds_a_limited_number_of_lines(tmp_path: Path) -> None:
    count = metrics.MAX_LINES + 10
    (tmp_path / "metrics.jsonl").write_text("".join(f'{{"updates": {n}}}\n' for n in range(count)))
    first = metrics.read_metrics(tmp_path, 0)
    assert first.next == len(first.items) == metrics.MAX_LINES
    rest = metrics.read_metrics(tmp_path, first.next)
    assert (len(rest.items), rest.next) == (10, count)


def test_a_folder_without_metrics_has_none(tmp_path: Path) -> None:
    assert metrics.read_metrics(tmp_path / "none", 3) == ([], 0)
    assert metrics.read_curve_points(tmp_path / "none", 10) == ([], 0)


def _write(path: Path, values: list[float], first: int = 0) -> None:
    lines = [{"phase": "finetune", "updates": first + n, "image": value} for n, value in enumerate(values)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_lines_behind_many_others_are_the_same_as_read_from_the_start(tmp_path: Path) -> None:
    _write(tmp_path / "metrics.jsonl", [float(n) for n in range(7_500)])
    for since in (0, 999, 1_000, 1_001, 4_321, 7_000, 7_499):
        items = metrics.read_metrics(tmp_path, since).items
        assert items[0]["updates"] == since
        assert len(items) == min(metrics.MAX_LINES, 7_500 - since)
    assert metrics.read_metrics(tmp_path, 7_400).next == 7_500


def test_a_file_that_was_cut_and_grew_again_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    _write(path, [float(n) for n in range(6_000)])
    assert metrics.read_metrics(tmp_path, 5_999).next == 6_000
    assert len(metrics.read_curve_points(tmp_path, 10).items) == 10
    before = path.read_bytes().splitlines(keepends=True)[:2_345]
    _write(path, [-1.0] * 5_000, first=2_345)
    path.write_bytes(b"".join(before) + path.read_bytes())
    answer = metrics.read_metrics(tmp_path, 5_500)
    assert answer.next == 7_345 and answer.items[0] == {"phase": "finetune", "updates": 5_500, "image": -1.0}
    thinned = metrics.read_curve_points(tmp_path, 10)
    assert thinned.next == 7_345 and {line["image"] for line in thinned.items} > {-1.0, 2_344.0}


def test_a_thinned_curve_keeps_the_least_and_greatest_and_every_rare_value(tmp_path: Path) -> None:
    chance = random.Random(0)
    lines = [{"phase": "finetune", "updates": n, "image": chance.random(), "time": n} for n in range(20_000)]
    lines[777]["image"], lines[15_001]["image"] = 50.0, -50.0
    for n in range(0, 20_000, 5_000):
        lines[n]["evaluation_return"] = float(n)
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    answer = metrics.read_curve_points(tmp_path, 200)
    assert answer.next == 20_000
    image = [(line["updates"], line["image"]) for line in answer.items if "image" in line]
    assert (777, 50.0) in image and (15_001, -50.0) in image
    assert 100 <= len(image) <= 200 and image == sorted(image)
    assert all(lines[n]["image"] == value for n, value in image), "every point is a true value at its own update"
    returns = [line["evaluation_return"] for line in answer.items if "evaluation_return" in line]
    assert returns == [0.0, 5_000.0, 10_000.0, 15_000.0]


def test_a_thinned_curve_that_grew_equals_one_thinned_at_once(tmp_path: Path) -> None:
    values = [float((n * 7_919) % 1_000) for n in range(9_000)]
    grown, whole = tmp_path / "grown", tmp_path / "whole"
    for folder in (grown, whole):
        folder.mkdir()
    for until in (10, 3_000, 8_999, 9_000):
        _write(grown / "metrics.jsonl", values[:until])
        metrics.read_curve_points(grown, 50)
    _write(whole / "metrics.jsonl", values)
    assert metrics.read_curve_points(grown, 50) == metrics.read_curve_points(whole, 50)


def test_what_is_no_number_has_no_point(tmp_path: Path) -> None:
    text = '{"updates": 1, "loss": 2.0}\n{"updates": 2, "loss": NaN}\n{"updates": 3, "loss": "high"}\n[]\n'
    (tmp_path / "metrics.jsonl").write_text(text)
    assert metrics.read_curve_points(tmp_path, 2) == ([{"updates": 1, "loss": 2.0}], 4)


def test_a_short_curve_is_returned_as_it_is(tmp_path: Path) -> None:
    _write(tmp_path / "metrics.jsonl", [3.0, 1.0, 2.0])
    assert metrics.read_curve_points(tmp_path, 2_000) == metrics.read_metrics(tmp_path, 0)


def test_the_end_of_a_long_file_is_found_without_reading_it_again(tmp_path: Path) -> None:
    line = json.dumps({"phase": "finetune", "updates": 1, "image": 1.0, "note": "x" * 150}) + "\n"
    (tmp_path / "metrics.jsonl").write_text(line * 200_000)
    metrics.read_metrics(tmp_path, 199_990)
    began = time.process_time()
    for _ in range(10):
        assert metrics.read_metrics(tmp_path, 199_990).next == 200_000
    assert time.process_time() - began < 0.3, "ten times; reading 40 MB once takes longer"
