//! Chains of element-wise steps: shared steps, their values and their constants.

use figureground::engine::gpu::chain::{Binary, Chain, Step, Unary, number};

#[test]
fn equal_steps_are_one() {
    let mut chain = Chain::stored();
    let steep = chain.push(Step::Constant(1.702));
    let again = chain.push(Step::Constant(1.702));
    assert_eq!(steep, again);
    let product = chain.push(Step::Binary(Binary::Mul, 0, steep));
    let gate = chain.push(Step::Unary(Unary::Sigmoid, product));
    chain.push(Step::Binary(Binary::Mul, 0, gate));
    assert_eq!(chain.steps().len(), 5);
    let swish = 0.5 / (1.0 + (-0.5f32 * 1.702).exp());
    assert!((chain.evaluate(0.5, &|_| 0.0) - swish).abs() < 1e-7);
}

#[test]
fn constants_of_wgsl_are_finite() {
    assert_eq!(number(f32::NEG_INFINITY), number(f32::MIN));
    assert_eq!(number(1.5), "f32(1.5e0)");
}
