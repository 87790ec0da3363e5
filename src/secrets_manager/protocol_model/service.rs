//! Secrets Manager: what it answers, and what it keeps. With it the flaws that a change can have are found, at the moment
//! at which it takes effect.

use std::rc::Rc;

use super::request::{Answer, Arn, Ghost, Place, Record, Request, Value, VersionId, Write};
use super::token::{Content, Field, Name, is_rotated_away};
use super::world::{Judged, Scene};

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Version {
    pub(super) id: VersionId,
    pub(super) value: Value,
    /// Somebody has moved AWSCURRENT back past it, by hand.
    pub(super) is_undone: bool,
}

/// Why a secret cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Deletion {
    /// With a recovery window, by hand.
    Scheduled,
    /// Without, and not yet carried out.
    Lingering,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Secret {
    pub(super) arn: Arn,
    pub(super) versions: Vec<Version>,
    pub(super) current: usize,
    previous: Option<usize>,
    pub(super) deletion: Option<Deletion>,
    /// Somebody has changed it by hand, so that what a write is based on may be another version than the current one.
    is_edited: bool,
}

impl Secret {
    pub(super) fn content(&self) -> Content {
        self.versions[self.current].value.content
    }

    fn move_current(&mut self, to: usize) {
        self.previous = Some(self.current);
        self.current = to;
    }

    fn has(&self, id: VersionId) -> Option<usize> {
        self.versions.iter().position(|version| version.id == id)
    }
}

type State = Option<Rc<Secret>>;

/// A name, as it was and is.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Timeline {
    /// The latest states, the present one last: as many as stale reads can still see.
    states: Vec<State>,
    secrets_so_far: u8,
}

impl Timeline {
    fn seen(&self, states_back: usize) -> Option<&Secret> {
        self.states[self.states.len().saturating_sub(1 + states_back)].as_deref()
    }

    fn push(&mut self, state: Option<Secret>) {
        self.states.push(state.map(Rc::new));
    }

