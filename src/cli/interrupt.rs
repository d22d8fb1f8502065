//! Ctrl-C and SIGTERM: the first ends the work at the next frame or prompt, or after a grace time; the second at once.

use figureground::frame::Frame;
use figureground::source::{Health, Source};
use figureground::{Error, Result, Stage};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long one frame or prompt may take to end.
const GRACE: Duration = Duration::from_secs(2);

static RAISED: AtomicBool = AtomicBool::new(false);

/// What happens to work that does not notice that it should end, because it waits for input or computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It is left behind: all it has told is whole.
    Leave,
    /// It is waited for, because it has files to put away.
    Wait,
}

/// Begins to listen.
pub fn listen(late: Late) {
    let heard = ctrlc::set_handler(move || {
        if RAISED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        if late == Late::Leave {
            std::thread::spawn(|| {
                std::thread::sleep(GRACE);
                std::process::exit(130);
            });
        }
    });
    if let Err(error) = heard {
        log::warn!("ctrl-C ends the program at once: {error}");
    }
}

/// Whether ctrl-C was pressed.
pub fn raised() -> bool {
    RAISED.load(Ordering::SeqCst)
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

    fn health(&self) -> Health {
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
