// A segmenter's scores to the person's shape in the encoder's crop: probabilities, smoothed over time, resampled,
// thresholded, dilated, and packed into bits.
//
// Each step is the CPU's: engine/decode, Mask::smooth, MaskSampler, Shape::threshold, Dilation. Proved by
// engine/gpu/observer/tests.rs: scores_are_decoded_as_on_the_cpu, shapes_are_the_cpus.

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

struct Decoding {
    items: u32,
    pixels: u32,
    channels: u32,
    pixel_stride: u32,
    channel_stride: u32,
    item_stride: u32,
    offset: u32,
    kind: u32,
    // How many channels are person; with none, all but the background are.
    people: u32,
    background: u32,
    pad_0: u32,
    pad_1: u32,
}

const PROBABILITY = 0u;
const SIGMOID = 1u;
const SOFTMAX = 2u;
const ARGMAX = 3u;
const STRETCHED = 4u;

@group(0) @binding(0) var<uniform> d: Decoding;
@group(0) @binding(1) var<storage, read> scores: array<stored>;
@group(0) @binding(2) var<storage, read> person: array<i32>;
// Least value and width of the range of each item, where it is stretched.
@group(0) @binding(3) var<storage, read> ranges: array<f32>;

var<workgroup> least: array<f32, 256>;
var<workgroup> most: array<f32, 256>;

fn score(item: u32, pixel: u32, channel: u32) -> f32 {
    return f32(scores[d.offset + item * d.item_stride + pixel * d.pixel_stride + channel * d.channel_stride]);
}

// [items, 2]; one workgroup an item
@compute @workgroup_size(256)
fn range(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let largest = 0x1.fffffep+127f;
    var low = largest;
    var high = -largest;
    for (var i = thread; i < d.pixels * d.channels; i += 256u) {
        let value = score(group.x, i / d.channels, i % d.channels);
        low = min(low, value);
        high = max(high, value);
    }
    least[thread] = low;
    most[thread] = high;
    workgroupBarrier();
    for (var reach = 128u; reach > 0u; reach /= 2u) {
        if thread < reach {
            least[thread] = min(least[thread], least[thread + reach]);
            most[thread] = max(most[thread], most[thread + reach]);
        }
        workgroupBarrier();
    }
    if thread == 0u {
        let width = most[0] - least[0];
        output[2u * group.x] = result(least[0]);
        output[2u * group.x + 1u] = result(select(1.0, width, width > 0.0));
    }
}

fn is_person(channel: u32) -> bool {
    if d.people == 0u {
        return channel != d.background;
    }
    for (var i = 0u; i < d.people; i++) {
        if u32(person[i]) == channel {
            return true;
        }
    }
    return false;
}

fn weight(item: u32, pixel: u32, channel: u32, peak: f32, total: f32) -> f32 {
    let x = score(item, pixel, channel);
    switch d.kind {
        case SIGMOID: {
            // The clamp in sigmoid would make a number of what is none.
            if is_nan(x) {
                return x;
            }
            return sigmoid(x);
        }
        case SOFTMAX: {
            return exp(x - peak) / total;
        }
        case STRETCHED: {
            return (x - ranges[2u * item]) / ranges[2u * item + 1u];
        }
        default: {
            return x;
        }
    }
}

fn winner_is_person(item: u32, pixel: u32) -> bool {
    if d.channels == 1u {
        let index = score(item, pixel, 0u);
        return is_finite(index) && index >= 0.0 && is_person(u32(index));
    }
    var best = 0u;
    var peak = score(item, pixel, 0u);
    for (var channel = 1u; channel < d.channels; channel++) {
        let x = score(item, pixel, channel);
        if x > peak {
            peak = x;
            best = channel;
        }
    }
    return is_person(best);
}

// [items, pixels]
@compute @workgroup_size(256)
fn decode(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= d.items * d.pixels {
        return;
    }
    let item = e / d.pixels;
    let pixel = e % d.pixels;
    if d.kind == ARGMAX {
        output[e] = result(select(0.0, 1.0, winner_is_person(item, pixel)));
        return;
    }
    var peak = 0.0;
    var total = 1.0;
    if d.kind == SOFTMAX {
        peak = score(item, pixel, 0u);
        for (var channel = 1u; channel < d.channels; channel++) {
            peak = max(peak, score(item, pixel, channel));
        }
        total = 0.0;
        for (var channel = 0u; channel < d.channels; channel++) {
            total += exp(score(item, pixel, channel) - peak);
        }
    }
    var probability = 0.0;
    if d.people == 0u {
        probability = 1.0 - weight(item, pixel, d.background, peak, total);
    }
    for (var i = 0u; i < d.people; i++) {
        probability += weight(item, pixel, u32(person[i]), peak, total);
    }
    output[e] = result(select(0.0, clamp(probability, 0.0, 1.0), is_finite(probability)));
}

