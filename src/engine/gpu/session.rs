//! A plan on a device: everything is made once, a run only uploads, submits and reads back.

use super::cooperation;
use super::device::{Device, failed};
use super::pipelines::Pipeline;
use super::plan::{Dispatch, Origin, Plan, Tensor, Weight};
use super::shader::{Element, Module};
use super::view::TensorId;
use crate::engine::{KernelTime, Precision};
use crate::error::{Error, Result, Setting, Stage};
use std::sync::{Arc, mpsc};
use wgpu::*;

/// A plan whose buffers, pipelines and bindings are on a device.
#[derive(Debug)]
pub struct Session {
    device: Arc<Device>,
    plan: Plan,
    precision: Precision,
    passes: Vec<Pass>,
    inputs: Vec<Buffer>,
    outputs: Vec<Output>,
    /// The outputs, one behind the other, where the CPU can read them.
    staging: Buffer,
}

#[derive(Debug)]
struct Pass {
    pipeline: Arc<Pipeline>,
    groups: [BindGroup; 2],
    workgroups: [u32; 3],
}

#[derive(Debug)]
struct Output {
    buffer: Buffer,
    element: Element,
    len: usize,
    /// Where it begins in the staging buffer.
    begin: u64,
    bytes: u64,
}

/// Rows of uniform buffers begin at multiples of this, whatever the adapter asks for.
const ALIGNMENT: u64 = 256;

impl Session {
    /// Uploads the weights of `plan` and builds all that a run needs; `lent` are the buffers that it shares with
    /// others.
    ///
    /// # Errors
    /// When it does not fit the device, how much it needs and has; when the driver refuses something.
    pub fn new(device: Arc<Device>, mut plan: Plan, precision: Precision, lent: &[Buffer]) -> Result<Self> {
        if let Some(side) = cooperation::side(&device, precision) {
            plan.cooperate(side);
        }
        Self::of_plan(device, plan, precision, lent)
    }

    /// The session of `plan` as it is.
    pub(super) fn of_plan(device: Arc<Device>, plan: Plan, precision: Precision, lent: &[Buffer]) -> Result<Self> {
        if precision == Precision::F16 && !device.has_f16() {
            let next = "choose the precision f32";
            let error = Error::new(Stage::Engine, "a GPU with 16-bit floats", device.name(), next);
            return Err(error.about(Setting::Precision));
        }
        let holds = |(tensor, place): (TensorId, usize)| lent[place].size() >= plan.bytes(tensor, precision);
        if !plan.lent().all(holds) {
            return Err(failed("lent buffers of the plan's sizes".to_owned(), "smaller ones"));
        }
        let (slots, sizes) = plan.slots(precision);
        fits(&device, &plan, &sizes, precision)?;
        let what = format!("{} buffers and {} dispatches", plan.tensors.len(), plan.dispatches.len());
        let buffers = device.guarded(&what, || buffers(&device, &plan, precision, (&slots, &sizes), lent));
        // What was refused must not be taken for a weight that is there.
        let buffers = buffers.inspect_err(|_| device.forget_weights())?;
        let passes = passes(&device, &plan, precision, &buffers)?;
        let outputs = outputs(&plan, precision, &buffers);
        let length = outputs.iter().map(|output| output.begin + output.bytes).max().unwrap_or(4);
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = device.guarded("a buffer for results", || device.buffer("results", length, usage))?;
        let inputs = plan.inputs.iter().map(|&tensor| buffers[tensor].clone()).collect();
        Ok(Self { device, plan, precision, passes, inputs, outputs, staging })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs on `inputs`, row-major, in the model's order, into `outputs`, each as long as its tensor.
    ///
    /// # Errors
    /// When the device is lost or the driver reports an error: nothing of the result is to be used then.
    pub fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<()> {
        self.device.check()?;
        let expected: Vec<usize> = self.outputs.iter().map(|output| output.len).collect();
        let given: Vec<usize> = outputs.iter().map(|values| values.len()).collect();
        if given != expected {
            return Err(lengths("outputs", &expected, &given));
        }
        for (buffer, &tensor) in self.inputs.iter().zip(&self.plan.inputs) {
            let Tensor { len, element, ref origin } = self.plan.tensors[tensor];
            // Nodes are visited in another order than the model's inputs have.
            let Origin::Input(place) = *origin else { continue };
            let values = inputs.get(place).copied().unwrap_or_default();
            if values.len() != len {
                return Err(lengths("an input", &[len], &[values.len()]));
            }
            self.device.queue().write_buffer(buffer, 0, &Device::stored(values, element, self.precision));
        }
        let label = Some("figureground");
        let mut encoder = self.device.device().create_command_encoder(&CommandEncoderDescriptor { label });
        self.record(&mut encoder);
        self.device.queue().submit([encoder.finish()]);
        self.read_back(outputs)?;
        self.device.check()
    }

    /// The time of every dispatch, in order, of one run on what the last one left: on the device's own clock, each
    /// dispatch on its own, so that their sum is more than a run takes. None where the device has no such clock.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn times(&mut self) -> Result<Vec<KernelTime>> {
        let most = QUERY_SET_MAX_QUERIES as usize / 2;
        if !self.device.has_timestamps() || self.passes.len() > most {
            return Ok(Vec::new());
        }
        let ticks = self.ticks()?;
        self.device.check()?;
        let period = f64::from(self.device.queue().get_timestamp_period());
        let time = |(dispatch, ticks): (&Dispatch, &[u64; 2])| KernelTime {
            kernel: dispatch.kernel.shader().entry,
            dispatches: 1,
            milliseconds: ticks[1].saturating_sub(ticks[0]) as f64 * period / 1e6,
            operations: dispatch.kernel.operations(),
            bytes: dispatch.reads().chain([dispatch.output.tensor]).map(|t| self.plan.bytes(t, self.precision)).sum(),
        };
        Ok(self.plan.dispatches.iter().zip(&ticks).map(time).collect())
    }

