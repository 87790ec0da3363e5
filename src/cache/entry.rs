//! What is known of one name, and for what it still serves.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::contract::Locator;
use crate::record::{Record, Version};

use super::clock::Moment;
use super::settings::{CacheSettings, SHORT, fresh_for};

/// How long a load that shows something older than what was seen is not believed.
const NEVER_BACK: Duration = Duration::from_secs(60);

/// How long after a failed load readers are served at once, while another one is tried behind their backs.
const OUTAGE: Duration = Duration::from_secs(10);

/// What is known of one name. Only its flags change: whatever else is to change takes a new entry.
pub(crate) struct Entry {
    pub(super) locator: Locator,
    pub(super) known: Known,
    pub(super) source: Source,
    traces: Traces,
    /// When it was asked for at the service, or sent to it, last: its age for all that follows a failure.
    seen: Moment,
    /// When the answer was there: from then on nothing older is believed for a while. The service may have changed it just
    /// before that, however long ago it was asked.
    learnt: Moment,
    /// What `fresh_for` and `base_for` count from.
    as_of: Moment,
    fresh_for: Duration,
    base_for: Duration,
    longest_use: Duration,
    flags: AtomicU8,
    touched: AtomicU64,
    /// When a load has failed last, or was tried behind the readers' backs: by each clock, one more than its milliseconds.
    failed: [AtomicU64; 2],
}

pub(crate) enum Known {
    Present(Record),
    Absent,
    /// Somebody asked to forget it: what comes next is believed.
    Invalidated,
}

/// What was there before, and is not to come back.
#[derive(Clone, Default)]
struct Traces {
    /// The secret that was deleted or replaced last, by its ARN.
    gone: Option<String>,
    /// The last version that was seen of one that is not there any more.
    last: Option<Version>,
    /// When this process deleted whatever had the name, by the service's clock.
    deleted: Option<SystemTime>,
}

/// Where the knowledge comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Loaded,
    Written,
}

/// It has been replaced, evicted or invalidated: it serves nothing any more, by whatever key it is reached.
const DEAD: u8 = 1;
/// A write has left it behind, or may have.
const DOUBTED: u8 = 2;
/// The service refused to show it: an outage that follows does not bring it back.
const DENIED: u8 = 4;
/// Somebody has asked to believe what is loaded next, whatever this says.
const OUTVOTED: u8 = 8;

impl Entry {
    /// A record that was read or written, after what was known before.
    pub(super) fn present(
        locator: Locator,
        record: Record,
        before: Option<&Self>,
        source: Source,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let gone = before.and_then(|before| match before.version() {
            Some(version) if version.arn != record.version.arn => Some(version.arn.clone()),
            _ => before.traces.gone.clone(),
        });
        let time_to_live = settings.jittered();
        let fresh_for = fresh_for(&record.token, &as_of, time_to_live);
        let new = Self::new(locator, Known::Present(record), source, as_of, now, settings);
        Self { traces: Traces { gone, ..Traces::default() }, fresh_for, base_for: time_to_live, ..new }
    }

    /// A record that was not found.
    pub(super) fn missing(
        locator: Locator,
        before: Option<&Self>,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let last = before.and_then(Self::version).cloned();
        let traces = before.map(|before| before.traces.clone()).unwrap_or_default();
        let new = Self::new(locator, Known::Absent, Source::Loaded, as_of, now, settings);
        Self { traces: Traces { last, ..traces }, ..new }.serving(settings.miss_time_to_live())
    }

    /// A record that this process has deleted, at this time by the service's clock.
    pub(super) fn deleted(
        locator: Locator,
        before: Option<&Self>,
        at: Option<SystemTime>,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let traces = before.map(|before| before.traces.clone()).unwrap_or_default();
        let gone = before.and_then(Self::version).map(|version| version.arn.clone()).or(traces.gone);
        let traces = Traces { gone, last: None, deleted: traces.deleted.max(at) };
        let new = Self::new(locator, Known::Absent, Source::Written, as_of, now, settings);
        Self { traces, ..new }.serving(settings.miss_time_to_live())
    }

    /// A name under which this process has deleted something, while what is known of it may be older or newer than that:
    /// it answers nothing, and tells what is older.
    pub(super) fn perhaps_deleted(
        locator: Locator,
        before: Option<&Self>,
        arn: Option<&str>,
        at: Option<SystemTime>,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let traces = before.map(|before| before.traces.clone()).unwrap_or_default();
        let gone = arn.map(str::to_owned).or(traces.gone);
        let last = before.and_then(Self::version).cloned();
        let traces = Traces { gone, last, deleted: traces.deleted.max(at) };
        Self { traces, ..Self::new(locator, Known::Absent, Source::Written, as_of, now, settings) }
    }

    pub(super) fn invalidated(locator: Locator, now: Moment, settings: &CacheSettings) -> Self {
        Self::new(locator, Known::Invalidated, Source::Loaded, now, now, settings)
    }

