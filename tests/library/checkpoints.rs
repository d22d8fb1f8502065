//! Untrusted checkpoints by `torch.save`: nothing is executed, and errors name what is refused.

use figureground::Error;
use figureground::import::layout::Weights;
use figureground::import::state_dicts::StateDicts;
use figureground_tests::program::{Workspace, fixture, import_arguments};
use rawzip::ZipArchiveWriter;
use std::io::Write;

/// A pickle of an empty dictionary, in protocol 2.
const EMPTY: &[u8] = b"\x80\x02}.";

/// Returns an archive of `files`, stored like those of `torch.save`.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut bytes);
    for (name, data) in files {
        let (mut entry, config) = zip.new_file(name).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(data).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

fn pickle(pickle: &[u8]) -> Vec<u8> {
    archive(&[("archive/data.pkl", pickle), ("archive/data/0", &[0; 64])])
}

fn refused(bytes: &[u8]) -> Error {
    StateDicts::parse(bytes).map(|dicts| dicts.weights.names().count()).unwrap_err()
}

/// Asserts that `bytes` are refused with all of `words`.
fn refuses(bytes: &[u8], words: &[&str]) {
    let error = refused(bytes).to_string();
    words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing: {error}"));
}

/// Returns a call of `torch._utils._rebuild_tensor_v2` on storage `key` of 16 floats.
fn tensor(key: &str, offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let mut out = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n".to_vec();
    text(&mut out, key);
    text(&mut out, "cpu");
    out.extend(b"K\x10tQK");
    out.push(offset);
    for sizes in [shape, strides] {
        out.push(b'(');
        sizes.iter().for_each(|size| out.extend([b'K', *size]));
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.bytes());
}

/// Returns a state dict of one tensor.
fn dict(name: &str, tensor: &[u8]) -> Vec<u8> {
    let mut out = b"\x80\x02}".to_vec();
    text(&mut out, name);
    out.extend(tensor);
    out.extend(b"s.");
    out
}

#[test]
fn an_unknown_callable_is_named_and_not_called() {
    let workspace = Workspace::new();
    let proof = workspace.path("executed");
    let command = format!("touch {}", proof.display());
    let mut os = b"\x80\x02cposix\nsystem\n(".to_vec();
    text(&mut os, &command);
    os.extend(b"tR.");
    let eval = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93(X\x01\x00\x00\x001tR.";
    let inst = b"\x80\x02(X\x01\x00\x00\x001i__builtin__\neval\n.";
    let names: [(&[u8], &str); 9] = [
        (&os, "posix.system"),
        (eval, "builtins.eval"),
        (inst, "__builtin__.eval"),
        (b"\x80\x02cos\nsystem\n.", "os.system"),
        (b"\x80\x02cargparse\nNamespace\n)\x81}b.", "argparse.Namespace"),
        (b"\x80\x02cyacs.config\nCfgNode\n)\x81}b.", "yacs.config.CfgNode"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
        (b"\x80\x02ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
        (b"\x80\x02c__torch__.model\nCLIP\n)\x81}b.", "__torch__.model.CLIP"),
    ];
    for (bytes, name) in names {
        refuses(&pickle(bytes), &[name, "was not called", "torch.save"]);
        let clip = workspace.write("clip.pth", pickle(bytes));
        let arguments = import_arguments(&clip, &fixture("demo/labels.txt"), &workspace.path("out"));
        workspace.refuses(arguments, "import", &["clip.pth", name]);
    }
    // The callable is also refused beside weights and in a TorchScript archive.
    let mut beside = dict("a", &tensor("0", 0, &[4], &[1]));
    beside.pop();
    beside.extend(b"X\x01\x00\x00\x00bcposix\nsystem\ns.");
    refuses(&pickle(&beside), &["posix.system"]);
    refuses(&archive(&[("a/data.pkl", &os), ("a/constants.pkl", EMPTY)]), &["posix.system"]);
    assert!(!proof.exists());
}

#[test]
fn control_characters_and_long_names_do_not_reach_the_message() {
    let error = refused(&pickle(b"\x80\x02cos\x1b[2J\rok\nsystem\n.")).to_string();
    assert!(!error.contains('\x1b') && !error.contains('\r'), "{error:?}");
    let mut long = b"\x80\x02c".to_vec();
    long.extend([b'a'; 1000]);
    long.extend(b"\nx\n.");
    assert!(refused(&pickle(&long)).to_string().len() < 600);
}

#[test]
fn tensors_are_read_with_their_offsets_and_strides() {
    let numbers: Vec<u8> = (0..16u8).flat_map(|v| f32::from(v).to_le_bytes()).collect();
    let read = |offset: u8, shape: &[u8], strides: &[u8]| {
        let pickle = dict("module.w", &tensor("0", offset, shape, strides));
        let bytes = archive(&[("x/data.pkl", &pickle), ("x/byteorder", b"little"), ("x/data/0", &numbers)]);
        StateDicts::parse(&bytes).map(|dicts| dicts.weights.get("w").unwrap().values())
    };
    assert_eq!(read(3, &[2, 2], &[2, 1]).unwrap(), [3.0, 4.0, 5.0, 6.0]);
    assert_eq!(read(1, &[2, 3], &[1, 4]).unwrap(), [1.0, 5.0, 9.0, 2.0, 6.0, 10.0]);
    assert_eq!(read(15, &[], &[]).unwrap(), [15.0]);
    for (offset, shape, strides) in
        [(16, &[1][..], &[1][..]), (0, &[17], &[1]), (0, &[2], &[16]), (0, &[255, 255], &[0, 0]), (0, &[2, 2], &[1])]
    {
        let error = read(offset, shape, strides).unwrap_err().to_string();
        assert!(error.contains("tensor \"module.w\"") && error.contains("data/0"), "{error}");
    }
}

#[test]
fn an_archive_that_is_cut_foreign_or_inconsistent_is_refused() {
    let whole = std::fs::read(fixture("clip/layouts/openai.pt")).unwrap();
    for cut in (0..whole.len()).step_by(whole.len() / 97).chain([whole.len() - 1]) {
        assert!(StateDicts::parse(&whole[..cut]).is_err(), "accepted when cut at {cut}");
    }
    let weights = dict("w", &tensor("0", 0, &[4], &[1]));
    let files = |more: &[(&'static str, &'static [u8])]| {
        let mut files: Vec<(&str, &[u8])> = vec![("a/data.pkl", &weights), ("a/data/0", &[0; 64])];
        files.extend(more);
        archive(&files)
    };
    assert!(StateDicts::parse(&files(&[])).is_ok());
    refuses(&files(&[("a/byteorder", b"big")]), &["big-endian"]);
    refuses(&files(&[("b/data.pkl", EMPTY)]), &["data.pkl", "twice"]);
    refuses(&archive(&[("a/data.pkl", &weights)]), &["\"w\"", "data/0", "no numbers"]);
    refuses(&archive(&[("a/data.pkl", &weights), ("a/data/0", &[0; 12])]), &["\"w\"", "too few"]);
    refuses(&archive(&[("a/readme", b"")]), &["data.pkl"]);
    refuses(&pickle(EMPTY), &["state_dict", "the keys []"]);
    refuses(&pickle(b"\x80\x01}."), &["protocol"]);
    refuses(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", &["older format", "torch.save"]);
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    refuses(&tar, &["older format"]);
}

#[test]
fn a_pickle_cannot_fill_the_memory() {
    // A tuple that repeats the previous tuple twice adds one value each time.
    let mut doubling = b"\x80\x02)".to_vec();
    (0..100_000).for_each(|_| doubling.extend(b"2\x86"));
    doubling.push(b'.');
    refuses(&pickle(&doubling), &["state dict"]);
    let mut memo = b"\x80\x02}".to_vec();
    (0..1_100_000u32).for_each(|place| memo.extend([&b"r"[..], &place.to_le_bytes()].concat()));
    memo.push(b'.');
    refuses(&pickle(&memo), &["too many values"]);
    let marks = [&b"\x80\x02"[..], &[b'('; 1_100_000], b"."].concat();
    refuses(&pickle(&marks), &["too many values"]);
    let long = [&b"\x80\x02}X\xff\xff\xff\xff"[..], b"short"].concat();
    refuses(&pickle(&long), &["the end of the file"]);
    let huge = [&b"\x80\x04\x8d"[..], &[0xff; 8], b"short"].concat();
    refuses(&pickle(&huge), &["the end of the file"]);
    let large = vec![b'N'; (1 << 24) + 1];
    refuses(&pickle(&large), &["16777216 bytes"]);
    // A dictionary and a module that contain themselves.
    refuses(&pickle(b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s."), &["state dict"]);
    let cycle = b"\x80\x02c__torch__\nM\n)\x81q\x00}X\x01\x00\x00\x00mh\x00sb.";
    refuses(&archive(&[("a/data.pkl", cycle), ("a/constants.pkl", EMPTY)]), &["modules deep"]);
}

#[test]
fn a_tensor_that_is_missing_extra_or_of_another_shape_is_named() {
    let bytes = std::fs::read(fixture("clip/layouts/openai.pt")).unwrap();
    let dicts = StateDicts::parse(&bytes).unwrap();
    let workspace = Workspace::new();
    let whole = std::fs::read(fixture("clip/layouts/open_clip/open_clip_model.safetensors")).unwrap();
    let config = std::fs::read(fixture("clip/layouts/open_clip/open_clip_config.json")).unwrap();
    assert!(Weights::new(dicts.weights).is_ok());
    workspace.write("clip/open_clip_config.json", config);
    let refuses = |from: &str, to: &str, words: &[&str]| {
        assert_eq!(from.len(), to.len());
        let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
        let text = String::from_utf8(whole[8..header].to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        let changed = [&whole[..8], text.replacen(from, to, 1).as_bytes(), &whole[header..]].concat();
        workspace.write("clip/open_clip_model.safetensors", changed);
        let arguments = import_arguments(&workspace.path("clip"), &fixture("demo/labels.txt"), &workspace.path("out"));
        workspace.refuses(arguments, "import", words);
    };
    let renamed = "\"visual.transformer.resblocks.1.attn.in_proj_bios\"";
    let name = "visual.transformer.resblocks.1.attn.in_proj_bias";
    refuses(&format!("\"{name}\""), renamed, &[name, "[96]", "no such tensor"]);
    refuses("\"ln_final.bias\"", "\"ln_finel.bias\"", &["ln_final.bias", "no such tensor"]);
    refuses("\"visual.proj\"", "\"visual.prej\"", &["visual.proj", "no such tensor"]);
    refuses("\"shape\":[96,32]", "\"shape\":[32,96]", &["[96, 32]", "[32, 96]"]);
    refuses("\"visual.conv1.weight\"", "\"visual.conv2.weight\"", &["visual.conv1.weight", "no such tensor"]);
}

#[test]
fn other_models_are_refused_by_name() {
    let read = |name: &str| {
        let bytes = pickle(&dict(name, &tensor("0", 0, &[4], &[1])));
        let dicts = StateDicts::parse(&bytes).unwrap();
        Weights::new(dicts.weights).map(|weights| weights.layout()).unwrap_err().to_string()
    };
    assert!(read("visual.layer1.0.conv1.weight").contains("RN50"));
    assert!(read("backbone.fc.weight").contains("backbone.fc.weight"));
}
