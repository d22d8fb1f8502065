//! The slots of a window to the log-probabilities of its three views.

use super::graph::Graph;
use super::lent::Lent;
use crate::engine::gpu::kernel::frame::{
    Averaging, Comparing, FRAMES_IN_A_ROW, Fusing, LOG_PROBABILITIES, MEAN_OF_FRAMES, SIMILARITY, Scaling, Step,
    UNIT_OF_MEAN, UNIT_OF_MODEL,
};
use crate::engine::gpu::plan::{Origin, Plan, Weight};
use crate::engine::gpu::shader::Element;
use crate::engine::gpu::view::View;
use crate::error::Result;
use crate::zeroshot::LabelBank;

/// Where the numbers of the slots go, in the order of the frames.
pub(super) const ORDER: usize = 0;

/// The plan for windows of `frames` frames in the lent slots, of which there are `slots`; its output is, for each view,
/// ln p of every class and whether the clip has a direction at all.
pub(super) fn scores(temporal: Option<&Graph>, bank: &LabelBank, frames: usize, slots: usize) -> Result<Plan> {
    let views = crate::view::View::ALL.len();
    let dimension = bank.dim();
    let fusing = Fusing { frames: frames as u32, dimension: dimension as u32, pad_0: 0, pad_1: 0 };
    let (mut plan, ends) = match temporal {
        Some(graph) => graph.plan(views).map(|(plan, ends)| (plan, Some(ends)))?,
        None => (Plan::default(), None),
    };
    let order = plan.input(frames, Element::Integer);
    let kept = plan.tensor(slots * views * dimension, Element::Float, Origin::Lent(Lent::Slots as usize));
    let (shader, clip, offset) = match ends {
        Some(ends) => {
            plan.tensors[ends.input].origin = Origin::Made;
            let kernel = Box::new(Step::new(&FRAMES_IN_A_ROW, fusing, views * frames * dimension, 1));
            let gather = plan.whole("frames in a row", kernel, vec![kept, order], ends.input);
            plan.dispatches.insert(0, gather);
            (&UNIT_OF_MODEL, ends.outputs[0].tensor, ends.outputs[0].offset)
        }
        None => {
            let mean = plan.tensor(views * dimension, Element::Float, Origin::Made);
            let kernel = Step::new(&MEAN_OF_FRAMES, fusing, views * dimension, 2 * frames);
            plan.run("mean of frames", kernel, vec![kept, order], mean);
            (&UNIT_OF_MEAN, mean, 0)
        }
    };
    let units = plan.tensor(views * (dimension + 1), Element::Float, Origin::Made);
    let parameters = Scaling { dimension: dimension as u32, offset: offset as u32, pad_0: 0, pad_1: 0 };
    plan.run("directions", Step::of_groups(shader, parameters, views, 4 * dimension), vec![clip], units);

    let (rows, softmaxes, scale) = bank.parts();
    let (count, classes) = (rows.len() / dimension, bank.names().len());
    let rows = plan.weight(Weight::Exact(rows.into()));
    let logits = plan.tensor(views * count, Element::Float, Origin::Made);
    let parameters = Comparing { rows: count as u32, dimension: dimension as u32, scale, pad_0: 0 };
    plan.run("logits", Step::new(&SIMILARITY, parameters, views * count, 2 * dimension), vec![units, rows], logits);

    let log_probs = plan.tensor(views * (classes + 1), Element::Float, Origin::Made);
    let parameters =
        Averaging { classes: classes as u32, softmaxes: softmaxes as u32, dimension: dimension as u32, pad_0: 0 };
    let kernel = Step::of_groups(&LOG_PROBABILITIES, parameters, views, 4 * count);
    plan.run("log-probabilities", kernel, vec![logits, units], log_probs);
    plan.outputs = vec![View::whole(log_probs, &[views, classes + 1])];
    Ok(plan)
}
