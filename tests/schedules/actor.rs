//! A task of a schedule: a few random steps, one after the other, each taken down as it is called and as it returns.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oauth_token_store::secrecy::{ExposeSecret, SecretString};
use oauth_token_store::{
    ErrorKind, OAuthToken, OAuthTokenBuilder, SecretsManagerTokenStore, StoreError, TokenId, TokenStore,
};
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::history::{Action, Fields, INTENT, Intent, Name, Outcome, Shown};
use crate::scene::Scene;
use crate::world::World;

pub(crate) const CLIENT: &str = "c";
const USERS: [&str; 3] = ["bob", "eve", "ann"];

/// How long a call may take by tokio's clock: longer than any number of deadlines and retries.
const ENDLESS: Duration = Duration::from_secs(600);

pub(crate) struct Actor {
    pub(crate) world: Arc<World>,
    pub(crate) store: SecretsManagerTokenStore,
    pub(crate) scene: Arc<Scene>,
    pub(crate) process: usize,
    pub(crate) task: usize,
    pub(crate) dice: Dice,
    /// What this task has been given so far.
    pub(crate) found: Vec<Arc<OAuthToken>>,
    /// What it could not save, with the number of its intent.
    pub(crate) unsaved: Vec<(u32, Arc<OAuthToken>)>,
}

pub(crate) fn user(number: usize) -> &'static str {
    USERS[number]
}

pub(crate) fn name_of(user: &str) -> Name {
    assigned(user).as_str().to_owned()
}

fn assigned(user: &str) -> TokenId {
    TokenId::of_user(user).expect("valid")
}

fn own_id(user: &str) -> TokenId {
    TokenId::new(format!("own-{user}")).expect("valid")
}

impl Actor {
    pub(crate) async fn run(mut self) {
        for _ in 0..self.scene.steps {
            self.pause().await;
            self.step().await;
        }
    }

    async fn pause(&mut self) {
        let scene = Arc::clone(&self.scene);
        let longest =
            if scene.long_pause > 0 && self.dice.below(5) == 0 { scene.long_pause } else { scene.pause };
        let pause = self.dice.below(longest);
        if pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        if scene.eventful && self.dice.below(8) == 0 {
            let time = Duration::from_millis([500, 3_000, 70_000, 400_000][self.below(4)]);
            if self.dice.below(2) == 0 {
                self.world.freeze(self.process, time);
            } else {
                self.world.cut_off(self.process, time.min(Duration::from_secs(20)));
            }
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.dice.below(bound as u64)).expect("few")
    }

    async fn step(&mut self) {
        let taste = self.scene.taste;
        let bob = user(self.below(self.scene.users));
        let mut rest = self.dice.below(
            taste.find + taste.save + taste.delete + taste.forget + taste.refresh + taste.list + taste.crowd,
        );
        let mut is = |weight: u64| {
            let it = rest < weight;
            rest = rest.wrapping_sub(weight);
            it
        };
        if is(taste.find) {
            self.find(bob).await;
        } else if is(taste.save) {
            match self.one_of_the_unsaved() {
                Some((number, token)) => self.save_until_it_ends(number, token).await,
                None => self.save(bob).await,
            }
        } else if is(taste.delete) {
            self.delete(bob).await;
        } else if is(taste.forget) {
            self.forget(bob).await;
        } else if is(taste.refresh) {
            self.refresh(bob).await;
        } else if is(taste.list) {
            self.call(Action::List, |store| async move {
                let tokens = store.get_tokens().await;
                tokens.map_or_else(failed, |tokens| {
                    (Outcome::Tokens(tokens.iter().map(shown).collect()), Vec::new())
                })
            })
            .await;
        } else {
            self.crowd(bob).await;
        }
    }

