//! Bad input gets one clear sentence, exit code 2, and loses nothing.

use figureground::bundle::labels::{LabelFile, read_names};
use figureground::bundle::manifest::Manifest;
use figureground::bundle::{Bundle, checksum};
use figureground::import::checkpoint::Checkpoint;
use figureground::import::config::HuggingFaceConfig;
use figureground::model::Model;
use figureground_tests::program::{self, Ended, Random, Workspace, demo, ffmpeg, fixture, has_ffmpeg};
use prost::Message;
use std::path::{Path, PathBuf};
use tract_onnx::pb::{ModelProto, StringStringEntryProto};

/// A bundle's manifest as text.
fn manifest(bundle: &Path) -> String {
    std::fs::read_to_string(bundle.join("bundle.toml")).unwrap()
}

/// Replaces `from`, which must be there, by `to` in the manifest of `bundle`.
fn edit(bundle: &Path, from: &str, to: &str) {
    let text = manifest(bundle);
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(bundle.join("bundle.toml"), text.replacen(from, to, 1)).unwrap();
}

/// Replaces a file of `bundle` and its checksum.
fn replace_file(bundle: &Path, file: &str, bytes: &[u8]) {
    let before = checksum::of_file(&bundle.join(file)).unwrap();
    std::fs::write(bundle.join(file), bytes).unwrap();
    edit(bundle, &before, &checksum::of_bytes(bytes));
}

/// Runs the demo clip with `bundle`, which must be an error.
fn refuses_bundle(workspace: &Workspace, bundle: &Path, stage: &str, words: &[&str]) -> Ended {
    let ended = workspace.refuses([Path::new("run"), Path::new("--bundle"), bundle, &demo()], stage, words);
    assert_eq!(ended.stdout, "");
    ended
}

/// Y4M in 4:2:0 of one shade a frame.
fn y4m(width: usize, height: usize, frames: u8) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n").into_bytes();
    for shade in 0..frames {
        bytes.extend(b"FRAME\n");
        bytes.resize(bytes.len() + width * height * 3 / 2, 100 + shade);
    }
    bytes
}

/// The header of an uncompressed 24-bit BMP, without its pixels.
fn bmp_header(width: i32, height: i32) -> Vec<u8> {
    let mut header = b"BM".to_vec();
    [0u32, 0, 54, 40].iter().for_each(|field| header.extend(field.to_le_bytes()));
    [width, height].iter().for_each(|side| header.extend(side.to_le_bytes()));
    [1u16, 24].iter().for_each(|field| header.extend(field.to_le_bytes()));
    header.extend([0; 24]);
    header
}

/// The header of a PNG whose pixels never come.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
        let body = [kind, data].concat();
        let crc = body.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        });
        chunk.extend(&body);
        chunk.extend((!crc).to_be_bytes());
        chunk
    };
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&size[..], &[8, 2, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &[]), &chunk(b"IEND", &[])].concat()
}

#[test]
fn empty_sources_are_errors() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("folder")).unwrap();
    for name in ["empty.mp4", "empty.y4m", "empty.gif", "empty.webp", "empty.png"] {
        workspace.refuses_source(&workspace.write(name, ""), "source", &[name]);
    }
    workspace.refuses_source(&workspace.path("folder"), "source", &["folder"]);
    workspace.refuses_source(&workspace.write("header.y4m", y4m(32, 32, 0)), "source", &["header.y4m"]);
    workspace.refuses_source(&workspace.write("noise.y4m", Random(1).bytes(5000)), "source", &["noise.y4m"]);
    workspace.refuses_source(&workspace.write("noise.gif", Random(2).bytes(5000)), "source", &["noise.gif"]);
    workspace.refuses_source(&workspace.write("noise.png", Random(3).bytes(5000)), "source", &["noise.png"]);
    workspace.refuses_source(Path::new("camera:x"), "source", &["camera"]);
    for bytes in [&b""[..], b"hello\n", &y4m(32, 32, 0)] {
        assert_eq!(workspace.run_with_stdin(bytes, &["-"]).refused("source", &["-"]).stdout, "");
    }
}

