//! Every operation in every starting state that changes its way, with the requests that it makes.

use oauth_token_store::{ErrorKind, OAuthToken};

use crate::action::{Action, ExchangeKind};
use crate::scene::{Lookup, lookups};
use crate::state::{State, bob, built, change, rotation};
use crate::step::*;
use crate::support::{id, id_of, login, token};
use crate::verdict::Verdict;
use crate::world::World;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) state: State,
    /// The record that the state is about.
    pub(crate) first: OAuthToken,
    /// What it has been looked up by.
    pub(crate) asked: OAuthToken,
    pub(crate) action: Box<dyn Fn(&World) -> Action + Send + Sync>,
    pub(crate) steps: Vec<Step>,
    /// How it ends if nothing goes wrong.
    pub(crate) undisturbed: Verdict,
    /// What is stored once it has succeeded; `None`: nothing has changed.
    pub(crate) after: Option<&'static str>,
    /// How often it asks the OAuth server, all in all.
    pub(crate) exchanges: usize,
    /// After how many of its requests another process writes, where that is while it is under way.
    pub(crate) another_process_after: Option<usize>,
    /// What is stored then.
    pub(crate) meanwhile: Option<&'static str>,
}

fn case(
    name: impl Into<String>,
    state: State,
    action: impl Fn(&World) -> Action + Send + Sync + 'static,
    steps: &[Step],
) -> Case {
    Case {
        name: format!("{}, {state:?}", name.into()),
        state,
        first: bob(),
        asked: bob(),
        action: Box::new(action),
        steps: steps.to_vec(),
        undisturbed: Verdict::Answered,
        after: None,
        exchanges: 0,
        another_process_after: None,
        meanwhile: None,
    }
}

impl Case {
    /// Whether another process does something that the store need not know yet.
    pub(crate) fn is_known_late(&self) -> bool {
        self.state.is_known_late() || self.meanwhile.is_some()
    }

    /// The requests that are struck: of many that are alike the first, the second and the last.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        let operation = |position: usize| self.steps.get(position).map(|step| step.operation);
        (0..self.steps.len()).filter(move |&position| {
            let is_like =
                |other: Option<usize>| other.is_some_and(|other| operation(other) == operation(position));
            let is_third = is_like(position.checked_sub(1)) && is_like(position.checked_sub(2));
            !(self.steps.len() > 10 && is_third && is_like(Some(position + 1)))
        })
    }

    fn of(self, first: OAuthToken) -> Self {
        Self { asked: first.clone(), first, ..self }
    }

    fn leaves(self, after: &'static str) -> Self {
        Self { after: Some(after), ..self }
    }

    fn fails(self, kind: ErrorKind) -> Self {
        Self { undisturbed: Verdict::Fails(vec![kind]), ..self }
    }
}

/// The table.
pub(crate) fn all() -> Vec<Case> {
    [finds(), reloads(), saves(), saves_of_what_is_left(), deletions(), bulk(), refreshes()]
        .into_iter()
        .flatten()
        .collect()
}

/// That, and what depends on which replica answers, so that a fault before it changes its way.
#[allow(dead_code, reason = "the tests of permissions go by it")]
pub(crate) fn with_lagging_replicas() -> Vec<Case> {
    let mut cases = all();
    let steps = [PAGE, BATCH, GET, DESCRIBE];
    cases.push(case("get all", State::DeletedByItself, |_| Action::GetTokens, &steps));
    cases.push(case("stream all", State::DeletedByItself, |_| Action::Tokens, &steps));
    cases
}

/// Every kind of lookup, by every method that takes it.
fn finds() -> Vec<Case> {
    use State::*;
    let states = [Nothing, KnownToBeMissing, Cold, InMemory, StaleInMemory, Scheduled, ScheduledSince];
    let mut cases = Vec::new();
    for state in states {
        for (n, Lookup { name, partial, first, by_search }) in lookups().into_iter().enumerate() {
            let steps: &[Step] = match (state, by_search) {
                (Nothing, true) => &[GET, LIST],
                (Nothing, false) if name.starts_with("user") || name.starts_with("store") => &[GET],
                (Nothing, false) => &[GET, LIST],
                (KnownToBeMissing | InMemory | ScheduledSince, _) => &[],
                (Cold, true) => &[GET, LIST, GET],
                (Cold, false) => &[GET],
                (StaleInMemory, true) => &[GET, LIST, GET.or_stale()],
                (StaleInMemory, false) => &[GET.or_stale()],
                (Scheduled, true) => &[GET, LIST],
                (Scheduled, false) if name.starts_with("user") || name.starts_with("store") => {
                    &[GET, DESCRIBE]
                }
                (_, _) => &[GET, DESCRIBE, LIST],
            };
            let mut actions = vec![("", Action::Find(partial.clone()))];
            if state == Cold {
                actions.extend(by_other_methods(n, &partial));
            }
            for (method, action) in actions {
                let find = case(format!("find by {name}{method}"), state, move |_| action.clone(), steps);
                cases.push(Case { asked: partial.clone(), first: first.clone(), ..find });
            }
        }
    }
    cases
}

