"""Build the documentation: `python docs/build.py` writes docs/site, pages that any browser opens without a network.

The pages are those of this folder, the README as the first of them, and a reference made from the docstrings of the
public names. A link that leads nowhere stops the build.
"""

from __future__ import annotations

import html
import inspect
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

import mistune
import typer.main

import handoff_analytics as ha
from handoff_analytics.cli import app

HERE = Path(__file__).resolve().parent
ORDER = ("README", "docs/tutorial", "docs/own_data", "docs/own_rules", "docs/own_costs", "docs/beyond_one_machine")
ORDER += ("docs/methods", "docs/comparison", "docs/gallery/README", "docs/reference")
STYLE = """:root { color-scheme: light dark; font: 16px/1.6 Inter, "Segoe UI", Arial, sans-serif; }
body { max-width: 900px; margin: 0 auto; padding: 1rem; }
nav { border-bottom: 1px solid #8886; padding-bottom: .5rem; display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
img { max-width: 100%; background: #FFF; }
pre { overflow-x: auto; padding: .7rem; background: #8881; border-radius: 4px; }
code { font-size: .9em; } table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #8886; padding: .25rem .6rem; text-align: left; vertical-align: top; }
h2 { margin-top: 2rem; } a { color: #0072B2; } @media (prefers-color-scheme: dark) { a { color: #6CB8E8; } }
"""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self'">
<title>{title}</title>
<link rel="stylesheet" href="{root}style.css">
<nav>{nav}</nav>
<main>
{body}
</main>
</html>
"""


def reference() -> str:
    """Return a page about every public name and command, from their docstrings."""
    parts = ["# Reference", "", "Made from the docstrings of the package; `import handoff_analytics as ha`.", ""]
    for name in sorted(set(ha.__all__) - {"__version__"}):
        parts += _entry(f"ha.{name}", getattr(ha, name))
    for name in sorted(set(ha.charts.__all__)):
        parts += _entry(f"ha.charts.{name}", getattr(ha.charts, name))
    parts += ["## Commands", ""]
    for name, command in sorted(typer.main.get_command(app).commands.items()):  # type: ignore[attr-defined]
        parts += [f"### handoffs {name}", "", *_fenced(command.help or ""), ""]
    return "\n".join(parts) + "\n"


def _entry(title: str, value: object) -> list[str]:
    """Return one name: its signature, its first sentence as text, and the rest as it is written."""
    summary, _, rest = (inspect.getdoc(value) or "").partition("\n\n")
    parts = [f"## {title}", ""]
    if inspect.isfunction(value):
        parts += [*_fenced(f"{title}{inspect.signature(value)}", "python"), ""]
    parts += [summary, ""]
    members = inspect.getmembers(value) if inspect.isclass(value) else []
    for name, member in members:
        if not name.startswith("_") and inspect.getdoc(member) and (inspect.isfunction(member) or _is_own(member)):
            rest += f"\n\n.{name}: {(inspect.getdoc(member) or '').splitlines()[0]}"
    return [*parts, *(_fenced(rest.strip()) if rest.strip() else []), ""]


def _is_own(member: object) -> bool:
    return isinstance(member, property)


def _fenced(text: str, language: str = "text") -> list[str]:
    return [f"```{language}", text.replace("```", "'''"), "```"]


def pages() -> dict[str, str]:
    """Return the pages: place without its ending, to Markdown."""
    root = HERE.parent
    found = {"README": (root / "README.md").read_text(encoding="utf-8")}
    for path in sorted(HERE.rglob("*.md")):
        if "site" not in path.relative_to(HERE).parts:
            found[path.relative_to(root).with_suffix("").as_posix()] = path.read_text(encoding="utf-8")
    found["docs/reference"] = reference()
    for name in ("CONTRIBUTING", "SECURITY", "CHANGELOG"):
        found[name] = (root / f"{name}.md").read_text(encoding="utf-8")
    return dict(sorted(found.items(), key=lambda page: (_place(page[0]), page[0])))


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def build(folder: Path) -> list[Path]:
    """Write the pages, and return them; refuse links that lead nowhere."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "style.css").write_text(STYLE, encoding="utf-8")
    texts = pages()
    titles = {name: _title(text) for name, text in texts.items()}
    render = mistune.create_markdown(escape=True, plugins=["table"])
    written = []
    for name, text in texts.items():
        depth = name.count("/")
        nav = " ".join(
            f'<a href="{"../" * depth}{other}.html">{html.escape(title)}</a>'
            for other, title in titles.items()
            if _place(other) < len(ORDER)
        )
        body = _anchored(str(render(text))).replace('.md"', '.html"').replace(".md#", ".html#")
        path = folder / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            PAGE.format(title=html.escape(titles[name]), root="../" * depth, nav=nav, body=body), encoding="utf-8"
        )
        written.append(path)
    shutil.copytree(HERE / "gallery", folder / "docs" / "gallery", dirs_exist_ok=True, ignore=_only_pictures)
    shutil.copy(HERE.parent / "LICENSE", folder / "LICENSE")
    if broken := broken_links(folder):
        raise SystemExit("Links that lead nowhere:\n" + "\n".join(broken))
    return written


def _only_pictures(_: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".svg")]


def _title(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ").replace("`", "")


def _anchored(body: str) -> str:
    """Give each heading the anchor that code hosts give it."""

    def anchor(found: re.Match[str]) -> str:
        words = re.sub(r"<[^>]+>|[^\w\s.-]", "", html.unescape(found[2])).strip().lower().replace(" ", "-")
        return f'<h{found[1]} id="{words.replace(".", "")}">{found[2]}</h{found[1]}>'

    return re.sub(r"<h([1-6])>(.*?)</h\1>", anchor, body)


def broken_links(folder: Path) -> list[str]:
    """Name the links and pictures of the pages whose file or anchor is not there."""
    texts = {path.resolve(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.html"))}
    broken = []
    for path, text in texts.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            place, _, anchor = unquote(html.unescape(link)).partition("#")
            if re.match(r"[a-z]+:", place):
                continue
            target = (path.parent / place).resolve() if place else path
            if not target.is_file():
                broken.append(f"{path.relative_to(folder.resolve())}: {link}")
            elif anchor and f'id="{anchor}"' not in texts.get(target, ""):
                broken.append(f"{path.relative_to(folder.resolve())}: {link} has no such heading")
    return broken


if __name__ == "__main__":
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "site"
    sys.stdout.write(f"{len(build(site))} pages in {site}\n")
