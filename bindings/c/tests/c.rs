//! The C ABI from C: the header matches the source, and the example compiles and runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_header_matches_the_source() {
    let config = cbindgen::Config::from_file(home().join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_crate(home()).with_config(config).generate().unwrap();
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let path = home().join("include/figureground.h");
    if std::env::var_os("FIGUREGROUND_HEADER").is_some_and(|value| value == "write") {
        std::fs::write(&path, &generated).unwrap();
    }
    let header = std::fs::read(&path).unwrap_or_default();
    assert!(header == generated, "generate it again: FIGUREGROUND_HEADER=write cargo test -p figureground-c");
}

/// Returns the folder of the shared library, which cargo has built for this test.
fn library() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let places = [deps.clone(), deps.parent().unwrap().to_owned()];
    places.into_iter().find(|place| place.join("libfigureground_c.so").exists()).expect("no libfigureground_c.so")
}

#[test]
#[cfg(target_os = "linux")]
fn the_c_example_compiles_without_warnings_and_prints_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let (program, library) = (folder.path().join("watch"), library());
    let compiled = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"])
        .arg(&program)
        .arg(home().join("examples/watch.c"))
        .arg("-I")
        .arg(home().join("include"))
        .arg("-L")
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .arg("-lfigureground_c")
        .output()
        .expect("a C compiler: apt-get install gcc");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let watch = |arguments: &[&str], input: &[u8]| {
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    // Two seconds of a stick that moves over a pattern.
    let picture = |frame: usize| {
        (0..64 * 64usize).flat_map(move |place| {
            let (x, y) = (place % 64, place / 64);
            if x.abs_diff(20 + frame % 20) < 6 && y > 12 { [200, 120, 90] } else { [(2 * x) as u8, (3 * y) as u8, 60] }
        })
    };
    let pictures: Vec<u8> = (0..50).flat_map(picture).collect();
    let (code, stdout, stderr) = watch(&["64", "64", "25"], &pictures);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    assert!(lines.iter().all(|line| line.contains("full 0.") || line.contains("full 1.")), "{stdout}");
    let (code, _, stderr) = watch(&["64", "64", "25", "/no/such/bundle"], &[]);
    assert!(code == Some(2) && stderr.contains("/no/such/bundle") && stderr.contains("expected"), "{stderr}");
    // A picture that is too small is refused with an error, not a crash.
    let (code, _, stderr) = watch(&["1", "1", "25"], &[0; 3]);
    assert!(code == Some(2) && stderr.contains("frame: expected"), "{stderr}");
}
