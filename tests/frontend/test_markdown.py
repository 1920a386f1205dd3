"""Text from users is shown literally wherever the page passes it to Markdown."""

import re
from pathlib import Path

import pytest

from frontend.components.markdown import JOINER, escape_markdown, escape_plotly

FRONTEND = Path(__file__).parents[2] / "frontend"
READERS = re.compile(r"\.(markdown|subheader|header|title|caption|toast|info|warning|error|success|metric|page_link)\(")
TYPED = re.compile(r"""\[["'](name|note|author|message|hint|detail|label|first_name|second_name)["']\]""")


@pytest.mark.parametrize(
    ("typed", "escaped"),
    [
        ("a $b$ c", r"a \$b\$ c"),
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("[a](b)", r"\[a\](b)"),
        ("![a](b)", r"!\[a\](b)"),
        (":red[a]", rf"\:{JOINER}red\[a\]"),
        (":smile:", rf"\:{JOINER}smile:"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("a\n\n# b", "a # b"),
        ("<img src=x>", r"\<img src=x\>"),
        ("plain, with 3.5 and (brackets)", "plain, with 3.5 and (brackets)"),
    ],
)
def test_markdown_is_escaped(typed: str, escaped: str) -> None:
    assert escape_markdown(typed) == escaped


def test_tags_of_plotly_are_escaped() -> None:
    assert escape_plotly("<a href='x'>b</a> & c") == "&lt;a href='x'&gt;b&lt;/a&gt; &amp; c"


def test_no_line_of_the_page_hands_a_name_to_markdown_as_it_is() -> None:
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in FRONTEND.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if READERS.search(line) and TYPED.search(line) and "escape_markdown" not in line
    ]
    assert found == []
