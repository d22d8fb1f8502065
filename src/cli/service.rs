//! Notifications to the service manager; without one they do nothing.

#[cfg(target_os = "linux")]
mod systemd {
    use sd_notify::NotifyState;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    /// Interval of the watchdog notification in microseconds; 0 without a watchdog.
    static WATCHDOG_INTERVAL_US: AtomicU64 = AtomicU64::new(0);
    static LAST_WATCHDOG: Mutex<Option<Instant>> = Mutex::new(None);

    fn notify(states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            log::info!("the service manager was not notified: {error}");
        }
    }

    /// Notifies that the program is ready; `stall_timeout` is how long a source may block between two calls of
    /// [`alive`].
    pub fn ready(stall_timeout: Duration) {
        if let Some(watchdog) = sd_notify::watchdog_enabled() {
            WATCHDOG_INTERVAL_US.store((watchdog / 3).as_micros() as u64, Ordering::Relaxed);
            if watchdog <= stall_timeout {
                log::warn!(
                    "WatchdogSec={watchdog:.0?} must be longer than --stall-timeout {stall_timeout:.0?}: raise it"
                );
            }
        }
        notify(&[NotifyState::Ready]);
    }

    /// Notifies the watchdog, at most once per interval.
    pub fn alive() {
        let interval = WATCHDOG_INTERVAL_US.load(Ordering::Relaxed);
        let Ok(mut last) = LAST_WATCHDOG.lock() else { return };
        if interval > 0 && last.is_none_or(|last| last.elapsed() >= Duration::from_micros(interval)) {
            *last = Some(Instant::now());
            notify(&[NotifyState::Watchdog]);
        }
    }

    /// Notifies that the program is about to end.
    pub fn stopping() {
        notify(&[NotifyState::Stopping]);
    }

    /// Notifies that the configuration is being reloaded.
    pub fn reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(error) => log::info!("the service manager was not notified: {error}"),
        }
    }

    /// Notifies that the configuration was reloaded.
    pub fn reloaded() {
        notify(&[NotifyState::Ready]);
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
