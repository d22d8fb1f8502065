//! Tests of the library: properties of the algebra, parsers, sources and outputs, and agreement with other libraries.

mod algebra;
mod checkpoints;
mod circles;
mod fuzz_seeds;
mod manifests;
mod parity;
mod resize;
mod segment;
mod sink;
mod source;
mod tokenizer;
