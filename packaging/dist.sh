#!/usr/bin/env bash
# Writes an archive of the program for each target, and SHA256SUMS.
#
#     packaging/dist.sh [--out DIR] [--program FILE] [TARGET ...]
#
# DIR is target/dist by default; the targets are x86_64- and aarch64-unknown-linux-gnu. --program packs FILE for one
# target instead of building it. The names are those that [package.metadata.binstall] in Cargo.toml has.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "dist: $1" >&2
    exit 2
}

out="$root/target/dist"
program=
targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=${2:?"--out needs a directory"} && shift 2 ;;
        --program) program=$(realpath "${2:?"--program needs a file"}") && shift 2 ;;
        -*) fail "expected --out or --program, got $1; see the head of packaging/dist.sh" ;;
        *) targets+=("$1") && shift ;;
    esac
done
[ "${#targets[@]}" -gt 0 ] || targets=(x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu)
[ -z "$program" ] || [ "${#targets[@]}" -eq 1 ] ||
    fail "expected one target with --program, got ${#targets[@]}; name the target of that program"
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$root"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

# Checks everything that building for a target needs, before anything is built.
check_target() {
    if command -v rustup >/dev/null && ! rustup target list --installed | grep -qx "$1"; then
        fail "expected Rust's library for $1, got none; rustup target add $1"
    fi
    [ "$1" = aarch64-unknown-linux-gnu ] && [ "$(uname -m)" != aarch64 ] || return 0
    local linker=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER:-aarch64-linux-gnu-gcc}
    command -v "$linker" >/dev/null || fail "expected the linker $linker for aarch64, got none; \
apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross, or name only x86_64-unknown-linux-gnu"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$linker
}

# Prints the path of the program for a target, and builds it unless --program names it.
built() {
    if [ -n "$program" ]; then
        echo "$program"
    else
        cargo build --locked --profile shipping --target "$1" --bin figureground >&2
        echo "${CARGO_TARGET_DIR:-target}/$1/shipping/figureground"
    fi
}

# Writes the completions with the given program, or with one for this machine if that one does not run here.
completions() {
    local shell runnable=("$1")
    "$1" --version >/dev/null 2>&1 || runnable=(cargo run --locked --quiet --)
    for shell in bash zsh fish; do
        "${runnable[@]}" completions "$shell" >"$2/figureground.$shell"
    done
    mv "$2/figureground.zsh" "$2/_figureground"
}

# Writes one archive. Its owner and times are fixed, so that the same program gives the same bytes.
pack() {
    local name="figureground-$version-$1" work file
    file=$(built "$1")
    work=$(mktemp -d)
    mkdir -p "$work/$name/completions"
    install -m 755 "$file" "$work/$name/figureground"
    completions "$file" "$work/$name/completions"
    cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT packaging/figureground.toml packaging/figureground.service \
        "$work/$name"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2000-01-01 00:00Z' -cf - "$name" |
        gzip -n >"$out/$name.tgz.part"
    mv "$out/$name.tgz.part" "$out/$name.tgz"
    rm -rf "$work"
    echo "$out/$name.tgz"
}

[ -n "$program" ] || for target in "${targets[@]}"; do check_target "$target"; done
for target in "${targets[@]}"; do pack "$target"; done
(cd "$out" && sha256sum -- *.tgz >SHA256SUMS)
