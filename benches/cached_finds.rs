//! What a find from memory costs, beside bare moka caches of the same tokens: one thread and four, one hot token and a
//! thousand.
//!
//! ```sh
//! cargo bench --bench cached_finds            # all: about five minutes
//! cargo bench --bench cached_finds -- by_user # one
//! ```

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenId, TokenStore};

mod tokens;

use tokens::{token, users};

const THREADS: u64 = 4;

/// How many tokens are asked for in turn.
const WORKLOADS: [(&str, usize); 2] = [("hot token", 1), ("1,000 tokens", 1000)];

/// A token, and all that it is asked for by.
struct Asked {
    user: String,
    id: TokenId,
    partial: OAuthToken,
}

/// The caches that are compared, each with the same tokens under the same users.
struct Caches {
    store: SecretsManagerTokenStore,
    moka_sync: moka::sync::Cache<String, Arc<OAuthToken>>,
    moka_future: moka::future::Cache<String, Arc<OAuthToken>>,
}

/// A find that memory answers. It is polled once, by hand, so that no runtime is measured.
type Find = fn(&Caches, &Asked) -> Option<Arc<OAuthToken>>;

const FINDS: [(&str, Find); 7] = [
    ("by_id", |caches, asked| caches.store.find_token_by_id(&asked.id).now_or_never()?.expect("no failure")),
    ("by_user", |caches, asked| caches.store.find_by_user(&asked.user).now_or_never()?.expect("no failure")),
    ("by_partial", |caches, asked| {
        caches.store.find_token(&asked.partial).now_or_never()?.expect("no failure")
    }),
    ("dyn_by_id", |caches, asked| {
        let store: &dyn TokenStore = black_box(&caches.store);
        store.find_token_by_id(&asked.id).now_or_never()?.expect("no failure")
    }),
    ("dyn_by_partial", |caches, asked| {
        let store: &dyn TokenStore = black_box(&caches.store);
        store.find_token(&asked.partial).now_or_never()?.expect("no failure")
    }),
    ("moka_sync", |caches, asked| caches.moka_sync.get(&asked.user)),
    ("moka_future", |caches, asked| caches.moka_future.get(&asked.user).now_or_never()?),
];

async fn filled(users: &[String]) -> Caches {
    let client = EmbeddedSecretsManager::new().client();
    // Nothing is to expire while it is measured.
    let store = SecretsManagerTokenStore::builder().client(client).time_to_live(Duration::from_secs(86_400));
    let store = store.build().await.expect("a store");
    let (moka_sync, moka_future) = (moka::sync::Cache::new(10_000), moka::future::Cache::new(10_000));
    for user in users {
        store.save_token(&token(user)).await.expect("saved");
        let token = store.find_by_user(user).await.expect("no failure").expect("it is there");
        // Each its own, for the store looks at how many want a token at once.
        moka_sync.insert(user.clone(), Arc::new(OAuthToken::clone(&token)));
        moka_future.insert(user.clone(), Arc::new(OAuthToken::clone(&token))).await;
    }
    Caches { store, moka_sync, moka_future }
}

/// In an order of no pattern, for a processor must not learn it by heart.
fn asked(users: &[String]) -> Vec<Asked> {
    let mut all: Vec<_> = users
        .iter()
        .map(|user| Asked {
            user: user.clone(),
            id: TokenId::of_user(user).expect("valid"),
            partial: OAuthToken::builder().user_name(user).build().expect("valid"),
        })
        .collect();
    fastrand::Rng::with_seed(7).shuffle(&mut all);
    all
}

/// Asks for one after the other.
fn run<'a>(find: Find, caches: &Caches, asked: impl Iterator<Item = &'a Asked>) {
    for asked in asked {
        black_box(find(black_box(caches), black_box(asked)).expect("a hit"));
    }
}

/// The wall time of so many finds, shared among the threads: from the first one's start to the last one's end.
fn run_on_threads(find: Find, caches: &Caches, asked: &[Asked], finds: u64) -> Duration {
    let start = Barrier::new(THREADS as usize);
    let share = finds.div_ceil(THREADS) as usize;
    let work = |thread: usize| {
        // Each thread is somewhere else.
        let turn = asked.iter().cycle().skip(thread * asked.len() / THREADS as usize).take(share);
        start.wait();
        let started = Instant::now();
        run(find, caches, turn);
        (started, Instant::now())
    };
    let work = &work;
    let times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS as usize).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let started = times.iter().map(|(started, _)| *started).min();
    let ended = times.iter().map(|(_, ended)| *ended).max();
    started.zip(ended).map_or(Duration::ZERO, |(started, ended)| ended - started)
}

fn cached_finds(criterion: &mut Criterion) {
    // Only what is not in memory needs a runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (workload, count) in WORKLOADS {
        let users = users(count);
        let (caches, asked) = (runtime.block_on(filled(&users)), asked(&users));
        for threads in [1, THREADS] {
            let mut group = criterion.benchmark_group(format!("{workload}, threads: {threads}"));
            group.throughput(Throughput::Elements(1));
            for (name, find) in FINDS {
                group.bench_function(BenchmarkId::from_parameter(name), |bencher| match threads {
                    1 => bencher.iter_custom(|finds| {
                        let turn = asked.iter().cycle().take(finds as usize);
                        let started = Instant::now();
                        run(find, &caches, turn);
                        started.elapsed()
                    }),
                    _ => bencher.iter_custom(|finds| run_on_threads(find, &caches, &asked, finds)),
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, cached_finds);
criterion_main!(benches);