    fn forget_all_but(&mut self, states_back: usize) {
        let old = self.states.len().saturating_sub(1 + states_back);
        self.states.drain(..old);
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Service {
    names: [Timeline; 2],
    /// Whether a deletion takes some seconds.
    deletions_linger: bool,
    judged: Judged,
}

/// What a change must not do.
pub(super) type Flaw = String;

impl Service {
    pub(super) fn new(scene: &Scene) -> Self {
        let ghost = Ghost::default();
        let secret = scene.record.map(|content| Secret {
            arn: Arn(0),
            versions: vec![Version {
                id: VersionId::INITIAL,
                value: Value { content, save: Default::default(), ghost },
                is_undone: false,
            }],
            current: 0,
            previous: None,
            deletion: scene.is_scheduled.then_some(Deletion::Scheduled),
            is_edited: false,
        });
        let secrets_so_far = u8::from(secret.is_some());
        let of_user = Timeline { states: vec![secret.map(Rc::new)], secrets_so_far };
        Self {
            names: [of_user, Timeline { states: vec![None], secrets_so_far: 0 }],
            deletions_linger: scene.deletions_linger,
            judged: scene.judged,
        }
    }

    pub(super) fn secret(&self, name: Name) -> Option<&Secret> {
        self.timeline(name).seen(0)
    }

    /// The secret of a name, unless it is being deleted.
    pub(super) fn usable(&self, name: Name) -> Option<&Secret> {
        self.secret(name).filter(|secret| secret.deletion.is_none())
    }

    /// How many states of the past are still known.
    pub(super) fn past(&self) -> usize {
        Name::ALL.into_iter().map(|name| self.timeline(name).states.len() - 1).max().unwrap_or_default()
    }

    pub(super) fn forget_past(&mut self, but_for: usize) {
        self.names.iter_mut().for_each(|timeline| timeline.forget_all_but(but_for));
    }

    fn timeline(&self, name: Name) -> &Timeline {
        &self.names[name as usize]
    }

    fn change(&mut self, name: Name, state: Option<Secret>) {
        self.names[name as usize].push(state);
    }

    fn seen_at(&self, place: Place, states_back: usize) -> Option<&Secret> {
        let secret = self.timeline(place.name).seen(states_back)?;
        place.arn.is_none_or(|arn| arn == secret.arn).then_some(secret)
    }

    /// The answer to a read, from the state so many states back.
    pub(super) fn read(&self, request: &Request, states_back: usize) -> Answer {
        let place = match request {
            Request::Get(place) | Request::Versions(place) | Request::Describe(place) => *place,
            Request::GetVersion(name, _) => Place::from(*name),
            Request::Search => {
                let holds = |name: &Name| {
                    let secret = self.timeline(*name).seen(states_back);
                    let secret = secret.filter(|secret| secret.deletion.is_none());
                    secret.is_some_and(|secret| secret.content().get(Field::OwnId) != 0)
                };
                return Answer::Names(Name::ALL.into_iter().filter(holds).collect());
            }
            Request::Write(_) | Request::Delete(_) | Request::Restore(_) => unreachable!("a change"),
        };
        let Some(secret) = self.seen_at(place, states_back) else {
            return Answer::NotFound;
        };
        let record = |version: &Version| {
            let (arn, id, content) = (secret.arn, version.id, version.value.content);
            Answer::Found(Record { name: place.name, arn, id, content })
        };
        match request {
            Request::Describe(_) => Answer::Described {
                arn: secret.arn,
                is_scheduled: secret.deletion.is_some(),
                labelled: [Some(secret.current), secret.previous]
                    .into_iter()
                    .flatten()
                    .map(|version| secret.versions[version].id)
                    .collect(),
            },
            Request::Versions(_) => {
                let versions = secret.versions.iter().enumerate();
                Answer::Versions(versions.map(|(n, version)| (version.id, n == secret.current)).collect())
            }
            _ if secret.deletion.is_some() => Answer::InvalidRequest,
            Request::GetVersion(_, id) => {
                secret.has(*id).map_or(Answer::NotFound, |version| record(&secret.versions[version]))
            }
            _ => record(&secret.versions[secret.current]),
        }
    }

    /// Carries out a change, and answers it. `by_save`: it is part of a save.
    pub(super) fn execute(&mut self, request: &Request, by_save: bool) -> Result<Answer, Flaw> {
        match request {
            Request::Write(write) if write.is_create => self.create(write),
            Request::Write(write) => self.put(write),
            Request::Delete(place) => self.delete(*place, by_save),
            Request::Restore(_) => Err("a save has brought back what was deleted".into()),
            _ => unreachable!("a read"),
        }
    }

    fn create(&mut self, write: &Write) -> Result<Answer, Flaw> {
        let name = write.place.name;
        if let Some(secret) = self.secret(name) {
            let own = secret.has(write.token).map(|version| secret.versions[version].value);
            return Ok(match own {
                _ if secret.deletion.is_some() => Answer::InvalidRequest,
                Some(own) if own.is_same(&write.value) => Answer::Landed(secret.arn),
                _ => Answer::Taken,
            });
        }
        let Value { content, ghost, .. } = write.value;
        if ghost.was_found {
            return Err("a deleted record has come back through a token that was found as it".into());
        }
        if let Some(field) =
            Field::ALL.into_iter().find(|field| content.get(*field) != ghost.gives.get(*field))
        {
            return Err(format!("a new record without the {field:?} that its token has"));
        }
        let timeline = &mut self.names[name as usize];
        let arn = Arn(timeline.secrets_so_far);
        timeline.secrets_so_far += 1;
        let version = Version { id: write.token, value: write.value, is_undone: false };
        let (versions, current) = (vec![version], 0);
        let secret = Secret { arn, versions, current, previous: None, deletion: None, is_edited: false };
        self.change(name, Some(secret));
        Ok(Answer::Landed(arn))
    }

    fn put(&mut self, write: &Write) -> Result<Answer, Flaw> {
        let Some(secret) = self.seen_at(write.place, 0) else {
            return Ok(Answer::NotFound);
        };
        if secret.deletion.is_some() {
            return Ok(Answer::InvalidRequest);
        }
        if let Some(version) = secret.has(write.token) {
            let is_same = secret.versions[version].value.is_same(&write.value);
            return Ok(if is_same { Answer::Landed(secret.arn) } else { Answer::Taken });
        }
        may_land(write, secret)?;
        if self.judged.logins_stay_apart && write.value.ghost.is_of_a_deleted_login {
            return Err("what was changed of a deleted login is in the new one".into());
        }
        let mut secret = secret.clone();
        secret.versions.push(Version { id: write.token, value: write.value, is_undone: false });
        secret.move_current(secret.versions.len() - 1);
        let arn = secret.arn;
        self.change(write.place.name, Some(secret));
        Ok(Answer::Landed(arn))
    }

    fn delete(&mut self, place: Place, by_save: bool) -> Result<Answer, Flaw> {
        if let Some(secret) = self.seen_at(place, 0) {
            if by_save && secret.deletion.is_none() {
                return Err("a save has deleted a secret that was not scheduled for deletion".into());
            }
            let lingering = Secret { deletion: Some(Deletion::Lingering), ..secret.clone() };
            self.change(place.name, self.deletions_linger.then_some(lingering));
        }
        Ok(Answer::Done)
    }

    // What happens without a request of ours

    /// A deletion that took its time is carried out.
    pub(super) fn purge(&mut self, name: Name) {
        self.change(name, None);
    }

    pub(super) fn roll_back(&mut self, name: Name, to: usize) {
        let mut secret = self.secret(name).expect("it is there").clone();
        secret.move_current(to);
        secret.versions[to + 1..].iter_mut().for_each(|version| version.is_undone = true);
        secret.is_edited |= !self.judged.roll_backs_stay;
        self.change(name, Some(secret));
    }

    /// Somebody writes a value of their own in the console.
    pub(super) fn edit(&mut self, name: Name, field: Field, value: u8) {
        let mut secret = self.secret(name).expect("it is there").clone();
        let content = secret.content().with(field, value);
        let gives = Content::of(&[(field, value)]);
        let ghost = Ghost { gives, ..Ghost::default() };
        let id = VersionId { root: 1, depth: 0 };
        let value = Value { content, save: Default::default(), ghost };
        secret.versions.push(Version { id, value, is_undone: false });
        secret.move_current(secret.versions.len() - 1);
        secret.is_edited = true;
        self.change(name, Some(secret));
    }

    pub(super) fn set_scheduled(&mut self, name: Name, is_scheduled: bool) {
        let secret = self.secret(name).expect("it is there").clone();
        let deletion = is_scheduled.then_some(Deletion::Scheduled);
        self.change(name, Some(Secret { deletion, ..secret }));
    }
}

/// What every write that lands over a secret must be.
fn may_land(write: &Write, secret: &Secret) -> Result<(), Flaw> {
    let (before, Value { content, ghost, .. }) = (secret.content(), write.value);
    if ghost.meant_for != Some(secret.arn) {
        return Err("a write over a deleted record has landed in the one that was created anew".into());
    }
    if secret.versions.iter().any(|version| version.value.ghost.by == ghost.by) {
        return Err("one save has written twice".into());
    }
    for field in Field::ALL {
        let (old, new, given) = (before.get(field), content.get(field), ghost.gives.get(field));
        if given != 0 && new != given {
            return Err(format!("a write without the {field:?} that its save gives"));
        }
        if given == 0 && new != old && !secret.is_edited {
            return Err(format!(
                "a write has changed {field:?} from {old} to {new}, which its save does not give"
            ));
        }
    }
    // What was changed of a deleted login is merged into a new one, too, in whatever order: a documented limit.
    let ghosts = secret.versions.iter().map(|version| version.value.ghost).chain([ghost]);
    let is_judged = !secret.is_edited && !ghosts.into_iter().any(|ghost| ghost.is_of_a_deleted_login);
    if is_judged && is_rotated_away(content.get(Field::Refresh), before.get(Field::Refresh)) {
        return Err("a refresh token was replaced by the one that it was rotated from".into());
    }
    Ok(())
}
