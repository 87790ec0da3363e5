//! What the `metrics` facade is told: names, labels and descriptions, of this thread.

use std::cell::RefCell;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

thread_local! {
    static REPORTED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes what it hears, and counts nothing.
pub(crate) struct Metrics;

impl Metrics {
    /// All since this was asked for last, a metric or description a line.
    pub(crate) fn take() -> String {
        REPORTED.take()
    }

    fn note(text: &str) {
        REPORTED.with_borrow_mut(|reported| reported.push_str(&format!("{text}\n")));
    }
}

impl Recorder for Metrics {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        Self::note(&format!("{} {description}", name.as_str()));
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe_counter(name, unit, description);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe_counter(name, unit, description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Self::note(&key.to_string());
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Self::note(&key.to_string());
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Self::note(&key.to_string());
        Histogram::noop()
    }
}