    fn new(
        locator: Locator,
        known: Known,
        source: Source,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        Self {
            locator,
            known,
            source,
            traces: Traces::default(),
            seen: as_of,
            learnt: now,
            as_of,
            fresh_for: Duration::ZERO,
            base_for: Duration::ZERO,
            longest_use: settings.longest_use(),
            flags: AtomicU8::new(0),
            touched: AtomicU64::new(0),
            failed: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    fn serving(self, time: Duration) -> Self {
        Self { fresh_for: time, base_for: time, ..self }
    }

    /// The same knowledge, for a moment more: the service has shown something older instead.
    pub(super) fn kept(&self, now: Moment, settings: &CacheSettings) -> Self {
        let known = match &self.known {
            Known::Present(record) => Known::Present(record.clone()),
            Known::Absent => Known::Absent,
            Known::Invalidated => Known::Invalidated,
        };
        let new = Self::new(self.locator, known, self.source, now, now, settings);
        let kept = Self { traces: self.traces.clone(), seen: self.seen, learnt: self.learnt, ..new };
        let fresh_for = SHORT.min(settings.time_to_live);
        // A save asks anew: what it was based on could be older than the time to live.
        Self { fresh_for, ..kept }
    }

    pub(crate) fn record(&self) -> Option<&Record> {
        match &self.known {
            Known::Present(record) => Some(record),
            Known::Absent | Known::Invalidated => None,
        }
    }

    pub(super) fn is_invalidated(&self) -> bool {
        matches!(self.known, Known::Invalidated)
    }

    /// The last version that was seen.
    fn version(&self) -> Option<&Version> {
        self.record().map(|record| &record.version).or(self.traces.last.as_ref())
    }

    /// Whether a load that shows `loaded` shows something older than this. A miss never is.
    pub(super) fn is_ahead_of(&self, loaded: Option<&Record>, now: &Moment) -> bool {
        let Some(Record { version: loaded, .. }) = loaded else {
            return false;
        };
        if now.since(&self.learnt) >= NEVER_BACK {
            return false;
        }
        self.traces.gone.as_ref() == Some(&loaded.arn)
            || self.version().is_some_and(|known| loaded.is_older_than(known))
            || self.traces.deleted.is_some_and(|deleted| loaded.is_from_before(deleted))
    }

    /// Whether it answers finds.
    pub(super) fn is_fresh(&self, now: &Moment) -> bool {
        self.flags() & (DEAD | DOUBTED) == 0 && now.since(&self.as_of) < self.fresh_for
    }

    /// Whether a save may be based on it.
    pub(super) fn is_base(&self, now: &Moment) -> bool {
        self.flags() & (DEAD | DOUBTED) == 0 && now.since(&self.as_of) < self.base_for
    }

    /// Whether it is served when the service fails in a passing way.
    pub(super) fn outlives_failures(&self, now: &Moment) -> bool {
        self.record().is_some()
            && self.flags() & (DEAD | DENIED) == 0
            && now.since(&self.seen) < self.longest_use
    }

    pub(super) fn is_alive(&self) -> bool {
        self.flags() & DEAD == 0
    }

    pub(super) fn kill(&self) {
        self.flag(DEAD);
    }

    pub(super) fn doubt(&self) {
        self.flag(DOUBTED);
    }

    /// What is loaded next is believed; until then it serves on.
    pub(super) fn believe_the_next(&self) {
        self.flag(OUTVOTED);
    }

    /// Whether it has a say in what is believed next.
    pub(super) fn has_a_say(&self) -> bool {
        self.flags() & OUTVOTED == 0
    }

    /// A load has failed. A denial is the end of it; after a passing failure it serves on.
    pub(super) fn note_failure(&self, is_passing: bool, now: &Moment) {
        if is_passing {
            self.note_try(now);
        } else {
            self.flag(DENIED);
        }
    }

    /// The service is tried again while this serves: until that has ended, nobody need wait for it.
    pub(super) fn note_try(&self, now: &Moment) {
        for (failed, now) in self.failed.iter().zip([now.monotonic, now.wall]) {
            failed.store(1 + millis(now), Ordering::Relaxed);
        }
    }

    /// Whether loads have failed just now, so that readers need not wait for the next one to fail, too.
    pub(super) fn is_in_outage(&self, now: &Moment) -> bool {
        self.since_failure(now).is_some_and(|since| since < millis(OUTAGE)) && self.outlives_failures(now)
    }

    /// Whether it is time to try the service again: once a second at most.
    pub(super) fn is_due_for_a_try(&self, now: &Moment) -> bool {
        self.since_failure(now).is_none_or(|since| since >= millis(SHORT))
    }

    fn since_failure(&self, now: &Moment) -> Option<u64> {
        let mut longest = None;
        for (failed, now) in self.failed.iter().zip([now.monotonic, now.wall]) {
            let failed = failed.load(Ordering::Relaxed).checked_sub(1)?;
            longest = longest.max(Some(millis(now).saturating_sub(failed)));
        }
        longest
    }

    /// Why it has to be loaded again.
    pub(super) fn reason(&self, now: &Moment) -> &'static str {
        match &self.known {
            Known::Invalidated => "invalidated",
            Known::Present(_) if self.is_base(now) => "expired",
            Known::Present(_) | Known::Absent => "stale",
        }
    }

    /// Whether the eviction policy is to hear of this use: once a second at most.
    pub(super) fn is_due_for_a_touch(&self, now: &Moment) -> bool {
        let (last, now) = (self.touched.load(Ordering::Relaxed), 1 + now.monotonic.as_secs());
        last < now && self.touched.swap(now, Ordering::Relaxed) < now
    }

    fn flags(&self) -> u8 {
        self.flags.load(Ordering::Acquire)
    }

    fn flag(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::Release);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
