//! Tests of the program `figureground`, started as a user starts it.

mod bad_input;
mod config;
mod demo;
mod import;
mod outputs;
mod real_clips;
mod run;
mod streams;
mod validate;
