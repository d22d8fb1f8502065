//! Pictures, shapes and boxes to the embeddings of three views.

use super::graph::Graph;
use super::lent::Lent;
use super::people::words;
use crate::engine::gpu::kernel::frame::{COMPOSE, Composing, KEEP, Keeping, Step};
use crate::engine::gpu::plan::{Dispatch, Origin, Plan};
use crate::engine::gpu::shader::Element;
use crate::engine::gpu::view::TensorId;
use crate::error::Result;
use crate::mask::{MAX_BOXES, Size};
use crate::view::{Fill, View};

/// Where the boxes go.
pub(super) const BOXES: usize = 0;
/// Where the numbers of the slots go.
pub(super) const SLOTS: usize = 1;

/// Numbers that say where `count` frames have their boxes, at most.
pub(super) fn box_numbers(count: usize) -> usize {
    count + 1 + 4 * MAX_BOXES * count
}

/// The plan from `count` lent pictures of `size` with their shapes to the lent slots, of which there are `slots`.
pub(super) fn embeddings(graph: &Graph, size: Size, fill: Fill, count: usize, slots: usize) -> Result<Plan> {
    let views = View::ALL.len();
    let (mut plan, ends) = graph.plan(views * count)?;
    plan.tensors[ends.input].origin = Origin::Made;
    let compose = composed(&mut plan, size, fill, count, ends.input);
    plan.dispatches.insert(0, compose);
    let kept_in = plan.input(count, Element::Integer);

    let numbers = views * graph.output_items()[0].iter().product::<usize>();
    let kept = plan.tensor(slots * numbers, Element::Float, Origin::Lent(Lent::Slots as usize));
    let offset = ends.outputs[0].offset as u32;
    let parameters = Keeping { items: count as u32, numbers: numbers as u32, offset, pad_0: 0 };
    let kernel = Step::new(&KEEP, parameters, count * numbers, 1);
    plan.run("slots", kernel, vec![ends.outputs[0].tensor, kept_in], kept);
    Ok(plan)
}

/// What makes `output`, the three views of `count` lent pictures of `size` with their lent shapes.
pub(super) fn composed(plan: &mut Plan, size: Size, fill: Fill, count: usize, output: TensorId) -> Dispatch {
    let Fill([fill_0, fill_1, fill_2]) = fill;
    let boxes = plan.input(box_numbers(count), Element::Integer);
    let pixels = size.area();
    let pixel_values = plan.tensor(3 * pixels * count, Element::Stored, Origin::Lent(Lent::PixelValues as usize));
    let people = plan.tensor(count * words(size), Element::Bits, Origin::Lent(Lent::People as usize));
    let parameters = Composing {
        items: count as u32,
        pixels: pixels as u32,
        width: size.width(),
        words: words(size) as u32,
        fill_0,
        fill_1,
        fill_2,
        pad_0: 0,
    };
    let kernel = Box::new(Step::new(&COMPOSE, parameters, count * pixels, 12));
    plan.whole("views", kernel, vec![pixel_values, people, boxes], output)
}
