//! What the contract allows a process that may take the world to be in several states: every answer that it gives in one
//! of them, and no other.

use std::collections::BTreeSet;
use std::sync::Arc;

use oauth_token_store::{ErrorKind, OAuthToken};

use crate::contract::{Asked, Content, Judgement, Key};
use crate::knowledge::{Found, From, Knowledge, Span, State, is_same};
use crate::truth::{Secret, Secrets, Truth};

/// Where a lookup may come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reached {
    /// This record, in this state.
    Record(String, State),
    Conflict,
    Nothing,
}

impl Reached {
    pub(crate) fn name(&self) -> Option<&String> {
        match self {
            Self::Record(name, _) => Some(name),
            Self::Conflict | Self::Nothing => None,
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Record(_, None) | Self::Nothing)
    }
}

/// A save that has failed, and may be made again with the token in its error.
#[derive(Clone)]
pub(crate) struct Failed {
    pub(crate) token: Arc<OAuthToken>,
    pub(crate) asked: Asked,
    /// What it may have started from.
    starts: Vec<(String, State)>,
    /// When it was made first.
    from: u64,
    /// What it has stored, although it could not tell.
    landed: Option<(String, Arc<Secret>)>,
}

/// What a process may see.
pub(crate) struct View<'a> {
    pub(crate) truth: &'a Truth,
    /// None: nothing but the truth, and all of it.
    pub(crate) knowledge: Option<(&'a Knowledge, &'a Span)>,
}

impl View<'_> {
    /// The states that a record may be seen in.
    fn states(&self, name: &str, from: From) -> Vec<State> {
        match self.knowledge {
            Some((knowledge, span)) => {
                let mut states = knowledge.possible(self.truth, name, from, span);
                if from == From::Save {
                    states.extend(knowledge.possible(self.truth, name, From::Service, span));
                }
                states
            }
            None => vec![self.truth.now.get(name).cloned()],
        }
    }

    fn found(&self, name: &str, key: &Key) -> Found {
        match self.knowledge {
            Some((knowledge, span)) => knowledge.found(self.truth, name, key, span),
            None => Found::Surely,
        }
    }

    fn certain(&self, name: &str, from: From) -> Option<State> {
        let (knowledge, span) = self.knowledge?;
        knowledge.certain(self.truth, name, from, span)
    }

    /// Where a find may come to.
    pub(crate) fn finds(&self, asked: &Asked) -> Vec<Reached> {
        let keys = asked.keys();
        // What is surely in memory under the name that is asked for is the answer, if it is a clear one.
        if let Some(key) = keys.first()
            && let Some(Some(secret)) = self.certain(&key.name(), From::Find)
            && asked.find(key, &key.name(), &secret.content) == Judgement::Hit
        {
            return vec![Reached::Record(key.name(), Some(secret))];
        }
        let has_memory = self.knowledge.is_some_and(|(knowledge, _)| knowledge.has_memory());
        let mut reached = self.reached(asked, From::Find, has_memory);
        reached.retain(|reached| *reached != Reached::Nothing);
        reached.extend(
            self.reached(asked, From::Miss, false).into_iter().filter(|reached| *reached == Reached::Nothing),
        );
        reached
    }

    /// Where a lookup past the cache may come to.
    pub(crate) fn reloads(&self, asked: &Asked) -> Vec<Reached> {
        self.reached(asked, From::Service, true)
    }

    fn saves_over(&self, asked: &Asked) -> Vec<Reached> {
        let mut reached = self.reached(asked, From::Save, false);
        if let (Some(key), Some(name)) = (asked.own_id_as_found(), &asked.found_as) {
            for state in self.states(name, From::Save) {
                let Some(secret) = &state else { continue };
                match asked.save_over(&key, name, &secret.content) {
                    Judgement::Hit => reached.push(Reached::Record(name.clone(), state)),
                    Judgement::Conflict => reached.push(Reached::Conflict),
                    Judgement::Pass => {}
                }
            }
        }
        reached
    }

    /// `leads_past`: of several records that hold a key, memory may lead to any.
    fn reached(&self, asked: &Asked, from: From, leads_past: bool) -> Vec<Reached> {
        let mut reached = Vec::new();
        for key in asked.keys() {
            let named = key.name();
            let others = self.truth.names().filter(|name| key.is_searched() && **name != named);
            let mut passes = true;
            for name in std::iter::once(&named).chain(others) {
                let found = if *name == named { Found::Surely } else { self.found(name, &key) };
                if found == Found::Never {
                    continue;
                }
                let mut passes_by = found == Found::Perhaps || (leads_past && key.is_searched());
                for state in self.states(name, from) {
                    let judgement = state.as_ref().map_or(Judgement::Pass, |secret| match from {
                        From::Save => asked.save_over(&key, name, &secret.content),
                        _ => asked.find(&key, name, &secret.content),
                    });
                    match judgement {
                        Judgement::Pass => passes_by = true,
                        Judgement::Conflict => reached.push(Reached::Conflict),
                        Judgement::Hit => reached.push(Reached::Record(name.clone(), state)),
                    }
                }
                passes &= passes_by;
                // A save looks at all that hold the key, for one of them may refuse it.
                if !passes && from != From::Save {
                    break;
                }
            }
            if !passes {
                return reached;
            }
        }
        reached.push(Reached::Nothing);
        reached
    }

    /// What a save may start from, by the name of the record.
    fn starts(&self, asked: &Asked, has_read: bool) -> Vec<(String, State)> {
        if let Some(key) = asked.keys().first()
            && !has_read
            && let Some(Some(secret)) = self.certain(&key.name(), From::Save)
            && asked.save_over(key, &key.name(), &secret.content) == Judgement::Hit
        {
            return vec![(key.name(), Some(secret))];
        }
        let records = self.saves_over(asked).into_iter().filter_map(|reached| match reached {
            Reached::Record(name, state) => Some((name, state)),
            Reached::Conflict | Reached::Nothing => None,
        });
        records.collect()
    }
}

