//! What is known of one name, and for what it still serves.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::contract::{Locator, OAuthToken};
use crate::record::{Record, Version};

use super::clock::{AtomicMoment, Moment};
use super::counters::thread_number;
use super::settings::{CacheSettings, SHORT, fresh_for};

/// How long a load that shows something older than what was seen is not believed.
const NEVER_BACK: Duration = Duration::from_secs(60);

/// How long after a failed load readers are served at once, while another one is tried behind their backs.
const OUTAGE: Duration = Duration::from_secs(10);

/// How many handles a token has that many threads want at once.
const HANDLES: usize = 16;

/// What is known of one name. Its flags change, and its times when the service shows the same again: whatever else is to
/// change takes a new entry.
///
/// In this order in memory: what a hit looks at lies together.
#[repr(C)]
pub(crate) struct Entry {
    fresh_until: AtomicMoment,
    flags: AtomicU8,
    pub(super) source: Source,
    /// How often a write has left its doubt here.
    doubts: AtomicU32,
    touched: AtomicU64,
    pub(super) known: Known,
    pub(super) locator: Locator,
    base_until: AtomicMoment,
    /// When the answer was there: from then on nothing older is believed for a while. The service may have changed it just
    /// before that, however long ago it was asked.
    learnt: AtomicMoment,
    /// Until when it stands in while the service fails.
    useful_until: AtomicMoment,
    /// When a load has failed last, or was tried behind the readers' backs.
    failed: AtomicMoment,
    /// For a token that many threads want at once: handles of its own for each of some, so that they do not all count
    /// references at one place.
    handles: OnceLock<Box<[Arc<OAuthToken>]>>,
    /// Most have none.
    traces: Option<Box<Traces>>,
}

pub(crate) enum Known {
    Present(Record),
    Absent,
    /// Somebody asked to forget it: what comes next is believed.
    Invalidated,
}

