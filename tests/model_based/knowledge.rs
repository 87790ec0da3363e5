//! What one process may know of each name, as far as can be told from its answers.
//!
//! A read answers with one of the *possible* states of a name. These are what the service may show to a request sent now
//! (the truth; what was true within the lag; for a stale read, what was true before), and what the process may have in
//! memory: whatever the service could show within the time to live, but only since it has last told us what it knows, for
//! after that it cannot go back to an older load.
//!
//! *Never back*: a state that is older than one that the process has seen is not believed for a minute; then it answers
//! with what it has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::Key;
use crate::truth::{Era, Secret, Truth};

/// A state of a name: a secret, or that there is none.
pub(crate) type State = Option<Arc<Secret>>;

/// One operation of a store, as far as it limits what may be seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// In milliseconds since the case began.
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) read_lag: u64,
    pub(crate) list_lag: u64,
    pub(crate) has_stale_reads: bool,
    /// Whether requests fail in a passing way, or did a moment ago: then older knowledge may serve.
    pub(crate) fails: bool,
}

/// For how long a process answers from memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) time_to_live: u64,
    pub(crate) max_stale: u64,
}

/// What memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum From {
    /// What a find may answer with.
    Find,
    /// That there is nothing, which counts for a second only; else as a find.
    Miss,
    /// What a save may be based on: an expired token, too.
    Save,
    /// Nothing but the service, whatever has been seen before.
    Service,
    /// Nothing but the service, unless something newer has been seen.
    List,
}

const SECOND: u64 = 1_000;
const NEVER_BACK: u64 = 60 * SECOND;

/// What nothing older is believed against.
#[derive(Clone, Debug)]
struct Floor {
    state: Seen,
    /// The last sight of it came no earlier than this, and no later than that.
    no_earlier: u64,
    no_later: u64,
}

#[derive(Clone, Debug)]
enum Seen {
    Version {
        secret: Arc<Secret>,
        is_own_write: bool,
    },
    /// Deleted by this process, not before this time of the service's clock.
    Deletion {
        at: u64,
    },
}

/// Of one name.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Memory holds nothing that was loaded before.
    since: u64,
    /// But for this era, which is what it held at that time.
    held: Option<usize>,
    /// It holds exactly that, until then, if nothing is asked of the service.
    certain_until: u64,
    floor: Option<Floor>,
    /// Until when lagging reads may have loaded an era that was over.
    shown: BTreeMap<usize, u64>,
    /// What it may have seen without telling, and until when: a floor that may stand.
    glimpsed: BTreeMap<usize, u64>,
    /// What it wrote last, and so finds in searches for ten minutes: since when, and whether that is sure.
    noted: Option<(Vec<Key>, u64, bool)>,
    /// Until then it may have noted writes that we know nothing of.
    may_note_until: u64,
}

pub(crate) struct Knowledge {
    settings: Settings,
    names: BTreeMap<String, Known>,
    /// Of the service's clock, when the case began.
    epoch: u64,
}

/// Whether a search finds a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    Surely,
    Perhaps,
    Never,
}

impl Knowledge {
    pub(crate) fn new(settings: Settings, epoch: u64) -> Self {
        Self { settings, names: BTreeMap::new(), epoch }
    }

