#!/usr/bin/env python3
"""Checks the repository's prose.

    docs/check.py [--book DIR]

- Every relative link in a Markdown file leads to a file, and its anchor to a heading.
- Every link in the built book leads to a file in it, and its anchor to an element (with --book only).
- Every path that ARCHITECTURE.md names in backticks exists, from the root or from `src/`.
- No line of prose or code is longer than 120 columns.

Prints one line for each finding and ends with exit code 1 when there is one. Links to other hosts are not followed.
"""

import argparse
import html.parser
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = 120
CODE = {".rs", ".py", ".wgsl", ".toml", ".js", ".css", ".html", ".sh"}
# Written by a program: its lines are as long as the help texts that they repeat.
GENERATED = {"docs/commands.md"}
# Endings by which a word in backticks is recognised as the name of a file.
FILES = (".rs", ".py", ".md", ".toml", ".wgsl", ".json", ".sh", ".html", ".service", ".gif", ".png")
LINK = re.compile(r"\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
URL = re.compile(r"\w+://\S+")
CODE_SPAN = re.compile(r"(`+)(.+?)\1")


def tracked():
    """Returns the repository's files, new ones included, as paths from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


def prose(text):
    """Yields number and text of each line outside of code fences."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if fence:
            fence = None if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        else:
            yield number, line


def anchors(text):
    """Returns the anchors of a Markdown file's headings, as GitHub and mdBook make them."""
    found = set()
    for _, line in prose(text):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if heading:
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            count = 0
            while (name := f"{slug}-{count}" if count else slug) in found:
                count += 1
            found.add(name)
    return found


def markdown_links(name):
    """Yields what is wrong with the links of one Markdown file."""
    path = ROOT / name
    for number, line in prose(path.read_text()):
        for target in LINK.findall(CODE_SPAN.sub(lambda span: "" if "](" in span[0] else span[0], line)):
            if re.match(r"\w+:", target):
                continue
            file, _, anchor = urllib.parse.unquote(target).partition("#")
            there = (path.parent / file).resolve() if file else path
            if not there.exists():
                yield f"{name}:{number}: no file {target}"
            elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text()):
                yield f"{name}:{number}: no heading for {target}"
            elif name.startswith("docs/") and ROOT / "docs" not in [there, *there.parents]:
                yield f"{name}:{number}: {target} lies outside of the book: name it in backticks"


class Page(html.parser.HTMLParser):
    """The links and anchors of one page of the built book."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if key == "id" or (key == "name" and tag == "a"):
                self.ids.add(value)
            elif key in ("href", "src") and value:
                self.links.append(value)


def book_links(book):
    """Yields what is wrong with the links of the built book."""
    pages = {path.resolve(): Page(path) for path in sorted(book.rglob("*.html"))}
    if not pages:
        yield f"{book}: no page of a book"
    for path, page in pages.items():
        # Lies at any depth, so that its links are those of the root.
        if path.name in ("404.html", "toc.html"):
            continue
        for target in page.links:
            if re.match(r"[\w.+-]+:", target):
                continue
            file, _, anchor = urllib.parse.unquote(target).partition("#")
            there = (path.parent / file).resolve() if file else path
            if not there.exists():
                yield f"{path.relative_to(book.resolve())}: no file {target} in the book"
            elif anchor and there in pages and anchor not in pages[there].ids:
                yield f"{path.relative_to(book.resolve())}: no anchor for {target}"


def architecture():
    """Yields the paths in ARCHITECTURE.md that do not exist."""
    for number, line in prose((ROOT / "ARCHITECTURE.md").read_text()):
        for _, word in CODE_SPAN.findall(line):
            is_path = re.fullmatch(r"[\w.*/-]+", word) and ("/" in word or word.endswith(FILES))
            if is_path and not any(base.joinpath(word).exists() for base in (ROOT, ROOT / "src")):
                yield f"ARCHITECTURE.md:{number}: no {word}"


def long_lines(name):
    """Yields the lines of one file that are too long. Tables, links, output and data may be."""
    path = ROOT / name
    text = path.read_text()
    if path.suffix == ".md":
        lines = [(number, line) for number, line in prose(text) if not line.lstrip().startswith("|")]
        lines = [(number, re.sub(r"\]\([^)]*\)", "]", line)) for number, line in lines]
    else:
        lines = list(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if len(URL.sub("", line)) > COLUMNS and not is_data(line):
            yield f"{name}:{number}: {len(line)} columns, at most {COLUMNS}"


def is_data(line):
    """Returns whether a line is one word, which cannot be broken, such as a hash or a path."""
    return len(line.split()) <= 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--book", type=pathlib.Path, help="the directory that mdBook has built")
    arguments = parser.parse_args()
    names = tracked()
    texts = [name for name in names if name.endswith(".md")]
    findings = [finding for name in texts for finding in markdown_links(name)]
    findings += book_links(arguments.book) if arguments.book else []
    findings += architecture()
    lengths = [name for name in names if pathlib.Path(name).suffix in CODE | {".md"} and name not in GENERATED]
    findings += [finding for name in lengths for finding in long_lines(name)]
    print("\n".join(findings) or f"no finding in {len(texts)} texts and {len(lengths)} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