/// What was there before, and is not to come back.
#[derive(Clone, Default, PartialEq)]
struct Traces {
    /// The secret that was deleted or replaced last, by its ARN.
    gone: Option<String>,
    /// The last version that was seen of one that is not there any more.
    last: Option<Arc<Version>>,
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
/// An outage does not bring it back: the service refused to show it, or a write that has landed may have replaced it.
const UNFIT: u8 = 4;
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
            _ => before.traces().gone.clone(),
        });
        let new = Self::new(locator, Known::Present(record), source);
        new.renew(as_of, now, settings);
        // What is dated earlier and was deleted with it may not have been seen here.
        let deleted = before.and_then(|before| before.traces().deleted);
        new.after(Traces { gone, deleted, ..Traces::default() })
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
        let traces = before.map(|before| before.traces().clone()).unwrap_or_default();
        Self::new(locator, Known::Absent, Source::Loaded)
            .after(Traces { last, ..traces })
            .dated(as_of, now, settings)
            .serving(as_of.plus(settings.miss_time_to_live()))
    }

    /// A record that this process has deleted: whatever had the name, at this time by the service's clock, or what was known.
    pub(super) fn deleted(
        locator: Locator,
        before: Option<&Self>,
        at: Option<SystemTime>,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let traces = before.map(|before| before.traces().clone()).unwrap_or_default();
        let last = before.and_then(Self::version).cloned();
        let gone = last.as_ref().map(|version| version.arn.clone()).or(traces.gone);
        Self::new(locator, Known::Absent, Source::Written)
            .after(Traces { gone, last, deleted: traces.deleted.max(at) })
            .dated(as_of, now, settings)
            .serving(as_of.plus(settings.miss_time_to_live()))
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
        let traces = before.map(|before| before.traces().clone()).unwrap_or_default();
        let gone = arn.map(str::to_owned).or(traces.gone);
        let last = before.and_then(Self::version).cloned();
        let traces = Traces { gone, last, deleted: traces.deleted.max(at) };
        Self::undecided(locator, traces, as_of, now, settings)
    }

    /// A name under which this process has saved this version and has deleted something, and nobody can tell which came
    /// last: it answers nothing, and nothing older than any that was seen comes back.
    pub(super) fn saved_or_deleted(
        locator: Locator,
        deleted: &Self,
        saved: Arc<Version>,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let last = if deleted.has_seen_newer(&saved) { deleted.version().cloned() } else { Some(saved) };
        let traces = Traces { last, ..deleted.traces().clone() };
        Self::undecided(locator, traces, as_of, now, settings)
    }

    fn undecided(
        locator: Locator,
        traces: Traces,
        as_of: Moment,
        now: Moment,
        settings: &CacheSettings,
    ) -> Self {
        let new = Self::new(locator, Known::Absent, Source::Written).after(traces);
        new.doubt();
        new.dated(as_of, now, settings)
    }

    pub(super) fn invalidated(locator: Locator, now: Moment, settings: &CacheSettings) -> Self {
        Self::new(locator, Known::Invalidated, Source::Loaded).dated(now, now, settings)
    }

    /// Not fresh, not even for who has read the clock before this was known.
    fn new(locator: Locator, known: Known, source: Source) -> Self {
        let over = || AtomicMoment::new(Moment::OVER);
        Self {
            locator,
            known,
            source,
            traces: None,
            learnt: over(),
            fresh_until: over(),
            base_until: over(),
            useful_until: over(),
            flags: AtomicU8::new(0),
            doubts: AtomicU32::new(0),
            touched: AtomicU64::new(0),
            failed: AtomicMoment::new(Moment::NEVER),
            handles: OnceLock::new(),
        }
    }

    fn after(self, traces: Traces) -> Self {
        let traces = (traces != Traces::default()).then(|| Box::new(traces));
        Self { traces, ..self }
    }

    fn dated(self, as_of: Moment, now: Moment, settings: &CacheSettings) -> Self {
        self.note_times(as_of, now, settings);
        self
    }

    fn serving(self, until: Moment) -> Self {
        self.base_until.set(until);
        self.fresh_until.set(until);
        self
    }

    fn note_times(&self, as_of: Moment, now: Moment, settings: &CacheSettings) {
        self.learnt.set(now);
        self.useful_until.set(as_of.plus(settings.longest_use()));
    }

    /// Whether a load that has shown this record has shown what is known, so that only the times are other ones.
    pub(super) fn is_confirmed_by(&self, loaded: &Record) -> bool {
        self.source == Source::Loaded
            && self.flags() & !OUTVOTED == 0
            && self.record().is_some_and(|known| known.version == loaded.version)
    }

    /// A record that was read or written, or read again. Under the lock of its locator.
    pub(super) fn renew(&self, as_of: Moment, now: Moment, settings: &CacheSettings) {
        let time_to_live = settings.jittered();
        self.note_times(as_of, now, settings);
        self.failed.set(Moment::NEVER);
        self.base_until.set(as_of.plus(time_to_live));
        if let Some(record) = self.record() {
            self.fresh_until.set(as_of.plus(fresh_for(&record.token, &as_of, time_to_live)));
        }
    }

    fn traces(&self) -> &Traces {
        static NONE: Traces = Traces { gone: None, last: None, deleted: None };
        self.traces.as_deref().unwrap_or(&NONE)
    }

    /// The same knowledge, for a moment more: the service has shown something older instead.
    pub(super) fn kept(&self, now: Moment, settings: &CacheSettings) -> Self {
        let known = match &self.known {
            Known::Present(record) => Known::Present(record.clone()),
            Known::Absent => Known::Absent,
            Known::Invalidated => Known::Invalidated,
        };
        let new = Self::new(self.locator, known, self.source);
        let copy = |moment: &AtomicMoment| AtomicMoment::new(moment.get());
        // Not a base: a save asks anew, for what it was based on could be older than the time to live.
        Self {
            traces: self.traces.clone(),
            learnt: copy(&self.learnt),
            useful_until: copy(&self.useful_until),
            fresh_until: AtomicMoment::new(now.plus(SHORT.min(settings.time_to_live))),
            flags: AtomicU8::new(self.flags() & (DOUBTED | UNFIT)),
            ..new
        }
    }

    pub(crate) fn record(&self) -> Option<&Record> {
        match &self.known {
            Known::Present(record) => Some(record),
            Known::Absent | Known::Invalidated => None,
        }
    }

    /// The token, for a caller on this thread.
    pub(super) fn handle(&self) -> Option<Arc<OAuthToken>> {
        let token = &self.record()?.token;
        if let Some(handles) = self.handles.get() {
            // Neighbours in memory would share a cache line.
            return handles.get(2 * thread_number() % HANDLES).map(Arc::clone);
        }
        // In use on other threads, most likely at this very moment.
        if Arc::strong_count(token) > 2 {
            self.handles.get_or_init(|| (0..HANDLES).map(|_| Arc::new(OAuthToken::clone(token))).collect());
        }
        Some(Arc::clone(token))
    }

    pub(super) fn is_invalidated(&self) -> bool {
        matches!(self.known, Known::Invalidated)
    }

    /// The last version that was seen.
    fn version(&self) -> Option<&Arc<Version>> {
        self.record().map(|record| &record.version).or(self.traces().last.as_ref())
    }

    /// Whether a version that came after this one was seen: the answer to an earlier save may come later.
    pub(super) fn has_seen_newer(&self, version: &Version) -> bool {
        self.version().is_some_and(|seen| version.is_older_than(seen))
    }

    /// When the answer was there that it tells.
    pub(super) fn learnt(&self) -> Moment {
        self.learnt.get()
    }

    /// Whether a load that shows `loaded` shows something older than this. A miss never is.
    pub(super) fn is_ahead_of(&self, loaded: Option<&Record>, now: &Moment) -> bool {
        let Some(Record { version: loaded, .. }) = loaded else {
            return false;
        };
        if now.since(&self.learnt.get()) >= NEVER_BACK {
            return false;
        }
        (self.traces().gone.as_ref() == Some(&loaded.arn) && !self.is_from_before(loaded))
            || self.version().is_some_and(|known| loaded.is_older_than(known))
            || self.traces().deleted.is_some_and(|deleted| loaded.is_from_before(deleted))
    }

    /// Whether it is clear from the dates that what it shows came before this version, though that was seen earlier: a
    /// replica that lagged behind has been believed.
    fn is_from_before(&self, loaded: &Version) -> bool {
        // Only of what was loaded the date is exact.
        self.source == Source::Loaded
            && self.record().is_some_and(|known| known.version.is_older_than(loaded))
    }

    /// Whether it answers finds.
    pub(super) fn is_fresh(&self, now: &Moment) -> bool {
        self.flags() & (DEAD | DOUBTED) == 0 && now.is_before(&self.fresh_until.get())
    }

    /// Whether a save may be based on it.
    pub(super) fn is_base(&self, now: &Moment) -> bool {
        self.flags() & (DEAD | DOUBTED) == 0 && now.is_before(&self.base_until.get())
    }

    /// Whether it is served when the service fails in a passing way.
    pub(super) fn outlives_failures(&self, now: &Moment) -> bool {
        self.record().is_some()
            && self.flags() & (DEAD | UNFIT) == 0
            && now.is_before(&self.useful_until.get())
    }

    /// Whether a write may have left it behind.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.flags() & DOUBTED != 0
    }

    /// How often a write has left its doubt here.
    pub(super) fn doubts(&self) -> u32 {
        self.doubts.load(Ordering::Acquire)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.flags() & DEAD == 0
    }

    pub(super) fn kill(&self) {
        self.flag(DEAD);
    }

    /// A write of unknown fate may have left it behind: it is to be loaded again, but serves in an outage.
    pub(super) fn doubt(&self) {
        self.cast_doubt(DOUBTED);
    }

    /// A write that has landed may have left it behind: nobody is to see it again before it is loaded.
    pub(super) fn disown(&self) {
        self.cast_doubt(DOUBTED | UNFIT);
    }

    /// A write of this process was refused because another one was first: what is known is to be loaded again. That one may
    /// be this process's own, and is known to it then.
    pub(super) fn outdate(&self) {
        self.flag(DOUBTED);
    }

    fn cast_doubt(&self, flags: u8) {
        self.doubts.fetch_add(1, Ordering::Release);
        self.flag(flags);
    }

    /// Whether what is loaded next is believed; until then it serves on.
    pub(super) fn believe_the_next(&self, is_believed: bool) {
        if is_believed {
            self.flag(OUTVOTED);
        } else {
            self.flags.fetch_and(!OUTVOTED, Ordering::Release);
        }
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
            self.flag(UNFIT);
        }
    }

    /// The service is tried again while this serves: until that has ended, nobody need wait for it.
    pub(super) fn note_try(&self, now: &Moment) {
        self.failed.set(*now);
    }

    /// Whether loads have failed just now, so that readers need not wait for the next one to fail, too.
    pub(super) fn is_in_outage(&self, now: &Moment) -> bool {
        self.since_failure(now).is_some_and(|since| since < OUTAGE) && self.outlives_failures(now)
    }

    /// Whether it is time to try the service again: once a second at most.
    pub(super) fn is_due_for_a_try(&self, now: &Moment) -> bool {
        self.since_failure(now).is_none_or(|since| since >= SHORT)
    }

    /// How long ago a load has failed last, or was tried behind the readers' backs.
    fn since_failure(&self, now: &Moment) -> Option<Duration> {
        let failed = self.failed.get();
        (failed != Moment::NEVER).then(|| now.since(&failed))
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
        let (last, now) = (self.touched.load(Ordering::Relaxed), 1 + now.monotonic_seconds());
        last < now && self.touched.swap(now, Ordering::Relaxed) < now
    }

    fn flags(&self) -> u8 {
        self.flags.load(Ordering::Acquire)
    }

    fn flag(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::Release);
    }
}
