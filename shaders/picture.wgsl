// A frame's RGB8 to a model's picture: rows first, then columns, in the integers of the CPU's Resampler; then the value
// that the model is shown for each byte.
//
// Proved by engine/gpu/observer/tests.rs: pictures_are_the_cpus_to_the_bit.

struct Rows {
    // Pixels of a row of the frame.
    width: u32,
    // Pixels of a row of the picture that show the frame.
    columns: u32,
    // Rows of the frame that are read.
    rows: u32,
    // Fractional bits that are rounded away here; none where they are kept for the columns.
    shift: u32,
}

@group(0) @binding(0) var<uniform> r: Rows;
// Four bytes an element, the first in the lowest bits.
@group(0) @binding(1) var<storage, read> frame: array<u32>;
@group(0) @binding(2) var<storage, read> rows_read: array<i32>;
// For each pixel the first that it is made of; for each and one more where its weights begin; all weights.
@group(0) @binding(3) var<storage, read> row_taps: array<i32>;

fn byte(at: u32) -> i32 {
    return i32((frame[at / 4u] >> (8u * (at % 4u))) & 255u);
}

fn rounded(sums: vec3<i32>, shift: u32) -> vec3<i32> {
    if shift == 0u {
        return sums;
    }
    let nearest = (sums + vec3<i32>(1i << (shift - 1u))) >> vec3<u32>(shift);
    return clamp(nearest, vec3<i32>(0), vec3<i32>(255));
}

// [rows, columns, 3]
@compute @workgroup_size(256)
fn resample_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= r.columns * r.rows {
        return;
    }
    let column = e % r.columns;
    let first = u32(row_taps[column]);
    let begin = u32(row_taps[r.columns + column]);
    let end = u32(row_taps[r.columns + column + 1u]);
    let weights = 2u * r.columns + 1u;
    var at = 3u * (u32(rows_read[e / r.columns]) * r.width + first);
    var sums = vec3<i32>(0);
    for (var i = begin; i < end; i++) {
        sums += row_taps[weights + i] * vec3<i32>(byte(at), byte(at + 1u), byte(at + 2u));
        at += 3u;
    }
    let made = rounded(sums, r.shift);
    output[3u * e] = result(made.x);
    output[3u * e + 1u] = result(made.y);
    output[3u * e + 2u] = result(made.z);
}

struct Columns {
    // Size of what shows the frame, and where it begins in the picture.
    columns: u32,
    rows: u32,
    left: u32,
    top: u32,
    // Size of the picture.
    width: u32,
    height: u32,
    shift: u32,
    // Steps from channel to channel and from pixel to pixel.
    channel_stride: u32,
    pixel_stride: u32,
    // Which of red, green and blue each channel is.
    channel_0: u32,
    channel_1: u32,
    channel_2: u32,
    // What no pixel of the frame reaches.
    pad_red: u32,
    pad_green: u32,
    pad_blue: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> c: Columns;
@group(0) @binding(1) var<storage, read> between: array<i32>;
// As row_taps, for the rows that show the frame.
@group(0) @binding(2) var<storage, read> column_taps: array<i32>;
// The value of each byte in each channel of the model, [3, 256].
@group(0) @binding(3) var<storage, read> values: array<f32>;
// Which picture of the output this is.
@group(0) @binding(4) var<storage, read> picture: array<i32>;

@compute @workgroup_size(256)
fn resample_columns(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 256u + thread;
    if pixel >= c.width * c.height {
        return;
    }
    let x = pixel % c.width;
    let y = pixel / c.width;
    var rgb = array<u32, 3>(c.pad_red, c.pad_green, c.pad_blue);
    if x >= c.left && x < c.left + c.columns && y >= c.top && y < c.top + c.rows {
        let row = y - c.top;
        let begin = u32(column_taps[c.rows + row]);
        let end = u32(column_taps[c.rows + row + 1u]);
        let weights = 2u * c.rows + 1u;
        var at = 3u * (u32(column_taps[row]) * c.columns + x - c.left);
        var sums = vec3<i32>(0);
        for (var i = begin; i < end; i++) {
            sums += column_taps[weights + i] * vec3<i32>(between[at], between[at + 1u], between[at + 2u]);
            at += 3u * c.columns;
        }
        let made = vec3<u32>(rounded(sums, c.shift));
        rgb = array<u32, 3>(made.x, made.y, made.z);
    }
    let at = u32(picture[0]) * 3u * c.width * c.height + pixel * c.pixel_stride;
    output[at] = result(values[rgb[c.channel_0]]);
    output[at + c.channel_stride] = result(values[256u + rgb[c.channel_1]]);
    output[at + 2u * c.channel_stride] = result(values[512u + rgb[c.channel_2]]);
}
