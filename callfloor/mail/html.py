"""The text of an HTML message. Scripts, styles and tags go; nothing that a browser would run or fetch is left.

Linear in the length, for any input.
"""

from __future__ import annotations

import html
import re

from callfloor.mail.headers import clean

# Their content is no text.
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "math", "object", "iframe"})
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
        "table", "tr", "ul",
    }
)  # fmt: skip
_CELLS = frozenset({"td", "th"})
# A tag with its quoted attributes; a longer one ends at the first angle bracket.
_LONGEST_TAG = 1024
_TAG = re.compile(r"""</?([A-Za-z][A-Za-z0-9]{0,30})(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,30})")
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")
# Case is folded without a change of length.
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_MARK = "\ue000"  # a line break of ours; of the private use area, and taken out of what is written


def text_of(source: str) -> str:
    """What a reader would see, as plain text."""
    pieces: list[str] = []
    source = source.replace(_MARK, "")
    lower = source.translate(_LOWER)
    at = 0
    while (begin := source.find("<", at)) >= 0:
        pieces.append(html.unescape(source[at:begin]))
        end, name = _tag(source, begin)
        if name is None and end == begin + 1:
            pieces.append("<")
        elif name in _SILENT and not source.startswith("</", begin):
            closed = lower.find(f"</{name}", end)
            # what is not closed is silent to the end, as browsers have it
            end = len(source) if closed < 0 else _tag(source, closed)[0]
        elif name in _BLOCKS:
            pieces.append(_MARK)
        elif name in _CELLS:
            pieces.append(" ")
        at = end
    pieces.append(html.unescape(source[at:]))
    lines = (line.strip() for line in _SPACES.sub(" ", "".join(pieces)).split(_MARK))
    return clean(_without_gaps("\n".join(lines)))


def _tag(source: str, begin: int) -> tuple[int, str | None]:
    """Where the tag or comment that begins here ends, and the tag's name; one further: it is only a bracket."""
    if source.startswith("<!--", begin):
        end = source.find("-->", begin + 4)
        return (len(source) if end < 0 else end + 3), None
    whole = _TAG.match(source, begin, begin + _LONGEST_TAG)
    if whole is not None:
        return whole.end(), whole[1].lower()
    name = _NAME.match(source, begin)
    if name is None and source[begin + 1 : begin + 2] not in ("!", "?", "/"):
        return begin + 1, None
    end = source.find(">", begin)
    return (len(source) if end < 0 else end + 1), None if name is None else name[1].lower()


def _without_gaps(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip()
