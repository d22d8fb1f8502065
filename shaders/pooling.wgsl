// y[n, c, v, u] = the sum, mean or largest of x[n, c, v S + j D - P, u S + i D - P] over j, i.
//
// x and y by strides. One thread an element. Proved by tests/gpu/kernels.rs: poolings_equal_the_cpu.

struct Pooling {
    batch: u32,
    channels: u32,
    height: u32,
    width: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride_y: u32,
    stride_x: u32,
    dilation_y: u32,
    dilation_x: u32,
    pad_top: u32,
    pad_left: u32,
    // What a mean divides by beyond the edge: 1 counts what is padded, up to the bottom and right of the padded
    // picture.
    counts_padding: u32,
    kind: u32,
    padded_height: u32,
    padded_width: u32,
    x_offset: u32,
    x_batch: u32,
    x_channel: u32,
    x_row: u32,
    x_column: u32,
    y_batch: u32,
    y_channel: u32,
    y_row: u32,
    y_column: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> p: Pooling;
@group(0) @binding(1) var<storage, read> x: array<stored>;

const SUM = 0u;
const MEAN = 1u;
const LARGEST = 2u;

@compute @workgroup_size(256)
fn pool(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= p.batch * p.channels * p.out_height * p.out_width {
        return;
    }
    let u = e % p.out_width;
    var rest = e / p.out_width;
    let v = rest % p.out_height;
    rest /= p.out_height;
    let c = rest % p.channels;
    let n = rest / p.channels;
    let x_0 = p.x_offset + n * p.x_batch + c * p.x_channel;
    var sum = 0.0;
    // -inf is undefined in WGSL.
    var largest = -3.4028235e38;
    var count = 0u;
    for (var j = 0u; j < p.kernel_height; j++) {
        let row = v * p.stride_y + j * p.dilation_y;
        for (var i = 0u; i < p.kernel_width; i++) {
            let column = u * p.stride_x + i * p.dilation_x;
            if row < p.pad_top || column < p.pad_left || row - p.pad_top >= p.height || column - p.pad_left >= p.width {
                count += select(0u, p.counts_padding, row < p.padded_height && column < p.padded_width);
                continue;
            }
            let value = f32(x[x_0 + (row - p.pad_top) * p.x_row + (column - p.pad_left) * p.x_column]);
            sum += value;
            largest = max(largest, value);
            count += 1u;
        }
    }
    var made = sum;
    if p.kind == MEAN {
        made = sum / f32(max(count, 1u));
    } else if p.kind == LARGEST {
        made = largest;
    }
    finish(made, n * p.y_batch + c * p.y_channel + v * p.y_row + u * p.y_column);
}
