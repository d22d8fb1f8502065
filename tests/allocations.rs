//! After the first windows the pipeline allocates nothing per frame or window: frame, masks, views, scores, gate,
//! verdict.
//!
//! The models are stand-ins that allocate nothing, so that every allocation counted is the pipeline's.

#[path = "helpers/tiny_bundle.rs"]
mod tiny_bundle;

use figureground::engine::{Engine, ImageEncoder, Segmenter};
use figureground::mask::{Mask, Size};
use figureground::pipeline::{FrameRecording, Pipeline, Sliding, Window};
use figureground::sink::json_lines::JsonLines;
use figureground::source::{self, RecordedSource, SourceOptions};
use figureground::{Result, sampler::Sampler};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Returns the path of a file of `tests/fixtures`.
fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, with a count of allocations per thread.
struct Counting;

// SAFETY: every call is passed unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises hold for the system as well.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Segments a person in the middle of every picture.
struct MiddleSegmenter;

impl Segmenter for MiddleSegmenter {
    fn input_len(&self) -> usize {
        96 * 128 * 3
    }

    fn mask_size(&self) -> Size {
        Size::new(128, 96).unwrap()
    }

    fn segment(&mut self, _: &[f32], masks: &mut [Mask]) -> Result<()> {
        for mask in masks {
            for (i, p) in mask.probabilities_mut().iter_mut().enumerate() {
                *p = f32::from(u8::from((40..80).contains(&(i % 128)) && (20..80).contains(&(i / 128))));
            }
        }
        Ok(())
    }
}

/// Averages colours, so that embeddings differ between views.
struct MeanEncoder;

impl ImageEncoder for MeanEncoder {
    fn input_len(&self) -> usize {
        3 * 32 * 32
    }

    fn dimension(&self) -> usize {
        32
    }

    fn encode(&mut self, pixel_values: &[f32], embeddings: &mut [f32]) -> Result<()> {
        for (picture, embedding) in pixel_values.chunks_exact(3 * 32 * 32).zip(embeddings.chunks_exact_mut(32)) {
            for (values, e) in picture.chunks_exact(96).zip(embedding) {
                *e = values.iter().sum::<f32>() + 0.1;
            }
        }
        Ok(())
    }
}

#[test]
fn a_warm_pipeline_allocates_nothing_per_frame_or_window() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = tiny_bundle::make(folder.path()).unwrap();
    let engine = Engine {
        backend: "stand-in",
        segmenter: Box::new(MiddleSegmenter),
        vision: Box::new(MeanEncoder),
        temporal: None,
    };
    let mut clip = source::open(fixture("demo/waving.gif").as_os_str(), &SourceOptions::default()).unwrap();
    let count = clip.count().unwrap();
    let all: Vec<u64> = (0..count as usize).map(|i| Sampler::ViFiClip.index(i, count, count as usize)).collect();
    let mut source = RecordedSource::read(clip.as_mut(), &all, count).unwrap();
    let mut pipeline = Pipeline::new(&bundle, engine, FrameRecording::Off).unwrap();
    let mut lines = JsonLines::new(std::io::sink());

    let window = Window::Sliding(Sliding::new(0.64, 0.16).unwrap());
    let mut counts = [0u64; 64];
    let mut windows = 0;
    let mut before = ALLOCATIONS.get();
    pipeline
        .watch(&mut source, window, &mut |window| {
            lines.write("demo", window)?;
            counts[windows] = ALLOCATIONS.get() - before;
            windows += 1;
            before = ALLOCATIONS.get();
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    println!("allocations a window: {:?}", &counts[..windows]);
    assert!(windows >= 10, "{windows}");
    // The first windows allocate the buffers and grow them to their final sizes.
    assert!(counts[..windows][4..].iter().all(|&count| count == 0), "{:?}", &counts[..windows]);
}
