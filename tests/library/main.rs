//! Tests of the library: the algebra, parsers, sources, outputs, evaluation, and agreement with other libraries.

mod algebra;
mod backgrounds;
mod bundle;
mod checkpoints;
mod circles;
mod counterfactual;
mod data_sets;
mod frame;
mod fuzz_seeds;
mod gate;
mod journals;
mod manifests;
mod mask;
mod metrics;
mod parity;
mod paste;
mod preprocess;
mod resize;
mod sampler;
mod segment;
mod sink;
mod source;
mod tensors;
mod tokenizer;
mod view;
mod zeroshot;
