// y[o] = chain(operands).
//
// One thread an element. Proved by tests/gpu/kernels.rs: chains_read_and_write_by_strides.

@compute @workgroup_size(256)
fn element_wise(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let o = (group.y * groups.x + group.x) * 256u + thread;
    if o < tail.count {
        finish(0.0, o);
    }
}
