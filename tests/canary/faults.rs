//! Every fault of the embedded backend, at every operation that the store asks for.
//!
//! `OAUTH_TOKEN_STORE_CANARY_OPERATIONS` says at how many of the operations each fault strikes: 9 are all, 2 the default.

use std::time::Duration;

use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use oauth_token_store::{ErrorKind, TokenStore};

use crate::script;
use crate::stage::{built, login, store_on};
use crate::watch::Watch;

/// All that the store asks for, the most usual first.
const OPERATIONS: [Operation; 9] = [
    Operation::GetSecretValue,
    Operation::PutSecretValue,
    Operation::CreateSecret,
    Operation::DeleteSecret,
    Operation::ListSecrets,
    Operation::BatchGetSecretValue,
    Operation::TagResource,
    Operation::DescribeSecret,
    Operation::ListSecretVersionIds,
];

/// How many of them.
fn operations() -> usize {
    let given = std::env::var("OAUTH_TOKEN_STORE_CANARY_OPERATIONS").ok();
    let operations = given.map_or(2, |operations| operations.parse().expect("a number of operations"));
    // What the faults come to shows at a read and a write.
    assert!((2..=OPERATIONS.len()).contains(&operations), "2 to {} operations", OPERATIONS.len());
    operations
}

/// Runs everything on a backend where this goes wrong from the first login on.
async fn strike(watch: &mut Watch, fault: Fault, operation: Operation) {
    let backend = EmbeddedSecretsManager::new();
    // So that names that are being deleted are met, too.
    backend.set_deletion_linger(Duration::from_secs(3));
    let before = store_on(&backend).await;
    watch.outcome("save_token before", before.save_token(&built(login())).await);
    let id = backend.inject(fault.on(operation));
    watch.debug("a fault", &id);
    script::of_this_store(watch, &store_on(&backend).await).await;
    watch.look();
}

async fn strike_everywhere(fault: Fault, kinds: &[ErrorKind]) {
    let mut watch = Watch::begin();
    for &operation in &OPERATIONS[..operations()] {
        strike(&mut watch, fault.clone(), operation).await;
    }
    watch.debug("a fault", &fault);
    for kind in kinds {
        assert!(watch.kinds.contains(kind.as_str()), "{fault:?} has not come to {kind}: {:?}", watch.kinds);
    }
}

macro_rules! faults {
    ($($name:ident: $fault:expr => $kinds:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            strike_everywhere($fault, &$kinds).await;
        }
    )*};
}

faults! {
    throttling_shows_nothing: Fault::throttling() => [ErrorKind::Throttled];
    a_server_error_shows_nothing: Fault::server_error() => [ErrorKind::Unavailable];
    a_status_without_a_body_shows_nothing: Fault::http_status(503) => [ErrorKind::Unavailable];
    a_lost_answer_shows_nothing: Fault::lost_answer() => [ErrorKind::Unavailable];
    an_answer_that_never_comes_shows_nothing: Fault::lost_answer_hang() => [ErrorKind::TimedOut, ErrorKind::Unavailable];
    an_unreachable_service_shows_nothing: Fault::unreachable() => [ErrorKind::Unavailable];
    a_service_that_hangs_shows_nothing: Fault::hang() => [ErrorKind::TimedOut];
    a_denial_shows_nothing: Fault::access_denied() => [ErrorKind::AccessDenied];
    a_denial_of_the_key_shows_nothing: Fault::kms_access_denied() => [ErrorKind::AccessDenied];
    a_failed_decryption_shows_nothing: Fault::decryption_failure() => [ErrorKind::Kms];
    a_failed_encryption_shows_nothing: Fault::encryption_failure() => [ErrorKind::Kms];
    a_used_up_quota_shows_nothing: Fault::limit_exceeded() => [ErrorKind::QuotaExceeded];
    a_malformed_answer_shows_nothing: Fault::malformed_answer() => [ErrorKind::Unavailable];
    a_slow_answer_shows_nothing: Fault::latency(Duration::from_millis(700)) => [];
    an_answer_slower_than_the_deadline_shows_nothing: Fault::latency(Duration::from_secs(20)) => [ErrorKind::TimedOut];
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_one_secret_in_a_batch_shows_nothing() {
    let mut watch = Watch::begin();
    for fault in [Fault::access_denied(), Fault::kms_access_denied(), Fault::decryption_failure()] {
        strike(&mut watch, fault.per_secret(), Operation::BatchGetSecretValue).await;
    }
    assert!(watch.kinds.contains("access_denied") && watch.kinds.contains("kms"), "{:?}", watch.kinds);
}
