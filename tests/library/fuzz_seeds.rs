//! The parsers of `fuzz/` on thousands of seeded mutations of valid input: none panics or hangs.

use figureground::bundle::labels::LabelFile;
use figureground::bundle::manifest::Manifest;
use figureground::engine::cpu::infer;
use figureground::import::checkpoint::Checkpoint;
use figureground::import::config::{HuggingFaceConfig, OpenClipConfig};
use figureground::import::layout::{LOGIT_SCALE, Weights};
use figureground::import::pickle::{Namespace, Pickle};
use figureground::import::state_dicts::StateDicts;
use figureground::model::{Model, Port, Tensor, Values};
use figureground::zeroshot::TemplateFusion;
use figureground_tests::program::{Random, Workspace, fixture};
use rawzip::ZipArchive;
use std::io::Cursor;

/// Mutations of each parser's valid input.
const MUTATIONS: u64 = 2000;
/// Mutations of a whole model, which take longer.
const MODELS: u64 = 300;

/// Returns `seed` with flipped bits, a piece removed or repeated, its end cut, or unexpected numbers inserted.
fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    const ODD: [&str; 8] = ["0", "-1", "99999999999999999999", "1e999", "nan", "[", "\"", "\0"];
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(3) {
        // Most of the structure is at the start.
        let end = if random.below(4) == 0 { bytes.len() } else { bytes.len().min(4096) };
        let at = random.below(end);
        let piece = at..bytes.len().min(at + random.below(64));
        match random.below(6) {
            0 | 1 => bytes.get_mut(at..).into_iter().flatten().take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(piece)),
            4 => {
                let piece = bytes[piece].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => drop(bytes.splice(at..at, ODD[random.below(ODD.len())].bytes())),
        }
    }
    bytes
}

/// Runs `parse`, which returns whether it accepted the input, on mutations of `seed`.
fn survives(name: &str, seed: &[u8], parse: impl Fn(Vec<u8>) -> bool) {
    assert!(parse(seed.to_vec()), "{name}: the seed itself is refused");
    let mut accepted = 0;
    for number in 0..MUTATIONS {
        let bytes = mutated(seed, &mut Random(number));
        let parsed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| parse(bytes)));
        accepted += u64::from(parsed.unwrap_or_else(|_| panic!("{name}: panicked on mutation {number}")));
    }
    println!("{name}: {accepted} of {MUTATIONS} mutations were accepted");
    assert!(accepted < MUTATIONS, "{name}: every mutation was accepted");
}

#[test]
fn no_mutated_manifest_panics() {
    let workspace = Workspace::new();
    survives("manifest", &std::fs::read(workspace.bundle().join("bundle.toml")).unwrap(), |bytes| {
        Manifest::parse(&String::from_utf8_lossy(&bytes)).is_ok_and(|manifest| manifest.to_toml().is_ok())
    });
}

#[test]
fn no_mutated_label_bank_panics() {
    let workspace = Workspace::new();
    survives("label bank", &std::fs::read(workspace.bundle().join("labels.safetensors")).unwrap(), |bytes| {
        let file = LabelFile::parse(&bytes);
        file.is_ok_and(|file| {
            let [a, b] =
                [TemplateFusion::MeanEmbedding, TemplateFusion::MeanSoftmax].map(|f| file.clone().into_bank(f));
            a.is_ok() && b.is_ok()
        })
    });
}

#[test]
fn no_mutated_checkpoint_panics() {
    let config = std::fs::read_to_string(fixture("clip/gelu/config.json")).unwrap();
    let architecture = HuggingFaceConfig::parse(&config).unwrap().architecture().unwrap();
    survives("config", config.as_bytes(), |bytes| {
        HuggingFaceConfig::parse(&String::from_utf8_lossy(&bytes)).is_ok_and(|config| config.architecture().is_ok())
    });
    let open_clip = std::fs::read(fixture("clip/layouts/open_clip/open_clip_config.json")).unwrap();
    survives("open_clip", &open_clip, |bytes| OpenClipConfig::parse(&String::from_utf8_lossy(&bytes)).is_ok());
    let seed = std::fs::read(fixture("clip/gelu/model.safetensors")).unwrap();
    survives("checkpoint", &seed, |bytes| {
        Checkpoint::parse(&bytes, &architecture).is_ok_and(|checkpoint| {
            checkpoint.logit_scale().is_ok() && checkpoint.tensor("visual_projection.weight").is_ok()
        })
    });
}

