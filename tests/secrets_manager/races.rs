//! Random schedules of several writers under random faults, on virtual time. A failing seed is printed;
//! `RACES_SEEDS` says how many are tried.

use crate::dice::Dice;
use crate::support::*;
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::{ErrorKind, OAuthToken, SecretsManagerTokenStore, TokenStore};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A loop that saves the token in the error again, as the rustdoc advises; gives up on what is not retryable.
async fn save_until_acknowledged(
    store: &dyn TokenStore,
    token: OAuthToken,
) -> Result<Arc<OAuthToken>, oauth_token_store::StoreError> {
    let mut token = Arc::new(token);
    for _ in 0..60 {
        match store.save_token(&token).await {
            Ok(stored) => return Ok(stored),
            Err(error) => {
                if let Some(again) = error.token() {
                    token = Arc::clone(again);
                } else if !error.is_retryable() {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    Err(ErrorKind::Contended.into())
}

/// Fewer than `bound` faults, each at one of the operations for a while, and some latency at all of them.
fn inject_random_faults(
    backend: &EmbeddedSecretsManager,
    dice: &mut Dice,
    bound: u64,
    operations: [Operation; 4],
) {
    for _ in 0..dice.below(bound) {
        let operation = operations[dice.below(4) as usize];
        let times = 1 + dice.below(7) as usize;
        let skip = dice.below(20) as usize;
        let fault = match dice.below(6) {
            0 => Fault::lost_answer(),
            1 => Fault::lost_answer_hang(),
            2 => Fault::throttling(),
            3 => Fault::unreachable(),
            4 => Fault::server_error(),
            _ => Fault::latency(Duration::from_millis(dice.below(3000))),
        };
        backend.inject(fault.on(operation).skip(skip).times(times));
    }
    backend.inject(Fault::latency(Duration::from_millis(dice.below(40))));
}

/// Half of the schedules are with the cache on.
async fn store_of(seed: u64, backend: &EmbeddedSecretsManager) -> SecretsManagerTokenStore {
    if seed % 4 < 2 { store_on(backend).await } else { cached_store_on(backend).await }
}

/// One rotates the refresh token (found, changed, saved), the others add extras: derived, partial and whole tokens.
async fn round(seed: u64, lag: bool) -> Vec<String> {
    fastrand::seed(seed);
    let backend = EmbeddedSecretsManager::new();
    let mut dice = Dice(seed);
    if lag {
        backend.set_read_lag(Duration::from_millis(dice.below(400)));
    }
    store_on(&backend).await.save_token(&refresh("bob", "r0")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let operations = [
        Operation::PutSecretValue,
        Operation::GetSecretValue,
        Operation::ListSecretVersionIds,
        Operation::TagResource,
    ];
    inject_random_faults(&backend, &mut dice, 6, operations);
    let acked = Arc::new(Mutex::new(BTreeSet::<String>::new()));
    let rotated = Arc::new(Mutex::new(0u32));
    let unseen = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for w in 0..4u64 {
        let store = store_of(seed, &backend).await;
        let (acked, rotated, unseen) = (Arc::clone(&acked), Arc::clone(&rotated), Arc::clone(&unseen));
        let mut dice = Dice(seed * 31 + w);
        let backend = backend.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..3u32 {
                tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
                if w == 0 {
                    // The only one that rotates: it knows its last one.
                    let to = n + 1;
                    let token = if dice.below(2) == 0 {
                        refresh("bob", &format!("r{to}"))
                    } else {
                        match store.find_by_user("bob").await {
                            Ok(Some(found)) => {
                                found.to_builder().refresh_token(format!("r{to}")).build().unwrap()
                            }
                            _ => refresh("bob", &format!("r{to}")),
                        }
                    };
                    if save_until_acknowledged(&store, token).await.is_ok() {
                        *rotated.lock().unwrap() = to;
                    } else {
                        return;
                    }
                } else {
                    let name = format!("w{w}n{n}");
                    let token = match dice.below(2) {
                        0 => extra("bob", &name, "1"),
                        _ => match store.find_by_user("bob").await {
                            Ok(Some(found)) => found.to_builder().extra(name.as_str(), "1").build().unwrap(),
                            _ => extra("bob", &name, "1"),
                        },
                    };
                    if dice.below(4) == 0 {
                        backend.stale_reads(dice.below(4) as usize);
                    }
                    if save_until_acknowledged(&store, token).await.is_ok() {
                        let seen = store.find_by_user("bob").await;
                        if matches!(&seen, Ok(seen) if seen.as_ref().is_none_or(|bob| bob.extra(&name).is_none())) {
                            unseen.lock().unwrap().push(format!("{name} is not seen by who saved it"));
                        }
                        acked.lock().unwrap().insert(name);
                    }
                }
            }
        }));
    }
    let mut problems = Vec::new();
    for task in tasks {
        match tokio::time::timeout(Duration::from_secs(1200), task).await {
            Err(_) => problems.push("never ends".to_owned()),
            Ok(Err(e)) => problems.push(format!("panic {e}")),
            Ok(Ok(())) => {}
        }
    }
    backend.clear_faults();
    backend.stale_reads(0);
    backend.set_read_lag(Duration::ZERO);
    let bob = found(&store_on(&backend).await, "bob").await;
    for name in acked.lock().unwrap().iter() {
        if bob.extra(name).is_none() {
            problems.push(format!("lost {name}"));
        }
    }
    problems.append(&mut unseen.lock().unwrap());
    let expected = *rotated.lock().unwrap();
    let is: u32 = refresh_token_of(&bob)[1..].parse().unwrap();
    if is < expected {
        problems.push(format!("r{is} after r{expected} was acknowledged"));
    }
    problems
}

#[tokio::test(start_paused = true)]
async fn acknowledged_changes_survive() {
    let seeds: u64 = std::env::var("RACES_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(25);
    let mut bad = 0;
    for seed in 0..seeds {
        let problems = round(seed, seed % 2 == 1).await;
        if !problems.is_empty() {
            bad += 1;
            println!("seed {seed}: {problems:?}");
        }
    }
    println!("{bad} of {seeds} seeds");
    assert_eq!(bad, 0);
}

/// One deletes and logs in again, over and over; the others add extras to what they found, and are dropped now and then.
async fn round_with_deletions(seed: u64) -> Vec<String> {
    fastrand::seed(seed);
    let backend = EmbeddedSecretsManager::new();
    let mut dice = Dice(seed ^ 0xDEAD);
    let lag = dice.below(3) * 150;
    backend.set_read_lag(Duration::from_millis(lag));
    if dice.below(2) == 0 {
        backend.set_deletion_linger(Duration::from_millis(dice.below(3000)));
    }
    store_on(&backend)
        .await
        .save_token(&login("bob").to_builder().refresh_token("L0").build().unwrap())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let operations = [
        Operation::PutSecretValue,
        Operation::GetSecretValue,
        Operation::CreateSecret,
        Operation::DescribeSecret,
    ];
    inject_random_faults(&backend, &mut dice, 7, operations);
    let generation = Arc::new(Mutex::new(0u32));
    let problems = Arc::new(Mutex::new(Vec::<String>::new()));
    let mut tasks = Vec::new();
    for w in 0..4u64 {
        let store = store_of(seed, &backend).await;
        let generation = Arc::clone(&generation);
        let problems = Arc::clone(&problems);
        let mut dice = Dice(seed * 31 + w);
        tasks.push(tokio::spawn(async move {
            for n in 0..4u32 {
                tokio::time::sleep(Duration::from_millis(dice.below(600))).await;
                if w == 0 {
                    if store.delete_token(&id_of("bob")).await.is_err() {
                        problems.lock().unwrap().push("delete failed".into());
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(dice.below(600))).await;
                    let login =
                        login("bob").to_builder().refresh_token(format!("L{}", n + 1)).build().unwrap();
                    match save_until_acknowledged(&store, login).await {
                        Ok(_) => *generation.lock().unwrap() = n + 1,
                        Err(e) => {
                            problems.lock().unwrap().push(format!("login: {e:?}"));
                            return;
                        }
                    }
                } else {
                    let Ok(Some(found)) = store.find_by_user("bob").await else { continue };
                    tokio::time::sleep(Duration::from_millis(dice.below(400))).await;
                    let token = found.to_builder().extra(format!("w{w}n{n}"), "1").build().unwrap();
                    let save = save_until_acknowledged(&store, token);
                    if dice.below(3) == 0 {
                        let _ = tokio::time::timeout(Duration::from_millis(dice.below(200)), save).await;
                    } else if let Err(e) = save.await
                        && !matches!(e.kind(), ErrorKind::Deleted)
                        && !e.is_retryable()
                    {
                        problems.lock().unwrap().push(format!("extra: {e:?}"));
                    }
                }
            }
        }));
    }
    for task in tasks {
        match tokio::time::timeout(Duration::from_secs(1200), task).await {
            Err(_) => problems.lock().unwrap().push("never ends".to_owned()),
            Ok(Err(e)) => problems.lock().unwrap().push(format!("panic {e}")),
            Ok(Ok(())) => {}
        }
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    backend.clear_faults();
    backend.set_read_lag(Duration::ZERO);
    let expected = *generation.lock().unwrap();
    let bob = store_on(&backend).await.find_by_user("bob").await.unwrap();
    let is = bob.as_deref().map_or("nothing".to_owned(), |bob| refresh_token_of(bob).to_owned());
    let mut problems = std::mem::take(&mut *problems.lock().unwrap());
    if is != format!("L{expected}") {
        problems.push(format!("{is} instead of L{expected}"));
    }
    problems
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_stays_deleted_and_the_last_login_stays() {
    let seeds: u64 = std::env::var("RACES_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(25);
    let mut bad = 0;
    for seed in 0..seeds {
        let problems = round_with_deletions(seed).await;
        if !problems.is_empty() {
            bad += 1;
            println!("seed {seed}: {problems:?}");
        }
    }
    println!("{bad} of {seeds} seeds");
    assert_eq!(bad, 0);
}
