// The three views of pictures: full, person (Eq. 2), background (Eq. 6), as view::ViewComposer makes them; and their
// embeddings to the slots of their frames.
//
// Proved by engine/gpu/observer/tests.rs: views_are_the_cpus_to_the_bit.

struct Composing {
    items: u32,
    pixels: u32,
    width: u32,
    // 32-bit words of a packed shape.
    words: u32,
    // What is put where pixels are hidden, a value a channel.
    fill_0: f32,
    fill_1: f32,
    fill_2: f32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> v: Composing;
@group(0) @binding(1) var<storage, read> pixel_values: array<stored>;
// The person's shape, a bit a pixel.
@group(0) @binding(2) var<storage, read> people: array<u32>;
// Where the boxes of each item begin and end, one number more than there are items; then left, top, right, bottom of
// each.
@group(0) @binding(3) var<storage, read> boxes: array<i32>;

// [items, 3 views, 3, pixels]; one thread a pixel
@compute @workgroup_size(256)
fn compose(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= v.items * v.pixels {
        return;
    }
    let item = e / v.pixels;
    let pixel = e % v.pixels;
    let x = i32(pixel % v.width);
    let y = i32(pixel / v.width);
    let person = ((people[item * v.words + pixel / 32u] >> (pixel % 32u)) & 1u) == 1u;
    var hidden = person;
    for (var b = u32(boxes[item]); b < u32(boxes[item + 1u]); b++) {
        let at = v.items + 1u + 4u * b;
        hidden |= x >= boxes[at] && y >= boxes[at + 1u] && x < boxes[at + 2u] && y < boxes[at + 3u];
    }
    let fill = array<f32, 3>(v.fill_0, v.fill_1, v.fill_2);
    for (var channel = 0u; channel < 3u; channel++) {
        let value = f32(pixel_values[(item * 3u + channel) * v.pixels + pixel]);
        let at = (item * 9u + channel) * v.pixels + pixel;
        output[at] = result(value);
        output[at + 3u * v.pixels] = result(select(fill[channel], value, person));
        output[at + 6u * v.pixels] = result(select(value, fill[channel], hidden));
    }
}

struct Keeping {
    items: u32,
    // Numbers of a slot: an embedding a view.
    numbers: u32,
    offset: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> k: Keeping;
@group(0) @binding(1) var<storage, read> embeddings: array<stored>;
@group(0) @binding(2) var<storage, read> kept_in: array<i32>;

// Into [slots, 3 views, dimension]
@compute @workgroup_size(256)
fn keep(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if e >= k.items * k.numbers {
        return;
    }
    let slot = u32(kept_in[e / k.numbers]);
    output[slot * k.numbers + e % k.numbers] = result(embeddings[k.offset + e]);
}
