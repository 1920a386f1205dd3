"""The client: names of downloads, problems, tokens, an API that is not there."""

import contextlib
import io
from pathlib import Path
from time import monotonic

import pytest

from frontend.client import ApiProblem, ApiUnreachable, Client, FieldProblem, api_url, as_text, client
from tests.support.recorded import CARTPOLE, FINGER
from tests.support.workplace import Workplace


@pytest.mark.usefixtures("api")
def test_a_download_keeps_the_name_that_the_api_gives_it(work: Workplace) -> None:
    file = client().file(f"/checkpoints/{FINGER}/traversal", {"dims": "1", "format": "gif"})
    assert file.name == work.get(f"/checkpoints/{FINGER}/traversal", dims=1)["file_name"]
    assert file.name.startswith("diswm_finger-spin_")
    assert file.media_type == "image/gif"
    assert file.content.startswith(b"GIF89a")


@pytest.mark.usefixtures("api")
def test_a_problem_carries_sentence_fields_and_remedy() -> None:
    with pytest.raises(ApiProblem) as caught:
        client().post("/runs", {"stage": "pretrain", "settings": {"betta": 1}}, key="a")
    assert caught.value.status == 422
    assert "GET /api/v1/schemas/{stage} describes every setting" in caught.value.remedy
    assert caught.value.fields[0].field == "betta"
    assert caught.value.fields[0].sentence == "there is no setting 'betta'; did you mean 'beta'?"


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("/settings/pretrain/beta", "pretrain.beta"),
        ("/settings/a~1b", "a/b"),
        ("query:range", "range"),
        ("/seed", "seed"),
        ("", ""),
    ],
)
def test_a_pointer_names_its_field(pointer: str, field: str) -> None:
    assert FieldProblem(pointer, "").field == field


def test_a_suggestion_is_said_once() -> None:
    assert (
        FieldProblem("query:rang", "no such parameter", "range").sentence == "no such parameter Did you mean `range`?"
    )
    assert FieldProblem("/betta", "did you mean 'beta'?", "beta").sentence == "did you mean 'beta'?"


@pytest.mark.usefixtures("api")
def test_an_answer_that_is_no_problem_json_is_a_problem_all_the_same() -> None:
    with pytest.raises(ApiProblem) as caught:
        client().get("/nothing/here")
    assert caught.value.status == 404


def test_an_api_that_is_not_there_is_said_to_be_unreachable(no_api: str) -> None:
    with pytest.raises(ApiUnreachable, match=f"not answering at {no_api}"):
        client().get("/runs")
    assert not client().alive()


@pytest.mark.usefixtures("api")
def test_the_api_is_asked_directly_where_a_proxy_leads_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing answers there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with contextlib.closing(Client(api_url())) as behind:
        assert behind.alive()
        assert behind.get("/checkpoints")["items"]


@pytest.mark.usefixtures("api")
def test_the_token_of_the_home_is_sent_and_read_anew(work: Workplace, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    client().get("/presets")
    (tmp_path / "token").write_text("second\n")
    client().get("/presets")
    assert work.tokens[-2:] == ["Bearer first", "Bearer second"]


@pytest.mark.usefixtures("api")
def test_a_list_is_followed_to_its_end(work: Workplace) -> None:
    work.page_size = 1
    assert {item["id"] for item in client().items("/checkpoints")} == {CARTPOLE, FINGER, "run-cartpole"}
    assert len([path for path, _ in work.requests if path.endswith("/checkpoints")]) == 3


def test_values_stand_in_addresses_as_the_api_reads_them() -> None:
    assert [as_text(value) for value in (True, 2.0, 0.25, 7, "a", -1e-05)] == ["true", "2", "0.25", "7", "a", "-1e-05"]


@pytest.mark.usefixtures("api")
def test_an_api_that_hangs_is_noticed_within_five_seconds_and_forgotten_when_it_is_back(work: Workplace) -> None:
    work.hang.set()
    started = monotonic()
    with pytest.raises(ApiUnreachable) as caught:
        client().get("/runs")
    assert caught.value.hangs
    assert monotonic() - started < 5
    work.hang.clear()
    assert client().get("/runs")["items"]


def test_an_upload_waits_as_long_as_the_api_is_alive(work: Workplace, api: str) -> None:
    work.delays["/datasets"] = 3.0
    film = (work.home / "datasets" / "my-videos" / "episode-000000.npz").read_bytes()
    with contextlib.closing(Client(api, timeout=1.0)) as impatient:
        status, made = impatient.upload("/datasets", [("a.npz", io.BytesIO(film))], fields={"name": "film"})
    assert (status, made["name"]) == (201, "film")