/// A save to be judged.
pub(crate) struct Saving<'a> {
    pub(crate) asked: &'a Asked,
    starts: Vec<(String, State)>,
    reached: Vec<Reached>,
    truth: &'a Truth,
    view: &'a View<'a>,
    /// It sends a write again that was sent at this time.
    again_from: Option<u64>,
    landed: Option<(String, Arc<Secret>)>,
}

impl<'a> Saving<'a> {
    /// `again`: the save of which this is another try. `has_read`: it has asked the service just before.
    pub(crate) fn new(view: &'a View<'a>, asked: &'a Asked, again: Option<&Failed>, has_read: bool) -> Self {
        let reached = view.saves_over(asked);
        let mut starts = view.starts(asked, has_read);
        if let Some(failed) = again {
            if !failed.starts.is_empty() {
                starts.clone_from(&failed.starts);
            }
            for name in view.truth.names() {
                let eras = view.truth.eras(name).iter();
                let since = eras.filter(|era| era.from >= failed.from && era.secret.is_some());
                starts.extend(since.map(|era| (name.clone(), era.secret.clone())));
            }
        }
        Self {
            asked,
            starts,
            reached,
            truth: view.truth,
            view,
            again_from: again.map(|failed| failed.from),
            landed: again.and_then(|failed| failed.landed.clone()),
        }
    }

    /// What is left of it in the token of its error. `wrote`: the record that it has written without being told.
    pub(crate) fn failed(
        &self,
        token: &Arc<OAuthToken>,
        span: &Span,
        wrote: Option<&String>,
        after: &Secrets,
    ) -> Failed {
        let landed = wrote.and_then(|name| Some((name.clone(), Arc::clone(after.get(name)?))));
        Failed {
            token: Arc::clone(token),
            asked: self.asked.clone(),
            starts: self.starts.clone(),
            from: self.again_from.unwrap_or(span.from),
            landed: landed.or_else(|| self.landed.clone()),
        }
    }

    fn reaches_nothing(&self) -> bool {
        self.reached.contains(&Reached::Nothing)
    }

    /// The records that it may have written to.
    pub(crate) fn aims(&self) -> impl Iterator<Item = &String> {
        self.starts.iter().map(|(name, _)| name)
    }

