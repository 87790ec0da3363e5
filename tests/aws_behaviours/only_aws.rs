//! What only AWS can tell: how long things take there, and what it says where its documentation is silent.
//!
//! Each measurement prints what it saw, and fails where the store could not live with it.

use std::fmt::Write;
use std::pin::Pin;
use std::time::Duration;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::types::FilterNameStringType as Key;
use tokio::time::Instant;

use crate::service::*;

/// Something to be measured; its answer is the line to print.
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) measure: fn(Service) -> Pin<Box<dyn Future<Output = String>>>,
}

macro_rules! measurements {
    ($($name:ident,)*) => {
        pub(crate) const MEASUREMENTS: &[Measurement] = &[
            $(Measurement { name: stringify!($name), measure: |aws| Box::pin($name(aws)) },)*
        ];
    };
}

measurements![
    how_long_a_read_shows_the_value_before_a_put,
    how_long_a_description_shows_the_labels_before_a_put,
    how_long_a_new_secret_is_not_found,
    how_long_a_deleted_secret_is_still_read,
    how_long_a_deleted_name_cannot_be_created,
    how_long_a_list_misses_a_new_secret,
    how_long_a_list_by_tag_misses_a_new_tag,
    how_long_a_list_shows_a_deleted_secret,
    how_a_hundred_and_ten_versions_of_one_day_are_kept,
    what_a_missing_secret_under_and_beside_the_prefix_is_answered_with,
    what_a_missing_kms_key_is_answered_with,
    which_batch_permission_there_is,
];

/// For this long after a version was seen the store's cache believes no older one.
const NEVER_BACK: Duration = Duration::from_secs(60);
/// What AWS documents of ListSecrets.
const LIST_LAG: Duration = Duration::from_secs(300);
/// For how long Terraform's provider tries to create a name that was deleted.
const NAME_IS_TAKEN: Duration = Duration::from_secs(120);

