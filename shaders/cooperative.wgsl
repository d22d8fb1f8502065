// c[i, j] = sum_l a[i, l] b[l, j], for every batch, by the small matrix products that an adapter has as one operation.
//
// As contraction.wgsl, but a subgroup multiplies blocks of SIDE x SIDE; in front of this file stand SIDE, the matrices
// Left, Right and Sum, and LANES, as many threads as the adapter's largest subgroup has. A workgroup is one subgroup
// and makes a tile of 64 x 64 elements, 32 of the depth at a time; were it several smaller ones, each would make the
// same tile. No subgroup operation stands here, because a driver has crashed on modules with both. Sums are f32. Proved
// by tests/gpu/kernels.rs: cooperative_contractions_equal_the_cpu.

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
const DEPTH = 32u;
const BLOCKS = TILE / SIDE;

// [TILE][DEPTH]
var<workgroup> tile_a: array<stored, 2048>;
// [DEPTH][TILE]
var<workgroup> tile_b: array<stored, 2048>;
// [TILE][TILE]
var<workgroup> made: array<f32, 4096>;

fn run(i: u32, inner: u32, outer: u32, step: u32) -> u32 {
    return (i / inner) * outer + (i % inner) * step;
}

@compute @workgroup_size(LANES)
fn contract_cooperatively(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column_0 = group.x * TILE;
    let row_0 = group.y * TILE;
    let a_0 = p.a_offset + run(group.z, p.batches_inner, p.a_batch_outer, p.a_batch);
    let b_0 = p.b_offset + run(group.z, p.batches_inner, p.b_batch_outer, p.b_batch);
    let c_0 = run(group.z, p.batches_inner, p.c_batch_outer, p.c_batch);
    var sums: array<Sum, BLOCKS * BLOCKS>;
    for (var depth_0 = 0u; depth_0 < p.depth; depth_0 += DEPTH) {
        for (var slot = thread; slot < TILE * DEPTH; slot += LANES) {
            // Neighbouring threads read neighbouring elements, whichever axis these lie along.
            var i = slot % TILE;
            var l = slot / TILE;
            if p.a_depth == 1u {
                i = slot / DEPTH;
                l = slot % DEPTH;
            }
            var value = stored(0.0);
            if row_0 + i < p.rows && depth_0 + l < p.depth {
                value = a[a_0 + run(row_0 + i, p.rows_inner, p.a_row_outer, p.a_row)
                    + run(depth_0 + l, p.depth_inner, p.a_depth_outer, p.a_depth)];
            }
            tile_a[i * DEPTH + l] = value;
            i = slot % TILE;
            l = slot / TILE;
            if p.b_depth == 1u && p.b_column != 1u {
                i = slot / DEPTH;
                l = slot % DEPTH;
            }
            value = stored(0.0);
            if column_0 + i < p.columns && depth_0 + l < p.depth {
                value = b[b_0 + run(column_0 + i, p.columns_inner, p.b_column_outer, p.b_column)
                    + run(depth_0 + l, p.depth_inner, p.b_depth_outer, p.b_depth)];
            }
            tile_b[l * TILE + i] = value;
        }
        workgroupBarrier();
        for (var l = 0u; l < DEPTH; l += SIDE) {
            var right: array<Right, BLOCKS>;
            for (var j = 0u; j < BLOCKS; j++) {
                right[j] = coopLoadT<Right>(&tile_b[l * TILE + j * SIDE], TILE);
            }
            for (var i = 0u; i < BLOCKS; i++) {
                let left = coopLoadT<Left>(&tile_a[i * SIDE * DEPTH + l], DEPTH);
                for (var j = 0u; j < BLOCKS; j++) {
                    sums[i * BLOCKS + j] = coopMultiplyAdd(left, right[j], sums[i * BLOCKS + j]);
                }
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < BLOCKS; i++) {
        for (var j = 0u; j < BLOCKS; j++) {
            coopStoreT(sums[i * BLOCKS + j], &made[(i * TILE + j) * SIDE], TILE);
        }
    }
    workgroupBarrier();
    for (var e = thread; e < TILE * TILE; e += LANES) {
        let row = row_0 + e / TILE;
        let column = column_0 + e % TILE;
        if row < p.rows && column < p.columns {
            finish(made[e], c_0 + run(row, p.rows_inner, p.c_row_outer, p.c_row)
                + run(column, p.columns_inner, p.c_column_outer, p.c_column));
        }
    }
}
