#!/usr/bin/env python3
"""Writes the reference of the program's commands from its own --help.

    docs/commands.py FIGUREGROUND > docs/commands.md
    docs/commands.py FIGUREGROUND --check docs/commands.md      # exit code 1 when the page is out of date
"""

import argparse
import difflib
import os
import pathlib
import re
import subprocess
import sys

HEAD = """# Commands

This page is made by `docs/commands.py` from the program's `--help`; do not edit it. `figureground COMMAND --help` shows
the same in a terminal.
"""
# Flags of every command, which need no entry.
EVERYWHERE = ("-h, --help", "-V, --version")
# The name of an argument, then two spaces or the end of the line, then what it does.
ARGUMENT = re.compile(r" {2,6}((?:-\w(?:, )?)?(?:--[\w-]+|[<\[]\S+)?(?:[ =]?[<\[].*?)?(?:\.\.\.)?)(?:\s{2,}(\S.*))?$")


def help_of(program, *command):
    """Returns what `program command --help` prints."""
    # Neither a terminal's width nor colours may show in the page.
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    # The usage names the file that was started, which may have any name.
    named = ["figureground", *command, "--help"]
    printed = subprocess.run(named, executable=program, check=True, capture_output=True, text=True, env=environment)
    return printed.stdout.rstrip()


def sections(text):
    """Splits a help text into its head and its sections by title."""
    head, parts = [], []
    for line in text.splitlines():
        title = re.fullmatch(r"([A-Z][\w ]*):", line)
        if title:
            parts.append((title[1], []))
        else:
            (parts[-1][1] if parts else head).append(line)
    return head, parts


def arguments(lines):
    """Yields each argument of a section with its description, joined to paragraphs."""
    found = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        argument = ARGUMENT.fullmatch(line) if line.strip() and indent <= 6 else None
        if argument:
            found.append((argument[1], [argument[2] or ""]))
        elif found:
            found[-1][1].append(line.strip())
    for name, words in found:
        paragraphs, values = [[]], []
        for word in words:
            value = re.fullmatch(r"- ([\w-]+):\s*(.*)", word)
            if value:
                values.append([value[1], value[2]])
            elif word == "Possible values:":
                paragraphs.append([])
            elif values and word and not word.startswith("["):
                values[-1][1] += " " + word
            elif word:
                paragraphs[-1].append(word)
            else:
                paragraphs.append([])
        yield name, [" ".join(paragraph) for paragraph in paragraphs if paragraph], values


def example(lines):
    """Returns the lines of an example, in a code fence, and what is said behind them."""
    code = [line.removeprefix("  ") for line in lines if line.startswith("  ")]
    rest = [escaped(line) for line in lines if line and not line.startswith("  ")]
    return ["```sh", *code, "```", *(["", *rest] if rest else [])]


def escaped(text):
    """Escapes Markdown's markup, except in code spans."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece[:1] == "`" else re.sub(r"([<*|])", r"\\\1", piece) for piece in pieces)


def page(program):
    """Returns the whole page."""
    _, parts = sections(help_of(program))
    abouts = {}
    for line in dict(parts)["Commands"]:
        command = re.fullmatch(r"  (\S+)\s+(.*)", line)
        if command:
            last = command[1]
            abouts[last] = command[2]
        elif line.strip():
            abouts[last] += " " + line.strip()
    names = [name for name in abouts if name != "help"]
    text = [HEAD, "| command | purpose |", "|---|---|"]
    text += [f"| [`{name}`](#{name}) | {escaped(abouts[name])} |" for name in names]
    for name in names:
        head, parts = sections(help_of(program, name))
        about = [line for line in head if line and not line.startswith("Usage:")]
        usage = [line.removeprefix("Usage: ") for line in head if line.startswith("Usage:")]
        text += ["", f"## {name}", "", escaped(" ".join(about)), "", "```text", *usage, "```"]
        for title, lines in parts:
            if title.startswith("Example"):
                text += ["", *example(lines)]
                continue
            text += ["", f"**{title}**", ""]
            for argument, paragraphs, values in arguments(lines):
                if argument in EVERYWHERE:
                    continue
                text.append(f"- `{argument}`" + "".join(f"<br>{escaped(paragraph)}" for paragraph in paragraphs))
                text += [f"  - `{value}`: {escaped(meaning)}" for value, meaning in values]
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--check", type=pathlib.Path, metavar="PAGE")
    options = parser.parse_args()
    made = page(options.program)
    if options.check is None:
        sys.stdout.write(made)
        return 0
    kept = options.check.read_text()
    diff = difflib.unified_diff(kept.splitlines(), made.splitlines(), str(options.check), "--help", lineterm="", n=0)
    print("\n".join(diff) or f"{options.check} matches --help")
    if kept != made:
        print(f"make it again: docs/commands.py {options.program} > {options.check}", file=sys.stderr)
    return int(kept != made)


if __name__ == "__main__":
    sys.exit(main())
