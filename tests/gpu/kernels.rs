//! Compares every kernel of the GPU engine with its CPU counterpart, and the structs of shaders with those of Rust.

use figureground::engine::Precision;
use figureground::engine::gpu::chain::{Binary, Chain, Step, Unary};
use figureground::engine::gpu::kernel::{
    Attention, Contraction, Convolution, ElementWise, Form, Gather, Kernel, Norm, Pooling, Reduce, ReduceKind,
    Reduction, Resample, Softmax, frame, taps,
};
use figureground::engine::gpu::plan::{Dispatch, Origin, Plan, Tensor, Weight};
use figureground::engine::gpu::shader::{Element, Module};
use figureground::engine::gpu::tail::{Tail, Walk};
use figureground::engine::gpu::view::View;
use figureground::engine::gpu::{Device, Session};
use figureground_tests::gpu::{Numbers, device, difference};
use proptest::prelude::*;
use std::sync::Arc;

/// Largest difference from the CPU, as a fraction of its largest number: the order of f32 sums differs.
const TOLERANCE: f32 = 2e-6;
/// Largest difference for numbers stored in 16 bits.
const TOLERANCE_F16: f32 = 2e-3;

/// A plan of one dispatch: the kernel's own inputs, the chain's operands, and the shape of the output.
struct Case {
    kernel: Box<dyn Kernel>,
    inputs: Vec<Weight>,
    chain: Chain,
    operands: Vec<(Weight, View)>,
    output: View,
}

impl Case {
    fn new(kernel: impl Kernel + 'static, inputs: Vec<Weight>, shape: &[usize]) -> Self {
        Self {
            kernel: Box::new(kernel),
            inputs,
            chain: Chain::stored(),
            operands: Vec::new(),
            output: View::whole(0, shape),
        }
    }

    /// Creates the plan. Its output is the whole buffer of `len` elements that contains the case's output.
    fn plan(self, len: usize) -> Plan {
        let mut plan = Plan::default();
        let mut add = |origin: Origin, len: usize, element: Element| {
            plan.tensors.push(Tensor { len, element, origin });
            plan.tensors.len() - 1
        };
        let mut weight = |weight: Weight| {
            let (len, element) = (weight.len(), weight.element());
            add(Origin::Weight(weight), len, element)
        };
        let inputs = self.inputs.into_iter().map(&mut weight).collect();
        let operands: Vec<View> =
            self.operands.into_iter().map(|(values, view)| View { tensor: weight(values), ..view }).collect();
        let output = View { tensor: add(Origin::Made, len, Element::Stored), ..self.output };
        let tail = Tail::new(&output, &operands).unwrap();
        plan.outputs = vec![View::whole(output.tensor, &[len])];
        let (kernel, chain) = (self.kernel, self.chain);
        plan.dispatches.push(Dispatch { node: "case".to_owned(), kernel, inputs, chain, operands, output, tail });
        plan
    }

    /// Asserts that the device agrees with the CPU.
    fn agrees(self, device: &Arc<Device>) {
        let len = self.output.len();
        agree(self.plan(len), device, Precision::F32, TOLERANCE);
    }
}

fn agree(plan: Plan, device: &Arc<Device>, precision: Precision, tolerance: f32) {
    let want = plan.twin(&[]);
    let shown = format!("{:?}", plan.dispatches[0]);
    let mut session = Session::new(device.clone(), plan, precision, &[]).unwrap();
    let mut got = vec![f32::NAN; want[0].len()];
    session.run(&[], &mut [&mut got]).unwrap();
    let apart = difference(&got, &want[0]);
    assert!(apart <= tolerance, "{apart:e} apart: {shown}");
}

fn floats(values: Vec<f32>) -> Weight {
    Weight::Floats(values.into())
}