    /// When each dispatch began and ended.
    fn ticks(&self) -> Result<Vec<[u64; 2]>> {
        let count = 2 * self.passes.len() as u32;
        let bytes = u64::from(count) * u64::from(QUERY_SIZE);
        let (queries, resolved, read) = self.device.guarded("a clock", || {
            let device = self.device.device();
            let label = Some("ticks");
            let queries = device.create_query_set(&QuerySetDescriptor { label, ty: QueryType::Timestamp, count });
            let resolved = self.device.buffer("ticks", bytes, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC);
            let read = self.device.buffer("ticks", bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
            (queries, resolved, read)
        })?;
        let mut encoder = self.device.device().create_command_encoder(&CommandEncoderDescriptor::default());
        for (index, pass) in self.passes.iter().enumerate() {
            let first = 2 * index as u32;
            let timestamp_writes = ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            };
            let descriptor = ComputePassDescriptor { label: None, timestamp_writes: Some(timestamp_writes) };
            pass.dispatch(&mut encoder.begin_compute_pass(&descriptor));
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &read, 0, bytes);
        self.device.queue().submit([encoder.finish()]);
        self.mapped(&read, |bytes| {
            let ticks = bytes.as_chunks::<8>().0.iter().map(|&tick| u64::from_le_bytes(tick));
            ticks.collect::<Vec<u64>>().as_chunks::<2>().0.to_vec()
        })
    }

    /// Runs once more on what lies on the device, and waits for it.
    pub(super) fn again(&self) -> Result<()> {
        self.device.check()?;
        let mut encoder = self.device.device().create_command_encoder(&CommandEncoderDescriptor::default());
        self.record_dispatches(&mut encoder);
        self.device.queue().submit([encoder.finish()]);
        self.device.wait()?;
        self.device.check()
    }

    /// The buffer of the input at `place`.
    pub(super) fn input(&self, place: usize) -> &Buffer {
        &self.inputs[place]
    }

    /// Puts all dispatches into `encoder`, and the way of the outputs to where [`Session::read`] finds them.
    pub(super) fn record(&self, encoder: &mut CommandEncoder) {
        self.record_dispatches(encoder);
        for output in &self.outputs {
            encoder.copy_buffer_to_buffer(&output.buffer, 0, &self.staging, output.begin, output.bytes);
        }
    }

