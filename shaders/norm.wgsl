// y[r, i] = (x[r, i] - m_r) / sqrt(mean_i (x[r, i] - m_r)^2 + epsilon) scale[i] + shift[i], m_r the row's mean, or 0
// for an RMS norm.
//
// x [rows, size] in order. A workgroup a row. Two passes over the row, because the mean of squares less the square of
// the mean cancels. Proved by tests/gpu/kernels.rs: norms_equal_the_cpu.

struct Norm {
    rows: u32,
    size: u32,
    offset: u32,
    centred: u32,
    epsilon: f32,
    scaled: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> p: Norm;
@group(0) @binding(1) var<storage, read> x: array<stored>;
@group(0) @binding(2) var<storage, read> scale: array<stored>;
@group(0) @binding(3) var<storage, read> shift: array<stored>;

const THREADS = 128u;
var<workgroup> partial: array<f32, 128>;

fn total(value: f32, thread: u32) -> f32 {
    partial[thread] = value;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] += partial[thread + half];
        }
        workgroupBarrier();
    }
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(128)
fn norm(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = group.y * groups.x + group.x;
    if row >= p.rows {
        return;
    }
    let begin = p.offset + row * p.size;
    var mean = 0.0;
    if p.centred == 1u {
        var sum = 0.0;
        for (var i = thread; i < p.size; i += THREADS) {
            sum += f32(x[begin + i]);
        }
        mean = total(sum, thread) / f32(p.size);
    }
    var squares = 0.0;
    for (var i = thread; i < p.size; i += THREADS) {
        let off = f32(x[begin + i]) - mean;
        squares += off * off;
    }
    let factor = inverseSqrt(total(squares, thread) / f32(p.size) + p.epsilon);
    for (var i = thread; i < p.size; i += THREADS) {
        var value = (f32(x[begin + i]) - mean) * factor;
        if p.scaled == 1u {
            value = value * f32(scale[i]) + f32(shift[i]);
        }
        finish(value, row * p.size + i);
    }
}
