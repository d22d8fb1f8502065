//! Tests of the library: properties of the algebra, parsers, and agreement with other libraries.

mod algebra;
mod bundle;
mod checkpoints;
mod circles;
mod frame;
mod fuzz_seeds;
mod gate;
mod manifests;
mod mask;
mod parity;
mod preprocess;
mod resize;
mod sampler;
mod tensors;
mod tokenizer;
mod view;
mod zeroshot;
