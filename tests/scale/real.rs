//! A scenario with real stores on the embedded backend, hours of it on a paused clock.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oauth_token_store::aws_sdk_secretsmanager::Client;
use oauth_token_store::aws_sdk_secretsmanager::config::retry::RetryConfig;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Quotas, RequestCounts};
use oauth_token_store::{Clock, OAuthToken, SecretsManagerTokenStore, TokenStore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::arrivals::Arrivals;
use crate::memory::life;
use crate::scenario::{SECOND, Scenario};
use crate::simulation::first_expiries;
use oauth_token_store::embedded::TokioClock;

/// What the stores did.
pub(crate) struct Done {
    pub(crate) requests: RequestCounts,
    pub(crate) throttled: RequestCounts,
    pub(crate) exchanges: u64,
    pub(crate) failures: u64,
}

/// Runs a scenario from a cold start; nothing is left out of the count.
pub(crate) async fn run(scenario: &Scenario, quotas: Quotas) -> Done {
    // The stores' jitter and pauses.
    fastrand::seed(scenario.seed);
    let world = World::new(scenario);
    world.log_everybody_in().await;
    world.backend.inject(Fault::latency(Duration::from_millis(scenario.latency)));
    world.backend.enforce_quotas(quotas);
    let (before, start) = (world.backend.requests(), Instant::now());

    let mut tasks = JoinSet::new();
    if scenario.list_every > 0 {
        let (store, scenario) = (world.store().await, scenario.clone());
        tasks.spawn(async move { list(&store, &scenario, start).await });
    }
    let mut stores = Vec::new();
    for instance in 0..scenario.instances {
        stores.push((world.life(instance, start), world.store().await));
    }
    for arrival in Arrivals::new(scenario) {
        sleep_until(start + Duration::from_millis(arrival.at)).await;
        let (life, store) = &mut stores[arrival.instance as usize];
        let now = world.life(arrival.instance, start);
        if *life != now {
            (*life, *store) = (now, world.store().await);
        }
        tasks.spawn(world.clone().want(store.clone(), arrival.user));
    }
    let failures = tasks.join_all().await.into_iter().sum();
    Done {
        requests: world.backend.requests().since(&before),
        throttled: world.backend.throttled(),
        exchanges: world.exchanges.load(Ordering::Relaxed),
        failures,
    }
}

#[derive(Clone)]
struct World {
    scenario: Arc<Scenario>,
    backend: EmbeddedSecretsManager,
    clock: TokioClock,
    exchanges: Arc<AtomicU64>,
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        Self {
            scenario: Arc::new(scenario.clone()),
            backend: EmbeddedSecretsManager::new(),
            clock: TokioClock::new(),
            exchanges: Arc::default(),
        }
    }

    /// An instance with an empty cache and a client of its own, which waits no longer than the store's own one does.
    async fn store(&self) -> SecretsManagerTokenStore {
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(100));
        let client = self.backend.client().config().to_builder().retry_config(retries).build();
        let Scenario { time_to_live, miss_time_to_live, max_capacity, .. } = *self.scenario;
        SecretsManagerTokenStore::builder()
            .client(Client::from_conf(client))
            .clock(self.clock)
            .time_to_live(Duration::from_secs(time_to_live))
            .miss_time_to_live(Duration::from_secs(miss_time_to_live))
            .max_capacity(max_capacity)
            .index_access_tokens(self.scenario.index_access_tokens)
            .build()
            .await
            .expect("a store")
    }

    fn life(&self, instance: u32, start: Instant) -> u64 {
        let now = u64::try_from(start.elapsed().as_millis()).expect("not so long");
        life(instance, self.scenario.instances as usize, self.scenario.recycle_after * SECOND, now)
    }

    async fn log_everybody_in(&self) {
        let store = self.store().await;
        for (user, expiry) in first_expiries(&self.scenario).enumerate() {
            let login = OAuthToken::builder()
                .user_name(user.to_string())
                .client_id("client")
                .refresh_token("refresh")
                .access_token(format!("login-{user}"))
                .expiry_time(self.clock.wall() + Duration::from_millis(expiry));
            store.save_token(&login.build().expect("valid")).await.expect("saved");
        }
    }

    /// Somebody wants a user's token, fresh. Returns how many errors there were: one or none.
    async fn want(self, store: SecretsManagerTokenStore, user: u32) -> u64 {
        let partial = OAuthToken::builder().user_name(user.to_string()).build().expect("valid");
        let leeway = Duration::from_secs(self.scenario.leeway);
        let refresh = store.refresh_with(&partial, leeway, move |current| self.exchange(current));
        u64::from(refresh.await.is_err())
    }

    async fn exchange(self, current: Arc<OAuthToken>) -> Result<OAuthToken, Infallible> {
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(self.scenario.exchange)).await;
        let expiry = self.clock.wall() + Duration::from_secs(self.scenario.refresh_every);
        let fresh = current.to_builder().access_token(format!("access-{number}")).expiry_time(expiry);
        Ok(fresh.build().expect("valid"))
    }
}

/// The operator.
async fn list(store: &SecretsManagerTokenStore, scenario: &Scenario, start: Instant) -> u64 {
    let mut failures = 0;
    for at in (scenario.list_every..scenario.end() / SECOND).step_by(scenario.list_every as usize) {
        sleep_until(start + Duration::from_secs(at)).await;
        failures += u64::from(store.get_tokens().await.is_err());
    }
    failures
}
