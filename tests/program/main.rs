//! Tests of the program `figureground`, started as a user starts it.

mod bad_input;
mod calibrate;
mod compare;
mod config;
mod demo;
mod import;
mod migrate;
mod mqtt;
mod outputs;
mod page;
mod probe;
mod progress;
mod real_clips;
mod run;
mod streams;
mod validate;
