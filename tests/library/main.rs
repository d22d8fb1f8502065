//! Tests of the library: properties of the algebra, parsers, evaluation, and agreement with other libraries.

mod algebra;
mod checkpoints;
mod circles;
mod counterfactual;
mod data_sets;
mod fuzz_seeds;
mod journals;
mod manifests;
mod metrics;
mod parity;
mod resize;
mod tokenizer;
