// y[a, j, b] = x[a, i[j], b], or x[a, i[a, j], b]; a negative place counts from the end.
//
// x [outer, size, inner] in order; places [count], or [outer, count] by places_step. One thread an element. Proved by
// tests/gpu/kernels.rs: gathers_equal_the_cpu.

struct Gather {
    outer: u32,
    size: u32,
    count: u32,
    inner: u32,
    x_offset: u32,
    places_offset: u32,
    places_step: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> p: Gather;
@group(0) @binding(1) var<storage, read> x: array<stored>;
@group(0) @binding(2) var<storage, read> places: array<i32>;

@compute @workgroup_size(256)
fn gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let o = (group.y * groups.x + group.x) * 256u + thread;
    if o >= p.outer * p.count * p.inner {
        return;
    }
    let b = o % p.inner;
    let j = (o / p.inner) % p.count;
    let a = o / (p.inner * p.count);
    var at = places[p.places_offset + a * p.places_step + j];
    if at < 0 {
        at += i32(p.size);
    }
    // What lies outside is no place of x: it must not read another row.
    let row = min(u32(max(at, 0)), p.size - 1u);
    finish(f32(x[p.x_offset + (a * p.size + row) * p.inner + b]), o);
}