/// The other methods that ask for the same.
fn by_other_methods(n: usize, partial: &OAuthToken) -> Vec<(&'static str, Action)> {
    let client = || partial.client_id().unwrap_or_default().to_owned();
    let mut actions = vec![(", find_token", Action::FindToken(partial.clone()))];
    let shortest = match n {
        0 => (", find_by_user", Action::FindByUser("bob".to_owned())),
        1..=3 => {
            let id = partial.id().expect("an id");
            actions.push((", find_token_by_id of the trait", Action::FindById(id.clone())));
            (", find_token_by_id", Action::FindTokenById(id.clone()))
        }
        4 | 5 => {
            let token = partial.refresh_token().expect("a refresh token").clone();
            (", find_by_refresh_token", Action::FindByRefreshToken(client(), token))
        }
        6 | 7 => {
            let token = partial.grant_token().expect("a grant token").clone();
            (", find_by_grant_token", Action::FindByGrantToken(client(), token))
        }
        _ => {
            let token = partial.access_token().expect("an access token").clone();
            (", find_by_access_token", Action::FindByAccessToken(token))
        }
    };
    actions.push(shortest);
    actions
}

fn reloads() -> Vec<Case> {
    use State::*;
    let of_bob = |_: &World| Action::Reload(id_of("bob"));
    let by_own_id = |_: &World| Action::Reload(id("7"));
    let with_own_id = || built(bob().to_builder().id("7"));
    let own_only = || built(token().id("7").access_token("a"));
    vec![
        case("reload", Nothing, of_bob, &[GET]),
        case("reload", Cold, of_bob, &[GET]),
        case("reload", InMemory, of_bob, &[GET]),
        case("reload", StaleInMemory, of_bob, &[GET]),
        case("reload", Scheduled, of_bob, &[GET, DESCRIBE]),
        case("reload", ScheduledSince, of_bob, &[GET, DESCRIBE]),
        case("reload", ChangedSince, of_bob, &[GET]),
        case("reload", DeletedSince, of_bob, &[GET]),
        case("reload", ReplacedSince, of_bob, &[GET]),
        case("reload", RolledBack, of_bob, &[GET]),
        case("reload by own id", Nothing, by_own_id, &[GET, LIST]),
        case("reload by own id of a user's record", Cold, by_own_id, &[GET, LIST, GET]).of(with_own_id()),
        case("reload by own id of a user's record", InMemory, by_own_id, &[GET]).of(with_own_id()),
        case("reload by own id that names the record", InMemory, by_own_id, &[GET]).of(own_only()),
    ]
}