#[test]
fn invalid_and_truncated_videos_are_errors() {
    if !has_ffmpeg("videos that are cut or none") {
        return;
    }
    let workspace = Workspace::new();
    workspace.refuses_source(&workspace.write("text.mp4", "This is no video.\n".repeat(50)), "source", &["text.mp4"]);
    workspace.refuses_source(&workspace.write("noise.mkv", Random(4).bytes(20_000)), "source", &["noise.mkv"]);
    let make = |name: &str, flags: &str| {
        let path = workspace.path(name);
        let (from, to) = (demo().display().to_string(), path.display().to_string());
        ffmpeg(["-i", &from, "-c:v", "mpeg4", "-q:v", "3", "-g", "4", "-movflags", flags, &to]);
        std::fs::read(path).unwrap()
    };
    let index_last = make("whole.mp4", "0");
    workspace.refuses_source(&workspace.write("cut.mp4", &index_last[..index_last.len() / 2]), "source", &["cut.mp4"]);
    let index_first = make("first.mp4", "faststart");
    let cut = workspace.write("cut-too.mp4", &index_first[..index_first.len() * 3 / 4]);
    let (clip, cut) =
        (workspace.run(["first.mp4"]).succeeded(), workspace.refuses_source(&cut, "source", &["cut-too.mp4"]));
    assert_eq!(clip.verdicts().len(), 1);
    assert_eq!(cut.verdicts().len(), 1, "the whole frames of a cut clip give a line: {cut:#?}");
    let run = ["cut-too.mp4", "--window", "0.5", "--stride", "0.25"];
    let ended = workspace.run(run).refused("source", &["cut-too.mp4"]);
    assert!(ended.verdicts().len() >= 3, "whole windows are lost: {ended:#?}");
}

#[test]
fn truncated_pictures_are_errors() {
    let workspace = Workspace::new();
    let gif = std::fs::read(demo()).unwrap();
    let ended = workspace.refuses_source(&workspace.write("cut.gif", &gif[..gif.len() / 2]), "source", &["cut.gif"]);
    assert!(ended.verdicts().len() <= 1);
    workspace.refuses_source(&workspace.write("stub.gif", &gif[..20]), "source", &["stub.gif"]);
    let picture = std::fs::read(fixture("resize/plain.png")).unwrap();
    workspace.refuses_source(&workspace.write("cut.png", &picture[..picture.len() / 2]), "source", &["cut.png"]);
    workspace.write("folder/1.png", &picture);
    workspace.write("folder/2.png", &picture[..picture.len() / 2]);
    workspace.refuses_source(&workspace.path("folder"), "source", &["2.png"]);
}

#[test]
fn pictures_of_invalid_size_are_errors_from_their_header() {
    let workspace = Workspace::new();
    image::RgbImage::new(1, 1).save(workspace.path("1.png")).unwrap();
    workspace.refuses_source(&workspace.path("1.png"), "frame", &["1.png", "1x1"]);
    workspace.refuses_source(&workspace.write("20000.bmp", bmp_header(20_000, 20_000)), "frame", &["20000x20000"]);
    workspace.refuses_source(&workspace.write("20000.png", png_header(20_000, 20_000)), "frame", &["20000x20000"]);
    workspace.refuses_source(&workspace.write("1.y4m", y4m(1, 1, 9)), "frame", &["1x1"]);
    let large = b"YUV4MPEG2 W20000 H20000 F25:1 C420jpeg\nFRAME\n";
    workspace.refuses_source(&workspace.write("20000.y4m", large), "frame", &["20000x20000"]);
    let wide = b"YUV4MPEG2 W99999999999999999999 H2 F25:1\nFRAME\n";
    workspace.refuses_source(&workspace.write("wide.y4m", wide), "source", &["wide.y4m"]);
    let mut gif = std::fs::read(demo()).unwrap();
    gif[6..10].copy_from_slice(&[0x20, 0x4E, 0x20, 0x4E]);
    workspace.refuses_source(&workspace.write("20000.gif", gif), "frame", &["20000x20000"]);
}

#[test]
fn a_clip_shorter_than_a_window_is_an_error_with_its_length() {
    let workspace = Workspace::new();
    let demo = demo();
    let ended =
        workspace.run([demo.to_str().unwrap(), "--window", "10"]).refused("pipeline", &["one window", "--window"]);
    assert_eq!(ended.stdout, "");
}

