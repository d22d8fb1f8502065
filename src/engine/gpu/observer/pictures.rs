//! A frame to what segmenter and encoder are shown of it.

use super::lent::Lent;
use crate::clip_encoder::CropGeometry;
use crate::engine::gpu::kernel::frame::{Columns, RESAMPLE_COLUMNS, RESAMPLE_ROWS, Rows, Step};
use crate::engine::gpu::plan::{Origin, Plan, Weight};
use crate::engine::gpu::shader::Element;
use crate::engine::gpu::view::TensorId;
use crate::preprocess::{FilterWeights, Layout, Preprocessor};

/// Where the frame's bytes go.
pub(super) const FRAME: usize = 0;
/// Where the number of the picture goes.
pub(super) const PLACE: usize = 1;

/// Bytes of a frame of `width` and `height`, filled up to whole words.
pub(super) fn frame_bytes(width: u32, height: u32) -> u64 {
    (3 * u64::from(width) * u64::from(height)).next_multiple_of(4)
}

/// The plan for frames of the size that `lens` is for: both pictures of one frame, into the lent ones.
pub(super) fn pictures(lens: &CropGeometry, frames: usize) -> Plan {
    let mut plan = Plan::default();
    let ([segmenter, encoder], _) = lens.parts();
    let source = segmenter.geometry().source();
    let frame = plan.input(frame_bytes(source.width(), source.height()) as usize / 4, Element::Bits);
    let place = plan.input(1, Element::Integer);
    for (preprocessor, lent) in [(segmenter, Lent::SegmenterInputs), (encoder, Lent::PixelValues)] {
        let length = 3 * preprocessor.geometry().target().area() * frames;
        let output = plan.tensor(length, Element::Stored, Origin::Lent(lent as usize));
        picture(&mut plan, preprocessor, [frame, place], output);
    }
    plan
}

fn picture(plan: &mut Plan, preprocessor: &Preprocessor, [frame, place]: [TensorId; 2], output: TensorId) {
    let (passes, geometry) = (preprocessor.passes(), preprocessor.geometry());
    let target = geometry.target();
    let (columns, rows, read) = (passes.horizontal.len(), passes.vertical.len(), passes.rows.len());
    let each = |taps: &FilterWeights<i32>| 6 * taps.weights().len() / taps.len().max(1);
    let between = plan.tensor(3 * columns * read, Element::Integer, Origin::Made);
    let rows_read = plan.table(integers(passes.rows.iter().map(|&row| row as i32)));
    let row_taps = plan.table(taps(passes.horizontal));
    let parameters =
        Rows { width: geometry.source().width(), columns: columns as u32, rows: read as u32, shift: passes.shifts[0] };
    let kernel = Step::new(&RESAMPLE_ROWS, parameters, columns * read, each(passes.horizontal));
    plan.run("rows of a frame", kernel, vec![frame, rows_read, row_taps], between);

    let channels = preprocessor.channels();
    let column_taps = plan.table(taps(passes.vertical));
    let values = channels.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    let values = plan.table(Weight::Exact(values));
    let (channel_stride, pixel_stride) = match preprocessor.layout() {
        Layout::Nchw => (target.area() as u32, 1),
        Layout::Nhwc => (1, 3),
    };
    let [channel_0, channel_1, channel_2] = channels.map(|(rgb, _)| rgb as u32);
    let [pad_red, pad_green, pad_blue] = preprocessor.pad().map(u32::from);
    let parameters = Columns {
        columns: columns as u32,
        rows: rows as u32,
        left: passes.left as u32,
        top: passes.top as u32,
        width: target.width(),
        height: target.height(),
        shift: passes.shifts[1],
        channel_stride,
        pixel_stride,
        channel_0,
        channel_1,
        channel_2,
        pad_red,
        pad_green,
        pad_blue,
        pad_0: 0,
    };
    let kernel = Step::new(&RESAMPLE_COLUMNS, parameters, target.area(), each(passes.vertical));
    plan.run("columns of a frame", kernel, vec![between, column_taps, values, place], output);
}

fn taps(taps: &FilterWeights<i32>) -> Weight {
    integers(taps.spans().into_iter().chain(taps.weights().iter().copied()))
}

pub(super) fn integers(values: impl Iterator<Item = i32>) -> Weight {
    Weight::Integers(values.collect())
}