fn saves() -> Vec<Case> {
    use State::*;
    let save = |token: OAuthToken| move |_: &World| Action::Save(token.clone());
    let with_own_id = || built(bob().to_builder().id("7"));
    let by_own_id = || built(token().id("7").extra("mine", "1"));
    let by_refresh = || built(token().client_id("c").refresh_token("r").extra("mine", "1"));
    let by_grant = || built(token().client_id("c").grant_token("g").extra("mine", "1"));
    let by_access = || built(token().access_token("a").extra("mine", "1"));
    let mine = || built(bob().to_builder().extra("mine", "1"));
    // What is found in memory, changed.
    let found_and_changed = |world: &World| Action::Save(change_of_found(world));
    vec![
        case("save a login", Nothing, save(mine()), &[GET, CREATE]).leaves("bob r a mine"),
        case("save a login", KnownToBeMissing, save(mine()), &[CREATE]).leaves("bob r a mine"),
        case(
            "save a login",
            Scheduled,
            save(mine()),
            &[
                GET,
                DESCRIBE,
                CREATE.refused(),
                DESCRIBE.tells_a_fate(),
                DELETE.refused().tells_a_fate(),
                CREATE,
            ],
        )
        .leaves("bob r a mine"),
        case(
            "save a login",
            CreatedSince,
            save(mine()),
            &[CREATE.refused(), GET.tells_a_fate(), GET.tells_a_fate(), PUT],
        )
        .leaves("bob r a mine theirs"),
        case("save a change", InMemory, save(change()), &[PUT]).leaves("bob r a mine"),
        case("save a change", Cold, save(change()), &[GET, PUT]).leaves("bob r a mine"),
        case("save a change", StaleInMemory, save(change()), &[GET, PUT]).leaves("bob r a mine"),
        case("save a change", ChangedSince, save(change()), &[PUT.refused(), GET, PUT])
            .leaves("bob r a mine theirs"),
        case("save a login", DeletedSince, save(mine()), &[PUT.refused(), GET, CREATE])
            .leaves("bob r a mine"),
        case("save a change", ReplacedSince, save(change()), &[PUT.refused(), GET, PUT])
            .leaves("bob r9 mine"),
        case("save a change", RolledBack, save(change()), &[PUT.refused(), GET, GET, VERSIONS, PUT])
            .leaves("bob r a mine"),
        case("save a change", Nothing, save(change()), &[GET]).fails(ErrorKind::NothingToStore),
        case("save a rotation", InMemory, save(rotation()), &[PUT, TAG]).leaves("bob r a2 mine"),
        case("save a rotation", Cold, save(rotation()), &[GET, PUT, TAG]).leaves("bob r a2 mine"),
        case("save a rotation", ChangedSince, save(rotation()), &[PUT.refused(), GET, PUT, TAG])
            .leaves("bob r a2 mine theirs"),
        case("save what is stored", InMemory, save(bob()), &[GET]),
        case("save what is stored", Cold, save(bob()), &[GET]),
        case("save a found token", InMemory, found_and_changed, &[PUT]).leaves("bob r a mine"),
        case("save a found token", ChangedSince, found_and_changed, &[PUT.refused(), GET, PUT])
            .leaves("bob r a mine theirs"),
        case("save a found token", DeletedSince, found_and_changed, &[PUT.refused(), GET, GET, GET])
            .fails(ErrorKind::Deleted),
        case("save a found token", ReplacedSince, found_and_changed, &[PUT.refused(), GET, PUT])
            .leaves("bob r9 mine"),
        case("save by own id and user", Nothing, save(with_own_id()), &[GET, LIST, GET, CREATE])
            .leaves("bob 7 r a"),
        case("save by own id", Cold, save(by_own_id()), &[GET, LIST, GET, PUT])
            .of(with_own_id())
            .leaves("bob 7 r a mine"),
        case("save by own id", InMemory, save(by_own_id()), &[PUT])
            .of(with_own_id())
            .leaves("bob 7 r a mine"),
        case("save by refresh token", Nothing, save(by_refresh()), &[GET, LIST, CREATE]).leaves("r mine"),
        case("save by refresh token", Cold, save(by_refresh()), &[GET, LIST, GET, PUT])
            .leaves("bob r a mine"),
        case("save by grant token", Cold, save(by_grant()), &[GET, LIST, GET, PUT]).leaves("bob r a mine"),
        case("save by access token", Cold, save(by_access()), &[GET, LIST, GET, PUT]).leaves("bob r a mine"),
    ]
}

fn change_of_found(world: &World) -> OAuthToken {
    let found = world.found_in_memory().expect("it is in memory");
    built(found.to_builder().extra("mine", "1"))
}

/// The token inside an error is saved again.
fn saves_of_what_is_left() -> Vec<Case> {
    use State::*;
    let again = |world: &World| Action::Save((**world.remembered.as_ref().expect("a token")).clone());
    vec![
        case("save again", PutLanded, again, &[PUT.refused(), GET.optional(), TAG]).leaves("bob r a2 mine"),
        case("save again", PutLandedAndChanged, again, &[PUT.refused(), GET.optional(), TAG])
            .leaves("bob r a3 mine theirs"),
        case("save again", PutNotArrived, again, &[PUT, GET.optional(), TAG]).leaves("bob r a2 mine"),
        case("save again", CreateLanded, again, &[CREATE.refused()]).leaves("bob r a"),
        case("save again", CreateNotArrived, again, &[CREATE]).leaves("bob r a"),
    ]
}

