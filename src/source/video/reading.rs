//! A pass of ffmpeg over a video whose pictures are read.

use super::address::Address;
use super::command::{DecodePlan, Pass};
use super::log::{Report, Stamp};
use super::process::{Process, thread};
use super::raw;
use crate::error::Result;
use crate::source::SourceOptions;
use crate::source::picture::Picture;
use crate::source::queue::{Reader, WhenFull, Writer, queue};
use std::ffi::OsStr;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

/// A pass in progress. The order of the fields is their drop order.
pub(super) struct Reading {
    pub frames: Reader,
    process: Process,
    pump: JoinHandle<Result<()>>,
}

impl Reading {
    /// Starts a pass, whose pictures a thread reads into a queue.
    ///
    /// # Errors
    /// Returns an error if ffmpeg is missing or cannot be started.
    pub fn start(
        program: &OsStr,
        address: &Address,
        pass: Pass<'_>,
        plan: &DecodePlan,
        options: &SourceOptions,
    ) -> Result<Self> {
        let (process, output) = Process::spawn(program, address, pass, plan, options)?;
        let (writer, frames) = queue(if address.is_live { WhenFull::DropOldest } else { WhenFull::Wait });
        let pump = thread("ffmpeg-pictures", move || match output.pictures {
            Some(pictures) => pump(pictures, &output.stamps, &writer),
            None => Ok(()),
        })?;
        Ok(Self { frames, process, pump })
    }

    /// Returns the report of ffmpeg once no picture is left. Its message says more than a broken pipe.
    ///
    /// # Errors
    /// Returns an error if pictures could not be read although ffmpeg reports nothing.
    pub fn finish(self) -> Result<Report> {
        let pumped = self.pump.join().unwrap_or(Ok(()));
        let report = self.process.finish();
        match pumped {
            Err(error) if report.loss.is_none() && report.size_error.is_none() && report.revision.is_none() => {
                Err(error)
            }
            _ => Ok(report),
        }
    }
}

/// Moves pictures from the pipe to the queue, one for each stamp, until either ends.
fn pump(mut pictures: impl Read, stamps: &Receiver<Stamp>, writer: &Writer) -> Result<()> {
    let mut picture = Picture::default();
    for stamp in stamps {
        raw::read(&mut pictures, stamp, &mut picture)?;
        if !writer.push(&mut picture) {
            return Ok(());
        }
    }
    Ok(())
}