    fn record_dispatches(&self, encoder: &mut CommandEncoder) {
        let label = Some("figureground");
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor { label, timestamp_writes: None });
        self.passes.iter().for_each(|dispatch| dispatch.dispatch(&mut pass));
    }

    /// Waits for what was recorded and submitted, and hands the bytes of the outputs, one behind the other, to `read`.
    ///
    /// # Errors
    /// When the device is lost: nothing of the result is to be used then.
    pub(super) fn read<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let made = self.mapped(&self.staging, read)?;
        self.device.check().map(|()| made)
    }

    /// As [`Session::read`], with the numbers of each output.
    pub(super) fn read_numbers<T>(&self, read: impl FnOnce(&[Vec<f32>]) -> T) -> Result<T> {
        let mut outputs: Vec<Vec<f32>> = self.outputs.iter().map(|output| vec![0.0; output.len]).collect();
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.read_back(&mut slices)?;
        self.device.check().map(|()| read(&outputs))
    }

    fn read_back(&self, outputs: &mut [&mut [f32]]) -> Result<()> {
        self.mapped(&self.staging, |bytes| {
            for (output, values) in self.outputs.iter().zip(outputs) {
                let range = output.begin as usize..(output.begin + output.bytes) as usize;
                Device::read(&bytes[range], output.element, self.precision, &mut values[..output.len]);
            }
        })
    }

    /// Waits for the device and hands the bytes of `buffer` to `read`.
    fn mapped<T>(&self, buffer: &Buffer, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        buffer.map_async(MapMode::Read, .., move |mapped| {
            let _ = sender.send(mapped);
        });
        let expected = || format!("results from {}", self.device.name());
        self.device.wait()?;
        let mapped = receiver.recv().map_err(|e| failed(expected(), e))?;
        mapped.map_err(|e| failed(expected(), e))?;
        let view = buffer.get_mapped_range(..).map_err(|e| failed(expected(), e))?;
        let made = read(&view);
        drop(view);
        buffer.unmap();
        Ok(made)
    }
}

