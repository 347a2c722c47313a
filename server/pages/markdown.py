"""Our own docs/*.md as HTML, each heading and each row that begins with a code being a place that can be linked to."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Links between the files of docs/, as a reader of the repository follows them, to the pages here.
LINK_TO_FILE = re.compile(r"(?:\./|docs/)?([a-z-]+)\.md(#.*)?")


def render(text: str) -> tuple[str, str]:
    """-> (title, HTML of the body). The text is trusted: it is the project's."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = markdown.parse(text)
    title = _set_anchors(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open" and (
                found := LINK_TO_FILE.fullmatch(str(child.attrGet("href")))
            ):
                child.attrSet("href", f"/docs/{found[1]}{found[2] or ''}")
    return title, str(markdown.renderer.render(tokens, markdown.options, {}))


def _set_anchors(tokens: list[Token]) -> str:
    """Give each place its id, the first of a name wins; -> the text of the first heading."""
    title, used = "", _explicit(tokens)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            said = _text(tokens[place + 1])
            title = title or said
            name = slug(said)
        elif token.type == "tr_open" and tokens[place + 1].type == "td_open":
            name = _only_code(tokens[place + 2])
        else:
            continue
        if name and name not in used:
            used.add(name)
            token.attrSet("id", name)
    return title


def slug(text: str) -> str:
    """As GitHub makes it: small letters, spaces to hyphens, no punctuation."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _only_code(inline: Token) -> str:
    """The code that a cell is, or begins with; empty where it begins with something else."""
    children = [
        child for child in inline.children or () if child.type != "text" or child.content.strip()
    ]
    return children[0].content if children and children[0].type == "code_inline" else ""


def _explicit(tokens: list[Token]) -> set[str]:
    """Ids that the text itself sets with <a id="...">."""
    html = "".join(
        child.content
        for token in tokens
        for child in [token, *(token.children or ())]
        if child.type.startswith("html")
    )
    return set(re.findall(r'\bid="([^"]+)"', html))
