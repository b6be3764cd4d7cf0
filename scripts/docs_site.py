"""Hooks of the documentation site (``make docs``): what lies beside ``docs/`` becomes part of it.

The README is the first page; files that a page links to outside ``docs/`` are served as they are.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OUTSIDE = re.compile(r"\]\(\.\./((?:examples|deploy)/[^)#]+)\)")
BESIDE = re.compile(r"\]\(([A-Z_]+(?:\.md|\.cff)?)\)")
"""Files of the repository's root as the README links to them."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README and the files outside ``docs/`` that it and the pages link to."""
    readme = (ROOT / "README.md").read_text().replace("](docs/", "](")
    for path in [*ROOT.glob("[A-Z]*.md"), *(ROOT / name for name in set(BESIDE.findall(readme)))]:
        if path.name != "README.md" and files.get_file_from_path(f"root/{path.name}") is None:
            files.append(File.generated(config, f"root/{path.name}", abs_src_path=str(path)))
    readme = BESIDE.sub(r"](root/\1)", readme)
    files.append(File.generated(config, "index.md", content=readme))
    linked: set[str] = set()
    for path in (ROOT / "docs").rglob("*.md"):
        linked.update(OUTSIDE.findall(path.read_text()))
    for name in sorted(linked):
        files.append(File.generated(config, f"files/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links that leave ``docs/`` to where the site serves the file."""
    up = "../" * page.file.src_uri.count("/")
    if page.file.src_uri.startswith("root/"):
        return re.sub(r"\]\(docs/([^):]+)\)", r"](../\1)", markdown)
    return OUTSIDE.sub(rf"]({up}files/\1)", markdown)
