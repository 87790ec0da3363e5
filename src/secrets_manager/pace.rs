//! Bulk work leaves room for everybody else.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::contract::{ErrorKind, StoreError};

const TRIES: u32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// Starts requests at an even rate, and holds all of them back when one was throttled.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// `per_second` is at most half of the operation's quota.
    pub(super) fn per_second(per_second: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second, next: Mutex::new(Instant::now()) }
    }

    /// Runs a request when its turn comes; a throttled one again, later each time.
    pub(super) async fn run<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, StoreError> {
        let mut backoff = FIRST_BACKOFF;
        let mut tries = 1;
        loop {
            self.turn().await;
            match request().await {
                Err(error) if error.kind() == ErrorKind::Throttled && tries < TRIES => {
                    self.hold_back(backoff).await;
                    sleep(backoff).await;
                    backoff *= 2;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Waits until the next request may start.
    pub(super) async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + self.interval;
            at
        };
        sleep_until(at).await;
    }

    async fn hold_back(&self, pause: Duration) {
        let mut next = self.next.lock().await;
        *next = (*next).max(Instant::now() + pause);
    }
}

/// How many requests of one piece of bulk work may fail in a passing way, one after the other.
const FAILURES: u32 = 8;

/// Bulk work that gets no answer any more is given up, instead of waiting for each of thousands of requests.
#[derive(Default)]
pub(super) struct Patience {
    failures: AtomicU32,
}

impl Patience {
    /// Runs a request unless too many before it failed in a passing way.
    pub(super) async fn unless_exhausted<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.failures.load(Ordering::Relaxed) >= FAILURES {
            let message = "given up after several requests in a row without an answer: try again later";
            return Err(StoreError::new(ErrorKind::Unavailable, message));
        }
        let outcome = request.await;
        match &outcome {
            Err(error) if error.is_retryable() => drop(self.failures.fetch_add(1, Ordering::Relaxed)),
            _ => self.failures.store(0, Ordering::Relaxed),
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_start_at_the_rate_given() {
        let pace = Pace::per_second(50);
        let start = Instant::now();
        futures_util::future::join_all((0..101).map(|_| pace.run(|| async { Ok(()) }))).await;
        assert_eq!(start.elapsed().as_millis(), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_request_holds_the_others_back_and_is_given_up_in_the_end() {
        let pace = Pace::per_second(50);
        let calls = AtomicU32::new(0);
        let throttled = || async {
            calls.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(ErrorKind::Throttled.into())
        };
        let start = Instant::now();
        let (error, waited) = tokio::join!(pace.run(throttled), async {
            sleep(Duration::from_millis(10)).await;
            pace.run(|| async { Ok(start.elapsed()) }).await
        });
        assert_eq!(error.expect_err("throttled").kind(), ErrorKind::Throttled);
        assert_eq!(calls.load(Ordering::Relaxed), TRIES);
        assert!(waited.expect("fine") >= FIRST_BACKOFF);
        // Each pause is twice the one before.
        assert!(start.elapsed() >= FIRST_BACKOFF * (1 + 2 + 4 + 8 + 16), "{:?}", start.elapsed());
    }
}