/// a [batches, rows, depth] times b [batches, depth, columns], or b [batches, columns, depth] if `turned`.
fn product(batches: usize, rows: usize, columns: usize, depth: usize, turned: bool, numbers: &mut Numbers) -> Case {
    let [m, n, k, all] = [rows, columns, depth, batches].map(|size| size as u32);
    let kernel = Contraction {
        rows: m,
        columns: n,
        depth: k,
        batches: all,
        rows_inner: m,
        columns_inner: n,
        depth_inner: k,
        batches_inner: all,
        a_row: k,
        a_depth: 1,
        a_batch: m * k,
        b_column: if turned { k } else { 1 },
        b_depth: if turned { 1 } else { n },
        b_batch: n * k,
        c_row: n,
        c_column: 1,
        c_batch: m * n,
        ..Contraction::default()
    };
    let inputs = vec![floats(numbers.take(batches * rows * depth)), floats(numbers.take(batches * columns * depth))];
    Case::new(kernel, inputs, &[batches, rows, columns])
}

/// Sizes below a tile, equal to it, past it in rows, columns or depth, and odd ones.
const SHAPES: [[usize; 3]; 9] = [
    [1, 1, 1],
    [7, 7, 7],
    [17, 16, 16],
    [64, 64, 16],
    [65, 64, 16],
    [64, 65, 16],
    [64, 64, 17],
    [123, 72, 255],
    [3, 200, 64],
];

#[test]
fn contractions_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(1);
    for [rows, columns, depth] in SHAPES {
        for turned in [false, true] {
            product(2, rows, columns, depth, turned, &mut numbers).agrees(&device);
        }
    }
}

#[test]
fn cooperative_contractions_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(11);
    for (precision, tolerance) in [(Precision::F32, TOLERANCE), (Precision::F16, TOLERANCE_F16)] {
        if device.cooperative_side(precision).is_none() {
            eprintln!("SKIPPED: {} has no cooperative matrices of {precision:?}", device.name());
            continue;
        }
        for [rows, columns, depth] in [[16, 16, 16], [64, 64, 32], [50, 768, 33], [130, 70, 300], [17, 200, 64]] {
            for turned in [false, true] {
                let case = product(2, rows, columns, depth, turned, &mut numbers);
                let len = case.output.len();
                agree(case.plan(len), &device, precision, tolerance);
            }
        }
    }
    // Smaller ones use the ordinary kernel.
    assert!(Contraction { rows: 15, columns: 99, depth: 99, ..Contraction::default() }.cooperative(8).is_none());
    assert!(Contraction { rows: 16, columns: 99, depth: 99, ..Contraction::default() }.cooperative(9).is_none());
}

#[test]
fn a_contraction_ends_with_bias_activation_and_residual() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(2);
    let mut case = product(2, 20, 70, 33, true, &mut numbers);
    let shape = [2, 20, 70];
    case.operands = vec![
        (floats(numbers.take(70)), View::whole(0, &[70]).broadcast(&shape)),
        (floats(numbers.take(2 * 20 * 70)), View::whole(0, &[20, 2, 70]).moved(1, 0)),
    ];
    let chain = &mut case.chain;
    let bias = chain.push(Step::Operand(0));
    let sum = chain.push(Step::Binary(Binary::Add, 0, bias));
    let gate = chain.push(Step::Unary(Unary::Sigmoid, sum));
    let active = chain.push(Step::Binary(Binary::Mul, sum, gate));
    let residual = chain.push(Step::Operand(1));
    chain.push(Step::Binary(Binary::Add, active, residual));
    case.agrees(&device);
}

