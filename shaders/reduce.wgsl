// y[r] = the sum, product, largest, smallest, mean square, or the place of the largest or smallest, of x[r, i] over i.
//
// x [rows, size] in order. A workgroup a row. Proved by tests/gpu/kernels.rs: reductions_equal_the_cpu.

struct Reduce {
    rows: u32,
    size: u32,
    offset: u32,
    kind: u32,
}

@group(0) @binding(0) var<uniform> p: Reduce;
@group(0) @binding(1) var<storage, read> x: array<element>;

const SUM = 0u;
const PRODUCT = 1u;
const LARGEST = 2u;
const SMALLEST = 3u;
const MEAN_SQUARE = 4u;
const FIRST_LARGEST = 5u;
const LAST_LARGEST = 6u;
const FIRST_SMALLEST = 7u;
const LAST_SMALLEST = 8u;

const THREADS = 64u;
var<workgroup> values: array<f32, 64>;
var<workgroup> places: array<u32, 64>;
const NOWHERE = 0xffffffffu;

// Whether an element is to be kept instead of the best so far.
fn takes(kind: u32, value: f32, at: u32, best: f32, best_at: u32) -> bool {
    if at == NOWHERE {
        return false;
    }
    if best_at == NOWHERE {
        return true;
    }
    let last = kind == LAST_LARGEST || kind == LAST_SMALLEST;
    if value == best {
        return (at > best_at) == last;
    }
    let large = kind == LARGEST || kind == FIRST_LARGEST || kind == LAST_LARGEST;
    return (value > best) == large;
}

@compute @workgroup_size(64)
fn reduce(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = group.y * groups.x + group.x;
    if row >= p.rows {
        return;
    }
    let begin = p.offset + row * p.size;
    let adds = p.kind == SUM || p.kind == MEAN_SQUARE;
    let multiplies = p.kind == PRODUCT;
    var value = select(0.0, 1.0, multiplies);
    var at = NOWHERE;
    for (var i = thread; i < p.size; i += THREADS) {
        let element = f32(x[begin + i]);
        if adds {
            value += select(element, element * element, p.kind == MEAN_SQUARE);
        } else if multiplies {
            value *= element;
        } else if takes(p.kind, element, i, value, at) {
            value = element;
            at = i;
        }
    }
    values[thread] = value;
    places[thread] = at;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            let other = values[thread + half];
            let other_at = places[thread + half];
            if adds {
                values[thread] += other;
            } else if multiplies {
                values[thread] *= other;
            } else if takes(p.kind, other, other_at, values[thread], places[thread]) {
                values[thread] = other;
                places[thread] = other_at;
            }
        }
        workgroupBarrier();
    }
    if thread == 0u {
        var result = values[0];
        if p.kind == MEAN_SQUARE {
            result /= f32(p.size);
        } else if p.kind >= FIRST_LARGEST {
            result = f32(places[0]);
        }
        finish(result, row);
    }
}
