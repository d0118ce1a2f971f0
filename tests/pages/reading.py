"""A page as a reader without a screen has it: its tags with their attributes, and its text."""

from __future__ import annotations

from html.parser import HTMLParser

_EMPTY = {"meta", "link", "input", "rect", "path"}


class Reading(HTMLParser):
    """`tags`: each with its attributes. `texts`: what stands between them, no blanks around. `open`: not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if text := " ".join(data.split()):
            self.texts.append(text)

    def of(self, tag: str) -> list[dict[str, str]]:
        """Attributes of all tags of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def values(self, attribute: str) -> list[str]:
        """What all tags say of this attribute."""
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]