#[test]
fn every_step_equals_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(3);
    let unary = [
        Unary::Abs,
        Unary::Neg,
        Unary::Exp,
        Unary::Square,
        Unary::Floor,
        Unary::Ceil,
        Unary::RoundEven,
        Unary::Sin,
        Unary::Cos,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Erf,
        Unary::Sign,
        Unary::Not,
        Unary::Truncate,
        Unary::Power(3.0),
        Unary::Power(2.0),
    ];
    let positive = [Unary::Ln, Unary::Sqrt, Unary::Rsqrt, Unary::Recip, Unary::Power(0.3)];
    let cases = unary.map(|function| (function, -4.0)).into_iter().chain(positive.map(|function| (function, 0.1)));
    for (function, least) in cases {
        let mut values: Vec<f32> = numbers.take(1000).iter().map(|v| least + (v + 1.0) * (4.0 - least) / 2.0).collect();
        // Halves and zeros show rounding and signs.
        values[..4].copy_from_slice(&[least, least.max(0.0) + 0.5, 1.5, 2.5]);
        let chain = steps(&[Step::Operand(0), Step::Unary(function, 0)]);
        element_wise(chain, vec![values], &device);
    }
    let binary = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Min,
        Binary::Max,
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::And,
        Binary::Or,
    ];
    for function in binary {
        let (a, mut b) = (numbers.take(100), numbers.take(100));
        b[..10].copy_from_slice(&a[..10]);
        let chain = steps(&[Step::Operand(0), Step::Operand(1), Step::Binary(function, 0, 1)]);
        element_wise(chain, vec![a, b], &device);
    }
    let chain = steps(&[Step::Operand(0), Step::Operand(1), Step::Binary(Binary::Less, 0, 1), Step::Select(2, 1, 0)]);
    element_wise(chain, vec![numbers.take(100), numbers.take(100)], &device);
}

fn steps(steps: &[Step]) -> Chain {
    let mut chain = Chain::default();
    steps.iter().for_each(|step| {
        chain.push(*step);
    });
    chain
}

/// A chain of operands of equal length.
fn element_wise(chain: Chain, operands: Vec<Vec<f32>>, device: &Arc<Device>) {
    let count = operands[0].len();
    let view = View::whole(0, &[count]);
    let operands = operands.into_iter().map(|values| (floats(values), view.clone())).collect();
    Case { chain, operands, ..Case::new(ElementWise { count }, vec![], &[count]) }.agrees(device);
}

#[test]
fn chains_read_and_write_by_strides() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(4);
    let shape = [3, 4, 5];
    let turned = View::whole(0, &[5, 4, 3]).moved(0, 2).moved(0, 1);
    let cases = [turned, View::whole(0, &[4, 1]).broadcast(&shape), View::whole(0, &[1]).broadcast(&shape)];
    for view in cases {
        let values = floats(numbers.take(60));
        // The output is the middle of a larger buffer, whose rest must not change.
        let output = View::whole(0, &[3, 6, 5]).sliced(1, 1, 5);
        let case = Case {
            chain: Chain::copied(),
            operands: vec![(values, view)],
            output,
            ..Case::new(ElementWise { count: 60 }, vec![], &[])
        };
        agree(case.plan(90), &device, Precision::F32, 0.0);
    }
}

#[test]
fn norms_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(5);
    for size in [1, 7, 128, 129, 768] {
        for (centred, scaled) in [(1, 1), (0, 0)] {
            let kernel = Norm { rows: 5, size: size as u32, centred, scaled, epsilon: 1e-5, ..Norm::default() };
            // A mean far from 0 reveals cancellation in the variance.
            let x = numbers.take(5 * size).iter().map(|v| v + 30.0).collect();
            let inputs = vec![floats(x), floats(numbers.take(size)), floats(numbers.take(size))];
            let case = Case::new(kernel, inputs, &[5, size]);
            agree(case.plan(5 * size), &device, Precision::F32, 1e-4);
        }
    }
}

#[test]
fn softmaxes_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(6);
    for size in [1, 7, 128, 129, 300] {
        for logarithm in [0, 1] {
            let kernel = Softmax { rows: 5, size: size as u32, logarithm, ..Softmax::default() };
            let x = numbers.take(5 * size).iter().map(|v| v * 100.0).collect();
            let case = Case::new(kernel, vec![floats(x)], &[5, size]);
            agree(case.plan(5 * size), &device, Precision::F32, 1e-5);
        }
    }
}

