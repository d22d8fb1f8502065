# The few commands people need. `just --list` shows them.

# one clip, one verdict, and verdict.gif to look at
demo:
    cargo run --release --example classify_clip

# all tests
test:
    cargo test --workspace

# what must hold before a change lands
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo build --lib --no-default-features --target thumbv7em-none-eabihf
    cargo test --workspace

# for arm64 boards: Debian's cross compiler links, and bindgen finds its headers
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := if arch() == "aarch64" { "cc" } else { "aarch64-linux-gnu-gcc" }
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu := if arch() == "aarch64" { "" } else { "--sysroot=/usr/aarch64-linux-gnu" }

# the program for an arm64 board
aarch64:
    cargo build --profile shipping --target aarch64-unknown-linux-gnu

# the fixtures of the tests, made anew (needs Python, see tests/fixtures/README.md)
fixtures:
    cd tests/fixtures && python clip.py && python layouts.py && python tokenizer.py && python resize.py && python demo.py

# an arm64 package of the program, with cameras (needs cargo-deb and the packages that docs/jetson.md names)
deb: completions
    cargo build --locked --profile shipping --target aarch64-unknown-linux-gnu --features camera
    cargo deb --no-build --target aarch64-unknown-linux-gnu --profile shipping

# the shell completions of the package, by a program that this machine can run
completions:
    mkdir -p target/completions
    cargo run --locked -- completions bash > target/completions/figureground.bash
    cargo run --locked -- completions zsh > target/completions/_figureground
    cargo run --locked -- completions fish > target/completions/figureground.fish

# an hour of everything, and whether it grows
soak:
    cargo build --release
    python3 tests/soak.py target/release/figureground --minutes 60
