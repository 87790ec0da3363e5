//! Everything that can be seen from outside, and the search of it.
//!
//! Each test has a thread of its own, and nothing in it leaves that thread: so what it logs, panics with and sends is its
//! own.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Debug;
use std::sync::Once;

use oauth_token_store::{ErrorKind, RefreshError, StoreError};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::canaries::{SECRETS_ALONE, assert_shows_nothing};
use crate::captured_log::Log;
use crate::reported::Metrics;

thread_local! {
    static LOG: Log = Log::default();
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static REQUESTS: RefCell<Vec<Sent>> = const { RefCell::new(Vec::new()) };
}

/// What the service was sent, as CloudTrail and everybody on the way may see it.
pub(crate) struct Sent {
    pub(crate) operation: String,
    pub(crate) without_value: String,
    pub(crate) value: Option<String>,
}

impl Sent {
    pub(crate) fn note(self) {
        REQUESTS.with_borrow_mut(|requests| requests.push(self));
    }
}

/// Looks at all that a test brings about, and remembers which kinds of errors there were.
#[must_use = "`end` looks at the log"]
pub(crate) struct Watch {
    pub(crate) kinds: BTreeSet<&'static str>,
}

impl Watch {
    pub(crate) fn begin() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
            let spans = FmtSpan::CLOSE;
            subscriber.with_span_events(spans).with_writer(|| LOG.with(Log::clone)).init();
            metrics::set_global_recorder(Metrics).expect("no other recorder");
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
                usual(panic);
            }));
        });
        Self::of_a_process()
    }

    /// Without the log, the panics and the requests: those are of the whole process.
    pub(crate) fn of_a_process() -> Self {
        Self { kinds: BTreeSet::new() }
    }

    /// Looks at a `Debug` output in both of its layouts.
    #[track_caller]
    pub(crate) fn debug(&self, what: &str, value: &dyn Debug) {
        assert_shows_nothing(&format!("Debug of {what}"), &format!("{value:?} {value:#?}"));
    }

    /// Looks at an error and everything that it says to have been caused by.
    #[track_caller]
    pub(crate) fn error(&self, what: &str, error: &(dyn Error + 'static)) {
        for error in std::iter::successors(Some(error), |&error| error.source()) {
            assert_shows_nothing(&format!("an error of {what}"), &format!("{error} {error:#}"));
            self.debug(&format!("an error of {what}"), &error);
        }
    }

    /// Looks at what an operation came to.
    #[track_caller]
    pub(crate) fn outcome<T: Debug>(&mut self, what: &str, outcome: Result<T, StoreError>) -> Option<T> {
        self.debug(what, &outcome);
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.store_error(what, &error);
                None
            }
        }
    }

    #[track_caller]
    pub(crate) fn store_error(&mut self, what: &str, error: &StoreError) {
        self.error(what, error);
        self.debug(what, &(error.service_error(), error.token(), error.kind()));
        assert_shows_nothing(what, error.secret_name().unwrap_or_default());
        self.kinds.insert(error.kind().as_str());
    }

    /// Looks at what a refresh came to. The error of an exchange is the application's own: it is in the chain of sources
    /// and nowhere else.
    #[track_caller]
    pub(crate) fn refresh<T: Debug>(&mut self, what: &str, outcome: Result<T, RefreshError>) -> Option<T> {
        self.debug(what, &outcome);
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                assert_shows_nothing(what, &format!("{error} {error:#}"));
                match error.store_error() {
                    Some(store_error) => self.store_error(what, store_error),
                    None => self.debug(what, &error.token()),
                }
                None
            }
        }
    }

    /// These kinds of errors there were, and no other.
    #[track_caller]
    pub(crate) fn assert_kinds(&self, kinds: &[ErrorKind]) {
        assert_eq!(self.kinds, kinds.iter().map(|kind| kind.as_str()).collect());
    }

    /// The panics so far: those of the application's own code say what it likes.
    pub(crate) fn take_panics(&self) -> Vec<String> {
        PANICS.take()
    }

    /// Looks at the log, the panics, the requests and the metrics since this was asked for last; returns the log.
    #[track_caller]
    pub(crate) fn look(&self) -> String {
        for panic in self.take_panics() {
            assert_shows_nothing("a panic", &panic);
        }
        for request in REQUESTS.take() {
            assert_shows_nothing(&format!("a request for {}", request.operation), &request.without_value);
        }
        assert_shows_nothing("a metric", &Metrics::take());
        let log = LOG.with(Log::take);
        if let Some(leak) = SECRETS_ALONE.find(&log) {
            panic!("the log shows {leak}");
        }
        // At TRACE the SDK prints AWS's messages and what requests are signed with: the guide on limits says so.
        let ours: Vec<&str> = log.lines().filter(|line| !is_of_the_sdk(line)).collect();
        assert_shows_nothing("the log, beside the SDK's own at TRACE,", &ours.join("\n"));
        log
    }

    /// The values that were sent since this was asked for last, with the operation.
    pub(crate) fn take_values(&self) -> Vec<(String, String)> {
        let values = |request: &mut Sent| Some((request.operation.clone(), request.value.take()?));
        REQUESTS.with_borrow_mut(|requests| requests.iter_mut().filter_map(values).collect())
    }
}

/// An event of the SDK's at TRACE: the level is the second word, the target stands behind the spans.
fn is_of_the_sdk(line: &str) -> bool {
    let is_trace = line.split_whitespace().nth(1) == Some("TRACE");
    is_trace && line.contains(": aws_smithy_runtime::")
}
