//! Tests of the library: properties of the algebra, parsers, and agreement with other libraries.

mod algebra;
mod checkpoints;
mod circles;
mod fuzz_seeds;
mod manifests;
mod parity;
mod resize;
mod tokenizer;
