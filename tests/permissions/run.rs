//! One operation of the fault tests' table, in front of a service that goes by a policy.

use std::sync::atomic::Ordering;
use std::time::Duration;

use oauth_token_store::embedded::{Fault, Operation};
use tokio::time::{sleep, timeout};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use crate::access::{Access, KEY};
use crate::action::{Action, Outcome};
use crate::captured_log::Log;
use crate::cases::Case;
use crate::guard::Guard;
use crate::policy::Policy;
use crate::state::State;
use crate::support::cached;
use crate::world::{ClientKind, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) tag_search: bool,
    /// Whether the secrets are under a KMS key of the account's own.
    pub(crate) is_keyed: bool,
    /// Whether ListSecrets still shows what was scheduled for deletion a moment ago.
    pub(crate) list_lags: bool,
}

impl Settings {
    pub(crate) const FULL: Self = Self { tag_search: true, is_keyed: true, list_lags: false };
    pub(crate) const WITHOUT_SEARCH: Self = Self { tag_search: false, is_keyed: true, list_lags: false };

    /// These, and those that make more requests in this case.
    pub(crate) fn and_more(self, case: &Case) -> Vec<Self> {
        match case.state {
            State::Scheduled => vec![self, Self { list_lags: true, ..self }],
            _ => vec![self],
        }
    }

    /// Whether the state can be made with them: some need a find that needs a search.
    pub(crate) fn take(self, case: &Case) -> bool {
        let knows_nothing = [State::Nothing, State::Cold, State::Scheduled, State::Many, State::ManyOfItsOwn];
        self.tag_search || case.asked.user_name().is_some() || knows_nothing.contains(&case.state)
    }
}

/// What came of it.
pub(crate) struct Ran {
    pub(crate) asked: Vec<Access>,
    pub(crate) sent: Vec<Operation>,
    pub(crate) outcome: Outcome,
    /// The library's own, from debug on.
    pub(crate) log: String,
}

impl Ran {
    pub(crate) fn has_asked_for(&self, action: &str) -> bool {
        self.asked.iter().any(|access| access.action == action)
    }
}

/// Runs it; nothing is refused while its state is made.
pub(crate) async fn run(case: &Case, settings: Settings, policy: Option<&Policy>) -> Ran {
    let (world, guard, action) = prepared(case, settings).await;
    guard.begin(policy.cloned());
    let log = Log::default();
    let shown = Targets::new().with_target("oauth_token_store", LevelFilter::DEBUG);
    let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG).with_ansi(false);
    let subscriber = subscriber.with_writer(log.clone()).finish().with(shown);
    let logging = tracing::subscriber::set_default(subscriber);
    let outcome = action.start(&world.store).await;
    drop(logging);
    Ran { asked: guard.asked(), sent: guard.sent(), outcome, log: log.take() }
}

/// Gives it up once so many requests have been sent, and returns what is asked for until nothing is under way any more.
pub(crate) async fn run_and_drop(case: &Case, settings: Settings, requests: u32) -> Vec<Access> {
    let (world, guard, action) = prepared(case, settings).await;
    let latency = Duration::from_millis(10);
    world.backend.inject(Fault::latency(latency));
    guard.begin(None);
    let _given_up = timeout(latency * requests - latency / 2, action.start(&world.store)).await;
    sleep(Duration::from_secs(60)).await;
    guard.asked()
}

/// The service, the store in front of it in the state that the case begins in, and what is to be done.
async fn prepared(case: &Case, settings: Settings) -> (World, Guard, Action) {
    let mut world = World::new(ClientKind::Own).await;
    let guard = Guard::new(settings.is_keyed);
    let store = cached(guard.client(&world.backend)).tag_search(settings.tag_search).tag("team", "crm");
    let store = if settings.is_keyed { store.kms_key_id(KEY) } else { store };
    world.store = store.build().await.expect("a store");
    if settings.list_lags {
        // Between what a state takes to be made and what it waits for in the end.
        world.backend.set_list_lag(Duration::from_millis(500));
    }
    case.state.make(&mut world, &case.first, &case.asked).await;
    world.exchanges_before = world.exchanges.load(Ordering::SeqCst);
    let action = (case.action)(&world);
    (world, guard, action)
}
