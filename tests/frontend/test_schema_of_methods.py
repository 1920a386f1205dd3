"""The form's fields for methods and protocol come from the real schema."""

from backend.pipeline.builder import settings_schema
from backend.pipeline.methods.flat import methods_of_stage
from frontend.schema import Field, sections
from tests.support.pages import OpenPage


def fields_of(stage: str) -> dict[str, Field]:
    return {field.name: field for part in sections(settings_schema(stage)) for group in part.groups.values() for field in group}  # noqa: E501 # fmt: skip


def test_the_form_offers_the_methods_and_the_colours_of_both_halves() -> None:
    fields = fields_of("finetune")
    assert (fields["method"].kind, fields["method"].choices) == ("choice", tuple(methods_of_stage("finetune")))
    assert (fields["method"].default, fields["method"].group) == ("diswm", "Method")
    assert fields["distillation"].choices == ("gaussian", "as-released")
    for name in ("distraction_later", "evaluate_distraction"):
        assert fields[name].kind == "choice" and fields[name].optional and "set-b" in fields[name].choices
    assert fields["films"].kind == "text" and fields["films"].optional
    assert fields_of("pipeline")["finetune.method"].choices == tuple(methods_of_stage("finetune"))


def test_what_needs_an_expert_is_offered_where_there_is_one() -> None:
    for prefix, fields in (("", fields_of("finetune")), ("finetune.", fields_of("pipeline"))):
        for name in ("demonstrations", "advice"):
            field = fields[f"{prefix}{name}"]
            assert field.is_offered({f"{prefix}environment": "reacher-easy", f"{prefix}method": "diswm"})
            assert not field.is_offered({f"{prefix}environment": "walker-walk", f"{prefix}method": "diswm"})


def test_the_page_shows_and_sends_the_settings_of_the_chosen_method_only(open_page: OpenPage) -> None:
    app = open_page("train", stage="finetune", preset="tiny")

    def drawn(name: str) -> bool:
        return any(widget.key and f".{name}." in widget.key for widget in app.number_input)

    def command() -> str:
        return "\n".join(code.value for code in app.code)

    assert drawn("distill_steps") and not drawn("bonus_weight") and "--set" not in command()
    assert any("Disentangled World Models" in caption.value for caption in app.caption)
    next(widget for widget in app.selectbox if widget.key and ".method." in widget.key).set_value("apv").run()
    assert not app.exception
    assert drawn("bonus_weight") and not drawn("distill_steps")
    assert any("Needs: video model as teacher. Afterwards: Imagine" in caption.value for caption in app.caption)
    assert command().count("--set ") == 1 and "--set method=apv" in command()
    next(widget for widget in app.number_input if ".bonus_weight." in str(widget.key)).set_value(0.5).run()
    assert "--set bonus_weight=0.5" in command() and "distill" not in command()
