"""Pieces of ``report.html``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def number(value: float) -> str:
    """With a comma for thousands, and a tenth if there is one."""
    return f"{value:,.1f}".removesuffix(".0")


def bar(share: float, style: str = "") -> str:
    """As long as a share of one, in the colour of a class of the style sheet; red beyond one."""
    over = " over" if share > 1.0001 else ""
    own = f' class="{style}"' if style else ""
    return f'<span class="bar{over}"><i{own} style="width:{min(share, 1):.1%}"></i></span>'


def table(
    heads: Sequence[str], lines: Iterable[Sequence[str]], text: Sequence[int], *, head: bool = True, last: bool = False
) -> str:
    """A table of cells in HTML.

    Args:
        heads: of the columns.
        lines: cells of each.
        text: columns that stand left.
        head: whether the heads are shown.
        last: whether the last line is the sum of the others.
    """

    def cells(kind: str, line: Sequence[str]) -> str:
        style = [' class="text"' if i in text else "" for i in range(len(line))]
        return "".join(f"<{kind}{own}>{cell}</{kind}>" for own, cell in zip(style, line, strict=True))

    body = [cells("td", line) for line in lines]
    marks = ["<tr>"] * len(body)
    if last:
        marks[-1] = '<tr class="total">'
    top = f"<thead><tr>{cells('th', heads)}</tr></thead>" if head else ""
    rows = "\n".join(f"{mark}{line}</tr>" for mark, line in zip(marks, body, strict=True))
    return f"<table>{top}<tbody>\n{rows}\n</tbody></table>"