impl Pass {
    fn dispatch(&self, pass: &mut ComputePass<'_>) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline.pipeline);
        pass.set_bind_group(0, &self.groups[0], &[]);
        pass.set_bind_group(1, &self.groups[1], &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

fn lengths(what: &str, expected: &[usize], got: &[usize]) -> Error {
    let expected = format!("{what} of {expected:?} numbers");
    Error::new(Stage::Engine, expected, format_args!("{got:?}"), "pass tensors of the shapes that the model has")
}

/// Says how much a plan needs where that is more than the device has.
fn fits(device: &Device, plan: &Plan, slots: &[u64], precision: Precision) -> Result<()> {
    let weights = plan.tensors.iter().enumerate().filter(|(_, tensor)| !matches!(tensor.origin, Origin::Made));
    let weights: Vec<u64> = weights.map(|(tensor, _)| plan.bytes(tensor, precision)).collect();
    let largest = weights.iter().chain(slots).max().copied().unwrap_or(0);
    let limits = device.limits();
    let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    if largest <= most {
        return Ok(());
    }
    let total: u64 = weights.iter().chain(slots).sum();
    let expected = format!("a model with buffers of at most {most} bytes, the limit of {}", device.name());
    let got = format!("a buffer of {largest} bytes, {total} bytes in all");
    let next = "choose the backend cpu, the precision f16 or a smaller model";
    Err(Error::new(Stage::Engine, expected, got, next).about(Setting::Backend).about(Setting::Precision))
}

/// A buffer for every tensor; tensors of one slot share theirs.
fn buffers(
    device: &Device,
    plan: &Plan,
    precision: Precision,
    (slots, sizes): (&[Option<usize>], &[u64]),
    lent: &[Buffer],
) -> Vec<Buffer> {
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
    let shared: Vec<Buffer> = sizes.iter().map(|&size| device.buffer("between kernels", size, usage)).collect();
    let of = |(tensor, slot): (TensorId, &Option<usize>)| {
        if let Some(slot) = slot {
            return shared[*slot].clone();
        }
        match &plan.tensors[tensor].origin {
            Origin::Weight(weight) => device.weight(&weight_bytes(weight, precision)),
            Origin::Table(weight) => device.filled("table", &weight_bytes(weight, precision)),
            Origin::Lent(place) => lent[*place].clone(),
            _ => device.buffer("input", plan.bytes(tensor, precision), usage),
        }
    };
    slots.iter().enumerate().map(of).collect()
}

fn weight_bytes(weight: &Weight, precision: Precision) -> Vec<u8> {
    match weight {
        Weight::Floats(values) => Device::stored(values, Element::Stored, precision),
        Weight::Exact(values) => bytemuck::cast_slice(values).to_vec(),
        Weight::Integers(values) => bytemuck::cast_slice(values).to_vec(),
        Weight::Bits(values) => bytemuck::cast_slice(values).to_vec(),
    }
}

/// The dispatches with their pipelines and bindings; all parameters lie in one buffer.
fn passes(device: &Device, plan: &Plan, precision: Precision, buffers: &[Buffer]) -> Result<Vec<Pass>> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut places = Vec::new();
    for dispatch in &plan.dispatches {
        places.push([dispatch.kernel.parameters(), bytemuck::bytes_of(&dispatch.tail)].map(|row| {
            let begin = bytes.len() as u64;
            bytes.extend(row);
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
            (begin, row.len() as u64)
        }));
    }
    let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
    let parameters = device.guarded("a buffer for parameters", || {
        let made = device.buffer("parameters", bytes.len() as u64, usage);
        device.queue().write_buffer(&made, 0, &bytes);
        made
    })?;
    let mut passes = Vec::new();
    for (dispatch, rows) in plan.dispatches.iter().zip(places) {
        let elements: Vec<Element> = dispatch.operands.iter().map(|view| plan.tensors[view.tensor].element).collect();
        let module = Module {
            shader: dispatch.kernel.shader(),
            precision,
            chain: &dispatch.chain,
            operands: &elements,
            output: plan.tensors[dispatch.output.tensor].element,
            lanes: device.lanes(),
        };
        let pipeline = device.pipeline(&module)?;
        let workgroups = dispatch.kernel.groups();
        within_limits(device, &dispatch.node, workgroups)?;
        let tail = [dispatch.output.tensor].into_iter().chain(dispatch.operands.iter().map(|view| view.tensor));
        let bound = [dispatch.inputs.clone(), tail.collect()];
        let groups = device.guarded(&format!("bindings of {}", dispatch.node), || {
            core::array::from_fn(|i| bind(device, &pipeline.layouts[i], &parameters, rows[i], &bound[i], buffers))
        })?;
        passes.push(Pass { pipeline, groups, workgroups });
    }
    Ok(passes)
}

fn within_limits(device: &Device, node: &str, workgroups: [u32; 3]) -> Result<()> {
    let most = device.limits().max_compute_workgroups_per_dimension;
    if workgroups.iter().all(|&count| count <= most) {
        return Ok(());
    }
    let expected = format!("at most {most} workgroups along an axis");
    Err(failed(expected, format_args!("{workgroups:?} at {node}")))
}

/// Parameters at binding 0, where there are any, and buffers from 1 on.
fn bind(
    device: &Device,
    layout: &BindGroupLayout,
    parameters: &Buffer,
    (begin, length): (u64, u64),
    tensors: &[TensorId],
    buffers: &[Buffer],
) -> BindGroup {
    let row = BufferBinding { buffer: parameters, offset: begin, size: BufferSize::new(length) };
    let uniform = (length > 0).then_some(BindGroupEntry { binding: 0, resource: BindingResource::Buffer(row) });
    let storage = tensors.iter().enumerate().map(|(place, &tensor)| BindGroupEntry {
        binding: place as u32 + 1,
        resource: buffers[tensor].as_entire_binding(),
    });
    let entries: Vec<BindGroupEntry<'_>> = uniform.into_iter().chain(storage).collect();
    device.device().create_bind_group(&BindGroupDescriptor { label: None, layout, entries: &entries })
}

fn outputs(plan: &Plan, precision: Precision, buffers: &[Buffer]) -> Vec<Output> {
    let mut begin = 0;
    let place = |view: &super::view::View| {
        let bytes = plan.bytes(view.tensor, precision);
        let element = plan.tensors[view.tensor].element;
        let output = Output { buffer: buffers[view.tensor].clone(), element, len: view.len(), begin, bytes };
        begin += bytes;
        output
    };
    plan.outputs.iter().map(place).collect()
}