fn deletions() -> Vec<Case> {
    use State::*;
    let of_bob = |_: &World| Action::Delete(id_of("bob"));
    let by_own_id = |_: &World| Action::Delete(id("7"));
    let with_own_id = || built(bob().to_builder().id("7"));
    let own_only = || built(token().id("7").access_token("a"));
    vec![
        case("delete", Nothing, of_bob, &[DELETE.refused()]),
        case("delete", Cold, of_bob, &[DELETE]).leaves(""),
        case("delete", InMemory, of_bob, &[DELETE]).leaves(""),
        case("delete", Scheduled, of_bob, &[DELETE]).leaves(""),
        case("delete", ChangedSince, of_bob, &[DELETE]).leaves(""),
        case("delete", DeletedSince, of_bob, &[DELETE.refused()]),
        case("delete by own id", Nothing, by_own_id, &[DELETE.refused(), LIST]),
        case("delete by own id of a user's record", Cold, by_own_id, &[DELETE.refused(), LIST, GET, DELETE])
            .of(with_own_id())
            .leaves(""),
        case(
            "delete by own id of a user's record",
            InMemory,
            by_own_id,
            &[DELETE.refused(), LIST, GET, DELETE],
        )
        .of(with_own_id())
        .leaves(""),
        case("delete by own id of a user's record", Scheduled, by_own_id, &[DELETE.refused(), LIST])
            .of(with_own_id()),
        case("delete by own id that names the record", Cold, by_own_id, &[DELETE, LIST])
            .of(own_only())
            .leaves(""),
    ]
}

fn bulk() -> Vec<Case> {
    use State::*;
    let mut delete_all = vec![PAGE];
    delete_all.extend([BULK_DELETE; crate::state::MANY]);
    vec![
        case("get all", Nothing, |_| Action::GetTokens, &[PAGE]),
        case("get all", Cold, |_| Action::GetTokens, &[PAGE, BATCH]),
        case("get all", Many, |_| Action::GetTokens, &[PAGE, BATCH, BATCH]),
        case("get all", ManyOfItsOwn, |_| Action::GetTokens, &[PAGE, BATCH, BATCH]),
        case("stream all", Cold, |_| Action::Tokens, &[PAGE, BATCH]),
        case("stream all", Many, |_| Action::Tokens, &[PAGE, BATCH, BATCH]),
        case("delete all", Nothing, |_| Action::DeleteAll, &[PAGE]),
        case("delete all", InMemory, |_| Action::DeleteAll, &[PAGE, BULK_DELETE]).leaves(""),
        case("delete all", Many, |_| Action::DeleteAll, &delete_all).leaves(""),
    ]
}

fn refreshes() -> Vec<Case> {
    use State::*;
    let refresh =
        |kind| move |world: &World| Action::Refresh(built(token().user_name("bob")), world.exchange(kind));
    let succeeds = refresh(ExchangeKind::Succeeds);
    let expired = || built(bob().to_builder().expiry_time(std::time::SystemTime::UNIX_EPOCH));
    let once = |case: Case| Case { exchanges: 1, ..case };
    vec![
        case("refresh", Nothing, succeeds, &[GET]),
        case("refresh of a fresh token", InMemory, succeeds, &[]),
        case("refresh of a fresh token", Cold, succeeds, &[GET]).of(login("bob")),
        once(case("refresh", Cold, succeeds, &[GET, GET, PUT, TAG]).of(expired()).leaves("bob r2 a2")),
        once(
            case("refresh", InMemory, succeeds, &[GET.or_stale(), GET, PUT, TAG])
                .of(expired())
                .leaves("bob r2 a2"),
        ),
        once(
            case("refresh", ExchangedAndNotSaved, succeeds, &[GET, PUT, TAG])
                .of(expired())
                .leaves("bob r2 a2"),
        ),
        once(Case {
            another_process_after: Some(2),
            meanwhile: Some("bob r a theirs"),
            ..case(
                "refresh overtaken by a save",
                Cold,
                refresh(ExchangeKind::IsOvertaken),
                &[GET, GET, PUT.refused(), GET, PUT, TAG],
            )
            .of(expired())
            .leaves("bob r2 a2 theirs")
        }),
        once(Case {
            undisturbed: Verdict::ExchangeFails,
            ..case("refresh refused", Cold, refresh(ExchangeKind::Fails), &[GET, GET, GET.optional()])
                .of(expired())
        }),
    ]
}