#[test]
fn reductions_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(7);
    for kind in ReduceKind::ALL {
        for size in [1, 7, 64, 65, 200] {
            let reduce = Reduce { rows: 3, size: size as u32, offset: 0, kind: kind as u32 };
            // Few different values, so that the first and the last of the largest differ.
            let x: Vec<f32> = numbers.take(3 * size).iter().map(|v| (v * 3.0).round() / 2.0).collect();
            Case::new(Reduction { reduce, integers: false }, vec![floats(x.clone())], &[3]).agrees(&device);
            let integers = Weight::Integers(x.iter().map(|&v| (v * 2.0) as i32).collect());
            Case::new(Reduction { reduce, integers: true }, vec![integers], &[3]).agrees(&device);
        }
    }
}

#[test]
fn attentions_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(11);
    let [batch, heads] = [2, 3];
    for [queries, keys, depth, width] in
        [[1, 1, 1, 1], [16, 16, 64, 64], [17, 33, 32, 32], [50, 50, 64, 64], [5, 40, 7, 9]]
    {
        for masked in [0, 1] {
            // Queries, keys and values as [batch, rows, heads, depth], the output as [batch, rows, heads, width].
            let kernel = Attention {
                batches: batch * heads,
                batches_inner: heads,
                queries,
                keys,
                depth,
                width,
                scale: 0.7,
                masked,
                q_batch_outer: queries * heads * depth,
                q_batch: depth,
                q_row: heads * depth,
                q_depth: 1,
                k_batch_outer: keys * heads * depth,
                k_batch: depth,
                k_row: heads * depth,
                k_depth: 1,
                v_batch_outer: keys * heads * width,
                v_batch: width,
                v_row: heads * width,
                v_width: 1,
                mask_row: keys,
                mask_column: 1,
                y_batch_outer: queries * heads * width,
                y_batch: width,
                y_row: heads * width,
                y_width: 1,
                ..Attention::default()
            };
            let mut take = |sizes: [u32; 3]| {
                let count = sizes.iter().product::<u32>() as usize;
                floats(numbers.take(count).iter().map(|v| v * 3.0).collect())
            };
            let mut inputs = vec![
                take([batch * heads, queries, depth]),
                take([batch * heads, keys, depth]),
                take([batch * heads, keys, width]),
            ];
            // A causal mask is a large negative number.
            let hidden = |at: u32| if at % keys > at / keys && at.is_multiple_of(3) { f32::MIN } else { 0.0 };
            inputs.push(floats((0..queries * keys).map(hidden).collect()));
            let shape = [batch, queries, heads, width].map(|size| size as usize);
            let case = Case::new(kernel, inputs, &shape);
            let len = case.output.len();
            agree(case.plan(len), &device, Precision::F32, 1e-5);
        }
    }
}

/// A convolution of images [batch, channels, height, width], or with channels last.
#[derive(Clone, Copy, Debug)]
struct Convolving {
    batch: u32,
    groups: u32,
    channels: u32,
    filters: u32,
    size: [u32; 2],
    kernel: [u32; 2],
    stride: u32,
    dilation: u32,
    pad: u32,
    channels_last: bool,
}

