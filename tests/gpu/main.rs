//! Tests of the GPU engine. Without a GPU they are skipped, unless FIGUREGROUND_GPU=require.

mod chains;
mod kernels;
mod models;
mod views;
