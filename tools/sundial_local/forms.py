"""The forms of an HTML page, as a browser without JavaScript sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin


@dataclass(slots=True)
class Form:
    """One form: where it goes, and what it sends as it stands (with the first of its submit buttons)."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    submits: bool = False


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._inside = False
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(
                Form(attributes.get("method", "get").upper(), urljoin(self._url, attributes.get("action", "")))
            )
            self._inside = True
        elif self._inside and tag in {"input", "button"}:
            self._add(self.forms[-1], attributes, tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False

    def _add(self, form: Form, attributes: dict[str, str], tag: str) -> None:
        submits = attributes.get("type", "submit" if tag == "button" else "text") == "submit"
        if submits and form.submits:
            return
        form.submits = form.submits or submits
        if "name" in attributes:
            form.fields[attributes["name"]] = attributes.get("value", "")


def forms(page: str, url: str) -> list[Form]:
    """Return the forms of the HTML `page` that was found at `url`."""
    reader = _Reader(url)
    reader.feed(page)
    return reader.forms