impl Convolving {
    fn case(self, transposed: bool, numbers: &mut Numbers) -> Case {
        let Self { batch, groups, channels, filters, size: [height, width], kernel, stride, dilation, pad, .. } = self;
        let reach = kernel.map(|side| (side - 1) * dilation + 1);
        let out = |side: u32, reach: u32| match transposed {
            true => (side - 1) * stride + reach - 2 * pad,
            false => (side + 2 * pad - reach) / stride + 1,
        };
        let (out_height, out_width) = (out(height, reach[0]), out(width, reach[1]));
        let (all, all_out) = (groups * channels, groups * filters);
        let strides = |channels: u32, height: u32, width: u32| match self.channels_last {
            true => [channels * height * width, 1, width * channels, channels],
            false => [channels * height * width, height * width, width, 1],
        };
        let [x_batch, x_channel, x_row, x_column] = strides(all, height, width);
        let [y_batch, y_channel, y_row, y_column] = strides(all_out, out_height, out_width);
        let area = kernel[0] * kernel[1];
        let convolution = Convolution {
            batch,
            groups,
            channels,
            filters,
            height,
            width,
            out_height,
            out_width,
            kernel_height: kernel[0],
            kernel_width: kernel[1],
            stride_y: stride,
            stride_x: stride,
            dilation_y: dilation,
            dilation_x: dilation,
            pad_top: pad,
            pad_left: pad,
            x_batch,
            x_channel,
            x_row,
            x_column,
            k_filter: channels * area,
            k_channel: area,
            k_row: kernel[1],
            k_column: 1,
            k_group: filters * channels * area,
            y_batch,
            y_channel,
            y_row,
            y_column,
            ..Convolution::default()
        };
        let count = |sizes: &[u32]| sizes.iter().map(|&size| size as usize).product::<usize>();
        let inputs = vec![
            floats(numbers.take(count(&[batch, all, height, width]))),
            floats(numbers.take(count(&[all_out, channels, area]))),
        ];
        let form = if transposed { Form::transposed(convolution) } else { Form::forward(convolution) };
        Case::new(form, inputs, &[count(&[batch, all_out, out_height, out_width])])
    }
}

fn convolving() -> impl Strategy<Value = Convolving> {
    let sizes = (1u32..3, 1u32..4, 1u32..6, prop_oneof![1u32..4, 8u32..12, 64u32..67]);
    let space = ([5u32..12, 5u32..12], [1u32..4, 1u32..4], 1u32..3, 1u32..3, 0u32..2, any::<bool>());
    (sizes, space).prop_map(|(sizes, space)| {
        let (batch, groups, channels, filters) = sizes;
        let (size, kernel, stride, dilation, pad, channels_last) = space;
        Convolving { batch, groups, channels, filters, size, kernel, stride, dilation, pad, channels_last }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_equal_the_cpu(convolving in convolving(), seed in any::<u64>()) {
        let Some(device) = device() else { return Ok(()) };
        convolving.case(false, &mut Numbers::new(seed)).agrees(&device);
        // The padding of a transposed convolution shrinks its output, which must not become empty.
        let pad = convolving.pad.min(convolving.kernel[0].min(convolving.kernel[1]) - 1);
        let transposed = Convolving { pad, ..convolving };
        transposed.case(true, &mut Numbers::new(seed)).agrees(&device);
    }

    #[test]
    fn contractions_of_any_size_equal_the_cpu(
        batches in 1usize..3, rows in 1usize..140, columns in 1usize..140, depth in 1usize..70,
        turned in any::<bool>(), seed in any::<u64>(),
    ) {
        let Some(device) = device() else { return Ok(()) };
        product(batches, rows, columns, depth, turned, &mut Numbers::new(seed)).agrees(&device);
    }

    #[test]
    fn poolings_equal_the_cpu(
        kind in 0u32..3, sizes in [4u32..9, 4u32..9], kernel in [1u32..4, 1u32..4], stride in 1u32..3, pad in 0u32..2,
        counts_padding in 0u32..2,
        seed in any::<u64>(),
    ) {
        let Some(device) = device() else { return Ok(()) };
        // Every window must overlap the image.
        let pad = pad.min(kernel[0].min(kernel[1]) - 1);
        let out = [0, 1].map(|axis| (sizes[axis] + 2 * pad - kernel[axis]) / stride + 1);
        let pooling = Pooling {
            batch: 2, channels: 3, height: sizes[0], width: sizes[1], out_height: out[0], out_width: out[1],
            kernel_height: kernel[0], kernel_width: kernel[1], stride_y: stride, stride_x: stride,
            dilation_y: 1, dilation_x: 1, pad_top: pad, pad_left: pad, counts_padding, kind,
            padded_height: sizes[0] + 2 * pad, padded_width: sizes[1] + 2 * pad,
            x_batch: 3 * sizes[0] * sizes[1], x_channel: sizes[0] * sizes[1], x_row: sizes[1], x_column: 1,
            y_batch: 3 * out[0] * out[1], y_channel: out[0] * out[1], y_row: out[1], y_column: 1,
            ..Pooling::default()
        };
        let x = floats(Numbers::new(seed).take((6 * sizes[0] * sizes[1]) as usize));
        Case::new(pooling, vec![x], &[2, 3, out[0] as usize, out[1] as usize]).agrees(&device);
    }
}

#[test]
fn resamplings_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(8);
    for (size, out_size) in [(4, 9), (9, 4), (1, 3)] {
        let kernel = Resample { outer: 3, size, out_size, inner: 5, window: 2, ..Resample::default() };
        let places: Vec<usize> = (0..2 * out_size as usize).map(|i| i * 7 % size as usize).collect();
        let weights = numbers.take(places.len());
        let inputs = vec![floats(numbers.take(15 * size as usize)), Weight::Bits(taps(&places, &weights).into())];
        Case::new(kernel, inputs, &[3, out_size as usize, 5]).agrees(&device);
    }
}

#[test]
fn gathers_equal_the_cpu() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers::new(9);
    // Negative indices count from the end.
    let places = [0, 3, 6, -1, -7, 2];
    for (count, places_step) in [(6, 0), (3, 3)] {
        let kernel = Gather { outer: 2, size: 7, count, inner: 4, places_step, ..Gather::default() };
        let inputs = vec![floats(numbers.take(56)), Weight::Integers(places.into())];
        Case::new(kernel, inputs, &[2, count as usize, 4]).agrees(&device);
    }
}