#[test]
fn invalid_windows_and_rates_are_errors() {
    let workspace = Workspace::new();
    let demo = demo().display().to_string();
    for arguments in [["--window", "0"], ["--window", "-1"], ["--window", "nan"], ["--fps", "0"], ["--tau", "nan"]] {
        let ended = workspace.run([&[demo.as_str()], &arguments[..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:#?}");
    }
    workspace.run([&demo, "--stride", "1"]).refused("command", &["--window SECONDS"]);
    let ended = workspace.run([&demo, "--window", "2", "--stride", "1e-12"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:#?}");
}

#[test]
fn a_change_of_size_keeps_the_windows_before_it() {
    let workspace = Workspace::new();
    let folder = workspace.path("folder");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..20 {
        let side = if i < 14 { 48 } else { 64 };
        image::RgbImage::from_pixel(side, 48, image::Rgb([i * 9; 3])).save(folder.join(format!("{i}.png"))).unwrap();
    }
    let ended = workspace.run(["folder", "--fps", "10", "--window", "0.5", "--stride", "0.5"]);
    let ended = ended.refused("source", &["64x48", "48x48"]);
    assert_eq!(ended.verdicts().len(), 2, "{ended:#?}");
    workspace.refuses_source(&folder, "source", &["64x48", "48x48"]);
}

#[test]
fn a_model_that_differs_from_the_manifest_is_an_error() {
    let workspace = Workspace::new();
    let changes = [
        ("input = \"input\"", "input = \"pixels\"", &["\"pixels\"", "inputs input FLOAT"][..]),
        ("output = \"mask\"", "output = \"alpha\"", &["alpha", "mask"]),
        ("width = 128", "width = 256", &["256"]),
        ("channels = 1\n", "channels = 2\n", &["2"]),
        ("layout = \"nhwc\"", "layout = \"nchw\"", &["segmenter.onnx"]),
        ("input = \"pixel_values\"", "input = \"pixels\"", &["pixels", "pixel_values"]),
        ("output = \"image_embeds\"", "output = \"embeds\"", &["embeds", "image_embeds"]),
        ("width = 32", "width = 64", &["64"]),
    ];
    for (i, (from, to, words)) in changes.into_iter().enumerate() {
        let bundle = workspace.own_bundle(&format!("bundle-{i}"));
        edit(&bundle, from, to);
        let ended = workspace.figureground([Path::new("run"), Path::new("--bundle"), &bundle, &demo()]);
        let stage = ["model", "engine", "manifest", "preprocess"]
            .into_iter()
            .find(|stage| ended.stderr.starts_with(&format!("figureground: {stage}: ")))
            .unwrap_or_else(|| panic!("{to}: {ended:#?}"));
        assert_eq!(ended.refused(stage, words).stdout, "", "{to}");
    }
    let bundle = workspace.own_bundle("text");
    edit(&bundle, "context = 77", "context = 78");
    let labels = workspace.write("labels.txt", "a\nb\n");
    let arguments = [Path::new("labels"), Path::new("--bundle"), &bundle, Path::new("--labels"), &labels];
    let ended = workspace.figureground(arguments);
    assert_eq!((ended.code, ended.errors().len()), (Some(2), 1), "{ended:#?}");
    assert!(ended.stderr.contains("78"), "{ended:#?}");
}

#[test]
fn a_missing_or_changed_file_is_an_error_with_its_name() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("bundle");
    for file in Bundle::open(&bundle).unwrap().manifest().files.keys() {
        let path = bundle.join(file);
        let bytes = std::fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        refuses_bundle(&workspace, &bundle, "bundle", &[file, "sha256"]);
        std::fs::remove_file(&path).unwrap();
        refuses_bundle(&workspace, &bundle, "bundle", &[file]);
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::remove_file(bundle.join("bundle.toml")).unwrap();
    refuses_bundle(&workspace, &bundle, "bundle", &["bundle.toml"]);
    refuses_bundle(&workspace, &workspace.path("nowhere"), "bundle", &["nowhere"]);
}

#[test]
fn an_unknown_key_is_an_error_with_the_nearest_known_one() {
    let workspace = Workspace::new();
    for (i, (from, to, words)) in [
        ("dilation = 0", "dilatation = 0", ["dilatation", "did you mean `dilation`"]),
        ("sampler = ", "smapler = ", ["smapler", "did you mean `sampler`"]),
        ("hysteresis = 0.05", "histeresis = 0.05", ["histeresis", "did you mean `hysteresis`"]),
        ("fusion = \"mean\"", "fusion = \"meen\"", ["meen", "did you mean `mean`"]),
        ("[views]", "[view]", ["view", "did you mean `views`"]),
    ]
    .into_iter()
    .enumerate()
    {
        let bundle = workspace.own_bundle(&format!("bundle-{i}"));
        edit(&bundle, from, to);
        refuses_bundle(&workspace, &bundle, "manifest", &words);
    }
    let bundle = workspace.own_bundle("no-toml");
    edit(&bundle, "[clip]", "[clip");
    refuses_bundle(&workspace, &bundle, "manifest", &["bundle.toml"]);
    std::fs::write(bundle.join("bundle.toml"), b"name = \"\xff\"").unwrap();
    refuses_bundle(&workspace, &bundle, "bundle", &["bundle.toml"]);
}

#[test]
fn numbers_out_of_range_are_errors_with_their_name() {
    let workspace = Workspace::new();
    let text = manifest(&workspace.bundle());
    Manifest::parse(&text).unwrap();
    for (from, to, word) in [
        ("schema = 2", "schema = 3", "schema"),
        ("frames = 8", "frames = 0", "clip.frames"),
        ("frames = 8", "frames = 100000", "clip.frames"),
        ("frames = 8", "frames = -1", "-1"),
        ("fusion = \"mean\"", "fusion = \"temporal\"", "temporal"),
        ("[123.675, ", "[1000.0, ", "views.fill"),
        ("[123.675, ", "[nan, ", "views.fill"),
        ("threshold = 0.5", "threshold = 1.5", "threshold"),
        ("threshold = 0.5", "threshold = nan", "threshold"),
        ("dilation = 0", "dilation = 1000000", "dilation"),
        ("smoothing = 0.0", "smoothing = -1.0", "smoothing"),
        ("width = 128", "width = 0", "0x96"),
        ("width = 128", "width = 4000000000", "4000000000x96"),
        ("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]", "std"),
        ("std = [1.0, 1.0, 1.0]", "std = [1.0, 1.0]", "invalid length 2"),
        ("mean = [0.0, 0.0, 0.0]", "mean = [0.0, inf, 0.0]", "mean"),
        ("scale = 0.003921569", "scale = nan", "scale"),
        ("channels = 1\n", "channels = 0\n", "channels"),
        ("channels = [0]", "channels = [1]", "decode.person"),
        ("channels = [0]", "channels = []", "decode.person"),
        ("context = 77", "context = 2", "text.context"),
        ("shortest = 32", "shortest = 0", "shortest"),
        ("templates = [\"a photo of a {}.\"]", "templates = []", "templates"),
        ("hysteresis = 0.05", "hysteresis = -0.1", "hysteresis"),
        ("min-person-area = 0.01", "min-person-area = 2.0", "min-person-area"),
        ("min-confidence = 0.1", "min-confidence = nan", "min-confidence"),
        ("threshold = 0.0", "threshold = inf", "threshold"),
        ("alpha = 1.0", "alpha = -1.0", "alpha"),
        ("file = \"vision.onnx\"", "file = \"other.onnx\"", "other.onnx"),
    ] {
        assert!(text.contains(from), "{from:?} is not in {text}");
        match Manifest::parse(&text.replacen(from, to, 1)) {
            Ok(_) => panic!("{to:?} is accepted"),
            Err(error) => assert!(error.to_string().contains(word), "{word:?} is missing for {to:?}: {error}"),
        }
    }
    let bundle = workspace.own_bundle("bundle");
    edit(&bundle, "frames = 8", "frames = 0");
    refuses_bundle(&workspace, &bundle, "manifest", &["clip.frames", "bundle.toml"]);
}

#[test]
fn files_outside_a_bundle_are_errors() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("bundle");
    workspace.write("vision.onnx", std::fs::read(bundle.join("vision.onnx")).unwrap());
    let outside = workspace.path("vision.onnx").display().to_string();
    let (text, path) = (manifest(&bundle), bundle.join("bundle.toml"));
    for place in ["../vision.onnx", "./../vision.onnx", "a/../../vision.onnx", &outside, "..\\vision.onnx", ""] {
        let escaped = place.replace('\\', "\\\\");
        std::fs::write(&path, text.replace("\"vision.onnx\"", &format!("\"{escaped}\""))).unwrap();
        refuses_bundle(&workspace, &bundle, "manifest", &["inside the bundle"]);
    }
    std::fs::write(&path, &text).unwrap();
    if cfg!(unix) {
        for file in ["vision.onnx", "text.onnx.data", "labels.safetensors", "bundle.toml"] {
            let inside = bundle.join(file);
            let outside = workspace.path(&format!("outside-{file}"));
            std::fs::rename(&inside, &outside).unwrap();
            std::os::unix::fs::symlink(&outside, &inside).unwrap();
            refuses_bundle(&workspace, &bundle, "bundle", &[file, "inside the bundle"]);
            std::fs::remove_file(&inside).unwrap();
            std::fs::rename(&outside, &inside).unwrap();
        }
    }
    refuses_nothing(&workspace, &bundle);
}

/// The bundle is whole.
fn refuses_nothing(workspace: &Workspace, bundle: &Path) {
    workspace.figureground([Path::new("run"), Path::new("--bundle"), bundle, &demo()]).succeeded();
}

/// The small segmenter with its first weight as external data at `location`.
fn with_external_data(location: &str, length: u64) -> Vec<u8> {
    let bytes = std::fs::read(fixture("demo/segmenter.onnx")).unwrap();
    let mut proto = ModelProto::decode(bytes.as_slice()).unwrap();
    let weight = &mut proto.graph.as_mut().unwrap().initializer[0];
    (weight.raw_data, weight.float_data) = (Vec::new(), Vec::new());
    weight.data_location = Some(1);
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
    weight.external_data =
        vec![entry("location", location.to_owned()), entry("offset", "0".into()), entry("length", length.to_string())];
    proto.encode_to_vec()
}

#[test]
fn external_data_must_be_in_the_folder_of_its_model_and_listed() {
    let workspace = Workspace::new();
    let secret = workspace.write("secret.bin", vec![0; 1 << 16]).display().to_string();
    for location in ["../secret.bin", "/etc/hostname", &secret, "a/../../secret.bin", ""] {
        let model = workspace.write("folder/model.onnx", with_external_data(location, 16));
        let words = ["model.onnx", "external data must lie beside the model"];
        workspace.refuses([Path::new("inspect"), &model], "model", &words);
        workspace.refuses([Path::new("infer"), &model], "model", &words);
    }
    workspace.write("folder/short.bin", [0; 8]);
    for (location, length, word) in
        [("no.bin", 16, "no.bin"), ("short.bin", 16, "8 bytes"), ("short.bin", u64::MAX, "")]
    {
        let model = workspace.write("folder/model.onnx", with_external_data(location, length));
        workspace.refuses([Path::new("inspect"), &model], "model", &[word]);
    }
    let bundle = workspace.own_bundle("bundle");
    let text = manifest(&bundle);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("\"vision.onnx.data\"")).collect();
    std::fs::write(bundle.join("bundle.toml"), lines.join("\n")).unwrap();
    refuses_bundle(&workspace, &bundle, "bundle", &["vision.onnx.data"]);
}

/// Thirty places from the first byte to the last but one.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..30).map(move |i| i * (length - 1) / 29)
}

#[test]
fn a_truncated_or_random_onnx_file_is_an_error_with_its_name() {
    let workspace = Workspace::new();
    let whole = std::fs::read(fixture("clip/pair/vision_model.onnx")).unwrap();
    for cut in cuts(whole.len()) {
        let path = workspace.write("cut.onnx", &whole[..cut]);
        let error = Model::read(&path).map(drop).expect_err(&format!("cut at {cut} it is read"));
        assert!(error.to_string().contains("cut.onnx"), "{error}");
    }
    for seed in 0..30 {
        let mut random = Random(seed);
        let count = 1 + random.below(4000);
        let path = workspace.write("noise.onnx", random.bytes(count));
        let error = Model::read(&path).map(drop).expect_err(&format!("noise {seed} is read"));
        assert!(error.to_string().contains("noise.onnx"), "{error}");
    }
    workspace.refuses([Path::new("inspect"), &workspace.write("cut.onnx", &whole[..5000])], "model", &["cut.onnx"]);
    workspace.refuses(
        [Path::new("infer"), &workspace.write("noise.onnx", Random(5).bytes(500))],
        "model",
        &["noise.onnx"],
    );
    workspace.refuses([Path::new("inspect"), &workspace.write("empty.onnx", "")], "model", &["empty.onnx", "empty"]);
    let bundle = workspace.own_bundle("bundle");
    replace_file(&bundle, "vision.onnx", &Random(6).bytes(500));
    refuses_bundle(&workspace, &bundle, "model", &["vision.onnx"]);
}

/// Arguments that import `clip` or `segmenter`, one of them broken.
fn broken_import(workspace: &Workspace, clip: &Path, segmenter: &Path) -> Vec<PathBuf> {
    let mut arguments = program::import_arguments(clip, &fixture("demo/labels.txt"), &workspace.path("out"));
    arguments[6] = segmenter.to_owned();
    arguments
}

#[test]
fn import_of_broken_models_leaves_no_files() {
    let workspace = Workspace::new();
    let segmenter = fixture("demo/segmenter.onnx");
    let copy = |from: &str, to: &str, cut: usize| {
        let bytes = std::fs::read(fixture(from)).unwrap();
        workspace.write(to, &bytes[..bytes.len() / cut]);
    };
    copy("clip/pair/vision_model.onnx", "pair/vision_model.onnx", 1);
    copy("clip/pair/text_model.onnx", "pair/text_model.onnx", 2);
    workspace.refuses(broken_import(&workspace, &workspace.path("pair"), &segmenter), "model", &["text_model.onnx"]);
    std::fs::remove_file(workspace.path("pair/text_model.onnx")).unwrap();
    workspace.refuses(broken_import(&workspace, &workspace.path("pair"), &segmenter), "model", &["text_model.onnx"]);
    copy("demo/segmenter.onnx", "cut.onnx", 2);
    workspace.refuses(
        broken_import(&workspace, &fixture("clip/hf"), &workspace.path("cut.onnx")),
        "model",
        &["cut.onnx"],
    );
    workspace.refuses(
        broken_import(&workspace, &fixture("clip/hf"), &workspace.path("none.onnx")),
        "model",
        &["none.onnx"],
    );
    copy("clip/hf/config.json", "hf/config.json", 1);
    copy("clip/hf/model.safetensors", "hf/model.safetensors", 2);
    let words = ["model.safetensors", "whole safetensors file"];
    workspace.refuses(broken_import(&workspace, &workspace.path("hf"), &segmenter), "import", &words);
    workspace.write("hf/model.safetensors", "");
    workspace.refuses(broken_import(&workspace, &workspace.path("hf"), &segmenter), "import", &["model.safetensors"]);
}

#[test]
fn a_truncated_or_random_safetensors_file_is_an_error() {
    let config = std::fs::read_to_string(fixture("clip/hf/config.json")).unwrap();
    let architecture = HuggingFaceConfig::parse(&config).unwrap().architecture().unwrap();
    let whole = std::fs::read(fixture("clip/hf/model.safetensors")).unwrap();
    Checkpoint::parse(&whole, &architecture).unwrap();
    for cut in cuts(whole.len()) {
        assert!(Checkpoint::parse(&whole[..cut], &architecture).is_err(), "cut at {cut} it is read");
    }
    for cut in cuts(config.len().saturating_sub(1)) {
        assert!(HuggingFaceConfig::parse(&config[..cut]).is_err(), "cut at {cut} the configuration is read");
    }
    for seed in 0..30 {
        let mut random = Random(seed);
        let count = random.below(4000);
        let mut bytes = random.bytes(count);
        assert!(Checkpoint::parse(&bytes, &architecture).is_err());
        assert!(LabelFile::parse(&bytes).is_err());
        // A header of a likely length, so that more than the length is looked at.
        let likely = (count as u64 / 2).to_le_bytes();
        bytes.splice(..bytes.len().min(8), likely);
        assert!(Checkpoint::parse(&bytes, &architecture).is_err());
        assert!(LabelFile::parse(&bytes).is_err());
    }
}

#[test]
fn invalid_label_files_are_errors_and_keep_the_bundle() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("bundle");
    let before = manifest(&bundle);
    let refuses = |bytes: &[u8], words: &[&str]| {
        let labels = workspace.write("labels.txt", bytes);
        let words = [&["labels.txt"], words].concat();
        let arguments = [Path::new("labels"), Path::new("--bundle"), &bundle, Path::new("--labels"), &labels];
        workspace.refuses(arguments, "label bank", &words);
        let arguments = program::import_arguments(&fixture("clip/hf"), &labels, &workspace.path("out"));
        workspace.refuses(arguments, "label bank", &words);
    };
    refuses(b"", &["no name"]);
    refuses(b"\n \n\t\n", &["no name"]);
    refuses(b"waving\nbowing\n waving \n", &["\"waving\"", "1 and 3"]);
    refuses(b"waving\n\xff\xfe\n", &["UTF-8"]);
    refuses(&[b"waving\n".to_vec(), vec![b'x'; 10_000]].concat(), &["line 2", "10000 bytes"]);
    assert_eq!(manifest(&bundle), before);
    refuses_nothing(&workspace, &bundle);
}

#[test]
fn a_hundred_thousand_labels_are_the_maximum() {
    let workspace = Workspace::new();
    let lines = |count: usize| (0..count).map(|i| format!("class {i}\n")).collect::<String>();
    let names = read_names(&workspace.write("labels.txt", lines(100_000))).unwrap();
    assert_eq!((names.len(), names[99_999].as_str()), (100_000, "class 99999"));
    let bank = LabelFile {
        embeddings: (0..2 * names.len()).map(|i| (i % 97) as f32 + 1.0).collect(),
        names,
        templates: vec!["{}".to_owned()],
        dimension: 2,
        logit_scale: 1.0,
    };
    let bytes = bank.to_bytes().unwrap();
    let parsed = LabelFile::parse(&bytes).unwrap();
    assert_eq!(parsed, bank);
    assert_eq!(parsed.into_bank(figureground::zeroshot::TemplateFusion::MeanEmbedding).unwrap().names().len(), 100_000);
    let error = read_names(&workspace.write("labels.txt", lines(100_001))).unwrap_err();
    assert!(error.to_string().contains("100001 names"), "{error}");
}

#[test]
fn a_label_bank_with_nan_or_of_the_wrong_size_is_an_error() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("bundle");
    let file = Bundle::open(&bundle).unwrap().label_file().unwrap();
    let refuses = |change: &dyn Fn(&mut LabelFile), words: &[&str]| {
        let mut changed = file.clone();
        change(&mut changed);
        replace_file(&bundle, "labels.safetensors", &changed.to_bytes().unwrap());
        let ended = workspace.figureground([Path::new("run"), Path::new("--bundle"), &bundle, &demo()]);
        let stage = if ended.stderr.starts_with("figureground: pipeline") { "pipeline" } else { "label bank" };
        assert_eq!(ended.refused(stage, words).stdout, "");
    };
    refuses(&|file| file.embeddings[5] = f32::NAN, &["waving"]);
    refuses(&|file| file.embeddings[40] = f32::INFINITY, &["playing basketball"]);
    refuses(&|file| file.embeddings[..32].fill(0.0), &["waving"]);
    refuses(&|file| file.logit_scale = f32::NAN, &["logit_scale"]);
    refuses(&|file| file.names[1] = "waving".to_owned(), &["waving"]);
    refuses(
        &|file| {
            file.dimension = 16;
            file.embeddings.truncate(8 * 16);
        },
        &["16", "32"],
    );
    replace_file(&bundle, "labels.safetensors", &Random(7).bytes(500));
    refuses_bundle(&workspace, &bundle, "label bank", &["labels.safetensors"]);
    replace_file(&bundle, "labels.safetensors", &file.to_bytes().unwrap());
    refuses_nothing(&workspace, &bundle);
}
