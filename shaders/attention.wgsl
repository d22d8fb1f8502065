// y[q, w] = sum_k softmax_k(scale sum_d Q[q, d] K[k, d] + mask[q, k]) V[k, w], for every batch.
//
// Q, K, V, the mask and y by strides. A workgroup makes 16 queries and goes over the keys 16 at a time, keeping the
// largest score and the sum so far, so that the scores are never written. Four threads share a query: each makes 4
// scores of a block and a quarter of the width. Depth and width are at most 64. Proved by tests/gpu/kernels.rs:
// attentions_equal_the_cpu.

struct Attention {
    batches: u32,
    batches_inner: u32,
    queries: u32,
    keys: u32,
    depth: u32,
    width: u32,
    scale: f32,
    masked: u32,
    q_offset: u32,
    q_batch_outer: u32,
    q_batch: u32,
    q_row: u32,
    q_depth: u32,
    k_offset: u32,
    k_batch_outer: u32,
    k_batch: u32,
    k_row: u32,
    k_depth: u32,
    v_offset: u32,
    v_batch_outer: u32,
    v_batch: u32,
    v_row: u32,
    v_width: u32,
    mask_offset: u32,
    mask_batch_outer: u32,
    mask_batch: u32,
    mask_row: u32,
    mask_column: u32,
    y_batch_outer: u32,
    y_batch: u32,
    y_row: u32,
    y_width: u32,
}

@group(0) @binding(0) var<uniform> p: Attention;
@group(0) @binding(1) var<storage, read> queries: array<stored>;
@group(0) @binding(2) var<storage, read> keys: array<stored>;
@group(0) @binding(3) var<storage, read> values: array<stored>;
@group(0) @binding(4) var<storage, read> mask: array<stored>;

const BLOCK = 16u;
const MOST = 64u;
const LANES = 4u;

var<workgroup> query_block: array<f32, 1024>;
var<workgroup> key_block: array<f32, 1024>;
var<workgroup> value_block: array<f32, 1024>;
var<workgroup> scores: array<f32, 256>;

fn begin(batch: u32, offset: u32, outer: u32, step: u32) -> u32 {
    return offset + (batch / p.batches_inner) * outer + (batch % p.batches_inner) * step;
}

@compute @workgroup_size(64)
fn attend(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let query_0 = group.x * BLOCK;
    let batch = group.y;
    let q_0 = begin(batch, p.q_offset, p.q_batch_outer, p.q_batch);
    let k_0 = begin(batch, p.k_offset, p.k_batch_outer, p.k_batch);
    let v_0 = begin(batch, p.v_offset, p.v_batch_outer, p.v_batch);
    let mask_0 = begin(batch, p.mask_offset, p.mask_batch_outer, p.mask_batch);
    let y_0 = begin(batch, 0u, p.y_batch_outer, p.y_batch);
    let row = thread / LANES;
    let lane = thread % LANES;
    for (var slot = thread; slot < BLOCK * MOST; slot += 64u) {
        let query = query_0 + slot / MOST;
        let d = slot % MOST;
        var value = 0.0;
        if query < p.queries && d < p.depth {
            value = f32(queries[q_0 + query * p.q_row + d * p.q_depth]);
        }
        query_block[slot] = value * p.scale;
    }
    // -inf is undefined in WGSL.
    var largest = -3.4028235e38;
    var sum = 0.0;
    var made = array<f32, 16>();
    for (var key_0 = 0u; key_0 < p.keys; key_0 += BLOCK) {
        workgroupBarrier();
        for (var slot = thread; slot < BLOCK * MOST; slot += 64u) {
            let key = key_0 + slot / MOST;
            let d = slot % MOST;
            var k = 0.0;
            var v = 0.0;
            if key < p.keys {
                if d < p.depth {
                    k = f32(keys[k_0 + key * p.k_row + d * p.k_depth]);
                }
                if d < p.width {
                    v = f32(values[v_0 + key * p.v_row + d * p.v_width]);
                }
            }
            key_block[slot] = k;
            value_block[slot] = v;
        }
        workgroupBarrier();
        for (var c = 0u; c < BLOCK / LANES; c++) {
            let column = lane + c * LANES;
            var score = 0.0;
            for (var d = 0u; d < p.depth; d++) {
                score += query_block[row * MOST + d] * key_block[column * MOST + d];
            }
            if p.masked == 1u && query_0 + row < p.queries && key_0 + column < p.keys {
                score += f32(mask[mask_0 + (query_0 + row) * p.mask_row + (key_0 + column) * p.mask_column]);
            }
            scores[row * BLOCK + column] = score;
        }
        workgroupBarrier();
        let block = min(BLOCK, p.keys - key_0);
        var most = largest;
        for (var j = 0u; j < block; j++) {
            most = max(most, scores[row * BLOCK + j]);
        }
        let kept = exp(largest - most);
        largest = most;
        sum *= kept;
        for (var i = 0u; i < MOST / LANES; i++) {
            made[i] *= kept;
        }
        for (var j = 0u; j < block; j++) {
            let weight = exp(scores[row * BLOCK + j] - most);
            sum += weight;
            for (var i = 0u; i < MOST / LANES; i++) {
                made[i] += weight * value_block[j * MOST + lane + i * LANES];
            }
        }
    }
    let query = query_0 + row;
    if query >= p.queries {
        return;
    }
    for (var i = 0u; i < MOST / LANES; i++) {
        let w = lane + i * LANES;
        if w < p.width {
            finish(made[i] / sum, y_0 + query * p.y_row + w * p.y_width);
        }
    }
}