/// Looks every tenth of a second until it is so; returns how long that took, and how many looks were in vain.
async fn until<F: Future<Output = bool>>(longest: Duration, look: impl Fn() -> F) -> (Duration, u32) {
    let asked = Instant::now();
    let mut in_vain = 0;
    while !look().await {
        in_vain += 1;
        assert!(asked.elapsed() < longest, "not so after {longest:?} and {in_vain} looks");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (asked.elapsed(), in_vain)
}

/// The summary of several rounds.
fn summary(rounds: &[(Duration, u32)]) -> String {
    let late = rounds.iter().filter(|(_, in_vain)| *in_vain > 0).count();
    let longest = rounds.iter().map(|(time, _)| *time).max().unwrap_or_default();
    format!("in {} of {} rounds at the first look not yet; at the longest {longest:?}", late, rounds.len())
}

async fn how_long_a_read_shows_the_value_before_a_put(aws: Service) -> String {
    aws.create("a", "1").await;
    let mut rounds = Vec::new();
    for n in 2..=21 {
        aws.put("a", n, &n.to_string()).await;
        rounds.push(until(NEVER_BACK, || async { aws.value("a").await == n.to_string() }).await);
        aws.rest().await;
    }
    summary(&rounds)
}

async fn how_long_a_description_shows_the_labels_before_a_put(aws: Service) -> String {
    aws.create("a", "1").await;
    let mut rounds = Vec::new();
    for n in 2..=11 {
        aws.put("a", n, &n.to_string()).await;
        let current = || async {
            let versions = aws.describe("a").await.version_ids_to_stages.unwrap_or_default();
            versions.get(&token(n)).is_some_and(|labels| *labels == ["AWSCURRENT"])
        };
        rounds.push(until(NEVER_BACK, current).await);
        aws.rest().await;
    }
    summary(&rounds)
}

async fn how_long_a_new_secret_is_not_found(aws: Service) -> String {
    let mut rounds = Vec::new();
    for n in 0..10 {
        let name = n.to_string();
        aws.create(&name, "v").await;
        rounds.push(until(NEVER_BACK, || async { aws.value(&name).await == "v" }).await);
        aws.rest().await;
    }
    summary(&rounds)
}

async fn how_long_a_deleted_secret_is_still_read(aws: Service) -> String {
    let mut rounds = Vec::new();
    for n in 0..10 {
        let name = n.to_string();
        aws.create(&name, "v").await;
        answer(aws.deletion(&name).force_delete_without_recovery(true).send().await);
        rounds.push(until(NEVER_BACK, || async { aws.value(&name).await != "v" }).await);
        aws.rest().await;
    }
    summary(&rounds)
}

async fn how_long_a_deleted_name_cannot_be_created(aws: Service) -> String {
    aws.create("a", "0").await;
    let (mut rounds, mut codes) = (Vec::new(), std::collections::BTreeSet::new());
    for round in 1..=5 {
        answer(aws.deletion("a").force_delete_without_recovery(true).send().await);
        let asked = Instant::now();
        let mut in_vain = 0;
        loop {
            let created = aws.creation("a", &round.to_string()).send().await;
            let Err(error) = created else {
                break;
            };
            codes.insert(error.code().unwrap_or("no code").to_owned());
            in_vain += 1;
            assert!(asked.elapsed() < NAME_IS_TAKEN, "the name is taken for longer than {NAME_IS_TAKEN:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        rounds.push((asked.elapsed(), in_vain));
    }
    let mut line = summary(&rounds);
    write!(line, "; refused with {codes:?}").expect("room in a string");
    line
}

async fn how_long_a_list_misses_a_new_secret(aws: Service) -> String {
    let mut rounds = Vec::new();
    for n in 0..3 {
        let name = n.to_string();
        aws.create(&name, "v").await;
        rounds.push(until(LIST_LAG, || async { aws.found(&[]).await.contains(&name) }).await);
    }
    summary(&rounds)
}

async fn how_long_a_list_by_tag_misses_a_new_tag(aws: Service) -> String {
    aws.create("a", "v").await;
    until(LIST_LAG, || async { !aws.found(&[]).await.is_empty() }).await;
    let mut rounds = Vec::new();
    for n in 0..3 {
        let key = format!("k{n}");
        let tag = aws_sdk_secretsmanager::types::Tag::builder().key(&key).value("v").build();
        answer(aws.client().tag_resource().secret_id(aws.id("a")).tags(tag).send().await);
        let by_tag = [filter(Key::TagKey, &[&key])];
        rounds.push(until(LIST_LAG, || async { !aws.found(&by_tag).await.is_empty() }).await);
    }
    summary(&rounds)
}

async fn how_long_a_list_shows_a_deleted_secret(aws: Service) -> String {
    for name in ["a", "b", "c"] {
        aws.create(name, "v").await;
    }
    until(LIST_LAG, || async { aws.found(&[]).await.len() == 3 }).await;
    let mut rounds = Vec::new();
    for name in ["a", "b", "c"] {
        answer(aws.deletion(name).force_delete_without_recovery(true).send().await);
        rounds.push(until(LIST_LAG, || async { !aws.found(&[]).await.contains(&name.to_owned()) }).await);
    }
    summary(&rounds)
}

async fn how_a_hundred_and_ten_versions_of_one_day_are_kept(aws: Service) -> String {
    const VERSIONS: u32 = 110;
    aws.create("a", "1").await;
    let mut written = 1;
    let mut refusal = "none is refused".to_owned();
    for n in 2..=VERSIONS {
        if let Err(error) = aws.putting("a", n, "v").send().await {
            let code = error.code().unwrap_or("no code");
            assert_eq!(code, LIMIT_EXCEEDED, "the store takes this code for the quota");
            refusal = format!("version {n} is refused with {code}: {}", error.message().unwrap_or_default());
            break;
        }
        written = n;
        if n % 20 == 0 {
            aws.rest().await;
        }
    }
    let kept = aws.version_ids("a", true).await.len();
    // A version that goes frees its id for another content: the store's comparison rests on these being kept.
    assert_eq!(kept, written as usize, "versions of the last 24 hours, kept and written; {refusal}");
    format!("{kept} of {written} are kept, {refusal}")
}

async fn what_a_missing_secret_under_and_beside_the_prefix_is_answered_with(aws: Service) -> String {
    // IAM evaluates a secret that does not exist by the ARN of its bare name.
    let under = aws.value("nothing-there").await;
    assert_eq!(under, NOT_FOUND, "the store takes a missing secret under its prefix for no token");
    let beside = aws.client().get_secret_value().secret_id("oauth-token-store-nothing-there").send().await;
    let beside = code(beside);
    assert!([NOT_FOUND, "AccessDeniedException"].contains(&beside.as_str()), "{beside}");
    format!("{under} under the prefix, {beside} beside it")
}

async fn what_a_missing_kms_key_is_answered_with(aws: Service) -> String {
    let missing = aws.creation("a", "v").kms_key_id("alias/oauth-token-store-no-such-key").send().await;
    match missing {
        Ok(_) => "accepted: this service looks at no key".to_owned(),
        Err(error) => {
            let code = error.code().unwrap_or("no code").to_owned();
            let named = ["EncryptionFailure", "AccessDeniedException", INVALID_PARAMETER, INVALID_REQUEST];
            assert!(named.contains(&code.as_str()), "the store knows no {code}");
            format!("{code}: {}", error.message().unwrap_or_default())
        }
    }
}

async fn which_batch_permission_there_is(aws: Service) -> String {
    aws.create("a", "v").await;
    let batch = aws.client().batch_get_secret_value().secret_id_list(aws.id("a")).send().await;
    match outcome(batch) {
        Ok(()) => "BatchGetSecretValue is granted".to_owned(),
        Err(code) => {
            assert_eq!(code, "AccessDeniedException", "the store takes this code for a missing permission");
            "BatchGetSecretValue is denied".to_owned()
        }
    }
}
