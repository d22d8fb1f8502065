//! `figureground infer`: runs one ONNX file on .npy tensors.

use super::backends::{BACKENDS, PRECISIONS};
use super::choices::parser;
use super::{Exit, npy, print};
use clap::Args;
use figureground::engine::{Backend, Precision, cpu};
use figureground::model::{Model, Port, Tensor, Values};
use figureground::{Error, Result, Stage, file};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground infer vision.onnx --input pixel_values=pixels.npy --output-dir out
  figureground infer segmenter.onnx --seed 7";

#[derive(Debug, Args)]
pub struct Infer {
    /// ONNX file to run.
    model: PathBuf,
    /// Tensor of an input; other inputs are random.
    #[arg(long = "input", value_name = "NAME=FILE.npy")]
    inputs: Vec<String>,
    /// Seed of the random inputs.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Directory to write each output to, as NAME.npy.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Backend that runs the model.
    #[arg(long, value_parser = parser(BACKENDS), default_value = "cpu")]
    backend: Backend,
    /// Number format on the GPU.
    #[arg(long, value_parser = parser(PRECISIONS), default_value = "f32")]
    precision: Precision,
    /// Print the largest differences between the outputs of the GPU and of the CPU.
    #[arg(long)]
    compare: bool,
    /// Print the median time of N runs on the GPU, without transfers of tensors.
    #[arg(long, value_name = "N", default_value_t = 0)]
    runs: usize,
}

impl Infer {
    pub fn run(&self) -> Result<Exit> {
        let backend = self.backend.resolve()?;
        if self.precision == Precision::F16 && backend != Backend::Gpu {
            let next = "omit --precision";
            return Err(Error::new(Stage::Command, format_args!("f32 on the backend {backend}"), "f16", next));
        }
        if self.compare && backend != Backend::Gpu {
            let next = "pass --backend gpu, or omit --compare; `figureground devices` lists the GPUs";
            let got = format!("--compare on the backend {backend}");
            return Err(Error::new(Stage::Command, "the backend gpu to compare with the CPU", got, next));
        }
        if self.runs > 0 && backend != Backend::Gpu {
            let next = "pass --backend gpu, or omit --runs; `figureground bench` measures the CPU";
            let got = format!("--runs on the backend {backend}");
            return Err(Error::new(Stage::Command, "the backend gpu to time", got, next));
        }
        let model = Model::read(&self.model)?;
        let inputs = self.tensors(&model)?;
        if self.runs > 0 {
            let times = times(&model, &inputs, self.precision, self.runs)?;
            print(&format!("{:.3} ms, the median of {} runs\n", super::bench::median(&times), self.runs))?;
            return Ok(Exit::Done);
        }
        let outputs = self.outputs(&model, &inputs, backend)?;
        for (port, tensor) in model.outputs().iter().zip(&outputs) {
            print(&format!("{} {:?} {}\n", port.name, tensor.shape, summary(&tensor.values)))?;
        }
        if let Some(directory) = &self.output_dir {
            file::create_directory(directory)?;
            for (port, tensor) in model.outputs().iter().zip(&outputs) {
                file::write_aside(&directory.join(file_name(&port.name)), &npy::bytes(tensor))?;
            }
        }
        Ok(Exit::Done)
    }

    /// Runs the model on `backend`; with --compare, also prints the differences from the CPU's outputs.
    fn outputs(&self, model: &Model, inputs: &[Tensor], backend: Backend) -> Result<Vec<Tensor>> {
        if backend != Backend::Gpu {
            return cpu::infer(model, inputs);
        }
        let outputs = on_gpu(model, inputs, self.precision)?;
        if self.compare {
            for ((port, gpu), cpu) in model.outputs().iter().zip(&outputs).zip(cpu::infer(model, inputs)?) {
                print(&format!("{} {}\n", port.name, differences(&floats(&gpu.values), &floats(&cpu.values))))?;
            }
        }
        Ok(outputs)
    }

    /// Returns one tensor per input, in the model's order.
    fn tensors(&self, model: &Model) -> Result<Vec<Tensor>> {
        let mut given = Vec::new();
        for argument in &self.inputs {
            let (name, path) = argument.split_once('=').ok_or_else(|| {
                Error::new(Stage::Command, "--input NAME=FILE.npy", argument, "write the input's name before the file")
            })?;
            let port = model.inputs().iter().find(|port| port.name == name).ok_or_else(|| {
                let names: Vec<&str> = model.inputs().iter().map(|port| port.name.as_str()).collect();
                Error::new(Stage::Command, format_args!("one of the inputs {names:?}"), name, "correct it")
            })?;
            let tensor = npy::read(Path::new(path))?;
            check_shape(port, &tensor)?;
            given.push((name, tensor));
        }
        let mut random = Random(self.seed);
        let tensor = |port: &Port| match given.iter().find(|(name, _)| *name == port.name) {
            Some((_, tensor)) => Ok(tensor.clone()),
            None => random.tensor(port),
        };
        model.inputs().iter().map(tensor).collect()
    }
}

