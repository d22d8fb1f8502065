//! One model on the CPU: a batch is cut into shares, one a thread, and every share runs as one piece.

use super::rewrite::rewrite;
use crate::error::{Error, Result, Stage};
use crate::model::write::Element;
use crate::model::{Model, guarded};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tract_onnx::prelude::*;

/// The fewest items of one share. For one alone tract lays the weights of large products out anew, which costs most of
/// the model's size once more; a single item runs beside a copy of itself.
const MIN_SHARE: usize = 2;
/// The most items of one share: bounds the memory between layers.
const MAX_SHARE: usize = 16;

type Plan = Arc<TypedRunnableModel>;

/// A model with one input, and a plan for each share size it has met. Its outputs come as one row an item, one output
/// behind the other.
pub struct Session {
    model: Model,
    pool: Arc<ThreadPool>,
    input: String,
    outputs: Vec<String>,
    /// Shape of the input without its first axis.
    item: Vec<usize>,
    /// Shapes of the outputs without their first axes.
    output_items: Vec<Vec<usize>>,
    plans: Mutex<BTreeMap<usize, Plan>>,
    /// Whether the graph was exported for exactly one item.
    single: bool,
}

impl Session {
    /// Prepares `model` to run from `input`, with items of shape `item`, to `outputs`.
    ///
    /// # Errors
    /// Returns an error if the input or an output is missing, or the input has another shape.
    pub fn new(
        model: Model,
        pool: Arc<ThreadPool>,
        input: (&str, Element),
        item: &[usize],
        outputs: &[&str],
    ) -> Result<Self> {
        let (input, element) = input;
        let single = declared(&model, input, item, element)?;
        let mut session = Self {
            model,
            pool,
            input: input.to_owned(),
            outputs: outputs.iter().map(|&output| output.to_owned()).collect(),
            item: item.to_owned(),
            output_items: Vec::new(),
            plans: Mutex::default(),
            single,
        };
        // The shapes of one item tell enough; which share sizes get a plan, the work will show.
        let graph = session.graph(1)?;
        for (place, output) in outputs.iter().enumerate() {
            let fact = guarded(session.model.path(), || Ok(graph.output_fact(place)?.clone()))?;
            let shape = fact.shape.as_concrete().unwrap_or_default();
            if shape.first() != Some(&1) {
                let got = format!("{output:?} of shape {shape:?} in {}", session.model.path().display());
                let next = "export the model with the batch as the first axis";
                return Err(Error::new(Stage::Model, "an output with one row an item", got, next));
            }
            session.output_items.push(shape[1..].to_vec());
        }
        Ok(session)
    }

    /// Returns the shapes of the outputs without their first axes.
    pub fn output_items(&self) -> &[Vec<usize>] {
        &self.output_items
    }

    /// Returns the number of elements of one item's outputs.
    pub fn row_len(&self) -> usize {
        self.output_items.iter().map(|item| item.iter().product::<usize>()).sum()
    }

    /// Returns the number of elements of one input item.
    pub fn item_len(&self) -> usize {
        self.item.iter().product()
    }

    /// Returns the model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Runs the model on `items`, in parallel on all threads, and writes `outputs` in the same order.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub fn run<T: Datum + Copy + Sync>(&self, items: &[T], outputs: &mut [f32]) -> Result<()> {
        let (item, output) = (self.item_len(), self.row_len());
        let count = items.len() / item.max(1);
        let share = if self.single { 1 } else { share(count, self.pool.current_num_threads()) };
        self.pool.install(|| {
            items
                .par_chunks(share * item)
                .zip(outputs.par_chunks_mut(share * output))
                .try_for_each(|(items, outputs)| self.run_share(items, outputs))
        })
    }

    fn run_share<T: Datum + Copy>(&self, items: &[T], outputs: &mut [f32]) -> Result<()> {
        let count = items.len() / self.item_len().max(1);
        if count < MIN_SHARE && !self.single {
            let mut rows = vec![0.0; MIN_SHARE * outputs.len()];
            self.run_share(&items.repeat(MIN_SHARE), &mut rows)?;
            outputs.copy_from_slice(&rows[..outputs.len()]);
            return Ok(());
        }
        let plan = self.plan(count)?;
        let shape: Vec<usize> = [count].into_iter().chain(self.item.iter().copied()).collect();
        let run = || -> TractResult<()> {
            let results = plan.run(tvec!(Tensor::from_shape(&shape, items)?.into_tvalue()))?;
            let mut begin = 0;
            for (result, item) in results.iter().zip(&self.output_items) {
                let length: usize = item.iter().product();
                let result = result.cast_to::<f32>()?;
                let result = result.try_as_plain_ram()?;
                let rows = outputs.chunks_exact_mut(self.row_len()).zip(result.as_slice::<f32>()?.chunks_exact(length));
                rows.for_each(|(row, values)| row[begin..begin + length].copy_from_slice(values));
                begin += length;
            }
            Ok(())
        };
        guarded(self.model.path(), run)
    }

    /// The plan for `count` items; the weights of all plans are the same.
    fn plan(&self, count: usize) -> Result<Plan> {
        let mut plans = self.plans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(plan) = plans.get(&count) {
            return Ok(plan.clone());
        }
        let graph = self.graph(count)?;
        let plan = guarded(self.model.path(), || rewrite(graph)?.into_optimized()?.into_runnable())?;
        plans.insert(count, plan.clone());
        Ok(plan)
    }

    fn graph(&self, count: usize) -> Result<TypedModel> {
        let shape: Vec<usize> = [count].into_iter().chain(self.item.iter().copied()).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        self.model.decluttered(&[(&self.input, &shape)], &outputs)
    }
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session").field("model", &self.model.path()).field("item", &self.item).finish_non_exhaustive()
    }
}

/// Items of one share of `count` items over `threads` threads.
fn share(count: usize, threads: usize) -> usize {
    count.div_ceil(threads).clamp(MIN_SHARE, MAX_SHARE)
}

/// Checks that the model declares `input` with items of this shape, and tells whether it takes exactly one.
pub fn declared(model: &Model, input: &str, item: &[usize], element: Element) -> Result<bool> {
    let refused = |got: String| {
        let expected = format!("an input {input:?} of {} items {item:?} in {}", element.name(), model.path().display());
        Error::new(Stage::Model, expected, got, "correct the manifest or use the model it describes")
    };
    let port = model.inputs().iter().find(|port| port.name == input);
    let Some(port) = port else {
        return Err(refused(format!("inputs {}", model.inputs().iter().map(|p| p.to_string()).collect::<String>())));
    };
    let batch = port.smallest_shape().first().copied();
    let shape: Vec<usize> = batch.into_iter().chain(item.iter().copied()).collect();
    if port.element != element.name() || !port.admits(&shape) {
        return Err(refused(port.to_string()));
    }
    let others: Vec<String> = model.inputs().iter().filter(|p| p.name != input).map(|p| p.to_string()).collect();
    if !others.is_empty() {
        return Err(refused(format!("the further inputs {}", others.join(", "))));
    }
    match port.axes[0].parse::<usize>() {
        Ok(1) => Ok(true),
        Ok(_) => Err(refused(port.to_string())),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_all_threads_busy_and_memory_bounded() {
        assert_eq!(share(24, 2), 12);
        assert_eq!(share(24, 16), 2);
        assert_eq!(share(3, 2), 2);
        assert_eq!(share(1000, 2), MAX_SHARE);
        assert_eq!(share(3, 8), MIN_SHARE);
    }
}