    /// Every state of a name that this process may take it to be in.
    pub(crate) fn possible(&self, truth: &Truth, name: &str, from: From, span: &Span) -> Vec<State> {
        let eras = truth.eras(name);
        if from == From::Service {
            let shown: BTreeSet<usize> = showable(eras, span).collect();
            return shown.into_iter().map(|n| eras[n].secret.clone()).collect();
        }
        let nothing = Known::default();
        let known = self.names.get(name).unwrap_or(&nothing);
        let mut possible = BTreeSet::new();
        for shown in showable(eras, span) {
            let (may, must) = self.is_outvoted(known, &eras[shown], span);
            if !must {
                possible.insert(shown);
            }
            if may {
                possible.extend(known.held);
                possible.extend(known.floor.as_ref().and_then(|floor| floor.era(eras)));
            }
            possible.extend(known.glimpsed.iter().filter_map(|(glimpsed, at)| {
                let may_outvote = span.from < at + NEVER_BACK && is_older(&eras[shown], &eras[*glimpsed]);
                may_outvote.then_some(*glimpsed)
            }));
        }
        for (n, era) in eras.iter().enumerate().filter(|_| from != From::List) {
            let until = era.until.max(known.shown.get(&n).copied().unwrap_or_default());
            let (serves, is_held) = (self.serves(era, from, span), known.held == Some(n));
            let is_in_time = serves > 0 && until >= span.from.saturating_sub(serves);
            let may_have_come_in = is_held || (until >= known.since && !self.is_outvoted(known, era, span).1);
            if is_in_time && may_have_come_in {
                possible.insert(n);
            }
        }
        possible.into_iter().map(|n| eras[n].secret.clone()).collect()
    }

    /// What memory surely answers with, if nothing is in it that could send it to the service.
    pub(crate) fn certain(&self, truth: &Truth, name: &str, from: From, span: &Span) -> Option<State> {
        let known = self.names.get(name).filter(|known| span.from < known.certain_until)?;
        let era = &truth.eras(name)[known.held?];
        let is_expired = era.secret.as_ref().is_some_and(|secret| self.is_expired(secret, span));
        let serves = self.settings.time_to_live > 0 && (from == From::Save || !is_expired);
        serves.then(|| era.secret.clone())
    }

    /// For how long memory answers with a state, in milliseconds.
    fn serves(&self, era: &Era, from: From, span: &Span) -> u64 {
        let stale = if span.fails { self.settings.max_stale } else { 0 };
        match &era.secret {
            _ if self.settings.time_to_live == 0 => 0,
            None if from == From::Miss || from == From::Save => SECOND.min(self.settings.time_to_live),
            None => self.settings.time_to_live + stale,
            Some(secret) if from != From::Save && !span.fails && self.is_expired(secret, span) => SECOND,
            Some(_) => self.settings.time_to_live + stale,
        }
    }

    /// Whether its access token has expired by the time of this, or is about to.
    fn is_expired(&self, secret: &Secret, span: &Span) -> bool {
        let expiry = secret.content.get("expiry_time").and_then(|at| at.parse::<u64>().ok());
        expiry.is_some_and(|expiry| expiry.saturating_sub(5 * SECOND) <= self.epoch + span.from)
    }

    /// Whether a load that shows this may be refused as older than what was seen, and whether it must.
    fn is_outvoted(&self, known: &Known, era: &Era, span: &Span) -> (bool, bool) {
        let (Some(floor), Some(secret)) = (&known.floor, &era.secret) else { return (false, false) };
        let is_whole_second = secret.created.is_multiple_of(1_000);
        let (may_be_older, must_be_older) = match &floor.state {
            Seen::Version { secret: seen, .. } if seen.arn == secret.arn => {
                let is_older = secret.leads_to(seen);
                (is_older, is_older)
            }
            // Of what this process wrote it does not know the date exactly.
            Seen::Version { secret: seen, is_own_write } => {
                let is_older = secret.created < seen.created;
                (is_older || *is_own_write, is_older && !is_own_write && !is_whole_second)
            }
            Seen::Deletion { at } => (true, secret.created < *at && !is_whole_second),
        };
        let (may, must) =
            (span.from < floor.no_later + NEVER_BACK, span.until < floor.no_earlier + NEVER_BACK);
        (may && may_be_older, must && must_be_older)
    }

    /// Whether it answers by a key that a search has led it to, without another search.
    pub(crate) fn has_memory(&self) -> bool {
        self.settings.time_to_live > 0
    }