#[test]
fn no_mutated_archive_panics() {
    for name in ["openai.pt", "vificlip.pth", "actionclip.pth", "script.pt"] {
        let seed = std::fs::read(fixture("clip/layouts").join(name)).unwrap();
        survives(name, &seed, |bytes| {
            let dicts = StateDicts::parse(&bytes);
            dicts.is_ok_and(|dicts| Weights::new(dicts.weights).is_ok_and(|weights| weights.view(LOGIT_SCALE).is_ok()))
        });
    }
}

#[test]
fn no_mutated_pickle_panics() {
    for name in ["openai.pt", "vificlip.pth", "script.pt"] {
        let bytes = std::fs::read(fixture("clip/layouts").join(name)).unwrap();
        let namespace = if name == "script.pt" { Namespace::TorchScript } else { Namespace::StateDict };
        survives(name, &data_pkl(&bytes), |bytes| {
            Pickle::parse(&bytes, namespace).is_ok_and(|pickle| pickle.named(pickle.root()).count() > 0)
        });
    }
}

/// Returns the pickle of an archive.
fn data_pkl(bytes: &[u8]) -> Vec<u8> {
    let archive = ZipArchive::from_slice(bytes).unwrap();
    let mut entries = archive.entries();
    loop {
        let entry = entries.next_entry().unwrap().expect("data.pkl");
        if entry.file_path().as_bytes().ends_with(b"/data.pkl") {
            return archive.get_entry(entry.wayfinder()).unwrap().data().to_vec();
        }
    }
}

#[test]
fn no_mutated_y4m_panics() {
    for (colours, size) in [("420jpeg", 24 * 18 * 3 / 2), ("444", 24 * 18 * 3), ("mono", 24 * 18)] {
        let mut seed = format!("YUV4MPEG2 W24 H18 F30000:1001 Ip A1:1 C{colours} XCOLORRANGE=FULL\n").into_bytes();
        for frame in 0..3 {
            seed.extend(b"FRAME Ixyz\n");
            seed.extend((0..size).map(|i| (i * 7 + frame) as u8));
        }
        survives("y4m", &seed, |bytes| {
            let mut source = figureground::source::y4m("fuzz", Box::new(Cursor::new(bytes)));
            loop {
                match source.next_frame() {
                    Ok(Some(_)) => {}
                    end => return end.is_ok(),
                }
            }
        });
    }
}

#[test]
fn no_mutated_onnx_model_panics() {
    let workspace = Workspace::new();
    let whole = std::fs::read(fixture("demo/segmenter.onnx")).unwrap();
    let mut ran = 0;
    for number in 0..MODELS {
        let mut random = Random(number);
        let mut bytes = whole.clone();
        for _ in 0..=random.below(4) {
            // The structure is at both ends of the file and between the weights.
            let at = random.below(6000);
            let at = if random.below(2) == 0 { at } else { bytes.len() - 1 - at };
            bytes[at] ^= 1 << random.below(8);
        }
        let path = workspace.write("model.onnx", bytes);
        let ends = std::panic::catch_unwind(|| {
            let model = Model::read(&path)?;
            let zeros = |port: &Port| {
                let shape = port.smallest_shape();
                Tensor { values: Values::F32(vec![0.0; shape.iter().product::<usize>().min(1 << 20)]), shape }
            };
            infer(&model, &model.inputs().iter().map(zeros).collect::<Vec<_>>())
        });
        ran += u64::from(ends.unwrap_or_else(|_| panic!("panicked on mutation {number}")).is_ok());
    }
    println!("onnx: {ran} of {MODELS} mutations ran");
    assert!(ran > 0 && ran < MODELS);
}