    /// Whether what has become of the secrets is the work of this save; what it left, if it has written.
    pub(crate) fn has_left(&self, after: &Secrets) -> Result<Option<String>, String> {
        let changed = self.truth.changed(after);
        let mut names = changed.into_iter();
        let Some(name) = names.next() else { return Ok(None) };
        if let Some(other) = names.next() {
            return Err(format!("it has changed both {name} and {other}"));
        }
        let Some(stored) = after.get(&name) else { return Err(format!("it has deleted {name}")) };
        if let Some((landed, secret)) = &self.landed
            && self.truth.now.get(landed).is_some_and(|now| now.arn == secret.arn)
        {
            return Err(format!("it has written {landed} again, where it had landed before"));
        }
        let mut allowed = BTreeSet::new();
        match self.truth.now.get(&name) {
            Some(before) => {
                for (_, start) in self.starts.iter().filter(|(start, _)| *start == name) {
                    let Some(start) = start else { continue };
                    let other = (start.arn != before.arn || start.version != before.version)
                        .then_some(&start.content);
                    allowed.insert(self.asked.merged_over(&before.content, other));
                    if self.is_by_hand_since(&name, start) {
                        allowed.insert(self.asked.merged_over(&start.content, None));
                        // The edit itself, from a replica that lags behind what was saved past it: that is undone.
                        for seen in self.view.states(&name, From::Service).into_iter().flatten() {
                            let other = (start.version != seen.version).then_some(&start.content);
                            allowed.insert(self.asked.merged_over(&seen.content, other));
                        }
                    }
                }
                if self.reaches_nothing() && self.truth.eras(&name).last().is_some_and(|era| era.by_hand) {
                    // Somebody has restored it, and the save has still taken it for deleted.
                    allowed.extend(
                        self.asked.new_record().ok().filter(|(new, _)| *new == name).map(|(_, new)| new),
                    );
                }
                let is_meant =
                    |key: &Key| self.asked.save_over(key, &name, &before.content) == Judgement::Hit;
                if self.reaches_nothing() && self.asked.keys().iter().any(is_meant) {
                    // It came second with a Create.
                    allowed.insert(self.asked.merged_over(&before.content, None));
                }
            }
            None => {
                if (self.reaches_nothing() || self.again_from.is_some())
                    && let Ok((new, content)) = self.asked.new_record()
                    && new == name
                {
                    allowed.insert(content);
                }
            }
        }
        if allowed.contains(&stored.content) {
            return Ok(Some(name));
        }
        Err(format!("it has stored {:?}, and could have stored {allowed:?}", stored.content))
    }

    /// Whether somebody has changed this record in the console since it was in this state.
    fn is_by_hand_since(&self, name: &str, start: &Secret) -> bool {
        let eras = self.truth.eras(name).iter().rev();
        let since = eras.take_while(|era| era.secret.as_ref().is_none_or(|s| s.version != start.version));
        // A roll-back ends in the same version that it began with.
        since.chain(self.truth.eras(name).last()).any(|era| era.by_hand)
            || self.truth.eras(name).iter().rev().take(3).any(|era| era.by_hand)
    }

    /// Whether a save may return this, having written it or nothing.
    pub(crate) fn may_return(
        &self,
        name: &str,
        content: &Content,
        wrote: Option<&str>,
        after: &Secrets,
    ) -> Result<(), String> {
        if let Some(wrote) = wrote {
            let stored = &after[wrote].content;
            if wrote == name && stored == content {
                return Ok(());
            }
            return Err(format!("it has stored {stored:?} in {wrote}"));
        }
        let landed_before = self.again_from.is_some_and(|from| {
            let since = self.truth.eras(name).iter().filter(|era| era.from >= from);
            since.filter_map(|era| era.secret.as_ref()).any(|secret| secret.content == *content)
        });
        let had_nothing_to_write = self.view.states(name, From::Service).into_iter().flatten().any(|seen| {
            let starts =
                self.starts.iter().filter(|(start, _)| start == name).filter_map(|(_, start)| start.as_ref());
            let mut merged = starts.map(|start| {
                let is_other = !is_same(&Some(Arc::clone(start)), &Some(Arc::clone(&seen)));
                self.asked.merged_over(&seen.content, is_other.then_some(&start.content))
            });
            let came_second =
                || self.reaches_nothing() && self.asked.merged_over(&seen.content, None) == seen.content;
            seen.content == *content && (merged.any(|merged| merged == seen.content) || came_second())
        });
        if landed_before || had_nothing_to_write {
            return Ok(());
        }
        Err("it has written nothing".to_owned())
    }

    /// Whether it may be refused with this.
    pub(crate) fn may_be_refused(&self, kind: ErrorKind) -> bool {
        if self.asked.keys().is_empty() {
            return kind == ErrorKind::NoLookupKey;
        }
        if kind == ErrorKind::Conflict && self.reached.contains(&Reached::Conflict) {
            return true;
        }
        if !self.reaches_nothing() {
            return false;
        }
        match self.asked.new_record() {
            Err(refused) => kind == refused,
            // The name is that of a record that has rotated away from the token.
            Ok((name, _)) => {
                kind == ErrorKind::Conflict
                    && self.view.states(&name, From::Service).iter().any(Option::is_some)
            }
        }
    }
}
