// c[i, j] = sum_l a[i, l] b[l, j], for every batch.
//
// a, b and the output by strides: rows, columns, depth and batch are each at most two runs of elements. A workgroup
// makes a tile of 64 x 64 elements, 16 of the depth at a time; a thread 4 x 4 of them. Sums are f32. Proved by
// tests/gpu/kernels.rs: contractions_equal_the_cpu.

// Where the i-th of a role is: (i / inner) outer + (i % inner) step, in each of two tensors.
struct Contraction {
    rows: u32,
    columns: u32,
    depth: u32,
    batches: u32,
    rows_inner: u32,
    columns_inner: u32,
    depth_inner: u32,
    batches_inner: u32,
    a_offset: u32,
    b_offset: u32,
    a_row_outer: u32,
    a_row: u32,
    c_row_outer: u32,
    c_row: u32,
    b_column_outer: u32,
    b_column: u32,
    c_column_outer: u32,
    c_column: u32,
    a_depth_outer: u32,
    a_depth: u32,
    b_depth_outer: u32,
    b_depth: u32,
    a_batch_outer: u32,
    a_batch: u32,
    b_batch_outer: u32,
    b_batch: u32,
    c_batch_outer: u32,
    c_batch: u32,
}

@group(0) @binding(0) var<uniform> p: Contraction;
@group(0) @binding(1) var<storage, read> a: array<stored>;
@group(0) @binding(2) var<storage, read> b: array<stored>;

const TILE = 64u;
const DEPTH = 16u;

// [DEPTH][TILE]; single numbers, because threads that write parts of one vector race.
var<workgroup> tile_a: array<f32, 1024>;
var<workgroup> tile_b: array<f32, 1024>;

fn run(i: u32, inner: u32, outer: u32, step: u32) -> u32 {
    return (i / inner) * outer + (i % inner) * step;
}

@compute @workgroup_size(256)
fn contract(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column_0 = group.x * TILE;
    let row_0 = group.y * TILE;
    let a_0 = p.a_offset + run(group.z, p.batches_inner, p.a_batch_outer, p.a_batch);
    let b_0 = p.b_offset + run(group.z, p.batches_inner, p.b_batch_outer, p.b_batch);
    let c_0 = run(group.z, p.batches_inner, p.c_batch_outer, p.c_batch);
    let my_row = (thread / 16u) * 4u;
    let my_column = (thread % 16u) * 4u;
    var sums = array<vec4<f32>, 4>();
    for (var depth_0 = 0u; depth_0 < p.depth; depth_0 += DEPTH) {
        for (var slot = thread; slot < TILE * DEPTH; slot += 256u) {
            // Neighbouring threads read neighbouring elements, whichever axis these lie along.
            var i = slot % TILE;
            var l = slot / TILE;
            if p.a_depth == 1u {
                i = slot / DEPTH;
                l = slot % DEPTH;
            }
            var value = 0.0;
            if row_0 + i < p.rows && depth_0 + l < p.depth {
                value = f32(a[a_0 + run(row_0 + i, p.rows_inner, p.a_row_outer, p.a_row)
                    + run(depth_0 + l, p.depth_inner, p.a_depth_outer, p.a_depth)]);
            }
            tile_a[l * TILE + i] = value;
            i = slot % TILE;
            l = slot / TILE;
            if p.b_depth == 1u && p.b_column != 1u {
                i = slot / DEPTH;
                l = slot % DEPTH;
            }
            value = 0.0;
            if column_0 + i < p.columns && depth_0 + l < p.depth {
                value = f32(b[b_0 + run(column_0 + i, p.columns_inner, p.b_column_outer, p.b_column)
                    + run(depth_0 + l, p.depth_inner, p.b_depth_outer, p.b_depth)]);
            }
            tile_b[l * TILE + i] = value;
        }
        workgroupBarrier();
        for (var l = 0u; l < DEPTH; l++) {
            let x_0 = l * TILE + my_row;
            let x = vec4(tile_a[x_0], tile_a[x_0 + 1u], tile_a[x_0 + 2u], tile_a[x_0 + 3u]);
            let y_0 = l * TILE + my_column;
            let y = vec4(tile_b[y_0], tile_b[y_0 + 1u], tile_b[y_0 + 2u], tile_b[y_0 + 3u]);
            sums[0] += x.x * y;
            sums[1] += x.y * y;
            sums[2] += x.z * y;
            sums[3] += x.w * y;
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) {
        let row = row_0 + my_row + r;
        if row >= p.rows {
            break;
        }
        let c_r = c_0 + run(row, p.rows_inner, p.c_row_outer, p.c_row);
        for (var s = 0u; s < 4u; s++) {
            let column = column_0 + my_column + s;
            if column < p.columns {
                finish(sums[r][s], c_r + run(column, p.columns_inner, p.c_column_outer, p.c_column));
            }
        }
    }
}