    /// Whether a search by this key leads to the record of this name.
    pub(crate) fn found(&self, truth: &Truth, name: &str, key: &Key, span: &Span) -> Found {
        let window = SECOND.min(self.settings.time_to_live) + span.list_lag;
        let begin = span.from.saturating_sub(window);
        let is_tagged = |era: &Era| {
            era.secret.as_ref().is_some_and(|secret| secret.tags.get(&key.tag()) == Some(&key.fingerprint()))
        };
        let mut listed = truth.eras(name).iter().filter(|era| era.until >= begin && era.from <= span.until);
        let (always, sometimes) = (listed.clone().all(is_tagged), listed.any(is_tagged));
        let known = self.names.get(name);
        let noted = known.and_then(|known| known.noted.as_ref());
        let noted = noted.filter(|(keys, ..)| keys.contains(key)).map(|(_, at, is_sure)| (*at, *is_sure));
        // Memory may lead there, whatever the list shows.
        let in_memory = self.settings.time_to_live > 0
            && truth
                .eras(name)
                .iter()
                .any(|era| era.secret.as_ref().is_some_and(|secret| key.is_held_by(name, &secret.content)));
        match noted {
            _ if always => Found::Surely,
            Some((at, true)) if span.until < at + 600 * SECOND => Found::Surely,
            None if !sometimes
                && !in_memory
                && known.is_none_or(|known| known.may_note_until <= span.from) =>
            {
                Found::Never
            }
            _ => Found::Perhaps,
        }
    }

    /// Whether lists surely show what has this name.
    pub(crate) fn is_listed(&self, truth: &Truth, name: &str, span: &Span) -> bool {
        let begin = span.from.saturating_sub(span.list_lag);
        let mut listed = truth.eras(name).iter().filter(|era| era.until >= begin);
        let noted = self.names.get(name).and_then(|known| known.noted.as_ref());
        let is_noted = noted.is_some_and(|(_, at, is_sure)| *is_sure && span.until < at + 600 * SECOND);
        is_noted || listed.all(|era| era.secret.is_some())
    }

    /// An operation of this process is over: it may have loaded whatever the service could show. Before the truth is
    /// brought up to date.
    pub(crate) fn over(&mut self, truth: &Truth, span: &Span, has_asked: bool) {
        if !has_asked {
            return;
        }
        for name in truth.names() {
            let eras = truth.eras(name);
            let known = self.names.get(name).cloned().unwrap_or_default();
            let believed: Vec<usize> =
                showable(eras, span).filter(|n| !self.is_outvoted(&known, &eras[*n], span).1).collect();
            let known = self.names.entry(name.clone()).or_default();
            known.certain_until = 0;
            for era in believed {
                known.shown.insert(era, span.until);
                known.glimpsed.insert(era, span.until);
            }
            if let Some(floor) = &mut known.floor {
                floor.no_later = span.until;
            }
        }
    }

    /// It has told what it knows of a name.
    pub(crate) fn tells(&mut self, truth: &Truth, name: &str, state: &State, span: &Span, is_fresh: bool) {
        self.learns(truth, name, state, span, is_fresh, false);
    }

    /// It has written what a name means now.
    pub(crate) fn has_saved(
        &mut self,
        truth: &Truth,
        name: &str,
        state: &State,
        span: &Span,
        has_written: bool,
    ) {
        self.learns(truth, name, state, span, has_written, has_written);
        if let (Some(secret), true) = (state, has_written) {
            let keys = Key::searched_of(&secret.content);
            let keys = keys.into_iter().filter(|key| key.name() != name).collect();
            self.names.entry(name.to_owned()).or_default().noted = Some((keys, span.from, true));
        }
    }

