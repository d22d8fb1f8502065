//! The program's commands `import`, `labels`, `inspect` and `infer`.

use figureground::bundle::Bundle;
use figureground::bundle::labels::LabelFile;
use figureground_tests::program::{Ended, Workspace, demo, fixture, import_arguments};
use prost::Message;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tract_onnx::pb::ModelProto;

/// Imports `clip` of the fixtures to `out` with more `arguments`.
fn import(workspace: &Workspace, clip: &str, out: &str, arguments: &[&str]) -> Ended {
    let mut all = import_arguments(&fixture(clip), &fixture("demo/labels.txt"), &workspace.path(out));
    all.extend(arguments.iter().map(PathBuf::from));
    workspace.figureground(all)
}

/// Returns the label file of the bundle `name`, which must be complete.
fn label_file(workspace: &Workspace, name: &str) -> LabelFile {
    Bundle::open(&workspace.path(name)).unwrap().label_file().unwrap()
}

/// Returns the size of all files of a folder.
fn size(folder: &Path) -> u64 {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn every_layout_of_a_checkpoint_imports_and_runs() {
    let workspace = Workspace::new();
    for clip in
        ["clip/hf", "clip/hf/model.safetensors", "clip/gelu", "clip/pair", "clip/single", "clip/single/model.onnx"]
    {
        let out = clip.replace('/', "-");
        let ended = import(&workspace, clip, &out, &[]).succeeded();
        assert_eq!(ended.stdout, "", "{clip}");
        let run = workspace.figureground([Path::new("run"), Path::new("--bundle"), Path::new(&out), &demo()]);
        assert_eq!(run.succeeded().verdict()["frames_with_person"], 8, "{clip}");
    }
}

#[test]
fn the_same_weights_give_the_same_verdict_from_safetensors_and_from_onnx() {
    let workspace = Workspace::new();
    import(&workspace, "clip/pair", "pair", &[]).succeeded();
    let run = |bundle: &Path| {
        workspace.figureground([Path::new("run"), Path::new("--bundle"), bundle, &demo()]).succeeded().verdict()
    };
    let (pair, safetensors) = (run(&workspace.path("pair")), run(&workspace.bundle()));
    assert_eq!(pair["frames"], safetensors["frames"]);
    // The logit scale is OpenAI's with the pair and the checkpoint's own with safetensors, so only the order stays.
    let order = |verdict: &Value| -> Vec<Value> {
        verdict["full"].as_array().unwrap().iter().map(|class| class["label"].clone()).collect()
    };
    assert_eq!(order(&pair), order(&safetensors));
}

#[test]
fn weights_in_16_bits_need_half_the_space_and_run() {
    let workspace = Workspace::new();
    import(&workspace, "clip/hf", "half", &["--f16"]).succeeded();
    let weights = |bundle: &Path| std::fs::metadata(bundle.join("vision.onnx.data")).unwrap().len() as f64;
    assert!(weights(&workspace.path("half")) < 0.55 * weights(&workspace.bundle()));
    assert!(size(&workspace.path("half")) < size(&workspace.bundle()));
    let run = workspace.figureground([Path::new("run"), Path::new("--bundle"), Path::new("half"), &demo()]);
    let (half, full) = (run.succeeded().verdict(), workspace.run([demo()]).verdict());
    for view in ["full", "person_view", "background_view"] {
        let best = [&half, &full].map(|verdict| verdict[view][0]["p"].as_f64().unwrap());
        assert!((best[0] - best[1]).abs() < 2e-2, "{half}\n{full}");
    }
}

#[test]
fn an_encoder_without_its_projection_is_refused() {
    let workspace = Workspace::new();
    let arguments = import_arguments(&fixture("clip/pooler"), &fixture("demo/labels.txt"), &workspace.path("out"));
    workspace.refuses(arguments, "import", &["projection"]);
}

#[test]
fn import_does_not_overwrite_files_or_folders() {
    let workspace = Workspace::new();
    workspace.write("file", "mine");
    workspace.write("folder/note", "mine");
    for out in ["file", "folder"] {
        let arguments = import_arguments(&fixture("clip/hf"), &fixture("demo/labels.txt"), &workspace.path(out));
        workspace.refuses(arguments, "import", &[out, "--out"]);
    }
    assert_eq!(std::fs::read_to_string(workspace.path("file")).unwrap(), "mine");
    assert_eq!(std::fs::read_to_string(workspace.path("folder/note")).unwrap(), "mine");
}

#[test]
fn a_bundle_has_the_permissions_of_other_new_files() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::new();
    let labels = workspace.write("labels.txt", "waving\nbowing\n");
    let bundle = workspace.own_bundle("bundle");
    workspace
        .figureground([Path::new("labels"), Path::new("--bundle"), &bundle, Path::new("--labels"), &labels])
        .succeeded();
    import(&workspace, "clip/hf", "new", &[]).succeeded();
    std::fs::create_dir(workspace.path("usual")).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&workspace.path("new")), mode(&workspace.path("usual")));
    for folder in ["bundle", "new"] {
        for file in workspace.path(folder).read_dir().unwrap() {
            let file = file.unwrap().path();
            assert_eq!(mode(&file), mode(&labels), "{}", file.display());
        }
    }
}

