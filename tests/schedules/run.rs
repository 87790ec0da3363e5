//! One schedule, from its seed to its history.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use oauth_token_store::aws_sdk_secretsmanager::config::retry::RetryConfig;
use oauth_token_store::aws_sdk_secretsmanager::config::{
    BehaviorVersion, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use oauth_token_store::aws_sdk_secretsmanager::{Client, Config};
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenStore};
use tokio::time::sleep;

use crate::actor::{Actor, CLIENT, intent, name_of, user};
use crate::crew::Crew;
use crate::dice::Dice;
use crate::history::{History, INTENT, State};
use crate::scene::Scene;
use crate::world::{Wire, World};

/// After so long everything that was known is asked for again.
const LONGER_THAN_ANY_MEMORY: Duration = Duration::from_secs(2_000);

/// Runs the schedule of a seed; what happened, and what is wrong at its end.
pub(crate) fn run(seed: u64) -> (Scene, History, Vec<String>) {
    let scene = Arc::new(Scene::of(seed));
    // The jitter of the store.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let (history, problems) = runtime.expect("a runtime").block_on(play(seed, Arc::clone(&scene)));
    (Scene::clone(&scene), history, problems)
}

#[allow(clippy::future_not_send, reason = "one thread runs all of it")]
async fn play(seed: u64, scene: Arc<Scene>) -> (History, Vec<String>) {
    let backend = EmbeddedSecretsManager::new();
    backend.set_read_lag(scene.read_lag);
    backend.set_list_lag(scene.list_lag);
    backend.set_deletion_linger(scene.deletion_linger);
    let users = (0..scene.users).map(user);
    let history = History {
        processes: scene.processes.clone(),
        reads_lag: scene.reads_lag(),
        names_linger: !scene.deletion_linger.is_zero(),
        lists_lag: !scene.list_lag.is_zero(),
        has_faults: scene.has_faults(),
        states: users.clone().map(|user| (name_of(user), vec![State::default()])).collect(),
        aliases: users.clone().map(|user| (name_of(user), user.to_owned())).collect(),
        ..History::default()
    };
    begin_at_a_known_time(&backend, scene.phase).await;
    let mut dice = Dice(seed ^ 0x5EED);
    let world = World::new(backend, history, Dice(dice.below(u64::MAX)));
    let stores = stores(&scene, &world).await;
    for bob in users.clone() {
        if dice.below(10) < scene.logged_in {
            log_in(&world, &stores[0], bob, scene.own_ids).await;
        }
    }
    sleep(scene.read_lag.max(scene.list_lag)).await;
    world.set_weather(scene.weather);

    let tasks = (0..scene.tasks).map(|task| {
        let process = task % stores.len();
        let actor = Actor {
            world: Arc::clone(&world),
            store: stores[process].clone(),
            scene: Arc::clone(&scene),
            process,
            task,
            dice: Dice(dice.below(u64::MAX)),
            found: Vec::new(),
            unsaved: Vec::new(),
        };
        actor.run().boxed_local()
    });
    let tasks: Vec<_> = tasks.collect();
    Crew::new(tasks, Dice(dice.below(u64::MAX))).await;

    let problems = in_the_end(&world, &stores, users).await;
    (world.take_history(), problems)
}

/// Where in a second dates lie has a meaning, so that is the seed's to say, too.
async fn begin_at_a_known_time(backend: &EmbeddedSecretsManager, phase: u64) {
    let client = client(backend.http_client());
    let deletion = client.delete_secret().secret_id("nothing").force_delete_without_recovery(true);
    let date = deletion.send().await.expect("answered").deletion_date.expect("a date");
    let now = u64::try_from(date.to_millis().expect("in range")).expect("after 1970");
    sleep(Duration::from_millis((1_000 + phase - now % 1_000) % 1_000)).await;
}

/// Without retries: the SDK's are out of the dice's reach.
fn client(http_client: SharedHttpClient) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client);
    Client::from_conf(config.build())
}

async fn stores(scene: &Scene, world: &Arc<World>) -> Vec<SecretsManagerTokenStore> {
    let mut stores = Vec::new();
    for (process, settings) in scene.processes.iter().enumerate() {
        let wire = Wire { process, world: Arc::clone(world) };
        let store = SecretsManagerTokenStore::builder()
            .client(client(SharedHttpClient::new(wire)))
            .clock(world.clocks[process].clone())
            .time_to_live(settings.time_to_live)
            .miss_time_to_live(settings.miss_time_to_live)
            .max_stale(settings.max_stale)
            .max_capacity(settings.max_capacity);
        stores.push(store.build().await.expect("a store"));
    }
    stores
}

async fn log_in(world: &World, store: &SecretsManagerTokenStore, bob: &str, own_ids: bool) {
    let number = world.next_intent();
    let token = OAuthToken::builder()
        .user_name(bob)
        .client_id(CLIENT)
        .id(if own_ids { format!("own-{bob}") } else { String::new() })
        .refresh_token(format!("r{number}"))
        .access_token(format!("a{number}"))
        .extra(INTENT, number.to_string());
    let token = token.build().expect("valid");
    world.intend(number, intent(name_of(bob), &token, None));
    store.save_token(&token).await.expect("saved");
}

/// When the weather is fair again, and time has passed, every process shows what is there.
async fn in_the_end(
    world: &World,
    stores: &[SecretsManagerTokenStore],
    users: impl Iterator<Item = &'static str> + Clone,
) -> Vec<String> {
    world.clear_up();
    world.backend.clear_faults();
    world.backend.stale_reads(0);
    sleep(LONGER_THAN_ANY_MEMORY).await;
    let mut problems = Vec::new();
    for (process, store) in stores.iter().enumerate() {
        for bob in users.clone() {
            let found = store.find_by_user(bob).await;
            let found = found.map(|token| token.and_then(|token| token.extra(INTENT).map(str::to_owned)));
            let stored = world.stored(&name_of(bob)).and_then(|fields| fields.get(INTENT).cloned());
            if found.as_ref().ok() != Some(&stored) {
                problems.push(format!(
                    "in the end process {process} finds {found:?} for {bob}, and {stored:?} is there"
                ));
            }
        }
    }
    problems
}