struct Smoothing {
    items: u32,
    pixels: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> s: Smoothing;
@group(0) @binding(1) var<storage, read> decoded: array<f32>;
// How much the mask before counts in each; not above 0 where there is none before.
@group(0) @binding(2) var<storage, read> memory: array<f32>;

// [1 + items, pixels]: the last mask of all, for the next run, then each. One thread a pixel.
@compute @workgroup_size(256)
fn smooth_masks(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 256u + thread;
    if pixel >= s.pixels {
        return;
    }
    var before = f32(output[pixel]);
    for (var item = 0u; item < s.items; item++) {
        var p = decoded[item * s.pixels + pixel];
        if memory[item] > 0.0 {
            p = (1.0 - memory[item]) * p + memory[item] * before;
            p = select(0.0, min(p, 1.0), p > 0.0);
        }
        output[(1u + item) * s.pixels + pixel] = result(p);
        before = p;
    }
    output[pixel] = result(before);
}

struct MaskRows {
    items: u32,
    // Where the first mask begins.
    offset: u32,
    width: u32,
    pixels: u32,
    // Pixels of a row of the crop.
    columns: u32,
    // Rows of a mask that are read.
    rows: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> m: MaskRows;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read> mask_rows: array<i32>;
// For each pixel the first that it is made of; for each and one more where its weights begin.
@group(0) @binding(3) var<storage, read> row_spans: array<i32>;
@group(0) @binding(4) var<storage, read> row_weights: array<f32>;

// [items, rows, columns]
@compute @workgroup_size(256)
fn resample_mask_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= m.items * m.rows * m.columns {
        return;
    }
    let column = e % m.columns;
    let row = e / m.columns % m.rows;
    let item = e / (m.columns * m.rows);
    let begin = u32(row_spans[m.columns + column]);
    let end = u32(row_spans[m.columns + column + 1u]);
    var at = m.offset + item * m.pixels + u32(mask_rows[row]) * m.width + u32(row_spans[column]);
    var sum = 0.0;
    for (var i = begin; i < end; i++) {
        sum += mask[at] * row_weights[i];
        at++;
    }
    output[e] = result(sum);
}

struct MaskColumns {
    items: u32,
    columns: u32,
    // Rows of what lies between.
    rows: u32,
    height: u32,
    threshold: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> n: MaskColumns;
@group(0) @binding(1) var<storage, read> mask_between: array<f32>;
@group(0) @binding(2) var<storage, read> column_spans: array<i32>;
@group(0) @binding(3) var<storage, read> column_weights: array<f32>;

// [items, height, columns]: 1 where the person is
@compute @workgroup_size(256)
fn threshold_mask(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= n.items * n.height * n.columns {
        return;
    }
    let column = e % n.columns;
    let row = e / n.columns % n.height;
    let item = e / (n.columns * n.height);
    let begin = u32(column_spans[n.height + row]);
    let end = u32(column_spans[n.height + row + 1u]);
    var at = (item * n.rows + u32(column_spans[row])) * n.columns + column;
    var sum = 0.0;
    for (var i = begin; i < end; i++) {
        sum += column_weights[i] * mask_between[at];
        at += n.columns;
    }
    output[e] = result(select(0.0, 1.0, sum > n.threshold));
}

struct Growth {
    items: u32,
    width: u32,
    height: u32,
    // 32-bit words of a packed shape.
    words: u32,
}

@group(0) @binding(0) var<uniform> g: Growth;
@group(0) @binding(1) var<storage, read> shapes: array<i32>;

// [items, height, width]: the shape and its four neighbours
@compute @workgroup_size(256)
fn dilate(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= g.items * g.height * g.width {
        return;
    }
    let x = e % g.width;
    let y = e / g.width % g.height;
    var covered = shapes[e];
    if x > 0u {
        covered |= shapes[e - 1u];
    }
    if x + 1u < g.width {
        covered |= shapes[e + 1u];
    }
    if y > 0u {
        covered |= shapes[e - g.width];
    }
    if y + 1u < g.height {
        covered |= shapes[e + g.width];
    }
    output[e] = result(covered);
}

// [items, words]: a bit a pixel, the first in the lowest
@compute @workgroup_size(256)
fn pack(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= g.items * g.words {
        return;
    }
    let pixels = g.width * g.height;
    let first = e % g.words * 32u;
    let begin = e / g.words * pixels + first;
    var bits = 0u;
    for (var i = 0u; i < min(32u, pixels - first); i++) {
        bits |= u32(shapes[begin + i]) << i;
    }
    output[e] = result(bits);
}
