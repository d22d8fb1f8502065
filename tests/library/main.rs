//! Tests of the library: properties of the algebra, parsers, sources and outputs, and agreement with other libraries.

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
mod segment;
mod sink;
mod source;
mod tensors;
mod tokenizer;
mod view;
mod zeroshot;
