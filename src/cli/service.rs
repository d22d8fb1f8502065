//! What a service manager is told: that the program is ready, alive, or about to end. Without one nothing is said.

#[cfg(target_os = "linux")]
mod systemd {
    use sd_notify::NotifyState;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    /// How often the watchdog is told, in microseconds; 0 where there is none.
    static PULSE_US: AtomicU64 = AtomicU64::new(0);
    static TOLD: Mutex<Option<Instant>> = Mutex::new(None);

    fn tell(states: &[NotifyState<'_>]) {
        // Without a service manager there is nobody to tell, which is no error.
        if let Err(error) = sd_notify::notify(states) {
            log::info!("the service manager was not told: {error}");
        }
    }

    pub fn ready(longest_silence: Duration) {
        if let Some(watchdog) = sd_notify::watchdog_enabled() {
            PULSE_US.store((watchdog / 3).as_micros() as u64, Ordering::Relaxed);
            if watchdog <= longest_silence {
                log::warn!("WatchdogSec={watchdog:.0?} is no longer than --stall {longest_silence:.0?}: raise it");
            }
        }
        tell(&[NotifyState::Ready]);
    }

    pub fn alive() {
        let pulse = PULSE_US.load(Ordering::Relaxed);
        let Ok(mut told) = TOLD.lock() else { return };
        if pulse > 0 && told.is_none_or(|told| told.elapsed() >= Duration::from_micros(pulse)) {
            *told = Some(Instant::now());
            tell(&[NotifyState::Watchdog]);
        }
    }

    pub fn stopping() {
        tell(&[NotifyState::Stopping]);
    }

    pub fn reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => log::info!("the service manager was not told: {error}"),
        }
    }

    pub fn reloaded() {
        tell(&[NotifyState::Ready]);
    }
}

#[cfg(target_os = "linux")]
pub use systemd::*;

#[cfg(not(target_os = "linux"))]
mod absent {
    pub fn ready(_: std::time::Duration) {}
    pub fn alive() {}
    pub fn stopping() {}
    pub fn reloading() {}
    pub fn reloaded() {}
}

#[cfg(not(target_os = "linux"))]
pub use absent::*;
