//! The clip encoder of the backend that the options name.

use super::CpuClipEncoder;
use crate::bundle::Bundle;
use crate::clip_encoder::{ClipEncoder, FrameRecording};
use crate::engine::{BackendOptions, Engine, Precision};
use crate::error::{Error, Result, Setting, Stage};

/// Opens the clip encoder of `bundle` on the backend of `options`.
///
/// # Errors
/// Returns an error if the backend is not in this build or not on this machine, or a model cannot be loaded or does not
/// match the manifest.
pub fn open_encoder(
    bundle: &Bundle,
    options: &BackendOptions,
    recording: FrameRecording,
) -> Result<Box<dyn ClipEncoder>> {
    #[cfg(feature = "gpu")]
    if options.backend.resolve()? == crate::engine::Backend::Gpu {
        use crate::engine::{Backend, gpu::GpuClipEncoder};
        match GpuClipEncoder::open(bundle, options.precision, recording) {
            Err(e) if options.backend == Backend::Auto => log::warn!("falling back to the CPU: {e}"),
            opened => return Ok(Box::new(opened?)),
        }
    }
    if options.precision != Precision::F32 {
        let error = Error::new(Stage::Command, "f32 on the CPU", "f16", "choose f32, or choose the GPU backend");
        return Err(error.about(Setting::Precision).about(Setting::Backend));
    }
    let engine = Engine::load(bundle, options.threads)?;
    log::info!("backend {}, {} threads", engine.backend, options.threads);
    Ok(Box::new(CpuClipEncoder::new(bundle, engine, recording)?))
}
