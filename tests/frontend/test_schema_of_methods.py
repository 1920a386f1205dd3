"""The form's fields for methods and protocol come from the real schema: nothing is written down twice."""

from backend.pipeline.builder import settings_schema
from backend.pipeline.methods.catalogue import CATALOGUE
from frontend.schema import Field, sections


def fields_of(stage: str) -> dict[str, Field]:
    return {field.name: field for part in sections(settings_schema(stage)) for group in part.groups.values() for field in group}  # noqa: E501 # fmt: skip


def test_the_form_offers_the_methods_and_the_colours_of_both_halves() -> None:
    fields = fields_of("finetune")
    assert (fields["method"].kind, fields["method"].choices) == ("choice", tuple(CATALOGUE))
    assert (fields["method"].default, fields["method"].group) == ("diswm", "Method")
    assert fields["distillation"].choices == ("gaussian", "as-released")
    for name in ("distraction_later", "evaluate_distraction"):
        assert fields[name].kind == "choice" and fields[name].optional and "set-b" in fields[name].choices
    assert fields["films"].kind == "text" and fields["films"].optional
    assert fields_of("pipeline")["finetune.method"].choices == tuple(CATALOGUE)
