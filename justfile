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

# the program for an arm64 board
aarch64:
    cargo build --release --target aarch64-unknown-linux-gnu

# the fixtures of the tests, made anew (needs Python, see tests/fixtures/README.md)
fixtures:
    cd tests/fixtures && python clip.py && python layouts.py && python tokenizer.py && python resize.py && python demo.py
