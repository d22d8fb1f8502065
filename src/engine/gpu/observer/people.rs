//! A segmenter's outputs to the person's shape in the encoder's crop.

use super::graph::Graph;
use super::lent::Lent;
use super::pictures::integers;
use crate::bundle::manifest::{DecodeKind, DecodeSettings, PersonChannels, SegmenterSettings};
use crate::clip_encoder::CropGeometry;
use crate::engine::gpu::kernel::frame::{
    DECODE, DILATE, Decoding, Growth, MaskColumns, MaskRows, PACK, RANGE, RESAMPLE_MASK_ROWS, SMOOTH_MASKS, Smoothing,
    Step, THRESHOLD_MASK,
};
use crate::engine::gpu::plan::{Origin, Plan, Weight};
use crate::engine::gpu::shader::Element;
use crate::engine::gpu::view::{TensorId, View};
use crate::error::Result;
use crate::mask::Size;
use crate::preprocess::Layout;

/// The weights of the masks before, where masks are smoothed: the first input of what makes shapes; else [`MASKS`] is.
pub(super) const MEMORY: usize = 0;

/// 32-bit words of a shape of `size`, a bit a pixel.
pub(super) fn words(size: Size) -> usize {
    size.area().div_ceil(32)
}

/// The plan from the lent pictures of `count` frames to their shapes, by a segmenter that speaks of every pixel by
/// itself.
pub(super) fn shapes_of_pictures(
    graph: &Graph,
    mask: Size,
    lens: &CropGeometry,
    count: usize,
    manifest: &SegmenterSettings,
) -> Result<Plan> {
    let (mut plan, ends) = graph.plan(count)?;
    plan.lend(ends.input, Lent::SegmenterInputs as usize);
    let memory = (manifest.smoothing > 0.0).then(|| plan.input(count, Element::Float));
    let masks = decoded(&mut plan, &ends.outputs[0], &manifest.decode, mask.area());
    shapes(&mut plan, masks, memory, Place { mask, lens, count }, manifest);
    Ok(plan)
}

/// The plan from the lent pictures of `count` frames to the outputs of a segmenter that the CPU has to decode.
pub(super) fn outputs_of_pictures(graph: &Graph, count: usize) -> Result<Plan> {
    let (mut plan, ends) = graph.plan(count)?;
    plan.lend(ends.input, Lent::SegmenterInputs as usize);
    plan.outputs = ends.outputs;
    Ok(plan)
}

/// The plan from `count` masks that the CPU has decoded, the last input, to their shapes.
pub(super) fn shapes_of_masks(mask: Size, lens: &CropGeometry, count: usize, manifest: &SegmenterSettings) -> Plan {
    let mut plan = Plan::default();
    let memory = (manifest.smoothing > 0.0).then(|| plan.input(count, Element::Float));
    let masks = plan.input(count * mask.area(), Element::Float);
    shapes(&mut plan, masks, memory, Place { mask, lens, count }, manifest);
    plan
}

/// Probabilities [count, pixels] of a segmenter's scores.
pub(super) fn decoded(plan: &mut Plan, scores: &View, decode: &DecodeSettings, pixels: usize) -> TensorId {
    let items = scores.shape[0];
    let (pixel_stride, channel_stride) = match decode.layout {
        Layout::Nchw => (1, pixels),
        Layout::Nhwc => (decode.channels, 1),
    };
    let (people, background) = match &decode.person {
        PersonChannels::Channels(channels) => (channels.as_slice(), usize::MAX),
        PersonChannels::AllBut(background) => (&[][..], *background),
    };
    let parameters = Decoding {
        items: items as u32,
        pixels: pixels as u32,
        channels: decode.channels as u32,
        pixel_stride: pixel_stride as u32,
        channel_stride: channel_stride as u32,
        item_stride: (pixels * decode.channels) as u32,
        offset: scores.offset as u32,
        kind: match decode.kind {
            // Boxes are decoded on the CPU.
            DecodeKind::Probability | DecodeKind::YoloSeg => 0,
            DecodeKind::Sigmoid => 1,
            DecodeKind::Softmax => 2,
            DecodeKind::Argmax => 3,
            DecodeKind::MinMax => 4,
        },
        people: people.len() as u32,
        background: background as u32,
        pad_0: 0,
        pad_1: 0,
    };
    let ranges = if decode.kind == DecodeKind::MinMax {
        let ranges = plan.tensor(2 * items, Element::Float, Origin::Made);
        let kernel = Step::of_groups(&RANGE, parameters, items, 2 * pixels * decode.channels);
        plan.run("range of scores", kernel, vec![scores.tensor], ranges);
        ranges
    } else {
        plan.table(Weight::Exact([0.0, 1.0].into()))
    };
    let people = plan.table(integers(people.iter().map(|&channel| channel as i32).chain([-1])));
    let masks = plan.tensor(items * pixels, Element::Float, Origin::Made);
    let kernel = Step::new(&DECODE, parameters, items * pixels, 4 * decode.channels);
    plan.run("probabilities", kernel, vec![scores.tensor, people, ranges], masks);
    masks
}