#[test]
fn labels_replaces_the_label_bank_of_a_bundle() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("bundle");
    workspace.write("labels.txt", "\u{feff}waving\r\n\n  bowing \r\nein Rad schlagen\n");
    let arguments =
        ["labels", "--bundle", "bundle", "--labels", "labels.txt", "--template", "a {}!", "--template", "{}"];
    assert_eq!(workspace.figureground(arguments).succeeded().stdout, "");
    let file = label_file(&workspace, "bundle");
    assert_eq!(file.names, ["waving", "bowing", "ein Rad schlagen"]);
    assert_eq!(file.templates, ["a {}!", "{}"]);
    assert_eq!(file.embeddings.len(), 3 * 2 * file.dimension);
    assert_eq!(
        bundle.read_dir().unwrap().count(),
        workspace.bundle().read_dir().unwrap().count(),
        "the old bank was not removed"
    );
    let run = workspace.figureground([Path::new("run"), Path::new("--bundle"), &bundle, &demo()]).succeeded().verdict();
    assert_eq!(run["full"].as_array().unwrap().len(), 3);
}

#[test]
fn embeddings_are_cached_and_a_damaged_cache_is_ignored() {
    let workspace = Workspace::new();
    workspace.own_bundle("bundle");
    workspace.write("labels.txt", "waving\nbowing\n");
    let embeddings = || {
        workspace.figureground(["labels", "--bundle", "bundle", "--labels", "labels.txt"]).succeeded();
        label_file(&workspace, "bundle").embeddings
    };
    let computed = embeddings();
    let entries: Vec<PathBuf> = workspace.cache().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let [entry] = &entries[..] else { panic!("not one file: {entries:?}") };
    let foreign: Vec<f32> = (0..computed.len()).map(|i| 1.0 + (i * i % 7) as f32).collect();
    let bytes: Vec<u8> = foreign.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(entry, &bytes).unwrap();
    assert_eq!(embeddings(), foreign, "the cache was not read");
    std::fs::write(entry, &bytes[4..]).unwrap();
    assert_eq!(embeddings(), computed, "a cut file was used");
    let nan: Vec<u8> = foreign.iter().flat_map(|_| f32::NAN.to_le_bytes()).collect();
    std::fs::write(entry, nan).unwrap();
    assert_eq!(embeddings(), computed, "NaN was used");
    workspace.write("labels.txt", "bowing\nwaving\n");
    assert_ne!(embeddings(), computed, "other prompts have the same embeddings");
    assert_eq!(workspace.cache().read_dir().unwrap().count(), 2);
}

