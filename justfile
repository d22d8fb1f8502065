# The few commands people need. `just --list` shows them.

# one clip, one verdict, and verdict.gif to look at
demo:
    cargo run --release --example classify_clip

# all tests
test:
    cargo test --workspace

# the tests that need more than cargo: a browser, GStreamer, QEMU, torch, a cluster (see tests/system/run.py --list)
system *arguments:
    cargo build --workspace --bins
    python3 tests/system/run.py target/debug/figureground {{arguments}}

# what must hold before a change lands
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo build --lib --no-default-features --target thumbv7em-none-eabihf
    cargo test --workspace

# for arm64 boards: Debian's cross compiler as linker, and its headers for bindgen
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := if arch() == "aarch64" { "cc" } else { "aarch64-linux-gnu-gcc" }
sysroot := if arch() == "aarch64" { "" } else { "--sysroot=/usr/aarch64-linux-gnu" }
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu := sysroot

# the program for an arm64 board
aarch64:
    cargo build --profile shipping --target aarch64-unknown-linux-gnu

# the fixtures of the tests, generated again (needs Python, see tests/fixtures/README.md)
fixtures:
    cd tests/fixtures && for name in clip layouts tokenizer resize demo; do python $name.py || exit; done

# an arm64 package of the program, with cameras (needs cargo-deb and the packages that docs/jetson.md names)
deb:
    cargo build --locked --profile shipping --target aarch64-unknown-linux-gnu --features camera
    cargo deb --no-build --target aarch64-unknown-linux-gnu --profile shipping

# an hour with every output on, and whether memory grows
soak:
    cargo build --release
    python3 tests/system/soak.py target/release/figureground --minutes 60