/// Between which sizes masks are resampled, and how many.
#[derive(Clone, Copy)]
struct Place<'a> {
    mask: Size,
    lens: &'a CropGeometry,
    count: usize,
}

/// Smooths, resamples, thresholds, dilates and packs `masks`; the plan's output is the packed shapes, which are lent.
fn shapes(plan: &mut Plan, masks: TensorId, memory: Option<TensorId>, place: Place<'_>, manifest: &SegmenterSettings) {
    let Place { mask, lens, count } = place;
    let ([_, encoder], sampler) = lens.parts();
    let (target, (rows, horizontal, vertical)) = (encoder.geometry().target(), sampler.passes());
    let (items, pixels) = (count as u32, mask.area());
    let (masks, offset) = match memory {
        None => (masks, 0),
        Some(memory) => {
            let smoothed = plan.tensor((1 + count) * pixels, Element::Float, Origin::Lent(Lent::Masks as usize));
            let parameters = Smoothing { items, pixels: pixels as u32, pad_0: 0, pad_1: 0 };
            let kernel = Step::new(&SMOOTH_MASKS, parameters, pixels, 3 * count);
            plan.run("smoothing of masks", kernel, vec![masks, memory], smoothed);
            (smoothed, pixels)
        }
    };
    let columns = target.width() as usize;
    let read = plan.table(integers(rows.iter().map(|&row| row as i32)));
    let [row_spans, column_spans] = [horizontal, vertical].map(|taps| plan.table(integers(taps.spans().into_iter())));
    let weights = |taps: &[f32]| Weight::Exact(if taps.is_empty() { [0.0].into() } else { taps.into() });
    let [row_weights, column_weights] = [horizontal, vertical].map(|taps| plan.table(weights(taps.weights())));
    let between = plan.tensor((count * rows.len() * columns).max(1), Element::Float, Origin::Made);
    let parameters = MaskRows {
        items,
        offset: offset as u32,
        width: mask.width(),
        pixels: pixels as u32,
        columns: columns as u32,
        rows: rows.len() as u32,
        pad_0: 0,
        pad_1: 0,
    };
    let each = 2 * horizontal.weights().len() / columns;
    let kernel = Step::new(&RESAMPLE_MASK_ROWS, parameters, count * rows.len() * columns, each);
    plan.run("rows of masks", kernel, vec![masks, read, row_spans, row_weights], between);

    let mut shape = plan.tensor(count * target.area(), Element::Integer, Origin::Made);
    let parameters = MaskColumns {
        items,
        columns: columns as u32,
        rows: rows.len() as u32,
        height: target.height(),
        threshold: manifest.threshold,
        pad_0: 0,
        pad_1: 0,
        pad_2: 0,
    };
    let each = 2 * vertical.weights().len() / target.height() as usize;
    let kernel = Step::new(&THRESHOLD_MASK, parameters, count * target.area(), each);
    plan.run("columns of masks", kernel, vec![between, column_spans, column_weights], shape);

    let growth = Growth { items, width: target.width(), height: target.height(), words: words(target) as u32 };
    for _ in 0..manifest.dilation {
        let grown = plan.tensor(count * target.area(), Element::Integer, Origin::Made);
        plan.run("dilation", Step::new(&DILATE, growth, count * target.area(), 4), vec![shape], grown);
        shape = grown;
    }
    let packed = plan.tensor(count * words(target), Element::Bits, Origin::Lent(Lent::People as usize));
    plan.run("packed shapes", Step::new(&PACK, growth, count * words(target), 32), vec![shape], packed);
    plan.outputs = vec![View::whole(packed, &[count, words(target)])];
}
