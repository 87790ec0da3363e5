//! What processes and the service say to each other.

use std::fmt;

use super::token::{Content, Name};

/// A version's id: the request token of the write that made it. A chain has a root, and each slot follows the one before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct VersionId {
    pub(super) root: u8,
    pub(super) depth: u8,
}

impl VersionId {
    pub(super) const INITIAL: Self = Self { root: 0, depth: 0 };

    pub(super) fn random(nonce: Nonce) -> Self {
        Self { root: nonce.0, depth: 0 }
    }

    pub(super) fn slot_after(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    pub(super) fn slots_after(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.slot_after()), |slot| Some(slot.slot_after()))
    }

    pub(super) fn leads_to(self, later: Self) -> bool {
        self.root == later.root && self.depth < later.depth
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.root, self.depth)
    }
}

/// A random number that nobody else has drawn: which process drew it, and its how many-th it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Nonce(u8);

impl Nonce {
    const EACH: u8 = 32;

    pub(super) fn drawn(by: usize, number: u8) -> Self {
        assert!(number < Self::EACH, "more random numbers than the model has");
        Self((u8::try_from(by).expect("three processes") + 1) * Self::EACH + number)
    }
}

/// The suffix that each secret of a name has for itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Arn(pub(super) u8);

/// What a request names: whatever has the name, or one secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) name: Name,
    pub(super) arn: Option<Arn>,
}

impl From<Name> for Place {
    fn from(name: Name) -> Self {
        Self { name, arn: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.arn {
            Some(Arn(arn)) => write!(f, "{}#{arn}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

/// A token together with where and in which version it was found.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) arn: Arn,
    pub(super) id: VersionId,
    pub(super) content: Content,
}

impl Record {
    pub(super) fn place(&self) -> Place {
        Place { name: self.name, arn: Some(self.arn) }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {{{}}}", self.place(), self.id, self.content)
    }
}

/// Which save of which process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SaveId {
    pub(super) process: usize,
    pub(super) number: u8,
}

/// What a version holds, and what only the checker knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Value {
    pub(super) content: Content,
    /// The `save` key.
    pub(super) save: Nonce,
    pub(super) ghost: Ghost,
}

impl Value {
    /// Whether the service takes the two for one content.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.content == other.content && self.save == other.save
    }
}

/// Who wrote it, and what that save gives: nothing of this stands in the service.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Ghost {
    pub(super) by: Option<SaveId>,
    pub(super) gives: Content,
    /// The secret that the write is meant for; a Create makes its own.
    pub(super) meant_for: Option<Arn>,
    pub(super) was_found: bool,
    /// Its save has come from a secret that was deleted since.
    pub(super) is_of_a_deleted_login: bool,
}

/// One write, as it is sent and sent again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Write {
    /// Of a Put the secret, of a Create the name.
    pub(super) place: Place,
    pub(super) is_create: bool,
    pub(super) token: VersionId,
    pub(super) value: Value,
}

impl Write {
    pub(super) fn record_in(&self, arn: Arn) -> Record {
        Record { name: self.place.name, arn, id: self.token, content: self.value.content }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Request {
    Get(Place),
    GetVersion(Name, VersionId),
    Describe(Place),
    Versions(Place),
    /// ListSecrets by the tag of the own id.
    Search,
    Write(Write),
    Delete(Place),
    /// Sent only where the rule against it is off.
    Restore(Name),
}

impl Request {
    pub(super) fn is_change(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Delete(_) | Self::Restore(_))
    }

    pub(super) fn is_create_of(&self, save: SaveId) -> bool {
        matches!(self, Self::Write(write) if write.is_create && write.value.ghost.by == Some(save))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(place) => write!(f, "Get {place}"),
            Self::GetVersion(name, id) => write!(f, "Get {name} {id}"),
            Self::Describe(place) => write!(f, "Describe {place}"),
            Self::Versions(place) => write!(f, "ListSecretVersionIds {place}"),
            Self::Search => write!(f, "ListSecrets by own id"),
            Self::Write(write) => {
                let operation = if write.is_create { "Create" } else { "Put" };
                write!(f, "{operation} {} {} {{{}}}", write.place, write.token, write.value.content)
            }
            Self::Delete(place) => write!(f, "Delete {place}"),
            Self::Restore(name) => write!(f, "Restore {name}"),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Found(Record),
    NotFound,
    /// As on a secret that is scheduled for deletion.
    InvalidRequest,
    /// ResourceExistsException.
    Taken,
    /// With the versions that have a label: the current one and the one before it.
    Described {
        arn: Arn,
        is_scheduled: bool,
        labelled: Vec<VersionId>,
    },
    /// Each version, and whether it is the current one.
    Versions(Vec<(VersionId, bool)>),
    Names(Vec<Name>),
    Landed(Arn),
    Done,
    /// None: the request may have arrived or not, and may arrive later.
    Lost,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(record) => write!(f, "{record}"),
            Self::NotFound => write!(f, "not found"),
            Self::InvalidRequest => write!(f, "invalid request"),
            Self::Taken => write!(f, "exists"),
            Self::Described { is_scheduled: true, .. } => write!(f, "scheduled for deletion"),
            Self::Described { .. } => write!(f, "there"),
            Self::Versions(versions) => {
                let shown =
                    versions.iter().map(|(id, current)| format!("{id}{}", if *current { "*" } else { "" }));
                f.write_str(&shown.collect::<Vec<_>>().join(" "))
            }
            Self::Names(names) => {
                f.write_str("[")?;
                names.iter().try_for_each(|name| write!(f, "{name}"))?;
                f.write_str("]")
            }
            Self::Landed(_) => write!(f, "landed"),
            Self::Done => write!(f, "done"),
            Self::Lost => write!(f, "no answer"),
        }
    }
}

/// Version ids here are those of the code in other words.
#[test]
fn slots_follow_each_other_as_in_the_code() {
    use crate::record::{leads_to, slot_after};
    let chain = |root: &str| {
        let slots = std::iter::successors(Some(root.to_owned()), |slot| Some(slot_after(slot)));
        slots.take(6).collect::<Vec<_>>()
    };
    let roots = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let real = roots.map(chain);
    let all = || (0..12_u8).map(|n| VersionId { root: n / 6, depth: n % 6 });
    let in_code = |id: VersionId| real[usize::from(id.root)][usize::from(id.depth)].as_str();
    for one in all() {
        for other in all() {
            assert_eq!(one.leads_to(other), leads_to(in_code(one), in_code(other)), "{one} {other}");
            assert_eq!(
                one.slot_after() == other,
                slot_after(in_code(one)) == in_code(other),
                "{one} {other}"
            );
        }
    }
}
