"""The project's docs/*.md as HTML, in which headings and table rows of a code have an anchor."""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A link between the files of docs/, as it works in the repository.
LINK_TO_FILE: Final = re.compile(r"(?:\./|docs/)?([a-z-]+)\.md(#.*)?")
ID_ATTRIBUTE: Final = re.compile(r'\bid="([^"]+)"')


def render(text: str) -> tuple[str, str]:
    """Return the title and the HTML of a page. The text is trusted: it is the project's own."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = markdown.parse(text)
    title = _set_anchors(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                _point_to_page(child)
            elif child.type == "image":
                child.attrSet("src", f"/docs/{child.attrGet('src')}")
    return title, str(markdown.renderer.render(tokens, markdown.options, {}))


def _point_to_page(link: Token) -> None:
    """Replace a link to a file of docs/ by one to its page on this server."""
    file = LINK_TO_FILE.fullmatch(str(link.attrGet("href")))
    if file is not None:
        name, anchor = file[1], file[2] or ""
        link.attrSet("href", f"/docs/{name}{anchor}")


def _set_anchors(tokens: list[Token]) -> str:
    """Give headings and rows an id; the first of a name gets it. Return the first heading."""
    title = ""
    used = _explicit_ids(tokens)
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = _plain_text(tokens[position + 1])
            title = title or heading
            name = slug(heading)
        elif token.type == "tr_open" and tokens[position + 1].type == "td_open":
            name = _leading_code(tokens[position + 2])
        else:
            continue
        if name and name not in used:
            used.add(name)
            token.attrSet("id", name)
    return title


def slug(text: str) -> str:
    """Return a heading's anchor as GitHub forms it: lower case, hyphens, no punctuation."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _plain_text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _leading_code(inline: Token) -> str:
    """Return the code that a cell begins with, or an empty string."""
    for child in inline.children or ():
        is_blank = child.type == "text" and not child.content.strip()
        if not is_blank:
            return child.content if child.type == "code_inline" else ""
    return ""


def _explicit_ids(tokens: list[Token]) -> set[str]:
    """Return the ids that the text itself sets with <a id="...">."""
    ids: set[str] = set()
    for token in tokens:
        for part in (token, *(token.children or ())):
            if part.type.startswith("html"):
                ids.update(ID_ATTRIBUTE.findall(part.content))
    return ids
