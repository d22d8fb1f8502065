// The frames of a clip to log-probabilities: fused, scaled to length 1, compared with the label bank, log-softmax.
//
// As zeroshot does it, but for sums of 32 bits. Proved by engine/gpu/observer/tests.rs: log_probabilities_are_the_cpus.

struct Fusing {
    frames: u32,
    dimension: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> f: Fusing;
// [slots, 3 views, dimension]
@group(0) @binding(1) var<storage, read> slots: array<f32>;
@group(0) @binding(2) var<storage, read> order: array<i32>;

// [3 views, dimension]: the mean over the frames
@compute @workgroup_size(256)
fn mean_of_frames(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let e = group.x * 256u + thread;
    let numbers = 3u * f.dimension;
    if e >= numbers {
        return;
    }
    var mean = 0.0;
    for (var frame = 0u; frame < f.frames; frame++) {
        // Divided first, so that no finite frames overflow.
        mean += slots[u32(order[frame]) * numbers + e] / f32(f.frames);
    }
    output[e] = result(mean);
}

// [3 views, frames, dimension]: what the temporal transformer reads
@compute @workgroup_size(256)
fn frames_in_a_row(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let e = group.x * 256u + thread;
    if e >= 3u * f.frames * f.dimension {
        return;
    }
    let frame = e / f.dimension % f.frames;
    let view = e / (f.dimension * f.frames);
    output[e] = result(slots[(u32(order[frame]) * 3u + view) * f.dimension + e % f.dimension]);
}

struct Scaling {
    dimension: u32,
    offset: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> u: Scaling;
@group(0) @binding(1) var<storage, read> clip: array<element>;

var<workgroup> partial: array<f32, 256>;

// [3 views, dimension + 1]: the direction of each, and 1 where it has one; one workgroup a view
@compute @workgroup_size(256)
fn unit(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let begin = u.offset + group.x * u.dimension;
    var largest = 0.0;
    var broken = 0.0;
    for (var i = thread; i < u.dimension; i += 256u) {
        let value = f32(clip[begin + i]);
        largest = max(largest, abs(value));
        if (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u {
            broken = 1.0;
        }
    }
    let peak = largest_of_all(largest, thread);
    let bad = largest_of_all(broken, thread) > 0.0 || peak == 0.0;
    // Numbers are divided by the largest first, so that no square overflows or vanishes.
    let scale = select(1.0, peak, peak > 0.0);
    var squares = 0.0;
    for (var i = thread; i < u.dimension; i += 256u) {
        let value = f32(clip[begin + i]) / scale;
        squares += value * value;
    }
    let norm = sqrt(sum_of_all(squares, thread));
    let place = group.x * (u.dimension + 1u);
    for (var i = thread; i < u.dimension; i += 256u) {
        output[place + i] = result(f32(clip[begin + i]) / scale / norm);
    }
    if thread == 0u {
        output[place + u.dimension] = result(select(1.0, 0.0, bad));
    }
}

fn largest_of_all(value: f32, thread: u32) -> f32 {
    partial[thread] = value;
    workgroupBarrier();
    for (var step = 128u; step > 0u; step /= 2u) {
        if thread < step {
            partial[thread] = max(partial[thread], partial[thread + step]);
        }
        workgroupBarrier();
    }
    let all = partial[0];
    workgroupBarrier();
    return all;
}

fn sum_of_all(value: f32, thread: u32) -> f32 {
    partial[thread] = value;
    workgroupBarrier();
    for (var step = 128u; step > 0u; step /= 2u) {
        if thread < step {
            partial[thread] += partial[thread + step];
        }
        workgroupBarrier();
    }
    let all = partial[0];
    workgroupBarrier();
    return all;
}

struct Comparing {
    // Rows of the bank: classes, as often as softmaxes are averaged.
    rows: u32,
    dimension: u32,
    // exp(logit_scale)
    scale: f32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> q: Comparing;
@group(0) @binding(1) var<storage, read> units: array<f32>;
@group(0) @binding(2) var<storage, read> bank: array<f32>;

// [3 views, rows]
@compute @workgroup_size(256)
fn similarity(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= 3u * q.rows {
        return;
    }
    let a = e / q.rows * (q.dimension + 1u);
    let b = e % q.rows * q.dimension;
    var sum = 0.0;
    for (var i = 0u; i < q.dimension; i++) {
        sum += units[a + i] * bank[b + i];
    }
    output[e] = result(q.scale * sum);
}

struct Averaging {
    classes: u32,
    softmaxes: u32,
    dimension: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> p: Averaging;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> directions: array<f32>;

// [3 views, classes + 1]: ln p, and 1 where the clip has a direction; one workgroup a view
@compute @workgroup_size(256)
fn log_probabilities(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let place = group.x * (p.classes + 1u);
    for (var softmax = 0u; softmax < p.softmaxes; softmax++) {
        let begin = (group.x * p.softmaxes + softmax) * p.classes;
        var highest = logits[begin];
        for (var label = thread; label < p.classes; label += 256u) {
            highest = max(highest, logits[begin + label]);
        }
        let peak = largest_of_all(highest, thread);
        var total = 0.0;
        for (var label = thread; label < p.classes; label += 256u) {
            total += exp(logits[begin + label] - peak);
        }
        let rest = log(sum_of_all(total, thread));
        for (var label = thread; label < p.classes; label += 256u) {
            let log_p = logits[begin + label] - peak - rest;
            if softmax == 0u {
                output[place + label] = result(log_p);
            } else {
                output[place + label] = result(log_of_sum(f32(output[place + label]), log_p));
            }
        }
    }
    for (var label = thread; label < p.classes; label += 256u) {
        output[place + label] = result(f32(output[place + label]) - log(f32(p.softmaxes)));
    }
    if thread == 0u {
        output[place + p.classes] = result(directions[group.x * (p.dimension + 1u) + p.dimension]);
    }
}


// ln(exp(a) + exp(b))
fn log_of_sum(a: f32, b: f32) -> f32 {
    let high = max(a, b);
    return high + log(1.0 + exp(min(a, b) - high));
}
