//! Where a store reports what it does: the `metrics` facade with feature `metrics`, else nowhere.

use std::time::Duration;

/// A store's way to the recorder that is installed, if one is.
#[derive(Clone, Default)]
pub(crate) struct Meter {
    /// What tells this store from others in the process: the application's choice.
    #[cfg(feature = "metrics")]
    store: Option<std::sync::Arc<str>>,
}

#[cfg(not(feature = "metrics"))]
impl Meter {
    pub(crate) fn request(&self, _operation: &'static str, _outcome: &'static str, _took: Duration) {}
}

#[cfg(feature = "metrics")]
mod facade {
    use metrics::{
        Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    };

    use super::{Duration, Meter};
    use crate::cache::StoreStats;

    const REQUESTS: &str = "oauth_token_store_requests_total";
    const REQUEST_DURATION: &str = "oauth_token_store_request_duration_seconds";
    const CACHED_TOKENS: &str = "oauth_token_store_cached_tokens";

    /// A count of [`StoreStats`]: its metric, what that says, and where it stands.
    type Count = (&'static str, &'static str, fn(&StoreStats) -> u64);

    const COUNTS: &[Count] = &[
        (
            "oauth_token_store_hits_total",
            "Reads answered from memory, the answer that there is no token included",
            |stats| stats.hits,
        ),
        ("oauth_token_store_misses_total", "Reads that memory could not answer", |stats| stats.misses),
        ("oauth_token_store_loads_total", "Reads of a record that were sent to the service", |stats| {
            stats.loads
        }),
        ("oauth_token_store_load_failures_total", "Loads that failed", |stats| stats.load_failures),
        (
            "oauth_token_store_stale_reads_total",
            "Reads answered with a token past its time to live, because the service failed in a passing way",
            |stats| stats.stale_reads,
        ),
        (
            "oauth_token_store_backward_reads_total",
            "Loads answered with an older version than one already seen, which was kept",
            |stats| stats.backward_reads,
        ),
        ("oauth_token_store_evictions_total", "Tokens dropped from memory for lack of room", |stats| {
            stats.evictions
        }),
        ("oauth_token_store_exchanges_total", "Exchanges at the OAuth server", |stats| stats.exchanges),
        ("oauth_token_store_exchange_failures_total", "Exchanges at the OAuth server that failed", |stats| {
            stats.exchange_failures
        }),
    ];

    impl Meter {
        pub(crate) fn named(store: &str) -> Self {
            Self { store: Some(store.into()) }
        }

        /// One call of Secrets Manager that has ended.
        pub(crate) fn request(&self, operation: &'static str, outcome: &'static str, took: Duration) {
            let mut labels = self.labels();
            labels.push(Label::from_static_parts("operation", operation));
            histogram!(REQUEST_DURATION, labels.clone()).record(took);
            labels.push(Label::from_static_parts("outcome", outcome));
            counter!(REQUESTS, labels).increment(1);
        }

        /// What is counted elsewhere, at no cost to those who count.
        pub(crate) fn counted(&self, stats: &StoreStats, cached_tokens: u64) {
            // Each time: a recorder that was installed in between knows nothing of them.
            describe();
            for (name, _, count) in COUNTS {
                counter!(*name, self.labels()).absolute(count(stats));
            }
            #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 tokens in memory")]
            gauge!(CACHED_TOKENS, self.labels()).set(cached_tokens as f64);
        }

        fn labels(&self) -> Vec<Label> {
            let store = self.store.iter();
            store
                .map(|store| Label::new("store", metrics::SharedString::from_shared(store.clone())))
                .collect()
        }
    }

    fn describe() {
        describe_counter!(
            REQUESTS,
            "Calls of Secrets Manager that have ended, the SDK's own retries included"
        );
        describe_histogram!(
            REQUEST_DURATION,
            Unit::Seconds,
            "How long calls of Secrets Manager took, the SDK's own retries included"
        );
        for (name, description, _) in COUNTS {
            describe_counter!(*name, *description);
        }
        describe_gauge!(CACHED_TOKENS, "Tokens in memory");
    }
}
