//! One script, run on three processes over one backend; each answer judged, and after each step the truth looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Operation, RequestCounts};
use oauth_token_store::secrecy::SecretString;
use oauth_token_store::{
    ErrorKind, OAuthToken, RefreshError, SecretsManagerTokenStore, StoreError, TokenId, TokenStore,
};
use tokio::time::Instant;

use crate::contract::{Asked, Key, content_of};
use crate::judge::{Failed, Reached, Saving, View};
use crate::knowledge::{Found, From, Knowledge, Settings, Span, State};
use crate::memory::{
    Memory, contents, judge_find, name_of, shown, shown_find, shown_reached, shown_save, state_of,
};
use crate::script::{Ask, ByHand, ByKey, Exchange, Mishap, Said, Step, Trouble, Who, all_keys};
use crate::support::{PREFIX, cached};
use crate::truth::{Eye, Secrets, Truth, below_prefix, slot_after};

/// What is wrong with an answer.
type Judged = Result<(), String>;

struct Process {
    store: SecretsManagerTokenStore,
    knowledge: Knowledge,
    /// Until then older knowledge may serve, because requests have failed.
    fails_until: u64,
    /// By the record that they are of: what exchanges gave and was not saved.
    unsaved: BTreeMap<String, Failed>,
}

pub(crate) struct Case {
    backend: EmbeddedSecretsManager,
    eye: Eye,
    began: (Instant, SystemTime),
    processes: Vec<Process>,
    memory: Memory,
    truth: Truth,
    held: Vec<Arc<OAuthToken>>,
    failed: Vec<Failed>,
    lags: [Duration; 2],
    lingers: bool,
    operations: usize,
}

/// What went wrong on purpose while an operation went on, and how long it took.
struct Around {
    span: Span,
    requests: RequestCounts,
    after: Secrets,
    between: Secrets,
    excuses: Vec<ErrorKind>,
}

/// What the OAuth server says no with.
#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

enum Answer {
    Found(OAuthToken, Result<Option<Arc<OAuthToken>>, StoreError>),
    Reloaded(OAuthToken, Result<Option<Arc<OAuthToken>>, StoreError>),
    Saved {
        token: OAuthToken,
        asked: Asked,
        again: Option<Failed>,
        outcome: Result<Arc<OAuthToken>, StoreError>,
    },
    Deleted(TokenId, Result<(), StoreError>),
    DeletedAll(Result<(), StoreError>),
    Listed(Vec<Arc<OAuthToken>>, Vec<StoreError>),
    Refreshed {
        partial: OAuthToken,
        leeway: Duration,
        exchange: Exchange,
        /// What the exchange was asked with.
        current: Option<Arc<OAuthToken>>,
        outcome: Result<Option<Arc<OAuthToken>>, RefreshError>,
    },
    Nothing,
    /// There is no such token to save.
    NotAsked,
}

impl Case {
    pub(crate) async fn new() -> Self {
        let backend = EmbeddedSecretsManager::new();
        let began = (Instant::now(), SystemTime::now());
        let epoch = began.1.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
        let epoch = u64::try_from(epoch).expect("not so soon");
        let mut processes = Vec::new();
        for settings in [(0, 600), (300, 600), (20, 30)] {
            let (time_to_live, max_stale) = settings;
            let builder = cached(backend.client())
                .time_to_live(Duration::from_secs(time_to_live))
                .max_stale(Duration::from_secs(max_stale));
            let settings = Settings { time_to_live: time_to_live * 1_000, max_stale: max_stale * 1_000 };
            processes.push(Process {
                store: builder.build().await.expect("a store"),
                knowledge: Knowledge::new(settings, epoch),
                fails_until: 0,
                unsaved: BTreeMap::new(),
            });
        }
        Self {
            eye: Eye::new(&backend),
            backend,
            began,
            processes,
            memory: Memory::default(),
            truth: Truth::default(),
            held: Vec::new(),
            failed: Vec::new(),
            lags: [Duration::ZERO; 2],
            lingers: false,
            operations: 0,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.0.elapsed().as_millis()).expect("not so long")
    }

    /// How many operations the stores have carried out.
    pub(crate) fn operations(&self) -> usize {
        self.operations
    }

