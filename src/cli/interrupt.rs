//! Signals. Ctrl-C and SIGTERM: the first ends the work at the next frame or prompt, or after a grace time; the second at
//! once. SIGHUP: the configuration is read again where there is one, and otherwise the work ends as well.

use figureground::frame::Frame;
use figureground::source::{Source, SourceHealth};
use figureground::{Error, Result, Stage};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// How long one frame or prompt may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// How long those who are told of verdicts may take to get the last ones.
const FAREWELL: Duration = Duration::from_secs(4);

/// What the signal that ended the work was, or 0.
static RAISED: AtomicI32 = AtomicI32::new(0);
/// Whether frames are done with and only farewells are said.
static LEAVING: AtomicBool = AtomicBool::new(false);
/// Whether SIGHUP came since somebody last asked.
static RELOAD: AtomicBool = AtomicBool::new(false);
/// Whether SIGHUP means that the configuration is to be read again.
static HAS_CONFIGURATION: AtomicBool = AtomicBool::new(false);

/// What happens to work that does not notice that it should end, because it waits for input or computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalTimeout {
    /// It is left behind: all it has told is whole.
    Leave,
    /// It is waited for, because it has files to put away.
    Wait,
}

/// Begins to listen.
pub fn listen(late: SignalTimeout) {
    if let Err(error) = hear(move |signal| heard(signal, late)) {
        log::warn!("ctrl-C ends the program at once: {error}");
    }
}

#[cfg(unix)]
fn hear(heard: impl Fn(i32) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let follow = move || signals.forever().for_each(heard);
    std::thread::Builder::new().name("signals".to_owned()).spawn(follow).map(|_| ())
}

#[cfg(not(unix))]
fn hear(heard: impl Fn(i32) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::SIGINT;
    let flag = std::sync::Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, std::sync::Arc::clone(&flag))?;
    let follow = move || {
        loop {
            if flag.swap(false, Ordering::SeqCst) {
                heard(SIGINT);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(follow).map(|_| ())
}

fn heard(signal: i32, late: SignalTimeout) {
    /// SIGHUP, which not every system has.
    const HANG_UP: i32 = 1;
    if signal == HANG_UP && HAS_CONFIGURATION.load(Ordering::SeqCst) {
        return RELOAD.store(true, Ordering::SeqCst);
    }
    if RAISED.swap(signal, Ordering::SeqCst) != 0 {
        std::process::exit(exit_code().into());
    }
    if late == SignalTimeout::Leave {
        std::thread::spawn(|| {
            std::thread::sleep(GRACE);
            if LEAVING.load(Ordering::SeqCst) {
                std::thread::sleep(FAREWELL);
            }
            std::process::exit(exit_code().into());
        });
    }
}

/// Whether ctrl-C was pressed.
pub fn raised() -> bool {
    RAISED.load(Ordering::SeqCst) != 0
}

/// What the program ends with once it was asked to: 128 and the signal, as shells have it; 130 is ctrl-C.
pub fn exit_code() -> u8 {
    128 + u8::try_from(RAISED.load(Ordering::SeqCst)).unwrap_or(2)
}

/// Frames are done with: who is told of verdicts may get the last ones.
pub fn leave() {
    LEAVING.store(true, Ordering::SeqCst);
}

/// From now on SIGHUP means that the configuration is to be read again.
pub fn expect_reloads() {
    HAS_CONFIGURATION.store(true, Ordering::SeqCst);
}

/// Whether the configuration is to be read again; asked once, the answer is no.
pub fn reload_asked() -> bool {
    RELOAD.swap(false, Ordering::SeqCst)
}

/// An error once ctrl-C was pressed.
pub fn check() -> Result<()> {
    if raised() {
        return Err(Error::new(Stage::Command, "to go on", "ctrl-C", "run the command again"));
    }
    Ok(())
}

/// A source that breaks off when ctrl-C is pressed.
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
}
