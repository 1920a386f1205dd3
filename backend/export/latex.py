"""The figure as LaTeX: `figure.tex` compiles as it is, and its figure can be pasted into a paper."""

from backend.export.captions import caption_text
from backend.interpret.view import TraversalView

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "…": r"\ldots{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def figure_tex(view: TraversalView, width: float) -> str:
    """A whole document around one figure environment, which includes traversal.pdf at its own width.

    Compiling figure.tex writes figure.pdf, so the picture must not be called that.
    """
    caption = escape(caption_text(view))
    label = escape_label(view.checkpoint_name)
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{graphicx}",
            r"\begin{document}",
            r"% ---- from here",
            r"\begin{figure}",
            r"  \centering",
            rf"  \includegraphics[width={width}in]{{traversal.pdf}}",
            rf"  \caption{{{caption}}}",
            rf"  \label{{fig:traversal-{label}}}",
            r"\end{figure}",
            r"% ---- to here goes into your paper",
            r"\end{document}",
            "",
        ]
    )


def escape(text: str) -> str:
    """Plain text as LaTeX text; letters beyond Latin-1 become question marks, because pdflatex cannot print them."""
    known = "".join(_SPECIAL.get(letter, letter) for letter in text)
    return known.encode("latin-1", "replace").decode("latin-1")


def escape_label(text: str) -> str:
    """Letters, digits and dashes only."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
