// y[r, i] = exp(x[r, i] - max_r) / sum_i exp(x[r, i] - max_r), or its logarithm.
//
// x [rows, size] in order. A workgroup a row. Proved by tests/gpu/kernels.rs: softmaxes_equal_the_cpu.

struct Softmax {
    rows: u32,
    size: u32,
    offset: u32,
    logarithm: u32,
}

@group(0) @binding(0) var<uniform> p: Softmax;
@group(0) @binding(1) var<storage, read> x: array<stored>;

const THREADS = 128u;
var<workgroup> partial: array<f32, 128>;

@compute @workgroup_size(128)
fn softmax(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = group.y * groups.x + group.x;
    if row >= p.rows {
        return;
    }
    let begin = p.offset + row * p.size;
    // -inf is undefined in WGSL.
    var largest = -3.4028235e38;
    for (var i = thread; i < p.size; i += THREADS) {
        largest = max(largest, f32(x[begin + i]));
    }
    partial[thread] = largest;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] = max(partial[thread], partial[thread + half]);
        }
        workgroupBarrier();
    }
    largest = partial[0];
    workgroupBarrier();
    var sum = 0.0;
    for (var i = thread; i < p.size; i += THREADS) {
        sum += exp(f32(x[begin + i]) - largest);
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] += partial[thread + half];
        }
        workgroupBarrier();
    }
    sum = partial[0];
    for (var i = thread; i < p.size; i += THREADS) {
        let off = f32(x[begin + i]) - largest;
        if p.logarithm == 1u {
            finish(off - log(sum), row * p.size + i);
        } else {
            finish(exp(off) / sum, row * p.size + i);
        }
    }
}