    /// A find by any key that leads to this user's record, or did.
    async fn find(&mut self, bob: &'static str) {
        let back = self.below(3);
        let known = self.world.recent_fields(&name_of(bob), back).unwrap_or_default();
        let (of, by, partial) = match self.dice.below(10) {
            0 | 1 => (Some(name_of(bob)), format!("the id of {bob}"), token().id(assigned(bob))),
            2 if self.scene.own_ids => (None, format!("own-{bob}"), token().id(own_id(bob))),
            3 if known.contains_key("access_token") => {
                let access = &known["access_token"];
                (None, access.clone(), token().access_token(access.as_str()))
            }
            4 if known.contains_key("refresh_token") => {
                let refresh = &known["refresh_token"];
                (None, refresh.clone(), token().client_id(CLIENT).refresh_token(refresh.as_str()))
            }
            _ => (Some(name_of(bob)), bob.to_owned(), token().user_name(bob)),
        };
        let partial = built(partial);
        let find =
            move |store: SecretsManagerTokenStore| async move { of_token(store.find_token(&partial).await) };
        self.call(Action::Find { of, by }, find).await;
    }

    /// Fields to be saved, which nobody has given before.
    fn fields(&mut self, number: u32, token: OAuthTokenBuilder) -> OAuthTokenBuilder {
        let mut token = token.extra(INTENT, number.to_string());
        if self.dice.below(2) == 0 {
            token = token.access_token(format!("a{number}"));
            token = match self.dice.below(3) {
                0 => token,
                // By the cache's clock; by the system's all of them are far away.
                1 => token.expiry_time(self.now() + Duration::from_secs(1 + self.dice.below(30))),
                _ => token.expiry_time(self.now() + Duration::from_secs(3_600)),
            };
        }
        if self.dice.below(3) == 0 {
            token = token.refresh_token(format!("r{number}"));
        }
        if self.dice.below(4) == 0 {
            token = token.scope(format!("s{number}"));
        }
        if self.dice.below(4) == 0 {
            token = token.extra("x", format!("x{number}"));
        }
        token
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.world.clocks[self.process].reading().wall
    }

    async fn save(&mut self, bob: &'static str) {
        let number = self.world.next_intent();
        let of = name_of(bob);
        // The number is taken before anything is awaited.
        self.world
            .intend(number, Intent { of: of.clone(), given: Fields::new(), is_of_a_found_token: false });
        let found = match self.dice.below(6) {
            0 | 1 => {
                self.find(bob).await;
                self.pause().await;
                self.earlier(bob, true)
            }
            2 => self.earlier(bob, false),
            _ => None,
        };
        let detached = found.is_some() && self.dice.below(8) == 0;
        let token = match &found {
            Some(found) if detached => {
                let token = self.fields(number, found.detached().to_builder());
                token.id(found.id().filter(|id| !id.is_store_assigned()).map_or("", TokenId::as_str))
            }
            Some(found) => self.fields(number, found.to_builder()),
            None if self.dice.below(3) == 0 => self.whole(bob, number),
            None => self.fields(number, token().user_name(bob)),
        };
        let token = built(token);
        let found = found.filter(|_| !detached);
        self.world.intend(number, intent(of, &token, found.as_deref()));
        self.save_until_it_ends(number, Arc::new(token)).await;
    }

    fn one_of_the_unsaved(&mut self) -> Option<(u32, Arc<OAuthToken>)> {
        if self.unsaved.is_empty() || self.dice.below(2) == 0 {
            return None;
        }
        let any = self.below(self.unsaved.len());
        Some(self.unsaved.swap_remove(any))
    }

    /// What a login gives.
    fn whole(&mut self, bob: &str, number: u32) -> OAuthTokenBuilder {
        let mut token = token().user_name(bob).client_id(CLIENT).extra(INTENT, number.to_string());
        // Now and then one that somebody has kept.
        let kept = self.world.recent_fields(&name_of(bob), 0).filter(|_| self.dice.below(4) == 0);
        let kept = kept.and_then(|fields| fields.get("refresh_token").cloned());
        token = token.refresh_token(kept.unwrap_or_else(|| format!("r{number}")));
        if self.dice.below(4) > 0 {
            token = token.access_token(format!("a{number}"));
        }
        if self.scene.own_ids && self.dice.below(2) == 0 {
            token = token.id(own_id(bob));
        }
        token
    }

    /// Whoever is told to save the token in the error does so, most of the time, at once or later.
    async fn save_until_it_ends(&mut self, number: u32, mut token: Arc<OAuthToken>) {
        for _ in 0..4 {
            let again = Arc::clone(&token);
            let save =
                move |store: SecretsManagerTokenStore| async move { of_save(store.save_token(&again).await) };
            let given_back = self.call(Action::Save { intent: number }, save).await;
            match given_back.flatten() {
                Some(again) if self.scene.saves_late => return self.unsaved.push((number, again)),
                Some(again) if self.dice.below(5) > 0 => token = again,
                _ => return,
            }
            self.pause().await;
        }
    }

