//! Whether requests are to be sent here.
//!
//! Not before Secrets Manager has answered once: then Region, role, prefix and network are right, and a deployment that is
//! wrong about them replaces nothing. From then on always, until SIGTERM, and without asking again: in an outage of Secrets
//! Manager every task is hit alike, and taking them all away would make one of what memory still answers, too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oauth_token_store::{SecretsManagerTokenStore, StoreError, TokenId};

/// Between looks at a service that has not answered yet. Probes make no request at all.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Readiness {
    has_looked: AtomicBool,
    is_stopping: AtomicBool,
}

impl Readiness {
    pub(crate) fn is_ready(&self) -> bool {
        self.has_looked.load(Ordering::Relaxed) && !self.is_stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Looks for a token that is nobody's, one GetSecretValue, until there is an answer.
    pub(crate) async fn look(&self, store: &SecretsManagerTokenStore) -> Result<(), StoreError> {
        let nobody = TokenId::of_user("readiness of the token service")?;
        while let Err(error) = store.reload(&nobody).await {
            tracing::warn!(kind = error.kind().as_str(), %error, source = source(&error), "not ready");
            tokio::time::sleep(PAUSE).await;
        }
        self.has_looked.store(true, Ordering::Relaxed);
        tracing::info!("ready");
        Ok(())
    }
}

/// What AWS answered, without its message.
fn source(error: &StoreError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
