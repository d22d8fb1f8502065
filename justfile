# Common commands. `just --list` shows them.

# Score the demo clip: one verdict, and verdict.gif to look at
demo:
    cargo run --release -- demo

# Run all tests
test:
    cargo test --workspace

# Run the tests that need more than cargo: a browser, GStreamer, QEMU, torch, a cluster (tests/system/run.py --list)
system *arguments:
    cargo build --workspace --bins
    python3 tests/system/run.py target/debug/figureground {{arguments}}

# Run the checks that every change must pass
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo build --lib --no-default-features --target thumbv7em-none-eabihf
    cargo test --workspace
    docs/check.sh target/debug/figureground

# Build the book and check its links, paths and lines
docs:
    docs/check.sh

# arm64: the linker of Debian's cross compiler, and its headers for bindgen
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := if arch() == "aarch64" { "cc" } else { "aarch64-linux-gnu-gcc" }
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu := if arch() == "aarch64" { "" } else { "--sysroot=/usr/aarch64-linux-gnu" }

# Build the program for an arm64 board
aarch64:
    cargo build --profile shipping --target aarch64-unknown-linux-gnu

# Write archives for x86-64 and arm64 with completions and checksums (needs gcc-aarch64-linux-gnu)
dist *arguments:
    packaging/dist.sh {{arguments}}

# Make the tests' fixtures again (needs Python, see tests/fixtures/README.md)
fixtures:
    cd tests/fixtures && python clip.py && python layouts.py && python tokenizer.py && python resize.py && python demo.py
    cd tests/fixtures && python metrics.py && python crossed_grid.py

# Package the program for arm64, with cameras (needs cargo-deb and the packages that docs/jetson.md names)
deb: completions
    cargo build --locked --profile shipping --target aarch64-unknown-linux-gnu --features camera
    cargo deb --no-build --target aarch64-unknown-linux-gnu --profile shipping

# Write the shell completions of the package, with a program that this machine can run
completions:
    mkdir -p target/completions
    cargo run --locked -- completions bash > target/completions/figureground.bash
    cargo run --locked -- completions zsh > target/completions/_figureground
    cargo run --locked -- completions fish > target/completions/figureground.fish

# Run everything for an hour and check that memory does not grow
soak:
    cargo build --release
    python3 tests/system/soak.py target/release/figureground --minutes 60
