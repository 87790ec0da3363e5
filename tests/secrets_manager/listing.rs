//! All tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use oauth_token_store::aws_sdk_secretsmanager::{Client, config::retry::RetryConfig};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Gate, Operation, Quotas};
use oauth_token_store::{ErrorKind, SecretsManagerTokenStore, TokenStore};

use crate::support::{
    PREFIX, cached, client_told_that_its_creates_exist, id, id_of, login, name_of, new, new_cached,
    spawn_save, store_on, token,
};

#[tokio::test(start_paused = true)]
async fn each_token_comes_once_across_pages_empty_ones_among_them() {
    let (backend, store) = new().await;
    backend.set_empty_pages(true);
    let users: BTreeSet<String> = (0..130).map(|n| format!("user-{n}")).collect();
    for user in &users {
        store.save_token(&login(user)).await.expect("saved");
    }
    let tokens = store.get_tokens().await.expect("listed");
    assert_eq!(tokens.len(), 130);
    let listed: BTreeSet<String> =
        tokens.iter().filter_map(|token| token.user_name().map(str::to_owned)).collect();
    assert_eq!(listed, users);
}

#[tokio::test(start_paused = true)]
async fn one_bad_secret_among_many_is_an_error_of_its_own() {
    let (backend, store) = new().await;
    for user in ["bob", "eve", "mallory"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    let client = backend.client();
    client.put_secret_value().secret_id(name_of("eve")).secret_string("hunter2").send().await.expect("put");

    let items: Vec<_> = store.tokens().collect().await;
    let (good, bad): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (2, 1));
    let error = store.get_tokens().await.expect_err("one is corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(error.secret_name(), Some(name_of("eve").as_str()));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    store.delete_tokens().await.expect("a corrupt one can be deleted");
    assert_eq!(backend.secret_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn secrets_that_are_not_tokens_are_left_out() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    for name in [format!("{PREFIX}/config"), format!("{PREFIX}/deeper/{}", id_of("eve").as_str())] {
        backend.client().create_secret().name(name).secret_string("not json").send().await.expect("created");
    }
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_between_listing_and_reading_is_left_out() {
    let (backend, store) = new().await;
    for user in ["bob", "eve"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    backend.set_list_lag(Duration::from_secs(30));
    let other = store_on(&backend).await;
    other.delete_token(&id_of("eve")).await.expect("deleted");
    assert_eq!(other.get_tokens().await.expect("listed").len(), 1);
}

/// A deletion by own id has read a record that is replaced, by this process too, before it can be deleted.
#[tokio::test(start_paused = true)]
async fn what_was_saved_is_listed_although_a_deletion_of_its_predecessor_begins_after_it() {
    let (backend, store) = new_cached().await;
    backend.set_list_lag(Duration::from_secs(300));
    let person = token().id("7").user_name("bob").access_token("a").build().expect("valid");
    store.save_token(&person).await.expect("saved");
    let reads = backend.gate(Gate::after(Operation::GetSecretValue).on_secret(id_of("bob").as_str()));
    let deleter = store.clone();
    let deletion = tokio::spawn(async move { deleter.delete_token(&id("7")).await });
    reads.arrived(1).await;
    store.delete_token(&id_of("bob")).await.expect("deleted");
    store.save_token(&login("bob")).await.expect("saved");
    reads.open();
    deletion.await.expect("no panic").expect("deleted");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    store.delete_tokens().await.expect("deleted");
    assert_eq!(backend.secret_count(), 0);
}

/// The same, and the answer that the new record was made got lost.
#[tokio::test(start_paused = true)]
async fn what_was_saved_is_listed_although_a_deletion_has_overtaken_it_and_its_answer_was_lost() {
    let backend = EmbeddedSecretsManager::new();
    let store = cached(client_told_that_its_creates_exist(&backend)).build().await.expect("a store");
    backend.set_list_lag(Duration::from_secs(300));
    let creates = backend.gate(Gate::before(Operation::CreateSecret));
    let save = spawn_save(&store, &login("bob"));
    creates.arrived(1).await;
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let deleter = store.clone();
    let deletion = tokio::spawn(async move { deleter.delete_token(&id_of("bob")).await });
    deletions.arrived(1).await;
    backend.inject(Fault::lost_answer().on(Operation::CreateSecret).times(1));
    // What is sent again is told that the secret exists.
    creates.release_one();
    creates.arrived(1).await;
    deletions.open();
    deletion.await.expect("no panic").expect("nothing to delete");
    creates.open();
    save.await.expect("no panic").expect("it had landed");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
}

/// The deletion began after the save was sent, and came before it.
#[tokio::test(start_paused = true)]
async fn what_was_saved_is_listed_although_a_deletion_has_overtaken_it() {
    let (backend, store) = new().await;
    backend.set_list_lag(Duration::from_secs(30));
    let creates = backend.gate(Gate::before(Operation::CreateSecret));
    let save = spawn_save(&store, &login("bob"));
    creates.arrived(1).await;
    store.delete_token(&id_of("bob")).await.expect("nothing to delete");
    creates.open();
    save.await.expect("no panic").expect("saved");
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
}

/// A list has read what a save of this process has replaced since, while a deletion may have come before that or after.
#[tokio::test(start_paused = true)]
async fn what_a_list_may_not_show_and_memory_does_not_hold_is_read_again() {
    let (backend, store) = new_cached().await;
    let deletions = backend.gate(Gate::after(Operation::DeleteSecret));
    let deleter = store.clone();
    let deletion = tokio::spawn(async move { deleter.delete_token(&id_of("bob")).await });
    deletions.arrived(1).await;
    store.save_token(&login("bob")).await.expect("saved");
    let batches = backend.gate(Gate::after(Operation::BatchGetSecretValue));
    let lister = store.clone();
    let list = tokio::spawn(async move { lister.get_tokens().await });
    batches.arrived(1).await;
    let puts = backend.gate(Gate::after(Operation::PutSecretValue));
    let save = spawn_save(&store, &token().user_name("bob").access_token("newer").build().expect("valid"));
    puts.arrived(1).await;
    deletions.open();
    deletion.await.expect("no panic").expect("nothing to delete");
    puts.open();
    let saved = save.await.expect("no panic").expect("saved");
    let before = backend.requests();
    batches.open();
    assert_eq!(list.await.expect("no panic").expect("listed"), [saved]);
    assert_eq!(backend.requests().since(&before).count(Operation::GetSecretValue), 1);
}

#[tokio::test(start_paused = true)]
async fn bulk_work_keeps_to_half_of_the_quotas_and_backs_off_when_throttled() {
    let (backend, store) = new().await;
    for n in 0..1_000 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    let store = store_on(&backend).await;
    let start = tokio::time::Instant::now();
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1_000);
    // 50 batches at 50 a second.
    assert!(start.elapsed() >= Duration::from_millis(980), "{:?}", start.elapsed());

    // A client that does not try again by itself, so that the store has to.
    let config = backend.client().config().to_builder().retry_config(RetryConfig::disabled()).build();
    let builder = SecretsManagerTokenStore::builder().prefix(PREFIX).client(Client::from_conf(config));
    let impatient = builder.build().await.expect("a store");
    backend.inject(Fault::throttling().on(Operation::BatchGetSecretValue).times(3));
    let (start, before) = (tokio::time::Instant::now(), backend.requests());
    assert_eq!(impatient.get_tokens().await.expect("listed").len(), 1_000);
    assert_eq!(backend.requests().since(&before).count(Operation::BatchGetSecretValue), 50 + 3);
    // All of them held back while one was.
    assert!(start.elapsed() >= Duration::from_millis(1_480), "{:?}", start.elapsed());

    let start = tokio::time::Instant::now();
    store.delete_tokens().await.expect("deleted");
    // 1,000 deletions at 25 a second.
    assert!(start.elapsed() >= Duration::from_secs(39), "{:?}", start.elapsed());
}

/// Simulated time, so that it is the same wherever it runs.
#[tokio::test(start_paused = true)]
async fn ten_thousand_tokens_are_read_about_as_fast_as_half_of_the_quotas_allows() {
    const TOKENS: usize = 10_000;
    let (backend, writer) = new().await;
    for n in 0..TOKENS {
        writer.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    backend.enforce_quotas(Quotas::aws());
    backend.inject(Fault::latency(Duration::from_millis(20)));
    let store = store_on(&backend).await;
    let start = tokio::time::Instant::now();
    assert_eq!(store.get_tokens().await.expect("listed").len(), TOKENS);
    // 500 batches, of which the quota allows 100 a second.
    let allowed = Duration::from_secs(500 / (100 / 2));
    assert!(start.elapsed() <= allowed.mul_f64(1.3), "{:?}", start.elapsed());
    assert_eq!(backend.throttled().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_stops_reading() {
    let (backend, store) = new().await;
    for n in 0..400 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    let store = store_on(&backend).await;
    let before = backend.requests();
    let mut tokens = store.tokens();
    assert!(tokens.next().await.is_some_and(|token| token.is_ok()));
    drop(tokens);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(backend.requests().since(&before).count(Operation::BatchGetSecretValue) < 20);
}

/// Every page takes its turn, empty ones too.
#[tokio::test(start_paused = true)]
async fn pages_are_asked_for_at_half_of_the_quota() {
    let (backend, store) = new().await;
    backend.set_empty_pages(true);
    let client = backend.client();
    for n in 0..201 {
        client
            .create_secret()
            .name(format!("{PREFIX}/config-{n}"))
            .secret_string("x")
            .send()
            .await
            .expect("made");
    }
    let (start, before) = (tokio::time::Instant::now(), backend.requests());
    assert!(store.get_tokens().await.expect("listed").is_empty());
    assert_eq!(backend.requests().since(&before).to_string(), "6 ListSecrets");
    // At 50 a second.
    assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_stands_under_other_names_costs_nothing() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let client = backend.client();
    for n in 0..101 {
        client.create_secret().name(format!("other/{n}")).secret_string("x").send().await.expect("created");
    }
    let before = backend.requests();
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    assert_eq!(backend.requests().since(&before).to_string(), "1 BatchGetSecretValue, 1 ListSecrets");
}

#[tokio::test(start_paused = true)]
async fn one_secret_that_cannot_be_read_is_named_and_the_others_are_read() {
    let (backend, store) = new().await;
    for user in ["bob", "eve", "mallory"] {
        store.save_token(&login(user)).await.expect("saved");
    }
    let undecryptable = Fault::decryption_failure().on(Operation::BatchGetSecretValue);
    backend.inject(undecryptable.on_secret(id_of("eve").as_str()).per_secret());
    let items: Vec<_> = store.tokens().collect().await;
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 2);
    let error = store.get_tokens().await.expect_err("one cannot be read");
    assert_eq!(error.kind(), ErrorKind::Kms);
    assert_eq!(error.secret_name(), Some(name_of("eve").as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_breaks_off_gives_what_it_had_and_its_error() {
    let (backend, store) = new().await;
    // So many foreign ones that the error comes among the names of a batch.
    let client = backend.client();
    for n in 0..5 {
        client
            .create_secret()
            .name(format!("{PREFIX}/config-{n}"))
            .secret_string("x")
            .send()
            .await
            .expect("made");
    }
    for n in 0..96 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    let store = store_on(&backend).await;
    backend.inject(Fault::access_denied().on(Operation::ListSecrets).skip(1));
    let items: Vec<_> = store.tokens().collect().await;
    let (good, bad): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (95, 1));

    backend.clear_faults();
    backend.inject(Fault::access_denied().on(Operation::ListSecrets).skip(1));
    assert_eq!(store.get_tokens().await.expect_err("denied").kind(), ErrorKind::AccessDenied);
    // What was listed is deleted all the same.
    backend.clear_faults();
    backend.inject(Fault::access_denied().on(Operation::ListSecrets).skip(1));
    assert_eq!(store.delete_tokens().await.expect_err("denied").kind(), ErrorKind::AccessDenied);
    assert_eq!(backend.secret_count(), 5 + 1);
}

/// A batch that is not polled may hold the client's one place to fetch credentials, or time out with its answer there.
#[tokio::test(start_paused = true)]
async fn a_stream_whose_item_is_being_worked_on_goes_on() {
    let (backend, store) = new().await;
    for n in 0..21 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    backend.inject(Fault::latency(Duration::from_millis(50)).on(Operation::BatchGetSecretValue));
    backend.inject(Fault::throttling().on(Operation::BatchGetSecretValue).skip(1).times(1));
    let batches = backend.gate(Gate::after(Operation::BatchGetSecretValue));
    let mut tokens = store.tokens();
    let mut first = std::pin::pin!(tokens.next());
    while batches.held() == 0 {
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The second batch is throttled and asked for again although nobody polls.
    batches.open();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(backend.requests().count(Operation::BatchGetSecretValue), 3);
    first.await.expect("an item").expect("read");
    let others: Vec<_> = tokens.collect().await;
    assert_eq!(others.iter().filter(|token| token.is_ok()).count(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_asks_for_no_more() {
    let (backend, store) = new().await;
    store.save_token(&login("bob")).await.expect("saved");
    let batches = backend.gate(Gate::before(Operation::BatchGetSecretValue));
    let mut tokens = store.tokens();
    while batches.held() == 0 {
        assert!(futures_util::poll!(tokens.next()).is_pending());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(tokens);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(batches.held(), 0);
}

/// The list shows it, and a replica that answers the batch does not.
#[tokio::test(start_paused = true)]
async fn a_list_shows_what_this_process_has_saved_although_a_replica_lags_behind() {
    let (backend, store) = new_cached().await;
    store.save_token(&login("bob")).await.expect("saved");
    backend.stale_reads(1);
    assert_eq!(store.get_tokens().await.expect("listed").len(), 1);
    // It is believed a second time, and memory knows better.
    backend.stale_reads(2);
    assert_eq!(store.get_tokens().await.expect("listed").len(), 0);
    assert!(store.find_by_user("bob").await.expect("found").is_some());
}

/// Half of the quota, whatever is answered.
#[tokio::test(start_paused = true)]
async fn deletions_that_fail_are_repeated_at_half_of_the_quota() {
    let (backend, store) = new().await;
    for n in 0..10 {
        store.save_token(&login(&format!("user-{n}"))).await.expect("saved");
    }
    backend.inject(Fault::server_error().on(Operation::DeleteSecret));
    let deletions = tokio::spawn(async move { store.delete_tokens().await });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sent = backend.requests().count(Operation::DeleteSecret);
    assert!((40..=51).contains(&sent), "{sent} in two seconds");
    backend.clear_faults();
    deletions.await.expect("no panic").expect("deleted");
    assert_eq!(backend.secret_count(), 0);
}
