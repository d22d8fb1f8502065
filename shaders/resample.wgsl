// y[a, j, b] = sum_t w[j, t] x[a, i[j, t], b]: one axis of a resize, whatever its interpolation and its coordinates.
//
// x [outer, size, inner] in order; taps [out_size, window] as (place, weight) pairs of bits. One thread an element.
// Proved by tests/gpu/kernels.rs: resamplings_equal_the_cpu.

struct Resample {
    outer: u32,
    size: u32,
    out_size: u32,
    inner: u32,
    window: u32,
    offset: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> p: Resample;
@group(0) @binding(1) var<storage, read> x: array<stored>;
@group(0) @binding(2) var<storage, read> taps: array<u32>;

@compute @workgroup_size(256)
fn resample(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let o = (group.y * groups.x + group.x) * 256u + thread;
    if o >= p.outer * p.out_size * p.inner {
        return;
    }
    let b = o % p.inner;
    let j = (o / p.inner) % p.out_size;
    let a = o / (p.inner * p.out_size);
    var sum = 0.0;
    for (var t = 0u; t < p.window; t++) {
        let tap = 2u * (j * p.window + t);
        sum += bitcast<f32>(taps[tap + 1u]) * f32(x[p.offset + (a * p.size + taps[tap]) * p.inner + b]);
    }
    finish(sum, o);
}
