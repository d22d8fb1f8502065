//! The steps of a frame's way that no model does: pictures, masks, views, scores. Each is what the CPU does elsewhere
//! in this crate, which is their reference.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};
use bytemuck::Pod;
use core::fmt::Debug;

/// One step with the sizes of one dispatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<P> {
    shader: &'static Shader,
    parameters: P,
    groups: [u32; 3],
    operations: u64,
}

impl<P: Pod + Debug + Send + Sync> Step<P> {
    /// `threads` threads, each of which does `each` multiplications and additions.
    pub fn new(shader: &'static Shader, parameters: P, threads: usize, each: usize) -> Self {
        Self { shader, parameters, groups: spread(threads, 256), operations: (threads * each) as u64 }
    }

    /// `groups` workgroups, each of which does `each` multiplications and additions.
    pub fn of_groups(shader: &'static Shader, parameters: P, groups: usize, each: usize) -> Self {
        Self { shader, parameters, groups: [groups as u32, 1, 1], operations: (groups * each) as u64 }
    }
}

impl<P: Pod + Debug + Send + Sync> Kernel for Step<P> {
    fn shader(&self) -> &'static Shader {
        self.shader
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(&self.parameters)
    }

    fn groups(&self) -> [u32; 3] {
        self.groups
    }

    fn operations(&self) -> u64 {
        self.operations
    }

    fn twin(&self, _inputs: &[&[f32]]) -> Vec<f32> {
        Vec::new()
    }
}

macro_rules! shaders {
    ($($(#[$meta:meta])* $name:ident = $file:literal $entry:literal [$($buffer:ident),*];)*) => {
        $($(#[$meta])* pub static $name: Shader = Shader {
            file: $file,
            source: include_str!(concat!("../../../../shaders/", $file)),
            entry: $entry,
            buffers: &[$(Element::$buffer),*],
            cooperative: None,
        };)*
    };
}

shaders! {
    /// Frame, rows read, taps.
    RESAMPLE_ROWS = "picture.wgsl" "resample_rows" [Bits, Integer, Integer];
    /// What lies between, taps, values of bytes, place of the picture.
    RESAMPLE_COLUMNS = "picture.wgsl" "resample_columns" [Integer, Integer, Float, Integer];
    /// Scores.
    RANGE = "mask.wgsl" "range" [Stored];
    /// Scores, person channels, ranges.
    DECODE = "mask.wgsl" "decode" [Stored, Integer, Float];
    /// Decoded masks, weights of those before.
    SMOOTH_MASKS = "mask.wgsl" "smooth_masks" [Float, Float];
    /// Masks, rows read, spans, weights.
    RESAMPLE_MASK_ROWS = "mask.wgsl" "resample_mask_rows" [Float, Integer, Integer, Float];
    /// What lies between, spans, weights.
    THRESHOLD_MASK = "mask.wgsl" "threshold_mask" [Float, Integer, Float];
    /// Shapes.
    DILATE = "mask.wgsl" "dilate" [Integer];
    /// Shapes.
    PACK = "mask.wgsl" "pack" [Integer];
    /// Pixel values, packed shapes, boxes.
    COMPOSE = "views.wgsl" "compose" [Stored, Bits, Integer];
    /// Embeddings, slots.
    KEEP = "views.wgsl" "keep" [Stored, Integer];
    /// Slots, order.
    MEAN_OF_FRAMES = "score.wgsl" "mean_of_frames" [Float, Integer];
    /// Slots, order.
    FRAMES_IN_A_ROW = "score.wgsl" "frames_in_a_row" [Float, Integer];
    /// Clip embeddings that were pooled here.
    UNIT_OF_MEAN = "score.wgsl" "unit" [Float];
    /// Clip embeddings that a model made.
    UNIT_OF_MODEL = "score.wgsl" "unit" [Stored];
    /// Directions, label bank.
    SIMILARITY = "score.wgsl" "similarity" [Float, Float];
    /// Logits, directions.
    LOG_PROBABILITIES = "score.wgsl" "log_probabilities" [Float, Float];
}

parameters! {
    /// Of [`RESAMPLE_ROWS`].
    pub struct Rows { width: u32, columns: u32, rows: u32, shift: u32, }
}
parameters! {
    /// Of [`RESAMPLE_COLUMNS`].
    pub struct Columns {
        columns: u32,
        rows: u32,
        left: u32,
        top: u32,
        width: u32,
        height: u32,
        shift: u32,
        channel_stride: u32,
        pixel_stride: u32,
        channel_0: u32,
        channel_1: u32,
        channel_2: u32,
        pad_red: u32,
        pad_green: u32,
        pad_blue: u32,
        pad_0: u32,
    }
}
parameters! {
    /// Of [`RANGE`] and [`DECODE`].
    pub struct Decoding {
        items: u32,
        pixels: u32,
        channels: u32,
        pixel_stride: u32,
        channel_stride: u32,
        item_stride: u32,
        offset: u32,
        kind: u32,
        people: u32,
        background: u32,
        pad_0: u32,
        pad_1: u32,
    }
}
parameters! {
    /// Of [`SMOOTH_MASKS`].
    pub struct Smoothing { items: u32, pixels: u32, pad_0: u32, pad_1: u32, }
}
parameters! {
    /// Of [`RESAMPLE_MASK_ROWS`].
    pub struct MaskRows {
        items: u32,
        offset: u32,
        width: u32,
        pixels: u32,
        columns: u32,
        rows: u32,
        pad_0: u32,
        pad_1: u32,
    }
}
parameters! {
    /// Of [`THRESHOLD_MASK`].
    pub struct MaskColumns {
        items: u32,
        columns: u32,
        rows: u32,
        height: u32,
        threshold: f32,
        pad_0: u32,
        pad_1: u32,
        pad_2: u32,
    }
}
parameters! {
    /// Of [`DILATE`] and [`PACK`].
    pub struct Growth { items: u32, width: u32, height: u32, words: u32, }
}
parameters! {
    /// Of [`COMPOSE`].
    pub struct Composing {
        items: u32,
        pixels: u32,
        width: u32,
        words: u32,
        fill_0: f32,
        fill_1: f32,
        fill_2: f32,
        pad_0: u32,
    }
}
parameters! {
    /// Of [`KEEP`].
    pub struct Keeping { items: u32, numbers: u32, offset: u32, pad_0: u32, }
}
parameters! {
    /// Of [`MEAN_OF_FRAMES`] and [`FRAMES_IN_A_ROW`].
    pub struct Fusing { frames: u32, dimension: u32, pad_0: u32, pad_1: u32, }
}
parameters! {
    /// Of [`UNIT_OF_MEAN`] and [`UNIT_OF_MODEL`].
    pub struct Scaling { dimension: u32, offset: u32, pad_0: u32, pad_1: u32, }
}
parameters! {
    /// Of [`SIMILARITY`].
    pub struct Comparing { rows: u32, dimension: u32, scale: f32, pad_0: u32, }
}
parameters! {
    /// Of [`LOG_PROBABILITIES`].
    pub struct Averaging { classes: u32, softmaxes: u32, dimension: u32, pad_0: u32, }
}
