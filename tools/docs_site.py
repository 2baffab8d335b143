"""What makes a site of docs/ (MkDocs hooks): pages that stand elsewhere in the repository, and links that leave docs/.

The files are written for a reader of the repository. On the site README.md is the front page, and a link to a file that
is no page leads to the repository, where REPOSITORY_URL says which; without it, such a link is its text alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
_ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
_MERMAID = ROOT / "requirements" / "mermaid" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_IMAGE = re.compile(r'(<img src=")([^"]+)"')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside of docs/, and what draws the diagrams."""
    for source, page in _ELSEWHERE.items():
        files.append(File.generated(config, page, content=ROOT.joinpath(source).read_text(encoding="utf-8")))
    if _MERMAID.exists():  # without it Material asks another host for it
        files.append(File.generated(config, "javascripts/mermaid.min.js", abs_src_path=str(_MERMAID)))
        config.extra_javascript.append("javascripts/mermaid.min.js")
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages, or to the repository."""
    here = page.file.src_uri
    at = next((source for source, made in _ELSEWHERE.items() if made == here), f"docs/{here}")

    def link(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        moved = _moved(target, at, here, config.repo_url, files)
        return f"{mark}[{text}]({moved})" if moved else text

    def image(found: re.Match[str]) -> str:
        # As Material serves it, a page is a folder: one level deeper than its file.
        moved = _moved(found[2], at, here, config.repo_url, files)
        return f'{found[1]}{moved if here.endswith("index.md") else "../" + str(moved)}"'

    return _IMAGE.sub(image, _LINK.sub(link, markdown))


def _moved(target: str, at: str, here: str, repository: str | None, files: Files) -> str | None:
    """Return a link's `target` in the file `at` as the page `here` has it; None where it leads nowhere."""
    path, hash_sign, fragment = target.partition("#")
    if not path or ":" in path:
        return target
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(at), path))
    inside = whole.removeprefix("docs/") if whole.startswith("docs/") else ""
    pages = (inside, f"{inside}/README.md")
    page = _ELSEWHERE.get(whole) or next((one for one in pages if files.get_file_from_path(one)), "")
    if page:
        return posixpath.relpath(page, posixpath.dirname(here) or ".") + hash_sign + fragment
    if not ROOT.joinpath(whole).exists():
        return target  # which MkDocs will complain of
    return f"{repository.rstrip('/')}/blob/main/{whole}{hash_sign}{fragment}" if repository else None
