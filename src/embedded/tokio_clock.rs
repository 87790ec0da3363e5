//! A clock for stores in tests.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::Clock;

/// Both clocks of a store, by tokio's: what is in memory grows old as a test with a paused clock lets time pass.
///
/// Make it inside of the runtime whose clock it is to follow. What expires by the time of day, such as
/// [`OAuthToken::expires_within`](crate::OAuthToken::expires_within), goes by the system's clock all the same.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), oauth_token_store::StoreError> {
/// use std::time::Duration;
///
/// use oauth_token_store::embedded::{EmbeddedSecretsManager, TokioClock};
/// use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
///
/// let backend = EmbeddedSecretsManager::new();
/// let store = SecretsManagerTokenStore::builder().client(backend.client()).clock(TokioClock::new()).build().await?;
/// store.save_token(&OAuthToken::builder().user_name("bob").access_token("a").build()?).await?;
/// let saved = backend.requests();
/// tokio::time::sleep(Duration::from_secs(301)).await; // passes at once
/// store.find_by_user("bob").await?;
/// assert_eq!(backend.requests().since(&saved).to_string(), "1 GetSecretValue");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    began: (Instant, SystemTime),
}

impl TokioClock {
    /// It is now what the system's clock says, and goes on as tokio's does.
    #[must_use]
    pub fn new() -> Self {
        Self { began: (Instant::now(), SystemTime::now()) }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn monotonic(&self) -> Duration {
        self.began.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        self.began.1 + self.began.0.elapsed()
    }
}
