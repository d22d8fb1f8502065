//! Signals. The first ctrl-C or SIGTERM ends the work at the next frame or prompt, or after a grace time; the second
//! ends it at once. SIGHUP reloads the configuration if there is one, and otherwise ends the work as well.

use figureground::frame::Frame;
use figureground::source::{Source, SourceHealth};
use figureground::{Error, Result, Stage, temporary};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// Time for the current frame or prompt to end.
const GRACE_TIME: Duration = Duration::from_secs(2);
/// Time for outputs to deliver their last lines.
const CLOSE_TIME: Duration = Duration::from_secs(4);

/// Number of the signal that interrupted the program, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Whether all frames are done and the outputs are closing.
static IS_CLOSING: AtomicBool = AtomicBool::new(false);
/// Exit code of work that is done, or -1 before.
static FINISHED: AtomicI32 = AtomicI32::new(-1);
/// Whether SIGHUP requested a reload.
static RELOAD_REQUESTED: AtomicBool = AtomicBool::new(false);
/// Whether SIGHUP reloads the configuration.
static RELOAD_ENABLED: AtomicBool = AtomicBool::new(false);

/// The action when work does not end within the grace time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalTimeout {
    /// Exit: everything written so far is complete.
    Exit,
    /// Wait: temporary files must be removed.
    Wait,
}

/// Starts to handle signals.
pub fn listen(on_timeout: SignalTimeout) {
    if let Err(error) = spawn(move |signal| handle(signal, on_timeout)) {
        log::warn!("signals cannot be handled, ctrl-C ends the program at once: {error}");
    }
}

#[cfg(unix)]
fn spawn(handle: impl Fn(i32) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let run = move || signals.forever().for_each(handle);
    std::thread::Builder::new().name("signals".to_owned()).spawn(run).map(|_| ())
}

#[cfg(not(unix))]
fn spawn(handle: impl Fn(i32) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::SIGINT;
    let flag = std::sync::Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, std::sync::Arc::clone(&flag))?;
    let run = move || {
        loop {
            if flag.swap(false, Ordering::SeqCst) {
                handle(SIGINT);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(run).map(|_| ())
}

fn handle(signal: i32, on_timeout: SignalTimeout) {
    /// SIGHUP, which is not defined on every system.
    const HANG_UP: i32 = 1;
    if signal == HANG_UP && RELOAD_ENABLED.load(Ordering::SeqCst) {
        return RELOAD_REQUESTED.store(true, Ordering::SeqCst);
    }
    if SIGNAL.swap(signal, Ordering::SeqCst) != 0 {
        exit();
    }
    if on_timeout == SignalTimeout::Exit {
        std::thread::spawn(|| {
            std::thread::sleep(GRACE_TIME);
            if IS_CLOSING.load(Ordering::SeqCst) {
                std::thread::sleep(CLOSE_TIME);
            }
            exit();
        });
    }
}

/// Exits without dropping anything but temporary files.
fn exit() -> ! {
    temporary::remove_all();
    std::process::exit(exit_code().into());
}

/// Returns whether a signal asked the program to end.
pub fn is_interrupted() -> bool {
    SIGNAL.load(Ordering::SeqCst) != 0
}

/// Returns whether ctrl-C interrupted the program, which then goes on as if it had not.
pub fn take_ctrl_c() -> bool {
    SIGNAL.compare_exchange(signal_hook::consts::SIGINT, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// Returns the exit code of an interrupted program: that of its work if this was done, and otherwise 128 plus the
/// signal, as in shells; 130 is ctrl-C.
pub fn exit_code() -> u8 {
    let finished = u8::try_from(FINISHED.load(Ordering::SeqCst));
    finished.unwrap_or_else(|_| 128 + u8::try_from(SIGNAL.load(Ordering::SeqCst)).unwrap_or(2))
}

/// Records that the work is done with exit code `code`, which a later signal does not change.
pub fn finish(code: u8) {
    FINISHED.store(code.into(), Ordering::SeqCst);
}

/// Extends the grace time so that outputs can deliver their last lines.
pub fn start_closing() {
    IS_CLOSING.store(true, Ordering::SeqCst);
}

/// Makes SIGHUP reload the configuration from now on.
pub fn enable_reload() {
    RELOAD_ENABLED.store(true, Ordering::SeqCst);
}

/// Returns whether a reload was requested since the last call.
pub fn take_reload_request() -> bool {
    RELOAD_REQUESTED.swap(false, Ordering::SeqCst)
}

/// Returns an error once the program was interrupted.
pub fn check() -> Result<()> {
    if is_interrupted() {
        return Err(Error::new(Stage::Command, "an uninterrupted run", "ctrl-C", "run the command again"));
    }
    Ok(())
}

/// A source that stops once the program is interrupted.
pub struct Interruptible(pub Box<dyn Source>);

impl Source for Interruptible {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn is_live(&self) -> bool {
        self.0.is_live()
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        check()?;
        self.0.next_frame()
    }

    fn health(&self) -> SourceHealth {
        self.0.health()
    }

    fn count(&mut self) -> Result<u64> {
        let count = self.0.count()?;
        check()?;
        Ok(count)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        check()?;
        self.0.select(indices)
    }

    fn decoded_in(&self) -> Option<std::time::Duration> {
        self.0.decoded_in()
    }

    fn sample(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<u64> {
        let count = self.0.sample(choose)?;
        check()?;
        Ok(count)
    }
}