    fn learns(
        &mut self,
        truth: &Truth,
        name: &str,
        state: &State,
        span: &Span,
        is_fresh: bool,
        is_own_write: bool,
    ) {
        let held = truth.eras(name).iter().rposition(|era| is_same(&era.secret, state));
        let time_to_live = self.settings.time_to_live;
        let known = self.names.entry(name.to_owned()).or_default();
        let begin = held.map_or(0, |held| truth.eras(name)[held].from);
        let no_earlier = match (&known.floor, state) {
            _ if is_fresh => span.from,
            (Some(Floor { state: Seen::Version { secret, .. }, no_earlier, .. }), Some(now))
                if secret.version == now.version =>
            {
                *no_earlier
            }
            _ => begin,
        };
        known.since = span.from;
        known.held = held;
        known.shown.retain(|era, _| Some(*era) == held);
        known.glimpsed.clear();
        // Up to a tenth less is jitter.
        known.certain_until = match state {
            Some(_) if is_fresh => span.from + time_to_live * 9 / 10,
            _ => 0,
        };
        if let Some(secret) = state {
            let state = Seen::Version { secret: Arc::clone(secret), is_own_write };
            known.floor = Some(Floor { state, no_earlier, no_later: span.until });
        }
    }

    /// It has deleted what has this name.
    pub(crate) fn has_deleted(&mut self, truth: &Truth, name: &str, span: &Span) {
        self.learns(truth, name, &None, span, true, true);
        let at = self.epoch + span.from;
        let floor = Floor { state: Seen::Deletion { at }, no_earlier: span.from, no_later: span.until };
        let known = self.names.entry(name.to_owned()).or_default();
        known.floor = Some(floor);
        known.noted = None;
    }

    /// A write or deletion of this name has ended without an answer: nothing is answered from memory before it is loaded.
    pub(crate) fn is_in_doubt(&mut self, name: &str, span: &Span) {
        let known = self.names.entry(name.to_owned()).or_default();
        (known.since, known.held, known.certain_until) = (span.from, None, 0);
        self.unsure_what_was_noted(name, span);
    }

    /// It may have written, or deleted, this.
    pub(crate) fn unsure_what_was_noted(&mut self, name: &str, span: &Span) {
        self.names.entry(name.to_owned()).or_default().may_note_until = span.until + 600 * SECOND;
        if let Some((.., is_sure)) = self.names.get_mut(name).and_then(|known| known.noted.as_mut()) {
            *is_sure = false;
        }
    }

    /// What is loaded next is believed; and if it `surely` is forgotten, it is loaded before it is answered.
    pub(crate) fn forgets(&mut self, name: &str, surely: bool, span: &Span) {
        let known = self.names.entry(name.to_owned()).or_default();
        known.certain_until = 0;
        if let Some(floor) = &mut known.floor {
            floor.no_earlier = 0;
        }
        if surely {
            (known.since, known.held, known.floor) = (span.from, None, None);
            known.shown.clear();
            known.glimpsed.clear();
        }
    }
}

impl Floor {
    fn era(&self, eras: &[Era]) -> Option<usize> {
        match &self.state {
            Seen::Version { secret, .. } => {
                eras.iter().rposition(|era| is_same(&era.secret, &Some(Arc::clone(secret))))
            }
            Seen::Deletion { .. } => eras.iter().rposition(|era| era.secret.is_none()),
        }
    }
}

/// Whether one state may be taken for older than the other.
fn is_older(one: &Era, other: &Era) -> bool {
    match (&one.secret, &other.secret) {
        (Some(one), Some(other)) if one.arn == other.arn => one.leads_to(other),
        (Some(_), Some(_)) => true,
        _ => false,
    }
}

/// The same version: tags do not matter.
pub(crate) fn is_same(one: &State, two: &State) -> bool {
    let version = |state: &State| state.as_ref().map(|secret| (secret.arn.clone(), secret.version.clone()));
    version(one) == version(two)
}

/// The eras that the service may show to a request of this time.
fn showable<'a>(eras: &'a [Era], span: &'a Span) -> impl Iterator<Item = usize> + 'a {
    let begin = span.from.saturating_sub(span.read_lag);
    let before = eras.len().checked_sub(2).filter(|_| span.has_stale_reads);
    let in_time = eras.iter().enumerate();
    let in_time = in_time.filter(move |(_, era)| era.until >= begin && era.from <= span.until);
    in_time.map(|(n, _)| n).chain(before)
}
