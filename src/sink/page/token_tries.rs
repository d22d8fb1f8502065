//! Paces the tries of tokens, so that no client can guess one by speed.

use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Time from one wrong token to the next, over all clients.
const PERIOD: Duration = Duration::from_millis(40);
/// Time by which answers about wrong tokens may lag before further tokens wait to be compared.
const MAX_LAG: Duration = Duration::from_millis(400);

/// The pace of tries of one page.
///
/// The answer about a wrong token waits for its turn. A right one is accepted at once, or in turn while there are many
/// wrong ones: it is never refused because of them.
#[derive(Debug)]
pub(super) struct TokenTries {
    /// When the next wrong token is answered. The lock is fair.
    next: Mutex<Instant>,
}

impl TokenTries {
    pub(super) fn new() -> Self {
        Self { next: Mutex::new(Instant::now()) }
    }

    /// Returns whether a token `is_right`; a wrong one takes its time.
    pub(super) async fn check(&self, is_right: impl FnOnce() -> bool) -> bool {
        let mut next = self.next.lock().await;
        if let Some(turn) = next.checked_sub(MAX_LAG) {
            sleep_until(turn).await;
        }
        if is_right() {
            return true;
        }
        let answer_at = (*next).max(Instant::now()) + PERIOD;
        *next = answer_at;
        // Others may be compared meanwhile.
        drop(next);
        sleep_until(answer_at).await;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn wrong_tokens_are_answered_at_a_bounded_rate_and_a_right_one_in_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (tries, began) = (Arc::new(TokenTries::new()), Instant::now());
            // A right one takes no time.
            assert!(tries.check(|| true).await && began.elapsed() < PERIOD);
            let wrong: Vec<_> = (0..30)
                .map(|_| {
                    let tries = Arc::clone(&tries);
                    tokio::spawn(async move { tries.check(|| false).await })
                })
                .collect();
            tokio::task::yield_now().await;
            assert!(tries.check(|| true).await);
            assert!(began.elapsed() < 30 * PERIOD, "{:?}", began.elapsed());
            for answer in wrong {
                assert!(!answer.await.unwrap());
            }
            assert!(began.elapsed() >= 29 * PERIOD, "{:?}", began.elapsed());
            // Clients that do not wait for the answer are as slow.
            let began = Instant::now();
            for _ in 0..20 {
                let _ = tokio::time::timeout(Duration::from_millis(1), tries.check(|| false)).await;
            }
            assert!(tries.check(|| true).await);
            assert!(began.elapsed() < Duration::from_secs(2));
        });
    }
}
