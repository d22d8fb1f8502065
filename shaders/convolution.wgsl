// y[n, o, v, u] = sum_{c, j, i} k[o, c, j, i] x[n, g(o) C + c, v S + j D - P, u S + i D - P], 0 outside x; g(o) the
// group of o.
//
// x, k and y by strides, so any order of axes. `convolve` is a matrix product of the kernel and the patches, which are
// never written out: a workgroup makes 64 channels x 64 pixels, 16 of the depth at a time. `convolve_depthwise` makes
// one element a thread, for groups with few channels. Proved by tests/gpu/kernels.rs: convolutions_equal_the_cpu.

struct Convolution {
    batch: u32,
    groups: u32,
    // Of one group.
    channels: u32,
    filters: u32,
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
    x_offset: u32,
    x_batch: u32,
    x_channel: u32,
    x_row: u32,
    x_column: u32,
    k_offset: u32,
    k_filter: u32,
    k_channel: u32,
    k_row: u32,
    k_column: u32,
    y_batch: u32,
    y_channel: u32,
    y_row: u32,
    y_column: u32,
    // From one group's kernels to the next one's.
    k_group: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> p: Convolution;
@group(0) @binding(1) var<storage, read> x: array<stored>;
@group(0) @binding(2) var<storage, read> k: array<stored>;

const TILE = 64u;
const DEPTH = 16u;
var<workgroup> tile_k: array<f32, 1024>;
var<workgroup> tile_x: array<f32, 1024>;

// An element of x, of channels that begin at `begin`; rows and columns beyond the edge are 0.
fn input(begin: u32, channel: u32, row: i32, column: i32) -> f32 {
    if row < 0 || column < 0 || row >= i32(p.height) || column >= i32(p.width) {
        return 0.0;
    }
    return f32(x[begin + channel * p.x_channel + u32(row) * p.x_row + u32(column) * p.x_column]);
}

@compute @workgroup_size(256)
fn convolve(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let pixel_0 = group.x * TILE;
    let filter_0 = group.y * TILE;
    let n = group.z / p.groups;
    let g = group.z % p.groups;
    let pixels = p.out_height * p.out_width;
    let area = p.kernel_height * p.kernel_width;
    let depth = p.channels * area;
    let x_0 = p.x_offset + n * p.x_batch + g * p.channels * p.x_channel;
    let k_0 = p.k_offset + g * p.k_group;
    let my_filter = (thread / 16u) * 4u;
    let my_pixel = (thread % 16u) * 4u;
    var sums = array<vec4<f32>, 4>();
    for (var depth_0 = 0u; depth_0 < depth; depth_0 += DEPTH) {
        for (var slot = thread; slot < TILE * DEPTH; slot += 256u) {
            var l = depth_0 + slot % DEPTH;
            let f = slot / DEPTH;
            var value = 0.0;
            if filter_0 + f < p.filters && l < depth {
                let tap = l % area;
                value = f32(k[k_0 + (filter_0 + f) * p.k_filter + (l / area) * p.k_channel
                    + (tap / p.kernel_width) * p.k_row + (tap % p.kernel_width) * p.k_column]);
            }
            tile_k[(slot % DEPTH) * TILE + f] = value;
            l = depth_0 + slot / TILE;
            let i = slot % TILE;
            value = 0.0;
            if pixel_0 + i < pixels && l < depth {
                let tap = l % area;
                let row = ((pixel_0 + i) / p.out_width) * p.stride_y + (tap / p.kernel_width) * p.dilation_y;
                let column = ((pixel_0 + i) % p.out_width) * p.stride_x + (tap % p.kernel_width) * p.dilation_x;
                value = input(x_0, l / area, i32(row) - i32(p.pad_top), i32(column) - i32(p.pad_left));
            }
            tile_x[(slot / TILE) * TILE + i] = value;
        }
        workgroupBarrier();
        for (var l = 0u; l < DEPTH; l++) {
            let a_0 = l * TILE + my_filter;
            let a = vec4(tile_k[a_0], tile_k[a_0 + 1u], tile_k[a_0 + 2u], tile_k[a_0 + 3u]);
            let b_0 = l * TILE + my_pixel;
            let b = vec4(tile_x[b_0], tile_x[b_0 + 1u], tile_x[b_0 + 2u], tile_x[b_0 + 3u]);
            sums[0] += a.x * b;
            sums[1] += a.y * b;
            sums[2] += a.z * b;
            sums[3] += a.w * b;
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) {
        let filter_r = filter_0 + my_filter + r;
        if filter_r >= p.filters {
            break;
        }
        let y_0 = n * p.y_batch + (g * p.filters + filter_r) * p.y_channel;
        for (var s = 0u; s < 4u; s++) {
            let pixel = pixel_0 + my_pixel + s;
            if pixel < pixels {
                finish(sums[r][s], y_0 + (pixel / p.out_width) * p.y_row + (pixel % p.out_width) * p.y_column);
            }
        }
    }
}

@compute @workgroup_size(256)
fn convolve_depthwise(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    // Ordered as x is, so that neighbouring threads read neighbouring elements.
    let e = (group.y * groups.x + group.x) * 256u + thread;
    let filters = p.groups * p.filters;
    if e >= p.batch * filters * p.out_height * p.out_width {
        return;
    }
    var o: u32;
    var u: u32;
    var v: u32;
    var rest: u32;
    if p.x_channel == 1u {
        o = e % filters;
        rest = e / filters;
        u = rest % p.out_width;
        rest /= p.out_width;
        v = rest % p.out_height;
        rest /= p.out_height;
    } else {
        u = e % p.out_width;
        rest = e / p.out_width;
        v = rest % p.out_height;
        rest /= p.out_height;
        o = rest % filters;
        rest /= filters;
    }
    let x_0 = p.x_offset + rest * p.x_batch + (o / p.filters) * p.channels * p.x_channel;
    let k_0 = p.k_offset + (o / p.filters) * p.k_group + (o % p.filters) * p.k_filter;
    var sum = 0.0;
    for (var c = 0u; c < p.channels; c++) {
        for (var j = 0u; j < p.kernel_height; j++) {
            let row = i32(v * p.stride_y + j * p.dilation_y) - i32(p.pad_top);
            for (var i = 0u; i < p.kernel_width; i++) {
                let column = i32(u * p.stride_x + i * p.dilation_x) - i32(p.pad_left);
                sum += input(x_0, c, row, column) * f32(k[k_0 + c * p.k_channel + j * p.k_row + i * p.k_column]);
            }
        }
    }
    finish(sum, rest * p.y_batch + o * p.y_channel + v * p.y_row + u * p.y_column);
}

// The transpose: y[n, o, v, u] = sum_{c, j, i} k[o, c, j, i] x[n, c, (v + P - j D) / S, (u + P - i D) / S] where S
// divides. One element a thread.
@compute @workgroup_size(256)
fn convolve_transposed(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    let filters = p.groups * p.filters;
    if e >= p.batch * filters * p.out_height * p.out_width {
        return;
    }
    let u = e % p.out_width;
    var rest = e / p.out_width;
    let v = rest % p.out_height;
    rest /= p.out_height;
    let o = rest % filters;
    rest /= filters;
    let g = o / p.filters;
    let x_0 = p.x_offset + rest * p.x_batch + g * p.channels * p.x_channel;
    let k_0 = p.k_offset + g * p.k_group + (o % p.filters) * p.k_filter;
    var sum = 0.0;
    for (var j = 0u; j < p.kernel_height; j++) {
        let row = i32(v + p.pad_top) - i32(j * p.dilation_y);
        if row < 0 || u32(row) % p.stride_y != 0u {
            continue;
        }
        for (var i = 0u; i < p.kernel_width; i++) {
            let column = i32(u + p.pad_left) - i32(i * p.dilation_x);
            if column < 0 || u32(column) % p.stride_x != 0u {
                continue;
            }
            for (var c = 0u; c < p.channels; c++) {
                sum += input(x_0, c, i32(u32(row) / p.stride_y), i32(u32(column) / p.stride_x))
                    * f32(k[k_0 + c * p.k_channel + j * p.k_row + i * p.k_column]);
            }
        }
    }
    finish(sum, rest * p.y_batch + o * p.y_channel + v * p.y_row + u * p.y_column);
}