    pub(crate) async fn run(&mut self, step: &Step) -> Judged {
        match step {
            Step::Store { who, ask, troubles, stale_reads } => {
                // Two steps in one millisecond cannot be told apart by their dates.
                tokio::time::sleep(Duration::from_millis(2)).await;
                self.ask(*who, ask, troubles, *stale_reads).await
            }
            Step::Pass(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Step::ReadLag(seconds) => {
                self.lags[0] = Duration::from_secs(*seconds);
                self.backend.set_read_lag(self.lags[0]);
                Ok(())
            }
            Step::ListLag(seconds) => {
                self.lags[1] = Duration::from_secs(*seconds);
                self.backend.set_list_lag(self.lags[1]);
                Ok(())
            }
            Step::DeletionsLinger(seconds) => {
                self.lingers |= *seconds > 0;
                self.backend.set_deletion_linger(Duration::from_secs(*seconds));
                Ok(())
            }
            Step::Hand(what) => {
                tokio::time::sleep(Duration::from_millis(2)).await;
                self.by_hand(what).await;
                Ok(())
            }
        }
    }

    async fn by_hand(&mut self, what: &ByHand) {
        let from = self.now();
        let client = self.backend.client();
        let nth = |n: usize| self.truth.now.keys().nth(n).map(|name| format!("{PREFIX}/{name}"));
        match what {
            ByHand::RollBack(n) => {
                let Some(name) = nth(*n) else { return };
                self.eye.opens();
                let described = client.describe_secret().secret_id(&name).send().await.expect("described");
                self.eye.closes(self.lags);
                let versions = described.version_ids_to_stages.unwrap_or_default();
                let holder = |label: &str| {
                    let mut versions = versions.iter();
                    let holder = versions.find(|(_, labels)| labels.iter().any(|held| held == label));
                    holder.map(|(id, _)| id.clone())
                };
                let (Some(current), Some(previous)) = (holder("AWSCURRENT"), holder("AWSPREVIOUS")) else {
                    return;
                };
                let update =
                    client.update_secret_version_stage().secret_id(&name).version_stage("AWSCURRENT");
                let update = update.move_to_version_id(previous).remove_from_version_id(current);
                update.send().await.expect("rolled back");
            }
            ByHand::Edit(n, scope) => {
                let Some(name) = nth(*n) else { return };
                let mut content = self.truth.now[below_prefix(&name)].content.clone();
                content.insert("scope".into(), (*scope).into());
                content.insert("schema".into(), "1".into());
                content.insert("save".into(), "by hand".into());
                let json = serde_json::to_string(&content).expect("JSON");
                client.put_secret_value().secret_id(&name).secret_string(json).send().await.expect("edited");
            }
            ByHand::Schedule(n) => {
                let Some(name) = nth(*n) else { return };
                let delete = client.delete_secret().secret_id(&name).recovery_window_in_days(7);
                delete.send().await.expect("scheduled");
            }
            ByHand::Restore(n) => {
                let mut gone = self.backend.secret_names();
                gone.retain(|name| !self.truth.now.contains_key(below_prefix(name)));
                let Some(name) = gone.get(*n) else { return };
                // What is deleted without recovery cannot be restored.
                let _ = client.restore_secret().secret_id(name).send().await;
            }
        }
        self.eye.opens();
        let after = self.eye.look().await;
        self.eye.closes(self.lags);
        let until = self.now();
        self.truth.advance(after, &Secrets::new(), from, until, true);
    }

    async fn ask(&mut self, who: Who, ask: &Ask, troubles: &[Trouble], stale_reads: usize) -> Judged {
        for trouble in troubles {
            self.backend.inject(trouble.fault());
        }
        self.backend.stale_reads(stale_reads);
        let (from, before) = (self.now(), self.backend.requests());
        let answer = self.answer(who, ask).await;
        let (until, requests) = (self.now(), self.backend.requests().since(&before));
        self.backend.clear_faults();
        self.backend.stale_reads(0);

        let passing = troubles.iter().any(|trouble| trouble.mishap != Mishap::AccessDenied);
        let process = &mut self.processes[who as usize];
        let fails = passing || from < process.fails_until;
        if passing {
            process.fails_until = until + 10_000;
        }
        let [read_lag, list_lag] = self.lags.map(|lag| u64::try_from(lag.as_millis()).expect("short"));
        let span = Span { from, until, read_lag, list_lag, has_stale_reads: stale_reads > 0, fails };
        let writes = [
            Operation::CreateSecret,
            Operation::PutSecretValue,
            Operation::TagResource,
            Operation::DeleteSecret,
        ];
        let has_written = writes.iter().any(|operation| requests.count(*operation) > 0);
        let (mut after, mut between) = (self.truth.now.clone(), Secrets::new());
        if has_written {
            self.eye.opens();
            after = self.eye.look().await;
            between = self.between(&after).await;
            self.eye.closes(self.lags);
        }
        let around = Around { span, requests, after, between, excuses: self.excuses(troubles) };

        self.operations += usize::from(!matches!(answer, Answer::NotAsked));
        self.check_model(&answer).await?;
        let mut learn = Vec::new();
        let judged = self.judge(who, &answer, &around, &mut learn);
        let judged = judged.map_err(|reason| {
            format!("{reason}\n    ({}; the truth was {})", around.requests, self.shown_truth())
        });
        judged?;

        let process = &mut self.processes[who as usize];
        process.knowledge.over(&self.truth, &span, around.requests.total() > 0);
        let Around { after, between, .. } = around;
        self.truth.advance(after, &between, from, until, false);
        for lesson in learn {
            self.learn(who, lesson, &span);
        }
        self.keep(answer);
        Ok(())
    }

    fn shown_truth(&self) -> String {
        let secrets =
            self.truth.now.iter().map(|(name, secret)| format!("{name} {}", shown(&secret.content)));
        let secrets: Vec<_> = secrets.collect();
        if secrets.is_empty() { "nothing".into() } else { secrets.join(", ") }
    }

    /// What the kinds of trouble make allowed that is no fault of the store.
    fn excuses(&self, troubles: &[Trouble]) -> Vec<ErrorKind> {
        let mut excuses = Vec::new();
        for trouble in troubles {
            excuses.extend(match trouble.mishap {
                Mishap::AccessDenied => vec![ErrorKind::AccessDenied],
                Mishap::Throttling => vec![ErrorKind::Throttled, ErrorKind::Unavailable],
                // A second for each request: only the attempts of a whole save may come to too much.
                Mishap::Slow => vec![ErrorKind::Contended, ErrorKind::Unavailable],
                Mishap::Hang | Mishap::TooSlow | Mishap::LostAnswerHang => {
                    vec![ErrorKind::TimedOut, ErrorKind::Unavailable]
                }
                Mishap::ServerError | Mishap::LostAnswer | Mishap::Unreachable => {
                    vec![ErrorKind::Unavailable]
                }
            });
        }
        if !self.lags[0].is_zero() || self.lingers {
            excuses.extend([ErrorKind::Contended, ErrorKind::Unavailable]);
        }
        excuses
    }

    /// What was written over what there was before, and then written over again.
    async fn between(&self, after: &Secrets) -> Secrets {
        let mut between = Secrets::new();
        for name in self.truth.changed(after) {
            if let (Some(old), Some(new)) = (self.truth.now.get(&name), after.get(&name))
                && old.arn == new.arn
                && new.version != slot_after(&old.version)
                && let Some(secret) = self.eye.successor(old).await
                // Not one from before a roll-back.
                && !self.truth.has_seen(&name, &secret)
            {
                between.insert(name, Arc::new(secret));
            }
        }
        between
    }

    async fn answer(&mut self, who: Who, ask: &Ask) -> Answer {
        let began = self.began.1;
        let store = self.processes[who as usize].store.clone();
        let save = |token: OAuthToken, asked: Asked, again: Option<Failed>| {
            let store = store.clone();
            async move {
                let outcome = store.save_token(&token).await;
                Answer::Saved { token, asked, again, outcome }
            }
        };
        let of_id = |id: &TokenId| OAuthToken::builder().id(id).build().expect("valid");
        match ask {
            Ask::Find(partial) => {
                let partial = partial.build(began);
                let found = store.find_token(&partial).await;
                Answer::Found(partial, found)
            }
            Ask::FindBy(key) => {
                let partial = partial_of(key);
                let secret = |text: &str| SecretString::from(text);
                let found = match key {
                    ByKey::Id(id) => store.find_token_by_id(&id.token_id()).await,
                    ByKey::User(user) => store.find_by_user(user).await,
                    ByKey::Grant(client, token) => store.find_by_grant_token(client, &secret(token)).await,
                    ByKey::Refresh(client, token) => {
                        store.find_by_refresh_token(client, &secret(token)).await
                    }
                    ByKey::Access(token) => store.find_by_access_token(&secret(token)).await,
                };
                Answer::Found(partial, found)
            }
            Ask::Save(token) => {
                let token = token.build(began);
                let asked = Asked::new(&token, None);
                save(token, asked, None).await
            }
            Ask::FindChangeSave(id, change) => {
                let id = id.token_id();
                match store.find_token_by_id(&id).await {
                    Ok(Some(found)) => {
                        let token = changed(&found, change, began);
                        let asked = Asked::new(&token, Some(&found));
                        save(token, asked, None).await
                    }
                    found => Answer::Found(of_id(&id), found),
                }
            }
            Ask::SaveHeld { held, change } => {
                let Some(found) = self.held.iter().rev().nth(*held).cloned() else { return Answer::NotAsked };
                let token = changed(&found, change, began);
                let asked = Asked::new(&token, Some(&found));
                save(token, asked, None).await
            }
            Ask::SaveDetached { held } => {
                let Some(found) = self.held.iter().rev().nth(*held) else { return Answer::NotAsked };
                let token = found.detached();
                let asked = Asked::new(&token, None);
                save(token, asked, None).await
            }
            Ask::SaveAgain { failed } => {
                let Some(failed) = self.failed.iter().rev().nth(*failed).cloned() else {
                    return Answer::NotAsked;
                };
                save(OAuthToken::clone(&failed.token), failed.asked.clone(), Some(failed)).await
            }
            Ask::Delete(id) => {
                let id = id.token_id();
                let outcome = store.delete_token(&id).await;
                Answer::Deleted(id, outcome)
            }
            Ask::GetTokens => match store.get_tokens().await {
                Ok(tokens) => Answer::Listed(tokens, Vec::new()),
                Err(error) => Answer::Listed(Vec::new(), vec![error]),
            },
            Ask::StreamTokens => {
                let items: Vec<_> = store.tokens().collect().await;
                let (tokens, errors): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
                Answer::Listed(
                    tokens.into_iter().filter_map(Result::ok).collect(),
                    errors.into_iter().filter_map(Result::err).collect(),
                )
            }
            Ask::DeleteTokens => Answer::DeletedAll(store.delete_tokens().await),
            Ask::Invalidate(id) => {
                store.invalidate(&id.token_id());
                self.forget(who, &Key::Id(id.token_id().as_str().into()));
                Answer::Nothing
            }
            Ask::InvalidateAll => {
                store.invalidate_all();
                let span = self.silent_span();
                for name in self.truth.names() {
                    self.processes[who as usize].knowledge.forgets(name, true, &span);
                }
                Answer::Nothing
            }
            Ask::Reload(id) => {
                let id = id.token_id();
                let outcome = store.reload(&id).await;
                Answer::Reloaded(of_id(&id), outcome)
            }
            Ask::Refresh { partial, leeway, exchange } => {
                let (partial, leeway) = (partial.build(began), Duration::from_secs(*leeway));
                let asked_with = Arc::new(Mutex::new(None));
                let outcome = store.refresh_with(&partial, leeway, {
                    let (asked_with, exchange) = (Arc::clone(&asked_with), exchange.clone());
                    move |current| {
                        *asked_with.lock().expect("no panic") = Some(Arc::clone(&current));
                        std::future::ready(match exchange {
                            Exchange::Gives { said, is_bare: true } => Ok(said.build(began)),
                            Exchange::Gives { said, is_bare: false } => Ok(changed(&current, &said, began)),
                            Exchange::Refuses => Err(Refused),
                        })
                    }
                });
                let outcome = outcome.await;
                let current = asked_with.lock().expect("no panic").take();
                Answer::Refreshed { partial, leeway, exchange: exchange.clone(), current, outcome }
            }
        }
    }

    fn silent_span(&self) -> Span {
        let now = self.now();
        let [read_lag, list_lag] = self.lags.map(|lag| u64::try_from(lag.as_millis()).expect("short"));
        Span { from: now, until: now, read_lag, list_lag, has_stale_reads: false, fails: false }
    }

    /// An invalidation by this id: of records that may hold it, perhaps.
    fn forget(&mut self, who: Who, key: &Key) {
        let span = self.silent_span();
        let process = &mut self.processes[who as usize];
        let mut names: BTreeSet<String> = self.truth.names().cloned().collect();
        names.insert(key.name());
        for name in names {
            let states = process.knowledge.possible(&self.truth, &name, From::Find, &span);
            let holds =
                |state: &State| state.as_ref().is_some_and(|secret| key.is_held_by(&name, &secret.content));
            let surely = name == key.name() || states.iter().all(holds);
            if surely || (key.is_searched() && states.iter().any(holds)) {
                process.knowledge.forgets(&name, surely, &span);
            }
        }
    }

    /// What `MemoryTokenStore` makes of the same, in the state that the secrets are in.
    async fn check_model(&mut self, answer: &Answer) -> Judged {
        if !self.memory.follow(&self.truth).await {
            return Ok(());
        }
        match answer {
            Answer::Found(partial, _) => self.memory.finds(&self.truth, partial).await,
            Answer::Saved { token, asked, .. } => self.memory.saves(&self.truth, token, asked).await,
            Answer::Deleted(id, _) => self.memory.deletes(&self.truth, id).await,
            _ => Ok(()),
        }
    }

    fn judge(&self, who: Who, answer: &Answer, around: &Around, learn: &mut Vec<Lesson>) -> Judged {
        let process = &self.processes[who as usize];
        let view = View { truth: &self.truth, knowledge: Some((&process.knowledge, &around.span)) };
        let is_excused = |error: &StoreError| around.excuses.contains(&error.kind());
        match answer {
            Answer::Nothing | Answer::NotAsked => self.nothing_changed(around),
            Answer::Found(partial, found) => {
                self.nothing_changed(around)?;
                let asked = Asked::new(partial, None);
                self.judge_found(&view.finds(&asked), &asked, found, around, learn)
            }
            Answer::Reloaded(partial, found) => {
                self.nothing_changed(around)?;
                let asked = Asked::new(partial, None);
                self.judge_found(&view.reloads(&asked), &asked, found, around, learn)
            }
            Answer::Saved { asked, again, outcome, .. } => {
                let saving = Saving::new(&view, asked, again.as_ref(), false);
                self.judge_saved(&saving, outcome, around, learn)
            }
            Answer::Deleted(id, outcome) => {
                let key = Key::Id(id.as_str().to_owned());
                let mut must: BTreeSet<_> = [key.name()].into();
                let mut may = must.clone();
                for name in self.truth.names().filter(|_| key.is_searched()) {
                    let found = process.knowledge.found(&self.truth, name, &key, &around.span);
                    let states = process.knowledge.possible(&self.truth, name, From::Service, &around.span);
                    let holds = |state: &State| {
                        state.as_ref().is_some_and(|secret| key.is_held_by(name, &secret.content))
                    };
                    if found == Found::Surely && states.iter().all(holds) {
                        must.insert(name.clone());
                    }
                    if found != Found::Never && states.iter().any(holds) {
                        may.insert(name.clone());
                    }
                }
                self.judge_deleted(&must, &may, outcome, around, learn)
            }
            Answer::DeletedAll(outcome) => {
                let may: BTreeSet<_> = self.truth.now.keys().cloned().collect();
                let mut must = may.clone();
                must.retain(|name| process.knowledge.is_listed(&self.truth, name, &around.span));
                self.judge_deleted(&must, &may, outcome, around, learn)
            }
            Answer::Listed(tokens, errors) => {
                self.nothing_changed(around)?;
                if let Some(error) = errors.iter().find(|error| !is_excused(error)) {
                    return Err(format!("failed with {}", error.kind()));
                }
                let states =
                    |name: &str| process.knowledge.possible(&self.truth, name, From::List, &around.span);
                let mut seen = BTreeSet::new();
                for token in tokens {
                    let (name, content) = (name_of(token), content_of(token));
                    if !states(&name).iter().flatten().any(|secret| secret.content == content) {
                        return Err(format!("listed {name} {}", shown(&content)));
                    }
                    if !seen.insert(name.clone()) {
                        return Err(format!("listed {name} twice"));
                    }
                }
                let missing = self.truth.names().find(|name| {
                    let is_there = states(name).iter().all(Option::is_some);
                    is_there
                        && process.knowledge.is_listed(&self.truth, name, &around.span)
                        && !seen.contains(*name)
                });
                match missing {
                    Some(name) if errors.is_empty() => Err(format!("did not list {name}")),
                    _ => Ok(()),
                }
            }
            Answer::Refreshed { partial, leeway, exchange, current, outcome } => {
                let asked = Asked::new(partial, None);
                let refresh = Refresh { asked: &asked, leeway: *leeway, exchange, current: current.as_ref() };
                self.judge_refreshed(process, &view, &refresh, outcome, around, learn)
            }
        }
    }

    fn nothing_changed(&self, around: &Around) -> Judged {
        match self.truth.changed(&around.after).first() {
            Some(name) => Err(format!("it has changed {name}")),
            None => Ok(()),
        }
    }

    fn judge_found(
        &self,
        reached: &[Reached],
        asked: &Asked,
        found: &Result<Option<Arc<OAuthToken>>, StoreError>,
        around: &Around,
        learn: &mut Vec<Lesson>,
    ) -> Judged {
        if found.as_ref().is_err_and(|error| around.excuses.contains(&error.kind())) {
            return Ok(());
        }
        judge_find(found, reached)?;
        let is_fresh = around.is_clear() && around.requests.total() > 0;
        match found {
            Ok(Some(token)) => {
                let state = state_of(token, reached);
                learn.push(Lesson::Tells { name: name_of(token), state, is_fresh });
            }
            Ok(None) => {
                let keys = asked.keys();
                if let [key @ (Key::User(_) | Key::Id(_))] = &keys[..]
                    && !key.is_searched()
                {
                    learn.push(Lesson::Tells { name: key.name(), state: None, is_fresh });
                }
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn judge_saved(
        &self,
        saving: &Saving<'_>,
        outcome: &Result<Arc<OAuthToken>, StoreError>,
        around: &Around,
        learn: &mut Vec<Lesson>,
    ) -> Judged {
        let explain = |reason: String| format!("{} {reason}", shown_save(outcome));
        let wrote = saving.has_left(&around.after).map_err(explain)?;
        learn.extend(saving.aims().map(|name| Lesson::Doubts { name: name.clone(), surely: false }));
        if let Some(name) = wrote.as_ref().filter(|_| around.is_clear() && around.excuses.is_empty()) {
            self.is_tagged(name, &around.after).map_err(explain)?;
        }
        match outcome {
            Ok(token) => {
                let name = name_of(token);
                saving
                    .may_return(&name, &content_of(token), wrote.as_deref(), &around.after)
                    .map_err(explain)?;
                let state = around.after.get(&name).cloned();
                let is_it = state.as_ref().is_some_and(|secret| secret.content == content_of(token));
                // After an edit by hand, what is in memory and what was read or written may not follow each other.
                let eras = self.truth.eras(&name);
                let is_edited = eras.iter().any(|era| era.by_hand);
                let is_clear = around.span.read_lag == 0 && !around.span.has_stale_reads;
                learn.push(if is_edited {
                    Lesson::Doubts { name, surely: false }
                } else if is_it && is_clear {
                    Lesson::Saved { name, state, has_written: wrote.is_some() }
                } else if let Some(name) = wrote {
                    Lesson::Saved { name, state, has_written: true }
                } else {
                    Lesson::Doubts { name, surely: false }
                });
                Ok(())
            }
            Err(error) => {
                let is_excused = around.excuses.contains(&error.kind());
                if !is_excused && !saving.may_be_refused(error.kind()) {
                    return Err(explain(String::from("that is no answer to this")));
                }
                if !is_excused && wrote.is_some() {
                    return Err(explain(format!("and yet it has written {wrote:?}")));
                }
                if let Some(token) = error.token() {
                    learn.push(Lesson::Fails(saving.failed(
                        token,
                        &around.span,
                        wrote.as_ref(),
                        &around.after,
                    )));
                }
                if let Some(name) = error.secret_name() {
                    let writes = [Operation::PutSecretValue, Operation::CreateSecret];
                    let has_sent = writes.iter().any(|write| around.requests.count(*write) > 0);
                    let surely =
                        has_sent && error.kind() == ErrorKind::Unavailable && error.token().is_some();
                    learn.push(Lesson::Doubts {
                        name: below_prefix(name).to_owned(),
                        surely: surely && wrote.is_some(),
                    });
                }
                Ok(())
            }
        }
    }

    /// Whether what a save has changed of a record can be searched by now.
    fn is_tagged(&self, name: &str, after: &Secrets) -> Judged {
        if self.truth.eras(name).iter().any(|era| era.by_hand) {
            return Ok(());
        }
        let (before, secret) = (self.truth.now.get(name), &after[name]);
        let before = before.map(|before| Key::searched_of(&before.content)).unwrap_or_default();
        for key in Key::searched_of(&secret.content).into_iter().filter(|key| !before.contains(key)) {
            if secret.tags.get(&key.tag()) != Some(&key.fingerprint()) {
                return Err(format!("it has not tagged {name} with {key:?}"));
            }
        }
        Ok(())
    }

    fn judge_deleted(
        &self,
        must: &BTreeSet<String>,
        may: &BTreeSet<String>,
        outcome: &Result<(), StoreError>,
        around: &Around,
        learn: &mut Vec<Lesson>,
    ) -> Judged {
        for name in self.truth.changed(&around.after) {
            if around.after.contains_key(&name) {
                return Err(format!("it has changed {name}"));
            }
            if !may.contains(&name) {
                return Err(format!("it has deleted {name}"));
            }
        }
        match outcome {
            Ok(()) => {
                if let Some(left) = must.iter().find(|name| around.after.contains_key(*name)) {
                    return Err(format!("it has left {left}"));
                }
                let gone = self.truth.changed(&around.after);
                learn.extend(gone.union(must).map(|name| Lesson::Deleted { name: name.clone() }));
                Ok(())
            }
            Err(error) if around.excuses.contains(&error.kind()) => {
                let doubts = may.iter().map(|name| {
                    let surely = !around.after.contains_key(name) && self.truth.now.contains_key(name);
                    Lesson::Doubts { name: name.clone(), surely }
                });
                learn.extend(doubts);
                Ok(())
            }
            Err(error) => Err(format!("failed with {}", error.kind())),
        }
    }

    fn judge_refreshed(
        &self,
        process: &Process,
        view: &View<'_>,
        refresh: &Refresh<'_>,
        outcome: &Result<Option<Arc<OAuthToken>>, RefreshError>,
        around: &Around,
        learn: &mut Vec<Lesson>,
    ) -> Judged {
        let reached = view.finds(refresh.asked);
        // Every state that the record may be in when it is read again.
        let mut states = Vec::new();
        for name in reached.iter().filter_map(Reached::name) {
            let seen = process.knowledge.possible(&self.truth, name, From::Find, &around.span);
            states.extend(seen.into_iter().map(|state| Reached::Record(name.to_owned(), state)));
        }
        let leeway = refresh.leeway;
        // By the store's clock. What expires while this goes on may be either.
        const A_WHILE: Duration = Duration::from_secs(60);
        let now = self.began.1 + self.began.0.elapsed();
        let is_fresh_at = |token: &OAuthToken, now: SystemTime| {
            token.access_token().is_some() && token.expiry_time().is_none_or(|expiry| expiry > now + leeway)
        };
        let may_be_fresh = |token: &OAuthToken| is_fresh_at(token, now - A_WHILE);
        let is_surely_fresh = |token: &OAuthToken| is_fresh_at(token, now + A_WHILE);

        // What an earlier exchange gave may have been saved first.
        let mut truth = Truth::default();
        truth.advance(self.truth.now.clone(), &Secrets::new(), 0, 0, false);
        let mut saved_first = None;
        for (name, unsaved) in &process.unsaved {
            let middle =
                around.between.get(name).or(around.after.get(name).filter(|_| refresh.current.is_none()));
            let is_wanted = states.iter().any(|reached| reached.name() == Some(name));
            if let Some(middle) =
                middle.filter(|_| is_wanted && self.truth.changed(&around.after).contains(name))
            {
                let mut world = self.truth.now.clone();
                world.insert(name.clone(), Arc::clone(middle));
                let saving = Saving::new(view, &unsaved.asked, Some(unsaved), true);
                saving
                    .has_left(&world)
                    .map_err(|reason| format!("the save of what was exchanged before: {reason}"))?;
                saved_first = Some((name.clone(), world));
            }
        }

        let Some(current) = refresh.current else {
            if saved_first.is_none() {
                self.nothing_changed(around)?;
            }
            return match outcome {
                Ok(None) if reached.contains(&Reached::Nothing) || states.iter().any(Reached::is_nothing) => {
                    Ok(())
                }
                Ok(Some(token)) => {
                    let name = name_of(token);
                    let is_seen = may_be_fresh(token)
                        && (state_of(token, &reached).is_some() || state_of(token, &states).is_some());
                    let is_saved = process.unsaved.contains_key(&name);
                    if !is_seen && !is_saved {
                        return Err(format!(
                            "{}, without an exchange",
                            shown_find(&Ok(Some(Arc::clone(token))))
                        ));
                    }
                    if let Some(state) =
                        around.after.get(&name).filter(|secret| secret.content == content_of(token))
                    {
                        learn.push(Lesson::Saved {
                            name: name.clone(),
                            state: Some(Arc::clone(state)),
                            has_written: saved_first.is_some(),
                        });
                    }
                    learn.push(Lesson::HasSavedTheUnsaved { name });
                    Ok(())
                }
                Err(error) => {
                    let is_conflict =
                        error.store_error().is_some_and(|error| error.kind() == ErrorKind::Conflict)
                            && reached.contains(&Reached::Conflict);
                    self.excused(error, around, is_conflict || !process.unsaved.is_empty())
                }
                Ok(None) => Err(format!("found nothing; it could have come to {}", shown_reached(&reached))),
            };
        };

        let name = name_of(current);
        // What could not be saved for longer than it was fresh is exchanged in its turn.
        let kept = process.unsaved.get(&name);
        let kept = kept.filter(|kept| content_of(&kept.token) == content_of(current));
        if kept.is_none() {
            learn.push(Lesson::HasSavedTheUnsaved { name: name.clone() });
        }
        let is_just_saved = saved_first
            .as_ref()
            .is_some_and(|(saved, world)| *saved == name && world[saved].content == content_of(current));
        let is_known = state_of(current, &states).is_some() || is_just_saved || kept.is_some();
        if !is_known || is_surely_fresh(current) {
            let seen = shown_find(&Ok(Some(Arc::clone(current))));
            return Err(format!(
                "exchanged what it {seen}; it could have come to {}",
                shown_reached(&states)
            ));
        }
        let Exchange::Gives { said, is_bare } = refresh.exchange else {
            if saved_first.is_none() {
                self.nothing_changed(around)?;
            }
            return match outcome {
                Err(error) if error.exchange_error().is_some() => Ok(()),
                Ok(Some(token)) if may_be_fresh(token) && state_of(token, &states).is_some() => Ok(()),
                _ => Err("the exchange was refused, and that is not what it said".into()),
            };
        };
        let given = changed(current, said, self.began.1);
        let mut asked = match kept {
            Some(kept) => kept.asked.with_fields_of(&given),
            None => Asked::new(&given, Some(current)),
        };
        learn.push(Lesson::HasSavedTheUnsaved { name });
        if *is_bare {
            asked = asked.with_expiry_of(&said.build(self.began.1));
        }
        if let Some((_, world)) = saved_first {
            truth.advance(world, &Secrets::new(), 0, 0, false);
            // Nothing else can have happened to the record since.
            let view = View { truth: &truth, knowledge: None };
            let saving = Saving::new(&view, &asked, None, true);
            return self.judge_exchanged(&saving, outcome, around, learn);
        }
        let saving = Saving::new(view, &asked, kept, true);
        self.judge_exchanged(&saving, outcome, around, learn)
    }

    fn judge_exchanged(
        &self,
        saving: &Saving<'_>,
        outcome: &Result<Option<Arc<OAuthToken>>, RefreshError>,
        around: &Around,
        learn: &mut Vec<Lesson>,
    ) -> Judged {
        match outcome {
            Ok(Some(token)) => self.judge_saved(saving, &Ok(Arc::clone(token)), around, learn),
            Ok(None) => Err("found nothing after an exchange".into()),
            Err(error) => {
                let (Some(store_error), Some(token)) = (error.store_error(), error.token()) else {
                    return Err("lost what the exchange gave".into());
                };
                if content_of(token) != saving.asked.fields() {
                    return Err(format!("left {} in the error", shown(&content_of(token))));
                }
                let name = saving.asked.found_as.clone().expect("it was found");
                let of_use = !matches!(store_error.kind(), ErrorKind::Deleted | ErrorKind::Conflict);
                if of_use {
                    learn.push(Lesson::KeepsUnsaved {
                        name,
                        failed: saving.failed(token, &around.span, None, &around.after),
                    });
                }
                self.judge_saved(saving, &Err(store_error.clone()), around, learn)
            }
        }
    }

    fn excused(&self, error: &RefreshError, around: &Around, is_allowed: bool) -> Judged {
        let is_excused = error.store_error().is_some_and(|error| around.excuses.contains(&error.kind()));
        if is_excused || is_allowed { Ok(()) } else { Err(format!("failed: {error:?}")) }
    }

    fn learn(&mut self, who: Who, lesson: Lesson, span: &Span) {
        let process = &mut self.processes[who as usize];
        let (knowledge, truth) = (&mut process.knowledge, &self.truth);
        match lesson {
            Lesson::Tells { name, state, is_fresh } => knowledge.tells(truth, &name, &state, span, is_fresh),
            Lesson::Saved { name, state, has_written } => {
                knowledge.has_saved(truth, &name, &state, span, has_written);
            }
            Lesson::Deleted { name } => knowledge.has_deleted(truth, &name, span),
            Lesson::Doubts { name, surely: true } => knowledge.is_in_doubt(&name, span),
            Lesson::Doubts { name, surely: false } => knowledge.unsure_what_was_noted(&name, span),
            Lesson::Fails(failed) => self.failed.push(failed),
            Lesson::KeepsUnsaved { name, failed } => drop(process.unsaved.insert(name, failed)),
            Lesson::HasSavedTheUnsaved { name } => drop(process.unsaved.remove(&name)),
        }
    }

    /// The weather has cleared up long ago: every process shows what is there, as the model does.
    pub(crate) async fn settle(&mut self) -> Judged {
        self.lags = [Duration::ZERO; 2];
        self.lingers = false;
        self.backend.set_read_lag(Duration::ZERO);
        self.backend.set_list_lag(Duration::ZERO);
        self.backend.set_deletion_linger(Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        let is_followed = self.memory.follow(&self.truth).await;
        let expected = contents(&self.truth.now);
        for (who, process) in Who::ALL.into_iter().zip(&self.processes) {
            let listed =
                process.store.get_tokens().await.map_err(|error| format!("{who} cannot list: {error}"))?;
            let listed = listed.iter().map(|token| (name_of(token), content_of(token)));
            if listed.collect::<BTreeMap<_, _>>() != expected {
                return Err(format!("{who} lists something else than what is there: {}", self.shown_truth()));
            }
            for key in all_keys() {
                let partial = partial_of_key(&key);
                let found = process.store.find_token(&partial).await;
                let mut view = View { truth: &self.truth, knowledge: None };
                let span = self.silent_span();
                if !self.truth.is_tagged_well() {
                    // A search goes by the tags, and these were never written.
                    view.knowledge = Some((&process.knowledge, &span));
                } else if is_followed && self.truth.holders(&key).nth(1).is_none() {
                    let expected = self.memory.store().find_token(&partial).await;
                    if shown_find(&found) != shown_find(&expected) {
                        return Err(format!(
                            "{who} {}, and the model {}",
                            shown_find(&found),
                            shown_find(&expected)
                        ));
                    }
                }
                if self.truth.holders(&key).nth(1).is_some() {
                    view.knowledge = Some((&process.knowledge, &span));
                }
                let judged = judge_find(&found, &view.finds(&Asked::new(&partial, None)));
                judged.map_err(|reason| format!("in the end {who}, by {key:?}, {reason}"))?;
            }
        }
        Ok(())
    }

    /// Keeps what may be saved later.
    fn keep(&mut self, answer: Answer) {
        match answer {
            Answer::Found(_, Ok(Some(token)))
            | Answer::Reloaded(_, Ok(Some(token)))
            | Answer::Saved { outcome: Ok(token), .. }
            | Answer::Refreshed { outcome: Ok(Some(token)), .. } => self.held.push(token),
            _ => {}
        }
    }
}

/// What an answer says of the knowledge of who gave it.
enum Lesson {
    Tells { name: String, state: State, is_fresh: bool },
    Saved { name: String, state: State, has_written: bool },
    Deleted { name: String },
    Doubts { name: String, surely: bool },
    Fails(Failed),
    KeepsUnsaved { name: String, failed: Failed },
    HasSavedTheUnsaved { name: String },
}

struct Refresh<'a> {
    asked: &'a Asked,
    leeway: Duration,
    exchange: &'a Exchange,
    current: Option<&'a Arc<OAuthToken>>,
}

impl Around {
    /// Whether each read showed what is there.
    fn is_clear(&self) -> bool {
        self.span.read_lag == 0 && !self.span.has_stale_reads && !self.span.fails
    }
}

fn changed(found: &OAuthToken, change: &Said, began: SystemTime) -> OAuthToken {
    change.over(found.to_builder(), began)
}

fn partial_of(key: &ByKey) -> OAuthToken {
    let builder = OAuthToken::builder();
    let builder = match key {
        ByKey::Id(id) => builder.id(id.token_id()),
        ByKey::User(user) => builder.user_name(*user),
        ByKey::Grant(client, token) => builder.client_id(*client).grant_token(*token),
        ByKey::Refresh(client, token) => builder.client_id(*client).refresh_token(*token),
        ByKey::Access(token) => builder.access_token(*token),
    };
    builder.build().expect("valid")
}

fn partial_of_key(key: &Key) -> OAuthToken {
    let builder = OAuthToken::builder();
    let builder = match key {
        Key::Id(id) => builder.id(id),
        Key::User(user) => builder.user_name(user),
        Key::Grant(client, token) => builder.client_id(client).grant_token(token.as_str()),
        Key::Refresh(client, token) => builder.client_id(client).refresh_token(token.as_str()),
        Key::Access(token) => builder.access_token(token.as_str()),
    };
    builder.build().expect("valid")
}