    async fn delete(&mut self, bob: &'static str) {
        if self.dice.below(12) == 0 {
            let delete =
                |store: SecretsManagerTokenStore| async move { of_unit(store.delete_tokens().await) };
            self.call(Action::DeleteAll, delete).await;
            return;
        }
        let (of, by, id) = self.id_of(bob);
        let delete =
            move |store: SecretsManagerTokenStore| async move { of_unit(store.delete_token(&id).await) };
        self.call(Action::Delete { of, by }, delete).await;
    }

    fn id_of(&mut self, bob: &'static str) -> (Option<Name>, String, TokenId) {
        if self.scene.own_ids && self.dice.below(3) < self.scene.by_own_id {
            (None, format!("own-{bob}"), own_id(bob))
        } else {
            (Some(name_of(bob)), bob.to_owned(), assigned(bob))
        }
    }

    /// Forgets or reloads.
    async fn forget(&mut self, bob: &'static str) {
        let (of, by, id) = self.id_of(bob);
        match self.dice.below(5) {
            0 => {
                self.invalidate(None, true);
                self.store.invalidate_all();
            }
            1 | 2 => {
                self.invalidate(Some(name_of(bob)), of.is_some());
                self.store.invalidate(&id);
            }
            _ => {
                let action = Action::Reload { of: name_of(bob), is_sure: of.is_some(), by };
                let reload =
                    move |store: SecretsManagerTokenStore| async move { of_token(store.reload(&id).await) };
                self.call(action, reload).await;
            }
        }
    }

    fn invalidate(&self, of: Option<Name>, is_sure: bool) {
        let call = self.world.begin(self.process, self.task, Action::Invalidate { of, is_sure });
        self.world.end(call, Outcome::Done);
    }

    async fn refresh(&mut self, bob: &'static str) {
        let number = self.world.next_intent();
        let of = name_of(bob);
        self.world.intend(number, Intent { of: of.clone(), given: Fields::new(), is_of_a_found_token: true });
        let fields = self.fields(number, token());
        let (is_refused, takes) = (self.dice.below(4) == 0, Duration::from_millis(self.dice.below(60)));
        let (world, name, partial) = (Arc::clone(&self.world), of.clone(), built(token().user_name(bob)));
        let exchange = move |current: Arc<OAuthToken>| async move {
            let given = built(laid_over(&current, &built(fields)));
            // Whoever joins a refresh joins its intent, too.
            world.intend(number, intent(name, &given, Some(&current)));
            sleep(takes).await;
            if is_refused { Err(ErrorKind::Unexpected.into()) } else { Ok::<_, StoreError>(given) }
        };
        // Longer than any token lives: whatever has an expiry is refreshed.
        let leeway = Duration::from_secs(3_000_000_000);
        let refresh = move |store: SecretsManagerTokenStore| async move {
            match store.refresh_with(&partial, leeway, exchange).await {
                Ok(token) => (Outcome::Token(token.as_ref().map(shown)), Vec::from_iter(token)),
                Err(error) => {
                    let kind = error.store_error().map_or(ErrorKind::Unexpected, StoreError::kind);
                    (Outcome::Failed(kind), Vec::new())
                }
            }
        };
        self.call(Action::Refresh { of }, refresh).await;
    }

    /// Enough loads that what has to go goes: moka evicts in batches.
    async fn crowd(&mut self, bob: &'static str) {
        let id = assigned(bob);
        for _ in 0..34 {
            let _ = self.store.reload(&id).await;
            self.store.invalidate(&id);
        }
        self.invalidate(Some(name_of(bob)), true);
    }

    /// A token of this user that this task has been given: the last one or any.
    fn earlier(&mut self, bob: &str, is_last: bool) -> Option<Arc<OAuthToken>> {
        let of_bob: Vec<_> =
            self.found.iter().filter(|token| token.user_name() == Some(bob)).cloned().collect();
        let any = self.below(of_bob.len().max(1));
        if is_last { of_bob.last().cloned() } else { of_bob.get(any).cloned() }
    }