#[test]
fn kernels_store_16_bits_on_request() {
    let Some(device) = device() else { return };
    if !device.has_f16() {
        return eprintln!("SKIPPED: {} has no f16", device.name());
    }
    let mut numbers = Numbers::new(10);
    for [rows, columns, depth] in SHAPES {
        let case = product(2, rows, columns, depth, false, &mut numbers);
        let len = case.output.len();
        agree(case.plan(len), &device, Precision::F16, TOLERANCE_F16);
    }
    let softmax = Softmax { rows: 5, size: 77, ..Softmax::default() };
    let case = Case::new(softmax, vec![floats(numbers.take(5 * 77))], &[5, 77]);
    agree(case.plan(5 * 77), &device, Precision::F16, TOLERANCE_F16);
}

#[test]
fn structs_of_shaders_have_the_layout_of_rust() {
    type Fields = &'static [(&'static str, usize)];
    let large = Contraction { rows: 64, columns: 64, depth: 64, ..Contraction::default() };
    let cooperative = large.cooperative(16).unwrap();
    let kernels: [(&dyn Kernel, &str, Fields); 23] = [
        (&Attention::default(), "Attention", Attention::FIELDS),
        (&Contraction::default(), "Contraction", Contraction::FIELDS),
        (cooperative.as_ref(), "Contraction", Contraction::FIELDS),
        (&Norm::default(), "Norm", Norm::FIELDS),
        (&Softmax::default(), "Softmax", Softmax::FIELDS),
        (&Reduction { reduce: Reduce::default(), integers: false }, "Reduce", Reduce::FIELDS),
        (&Gather::default(), "Gather", Gather::FIELDS),
        (&Resample::default(), "Resample", Resample::FIELDS),
        (&Pooling::default(), "Pooling", Pooling::FIELDS),
        (&Form::forward(Convolution::default()), "Convolution", Convolution::FIELDS),
        (&frame::Step::new(&frame::RESAMPLE_ROWS, frame::Rows::default(), 1, 1), "Rows", frame::Rows::FIELDS),
        (
            &frame::Step::new(&frame::RESAMPLE_COLUMNS, frame::Columns::default(), 1, 1),
            "Columns",
            frame::Columns::FIELDS,
        ),
        (&frame::Step::new(&frame::RANGE, frame::Decoding::default(), 1, 1), "Decoding", frame::Decoding::FIELDS),
        (
            &frame::Step::new(&frame::SMOOTH_MASKS, frame::Smoothing::default(), 1, 1),
            "Smoothing",
            frame::Smoothing::FIELDS,
        ),
        (
            &frame::Step::new(&frame::RESAMPLE_MASK_ROWS, frame::MaskRows::default(), 1, 1),
            "MaskRows",
            frame::MaskRows::FIELDS,
        ),
        (
            &frame::Step::new(&frame::THRESHOLD_MASK, frame::MaskColumns::default(), 1, 1),
            "MaskColumns",
            frame::MaskColumns::FIELDS,
        ),
        (&frame::Step::new(&frame::PACK, frame::Growth::default(), 1, 1), "Growth", frame::Growth::FIELDS),
        (&frame::Step::new(&frame::COMPOSE, frame::Composing::default(), 1, 1), "Composing", frame::Composing::FIELDS),
        (&frame::Step::new(&frame::KEEP, frame::Keeping::default(), 1, 1), "Keeping", frame::Keeping::FIELDS),
        (&frame::Step::new(&frame::MEAN_OF_FRAMES, frame::Fusing::default(), 1, 1), "Fusing", frame::Fusing::FIELDS),
        (&frame::Step::new(&frame::UNIT_OF_MEAN, frame::Scaling::default(), 1, 1), "Scaling", frame::Scaling::FIELDS),
        (
            &frame::Step::new(&frame::SIMILARITY, frame::Comparing::default(), 1, 1),
            "Comparing",
            frame::Comparing::FIELDS,
        ),
        (
            &frame::Step::new(&frame::LOG_PROBABILITIES, frame::Averaging::default(), 1, 1),
            "Averaging",
            frame::Averaging::FIELDS,
        ),
    ];
    for (kernel, name, fields) in kernels {
        let chain = Chain::stored();
        let (precision, output) = (Precision::F32, Element::Stored);
        let wgsl =
            Module { shader: kernel.shader(), precision, chain: &chain, operands: &[], output, lanes: 32 }.wgsl();
        let capabilities = naga::valid::Capabilities::all();
        let options = naga::front::wgsl::Options { parse_doc_comments: false, capabilities };
        let module = naga::front::wgsl::Frontend::new_with_options(options)
            .parse(&wgsl)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string(&wgsl)));
        assert_eq!(members(&module, name), fields.iter().map(|(n, at)| ((*n).to_owned(), *at)).collect::<Vec<_>>());
        let tail = ["count", "rank", "pad_0", "pad_1", "sizes", "walks"].map(str::to_owned);
        let places = [0, 4, 8, 12, core::mem::offset_of!(Tail, sizes), core::mem::offset_of!(Tail, walks)];
        assert_eq!(members(&module, "Tail"), tail.into_iter().zip(places).collect::<Vec<_>>());
        assert_eq!(
            members(&module, "Walk").last(),
            Some(&("strides".to_owned(), core::mem::offset_of!(Walk, strides)))
        );
        assert_eq!((size(&module, "Tail"), size(&module, "Walk")), (size_of::<Tail>(), size_of::<Walk>()));
        assert_eq!(size(&module, name), kernel.parameters().len(), "{name}");
    }
}

/// Names and offsets of the members of a struct.
fn members(module: &naga::Module, name: &str) -> Vec<(String, usize)> {
    let (_, found) = module.types.iter().find(|(_, kind)| kind.name.as_deref() == Some(name)).unwrap();
    let naga::TypeInner::Struct { members, .. } = &found.inner else { panic!("{name} is no struct") };
    members.iter().map(|member| (member.name.clone().unwrap(), member.offset as usize)).collect()
}

fn size(module: &naga::Module, name: &str) -> usize {
    let (_, found) = module.types.iter().find(|(_, kind)| kind.name.as_deref() == Some(name)).unwrap();
    let naga::TypeInner::Struct { span, .. } = found.inner else { panic!("{name} is no struct") };
    span as usize
}
