// y[o] = chain(made, operands), stored where the output's strides say.
//
// The end of every kernel. `chain` and the declarations of the output and of up to four operands are generated behind
// this file; what a chain may call is defined here. Proved by tests/gpu/kernels.rs: every_step_equals_the_cpu,
// chains_read_and_write_by_strides.

// How element o of the output's own order finds its place in a buffer: as it is, always the same, or by strides.
struct Walk {
    offset: u32,
    mode: u32,
    pad_0: u32,
    pad_1: u32,
    strides: array<vec4<u32>, 2>,
}

struct Tail {
    count: u32,
    rank: u32,
    pad_0: u32,
    pad_1: u32,
    sizes: array<vec4<u32>, 2>,
    // The output's, then the operands'.
    walks: array<Walk, 5>,
}

@group(1) @binding(0) var<uniform> tail: Tail;

fn place(walk: u32, o: u32) -> u32 {
    var at = tail.walks[walk].offset;
    let mode = tail.walks[walk].mode;
    if mode == 0u {
        return at + o;
    }
    if mode == 1u {
        return at;
    }
    var rest = o;
    for (var i = tail.rank; i > 0u; i--) {
        let axis = i - 1u;
        let size = tail.sizes[axis / 4u][axis % 4u];
        at += (rest % size) * tail.walks[walk].strides[axis / 4u][axis % 4u];
        rest /= size;
    }
    return at;
}

// exp overflows at 88; beyond 80 both ends are 0 and 1 in f32 anyway.
fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

// Some drivers make tanh of exponentials that overflow; it is 1 from 10 on.
fn bounded_tanh(x: f32) -> f32 {
    return tanh(clamp(x, -10.0, 10.0));
}

// Abramowitz and Stegun, 7.1.26: within 1.5e-7 of the error function.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return sign(x) * (1.0 - p * exp(-x * x));
}

// WGSL's pow is undefined for a negative base.
fn power(base: f32, exponent: f32) -> f32 {
    let size = pow(abs(base), exponent);
    let odd = abs(exponent - 2.0 * floor(exponent / 2.0)) == 1.0;
    return select(size, -size, base < 0.0 && odd);
}