    /// Calls the store, now and then not waiting for the end; what came back with an error.
    async fn call<F>(
        &mut self,
        action: Action,
        work: impl FnOnce(SecretsManagerTokenStore) -> F,
    ) -> Option<Option<Arc<OAuthToken>>>
    where
        F: Future<Output = (Outcome, Vec<Arc<OAuthToken>>)>,
    {
        let patience = match self.dice.below(12) {
            0 => Duration::from_millis(self.dice.below(self.scene.pause)),
            _ => ENDLESS,
        };
        let call = self.world.begin(self.process, self.task, action);
        let Ok((outcome, tokens)) = timeout(patience, work(self.store.clone())).await else {
            assert!(patience < ENDLESS, "#{call} never ends");
            return None;
        };
        let is_failed = matches!(outcome, Outcome::Failed(_));
        self.world.end(call, outcome);
        if is_failed {
            return Some(tokens.into_iter().next());
        }
        self.found.extend(tokens);
        Some(None)
    }
}

fn token() -> OAuthTokenBuilder {
    OAuthToken::builder()
}

fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().expect("valid")
}

/// What an exchange gives: the current token with some fields changed.
fn laid_over(current: &OAuthToken, changes: &OAuthToken) -> OAuthTokenBuilder {
    let mut token = current.to_builder();
    let text = |secret: Option<&SecretString>| secret.map(|secret| secret.expose_secret().to_owned());
    if let Some(access) = text(changes.access_token()) {
        token = token.access_token(access);
    }
    if let Some(at) = changes.expiry_time() {
        token = token.expiry_time(at);
    }
    if let Some(refresh) = text(changes.refresh_token()) {
        token = token.refresh_token(refresh);
    }
    if let Some(scope) = changes.scope() {
        token = token.scope(scope);
    }
    for (name, value) in changes.extras() {
        token = token.extra(name, value);
    }
    token
}

/// What saving this token is to give.
pub(crate) fn intent(of: Name, token: &OAuthToken, found: Option<&OAuthToken>) -> Intent {
    let mut given = fields_of(token);
    if let Some(found) = found {
        let known = fields_of(found);
        let new_access_token = given.get("access_token") != known.get("access_token");
        given.retain(|name, value| {
            // An expiry goes with its access token.
            known.get(name) != Some(value) || (name == "expiry_time" && new_access_token)
        });
    }
    Intent { of, given, is_of_a_found_token: found.is_some() }
}

/// A token's fields as they are stored.
fn fields_of(token: &OAuthToken) -> Fields {
    let secret = |secret: Option<&SecretString>| secret.map(|secret| secret.expose_secret().to_owned());
    let own = token.id().filter(|id| !id.is_store_assigned());
    let millis = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    let fields = [
        ("id", own.map(|id| id.as_str().to_owned())),
        ("user_name", token.user_name().map(str::to_owned)),
        ("client_id", token.client_id().map(str::to_owned)),
        ("refresh_token", secret(token.refresh_token())),
        ("access_token", secret(token.access_token())),
        ("scope", token.scope().map(str::to_owned)),
        ("expiry_time", token.expiry_time().map(|at| millis(at).to_string())),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    fields.chain(token.extras().map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

fn shown(token: &Arc<OAuthToken>) -> Shown {
    let name = token.assigned_id().map(|id| id.as_str().to_owned()).unwrap_or_default();
    Shown { name, fields: fields_of(token) }
}

type Returned = (Outcome, Vec<Arc<OAuthToken>>);

fn of_token(outcome: Result<Option<Arc<OAuthToken>>, StoreError>) -> Returned {
    outcome.map_or_else(failed, |token| (Outcome::Token(token.as_ref().map(shown)), Vec::from_iter(token)))
}

/// With an error comes the token to save again.
fn of_save(outcome: Result<Arc<OAuthToken>, StoreError>) -> Returned {
    outcome.map_or_else(failed, |token| (Outcome::Token(Some(shown(&token))), vec![token]))
}

fn of_unit(outcome: Result<(), StoreError>) -> Returned {
    outcome.map_or_else(failed, |()| (Outcome::Done, Vec::new()))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_or_else` has")]
fn failed(error: StoreError) -> Returned {
    (Outcome::Failed(error.kind()), Vec::from_iter(error.token().cloned()))
}