#[cfg(feature = "gpu")]
fn on_gpu(model: &Model, inputs: &[Tensor], precision: Precision) -> Result<Vec<Tensor>> {
    use figureground::engine::gpu;
    let device = gpu::Device::any()?;
    log::info!("backend gpu: {}", device.name());
    gpu::infer(model, inputs, &device, precision)
}

/// Returns the milliseconds of each run.
#[cfg(feature = "gpu")]
fn times(model: &Model, inputs: &[Tensor], precision: Precision, runs: usize) -> Result<Vec<f64>> {
    use figureground::engine::gpu;
    gpu::time(model, inputs, &gpu::Device::any()?, precision, runs)
}

#[cfg(not(feature = "gpu"))]
fn times(_model: &Model, _inputs: &[Tensor], _precision: Precision, _runs: usize) -> Result<Vec<f64>> {
    Err(Backend::Gpu.missing())
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(_model: &Model, _inputs: &[Tensor], _precision: Precision) -> Result<Vec<Tensor>> {
    Err(Backend::Gpu.missing())
}

fn floats(values: &Values) -> Vec<f32> {
    match values {
        Values::F32(values) => values.clone(),
        Values::I64(values) => values.iter().map(|&v| v as f32).collect(),
    }
}

/// Describes the largest difference of `gpu` from `cpu`: absolute, and relative to the largest number of `cpu`.
fn differences(gpu: &[f32], cpu: &[f32]) -> String {
    let scale = cpu.iter().fold(0f32, |largest, v| largest.max(v.abs()));
    let differences = gpu.iter().zip(cpu).map(|(g, c)| (g - c).abs());
    // NaN counts as an infinite difference.
    let largest = differences.fold(0f32, |largest, d| if d.is_nan() { f32::INFINITY } else { largest.max(d) });
    let relative = if scale > 0.0 { largest / scale } else { largest };
    format!("differs from the CPU by at most {largest:.2e}, {relative:.2e} of its largest number")
}

/// Compares a tensor's shape with what its input declares.
fn check_shape(port: &Port, tensor: &Tensor) -> Result<()> {
    if port.admits(&tensor.shape) {
        return Ok(());
    }
    let got = format!("shape {:?}", tensor.shape);
    Err(Error::new(Stage::Command, format_args!("a tensor for {port}"), got, "reshape it before you save it"))
}

/// Largest number of random elements of one input: 1 GiB of f32.
const MAX_RANDOM: usize = 1 << 28;

/// Seeded random numbers (SplitMix64), equal on every machine.
struct Random(u64);

impl Random {
    fn tensor(&mut self, port: &Port) -> Result<Tensor> {
        let shape = port.smallest_shape();
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let Some(count) = count.filter(|count| *count <= MAX_RANDOM) else {
            let expected = format!("an input of at most {MAX_RANDOM} numbers");
            return Err(Error::new(Stage::Command, expected, port, "pass its tensor with --input"));
        };
        let values = match port.element.as_str() {
            // Every vocabulary has ids below 100.
            "INT64" => Values::I64((0..count).map(|_| (self.next() % 100) as i64).collect()),
            "FLOAT" => {
                Values::F32((0..count).map(|_| (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect())
            }
            _ => {
                let next = "export the model with one of these types";
                return Err(Error::new(Stage::Command, "inputs of FLOAT or INT64", port, next));
            }
        };
        Ok(Tensor { shape, values })
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Returns the file name of an output, with _ for characters outside [A-Za-z0-9._-].
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    format!("{}.npy", name.chars().map(plain).collect::<String>())
}

fn summary(values: &Values) -> String {
    match values {
        Values::F32(values) => {
            let (least, most) =
                values.iter().fold((f32::MAX, f32::MIN), |(least, most), &v| (least.min(v), most.max(v)));
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len().max(1) as f64;
            format!("f32, from {least} to {most}, mean {mean:.6}")
        }
        Values::I64(values) => format!("i64, from {:?} to {:?}", values.iter().min(), values.iter().max()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_names_become_safe_file_names() {
        assert_eq!(file_name("segment:0"), "segment_0.npy");
        assert_eq!(file_name("../a/b"), ".._a_b.npy");
    }

    #[test]
    fn random_inputs_follow_from_the_seed_and_are_at_most_1() {
        let port = Port { name: "x".into(), element: "FLOAT".into(), axes: vec!["batch".into(), "1000".into()] };
        let values = |seed| match Random(seed).tensor(&port).unwrap().values {
            Values::F32(values) => values,
            Values::I64(_) => Vec::new(),
        };
        assert_eq!(values(7), values(7));
        assert_ne!(values(7), values(8));
        assert!(values(7).iter().all(|v| v.abs() <= 1.0) && values(7).len() == 1000);
    }
}