#[test]
fn a_template_without_exactly_one_place_for_the_name_is_refused() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("bundle");
    let before = std::fs::read(bundle.join("bundle.toml")).unwrap();
    for template in ["a photo", "", "{} and {}"] {
        let mut arguments = import_arguments(&fixture("clip/hf"), &fixture("demo/labels.txt"), &workspace.path("out"));
        arguments.extend(["--template", template].map(PathBuf::from));
        workspace.refuses(arguments, "manifest", &["{}", &format!("{template:?}")]);
        let labels = fixture("demo/labels.txt");
        let labels = labels.to_str().unwrap();
        let arguments = ["labels", "--bundle", "bundle", "--labels", labels, "--template", template];
        workspace.refuses(arguments, "manifest", &["{}"]);
    }
    assert_eq!(std::fs::read(bundle.join("bundle.toml")).unwrap(), before);
}

/// Imports `clip` of `clip/layouts`, runs it on the demo clip, and returns stderr of the import.
fn runs(workspace: &Workspace, clip: &Path, out: &str, arguments: &[&str]) -> String {
    let mut all = import_arguments(clip, &fixture("demo/labels.txt"), &workspace.path(out));
    all.extend(arguments.iter().map(PathBuf::from));
    let ended = workspace.figureground(all).succeeded();
    let run = workspace.figureground([Path::new("run"), Path::new("--bundle"), Path::new(out), &demo()]);
    assert_eq!(run.succeeded().verdict()["frames_with_person"], 8, "{}", clip.display());
    let is_progress = |line: &&str| line.starts_with("[INFO ] importing ") || line.ends_with(" is written");
    ended.stderr.lines().filter(|line| !is_progress(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_training_checkpoint_imports_with_a_warning_about_its_convention() {
    let workspace = Workspace::new();
    let base = fixture("clip/layouts/openai.pt");
    let base = base.to_str().unwrap();
    let layout = |name: &str| fixture("clip/layouts").join(name);
    let stderr = runs(&workspace, &layout("openai.pt"), "openai", &[]);
    assert!(stderr.contains("QuickGELU") && stderr.contains("activation is gelu"), "{stderr}");
    assert_eq!(runs(&workspace, &layout("open_clip"), "open-clip", &[]), "");
    assert_eq!(runs(&workspace, &layout("script.pt"), "script", &[]), "");
    let stderr = runs(&workspace, &layout("vificlip.pth"), "vificlip", &["--base", base, "--f16"]);
    assert!(stderr.contains("models/clip/vificlip.toml"), "{stderr}");
    let stderr = runs(&workspace, &layout("actionclip.pth"), "actionclip", &["--f16"]);
    assert!(stderr.contains("models/clip/actionclip.toml"), "{stderr}");
    let openai = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/clip/openai.toml");
    let stderr = runs(&workspace, &layout("actionclip.pth"), "other", &["--convention", openai.to_str().unwrap()]);
    assert_eq!(stderr, "");
    let text = std::fs::read_to_string(workspace.path("other/bundle.toml")).unwrap();
    assert!(text.contains("OpenAI CLIP") && text.contains("fusion = \"temporal\""), "{text}");
}

#[test]
fn a_vificlip_needs_the_clip_that_it_was_trained_from() {
    let workspace = Workspace::new();
    let arguments = |base: Option<&str>| {
        let labels = fixture("demo/labels.txt");
        let mut all = import_arguments(&fixture("clip/layouts/vificlip.pth"), &labels, &workspace.path("out"));
        all.extend(base.into_iter().flat_map(|base| [PathBuf::from("--base"), fixture(base)]));
        all
    };
    workspace.refuses(arguments(None), "import", &["--base", "token table", "vificlip.pth"]);
    workspace.refuses(arguments(Some("clip/layouts/vificlip.pth")), "import", &["--base", "none in"]);
    // Its text tower has 48 channels, not 32.
    let words = ["token_embedding", "--base", "[1514, 32]", "[1514, 48]"];
    workspace.refuses(arguments(Some("clip/hf")), "import", &words);
}

#[test]
fn the_activation_comes_from_the_user_or_the_configuration_but_not_both() {
    let workspace = Workspace::new();
    let weights = fixture("clip/layouts/open_clip/open_clip_model.safetensors");
    let bare = workspace.path("bare/open_clip_model.safetensors");
    std::fs::create_dir(workspace.path("bare")).unwrap();
    std::fs::copy(weights, &bare).unwrap();
    let arguments = |clip: &Path, more: &[&str]| {
        let mut all = import_arguments(clip, &fixture("demo/labels.txt"), &workspace.path("out"));
        all.extend(more.iter().map(PathBuf::from));
        all
    };
    workspace.refuses(arguments(&bare, &[]), "import", &["open_clip_config.json", "--activation"]);
    let folder = fixture("clip/layouts/open_clip");
    workspace.refuses(
        arguments(&folder, &["--activation", "gelu"]),
        "import",
        &["leave the activation out", "--activation"],
    );
    workspace
        .write("bare/open_clip_config.json", r#"{"model_cfg": {"vision_cfg": {"pool_type": "avg"}, "text_cfg": {}}}"#);
    workspace.refuses(arguments(&bare, &[]), "import", &["pool_type"]);
    std::fs::remove_file(workspace.path("bare/open_clip_config.json")).unwrap();
    assert_eq!(runs(&workspace, &bare, "gelu", &["--activation", "gelu"]), "");
}

/// Tensors of a checkpoint: element type, shape, bytes.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// Writes a copy of the small checkpoint to `folder`, changed by `change`.
fn checkpoint(workspace: &Workspace, folder: &str, change: impl FnOnce(&mut Tensors)) -> PathBuf {
    let bytes = std::fs::read(fixture("clip/hf/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, tensor)| (name.to_owned(), (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec())))
        .collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(name, (kind, shape, bytes))| (name.as_str(), TensorView::new(*kind, shape.clone(), bytes).unwrap()));
    workspace.write(&format!("{folder}/model.safetensors"), safetensors::serialize(views, None).unwrap());
    let config = std::fs::read(fixture("clip/hf/config.json")).unwrap();
    workspace.write(&format!("{folder}/config.json"), config).parent().unwrap().to_owned()
}

#[test]
fn a_checkpoint_that_contradicts_its_configuration_is_refused_with_the_tensor() {
    const PROJECTION: &str = "visual_projection.weight";
    let workspace = Workspace::new();
    let refuses = |folder: &str, words: &[&str], change: &dyn Fn(&mut Tensors)| {
        let clip = checkpoint(&workspace, folder, change);
        let arguments = import_arguments(&clip, &fixture("demo/labels.txt"), &workspace.path("out"));
        workspace.refuses(arguments, "import", words);
    };
    let shape = checkpoint_shape(PROJECTION);
    let [rows, columns] = shape[..] else { panic!("{shape:?}") };
    let (expected, turned) = (format!("[{rows}, {columns}]"), format!("shape [{}, {}]", rows / 2, columns * 2));
    refuses("missing", &[PROJECTION, &expected, "no such tensor", "config.json"], &|tensors| {
        tensors.remove(PROJECTION);
    });
    refuses("extra", &["extra tensor \"lora.weight\""], &|tensors| {
        tensors.insert("lora.weight".to_owned(), tensors[PROJECTION].clone());
    });
    refuses("misshapen", &[PROJECTION, &expected, &turned], &|tensors| {
        tensors.get_mut(PROJECTION).unwrap().1 = vec![rows / 2, columns * 2];
    });
    refuses("integers", &[PROJECTION, "I32", "F32"], &|tensors| {
        tensors.get_mut(PROJECTION).unwrap().0 = Dtype::I32;
    });
    refuses("nan", &[PROJECTION, "NaN", "finite"], &|tensors| {
        tensors.get_mut(PROJECTION).unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
}

fn checkpoint_shape(name: &str) -> Vec<usize> {
    let bytes = std::fs::read(fixture("clip/hf/model.safetensors")).unwrap();
    SafeTensors::deserialize(&bytes).unwrap().tensor(name).unwrap().shape().to_vec()
}

#[test]
fn an_error_names_a_missing_configuration_or_model() {
    let workspace = Workspace::new();
    let bytes = std::fs::read(fixture("clip/hf/model.safetensors")).unwrap();
    workspace.write("no-config/model.safetensors", bytes);
    workspace.write("empty/readme", "");
    let other = std::fs::read_to_string(fixture("clip/hf/config.json")).unwrap();
    checkpoint(&workspace, "siglip", |_| ());
    workspace.write("siglip/config.json", other.replace("\"model_type\": \"clip\"", "\"model_type\": \"siglip\""));
    for (clip, word) in [("no-config", "config.json"), ("empty", "vision_model.onnx"), ("siglip", "siglip")] {
        let arguments = import_arguments(&workspace.path(clip), &fixture("demo/labels.txt"), &workspace.path("out"));
        workspace.refuses(arguments, "import", &[word]);
    }
}

#[test]
fn inspect_shows_shapes_operators_checksums_and_the_backend() {
    let workspace = Workspace::new();
    let bundle = workspace.bundle();
    let text = workspace.figureground([Path::new("inspect"), &bundle]).succeeded().stdout;
    let words = [
        "pixel_values FLOAT [batch, 3, 32, 32]",
        "image_embeds FLOAT [batch, 32]",
        "input_ids INT64 [batch, 77]",
        "Softmax 2",
        "backend cpu: all operators",
        "a photo of a {}.",
        "8 of dimension 32: waving",
    ];
    words.iter().for_each(|word| assert!(text.contains(word), "{word:?} is missing: {text}"));
    for (file, sha256) in &Bundle::open(&bundle).unwrap().manifest().files {
        assert!(text.lines().any(|line| line.contains(file.as_str()) && line.contains(sha256)), "{file}: {text}");
    }
    let model = fixture("clip/pair/vision_model.onnx");
    let text = workspace.figureground([Path::new("inspect"), &model]).succeeded().stdout;
    assert!(text.contains("pixel_values FLOAT") && text.contains("Conv 1"), "{text}");
}

/// Returns a `.npy` file of zeros.
fn zeros(shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.resize(bytes.len() + 4 * shape.iter().product::<usize>(), 0);
    bytes
}

#[test]
fn infer_writes_outputs_under_names_that_every_file_system_allows() {
    let workspace = Workspace::new();
    let bytes = std::fs::read(fixture("demo/segmenter.onnx")).unwrap();
    let mut proto = ModelProto::decode(bytes.as_slice()).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    let outputs = graph.node.iter_mut().flat_map(|node| &mut node.output);
    let outputs = outputs.chain(graph.output.iter_mut().map(|output| &mut output.name));
    outputs.filter(|name| *name == "mask").for_each(|name| "../mask:ö/0".clone_into(name));
    workspace.write("model.onnx", proto.encode_to_vec());
    workspace.write("zeros.npy", zeros(&[1, 96, 128, 3]));
    let infer = |more: &[&str], out: &str| {
        let ended = workspace.figureground([&["infer", "model.onnx", "--output-dir", out], more].concat()).succeeded();
        let file = std::fs::read(workspace.path(out).join(".._mask___0.npy")).unwrap();
        (ended.stdout, file)
    };
    let (text, given) = infer(&["--input", "input=zeros.npy"], "given");
    assert!(text.contains("[1, 96, 128, 1]"), "{text}");
    assert!(given.starts_with(b"\x93NUMPY"));
    assert!(String::from_utf8_lossy(&given[..128]).contains("(1, 96, 128, 1"));
    let (_, one) = infer(&["--seed", "1"], "one");
    assert_eq!(one, infer(&["--seed", "1"], "again").1);
    assert_ne!(one, infer(&["--seed", "2"], "two").1);
    for (shape, words) in [(&[96, 128, 3][..], "[96, 128, 3]"), (&[1, 96, 64, 3], "[1, 96, 64, 3]")] {
        workspace.write("zeros.npy", zeros(shape));
        workspace.refuses(
            ["infer", "model.onnx", "--input", "input=zeros.npy"],
            "command",
            &[words, "[1, 96, 128, 3]"],
        );
    }
    workspace.refuses(["infer", "model.onnx", "--input", "other=zeros.npy"], "command", &["other", "\"input\""]);
    workspace.write("zeros.npy", "no numpy");
    workspace.refuses(["infer", "model.onnx", "--input", "input=zeros.npy"], "command", &["zeros.npy"]);
}

#[test]
fn a_missing_backend_is_an_error() {
    let workspace = Workspace::new();
    let (model, bundle) = (fixture("demo/segmenter.onnx"), workspace.bundle());
    let [model, bundle, demo] = [&model, &bundle, &demo()].map(|path| path.to_str().unwrap().to_owned());
    for arguments in [
        vec!["infer", &model, "--compare"],
        vec!["infer", &model, "--backend", "gpu"],
        vec!["run", "--bundle", &bundle, "--backend", "gpu", &demo],
        vec!["bench", "--bundle", &bundle, "--backend", "gpu", &demo],
    ] {
        // Hides all drivers from Vulkan's loader.
        let mut command = workspace.command();
        command.env("VK_DRIVER_FILES", "nowhere").env("VK_ICD_FILENAMES", "nowhere").args(&arguments);
        let ended = Ended::of(command.output().unwrap());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:#?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
        assert!(
            ended.stderr.starts_with("figureground: ") && ended.stderr.to_lowercase().contains("gpu"),
            "{ended:#?}"
        );
    }
}

#[test]
fn devices_and_bench_print_json() {
    let workspace = Workspace::new();
    let devices: Value =
        serde_json::from_str(&workspace.figureground(["devices", "--json"]).succeeded().stdout).unwrap();
    assert!(devices["cpu"]["cores"].as_u64().unwrap() > 0);
    assert!(devices["gpus"].is_object() && devices["cameras"].is_object(), "{devices}");
    let bundle = workspace.bundle();
    let demo = demo();
    let arguments = ["bench", "--bundle", bundle.to_str().unwrap(), "--json", "--runs", "3", demo.to_str().unwrap()];
    let bench: Value = serde_json::from_str(&workspace.figureground(arguments).succeeded().stdout).unwrap();
    for field in ["clip_ms", "segment_ms", "views_ms", "encode_ms", "score_ms"] {
        assert!(bench[field].as_f64().unwrap() >= 0.0, "{field}: {bench}");
    }
    assert!(bench["clip_ms"].as_f64() >= bench["encode_ms"].as_f64(), "{bench}");
    if cfg!(target_os = "linux") {
        assert!(bench["peak_rss_bytes"].as_u64().unwrap() > 1_000_000, "{bench}");
    }
}

/// Writes the ONNX file `from` to `to` with `number` as the first of the largest tensor of floats. Returns its name.
fn damage_weights(from: &Path, to: &Path, number: f32) -> String {
    let mut model = ModelProto::decode(std::fs::read(from).unwrap().as_slice()).unwrap();
    let tensors = &mut model.graph.as_mut().unwrap().initializer;
    let floats = tensors.iter_mut().filter(|tensor| tensor.data_type == 1);
    let tensor = floats.max_by_key(|tensor| tensor.raw_data.len().max(4 * tensor.float_data.len())).unwrap();
    match tensor.float_data.first_mut() {
        Some(first) => *first = number,
        None => tensor.raw_data[..4].copy_from_slice(&number.to_le_bytes()),
    }
    let name = tensor.name.clone();
    std::fs::write(to, model.encode_to_vec()).unwrap();
    name
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_name() {
    let workspace = Workspace::new();
    for number in [f32::NAN, f32::INFINITY] {
        // At import.
        let segmenter = workspace.path("damaged.onnx");
        let name = format!("{:?}", damage_weights(&fixture("demo/segmenter.onnx"), &segmenter, number));
        let mut all = import_arguments(&fixture("clip/hf"), &fixture("demo/labels.txt"), &workspace.path("out"));
        let model = all.iter().position(|argument| argument == Path::new("--segmenter-model")).unwrap();
        all[model + 1] = segmenter.clone();
        workspace.refuses(&all, "model", &[&name, "damaged.onnx"]);

        // At load, though the checksum is that of the file.
        let bundle = workspace.own_bundle(&format!("own-{number}"));
        let file = bundle.join("segmenter.onnx");
        let name = format!("{:?}", damage_weights(&file, &file, number));
        let manifest = std::fs::read_to_string(bundle.join("bundle.toml")).unwrap();
        let sum = figureground::bundle::checksum::of_file(&file).unwrap();
        let lines = manifest.lines().map(|line| match line.starts_with("\"segmenter.onnx\" =") {
            true => format!("\"segmenter.onnx\" = {sum:?}"),
            false => line.to_owned(),
        });
        std::fs::write(bundle.join("bundle.toml"), lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
        let run = ["run", "--backend", "cpu", "--bundle"].map(PathBuf::from).into_iter().chain([bundle, demo()]);
        workspace.refuses(run, "model", &[&name, "segmenter.onnx"]);
    }

    // A checkpoint.
    let clip = workspace.path("clip");
    std::fs::create_dir(&clip).unwrap();
    std::fs::copy(fixture("clip/hf/config.json"), clip.join("config.json")).unwrap();
    let bytes = std::fs::read(fixture("clip/hf/model.safetensors")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let name = "vision_model.encoder.layers.0.mlp.fc1.weight";
    let begin = bytes.len() - metadata.data_len() + metadata.info(name).unwrap().data_offsets.0;
    let mut damaged = bytes.clone();
    damaged[begin..begin + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(clip.join("model.safetensors"), damaged).unwrap();
    let all = import_arguments(&clip, &fixture("demo/labels.txt"), &workspace.path("out"));
    workspace.refuses(&all, "import", &["NaN", name]);
}

#[cfg(unix)]
#[test]
fn what_killed_programs_leave_is_removed_by_the_next_one() {
    let workspace = Workspace::new();
    let temporary = workspace.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let hidden = |folder: &Path| -> Vec<String> {
        let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".figureground-")).collect()
    };
    // Many clips, with the built-in bundle, which validation keeps to its end.
    let class = workspace.path("set/waving while standing");
    std::fs::create_dir_all(&class).unwrap();
    for clip in 0..300 {
        std::fs::copy(demo(), class.join(format!("{clip}.gif"))).unwrap();
    }
    let start = |out: &str| {
        let before = hidden(&temporary);
        let mut command = workspace.command();
        command.args(["validate", "set", "--format", "folder", "--backend", "cpu", "--threads", "1", "--out", out]);
        command.env("TMPDIR", &temporary).stdout(std::process::Stdio::null());
        let is_unpacked = |name: &String| temporary.join(name).join("vision.onnx.data").exists();
        let child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        for _ in 0..1200 {
            if hidden(&temporary).iter().any(|name| !before.contains(name) && is_unpacked(name)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        child
    };
    let mut killed = start("killed");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(hidden(&temporary).len(), 1);
    let mut ended = start("ended");
    assert_eq!(hidden(&temporary).len(), 1, "that of the killed one is gone");
    let mut second = start("second");
    assert_eq!(hidden(&temporary).len(), 2, "that of a running one stays");
    for child in [&mut ended, &mut second] {
        figureground_tests::program::signal(child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(143));
    }
    assert_eq!(hidden(&temporary), Vec::<String>::new());

    // Beside a new bundle.
    let parent = workspace.path("bundles");
    let stale = [".figureground-import-abcDE1", ".figureground-import-abcDE2"].map(|name| parent.join(name));
    stale.iter().for_each(|folder| std::fs::create_dir_all(folder).unwrap());
    let owner = std::fs::File::open(&stale[1]).unwrap();
    owner.try_lock().unwrap();
    import(&workspace, "clip/hf", "bundles/new", &[]).succeeded();
    assert!(!stale[0].exists() && stale[1].exists() && parent.join("new/bundle.toml").is_file());
}
