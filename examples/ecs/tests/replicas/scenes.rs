//! What happens to two replicas, and what their callers see of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::deployment::{CANARY, Deployment, SERVICE_SECRET, TIME_TO_LIVE, until};
use crate::replica::{Answer, OAuthServer, Replica};
use crate::{Failure, TestResult};

/// How long the answer that there is no token is kept: the store's default.
const MISS_TIME_TO_LIVE: Duration = Duration::from_secs(1);

/// Asks until the new answer comes. The old one may be given to what is asked within the time to live, and to nothing after.
async fn within(
    promise: Duration,
    replica: &Replica,
    user: &str,
    is_new: impl Fn(&Answer) -> bool,
) -> Result<(), Failure> {
    let changed = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = replica.get(user).await?;
        if is_new(&answer) {
            return Ok(());
        }
        let late = asked.duration_since(changed);
        if late > promise {
            return Err(format!("asked {late:?} after the change, and still: {answer:?}").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn served(answer: &Answer, access_token: &str) -> bool {
    answer.status == 200 && answer.access_token() == Some(access_token)
}

#[track_caller]
fn assert_served(answer: &Answer, access_token: &str) {
    assert!(served(answer, access_token), "{answer:?}, and not {access_token}");
}

pub(crate) async fn a_token_saved_through_one_is_served_by_the_other(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-jos%C3%A9@example.com";
    assert_eq!(other.get(user).await?.status, 404);
    one.log_in(user, "canary-a", 3600).await?;
    // The other remembers for a moment that there was nothing.
    within(MISS_TIME_TO_LIVE, &other, user, |answer| served(answer, "canary-a")).await?;
    let answer = other.get(user).await?;
    let left = answer.body["expires_in"].as_u64();
    assert!(left.is_some_and(|left| (3500..=3600).contains(&left)), "{answer:?}");
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body.as_object().map(serde_json::Map::len), Some(3), "{answer:?}");
    Ok(())
}

pub(crate) async fn a_token_rotated_by_one_is_seen_by_the_other(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-rotated";
    one.log_in(user, "canary-b", 3600).await?;
    assert_served(&other.get(user).await?, "canary-b");
    one.log_in(user, "canary-b2", 3600).await?;
    assert_served(&one.get(user).await?, "canary-b2");
    within(TIME_TO_LIVE, &other, user, |answer| served(answer, "canary-b2")).await?;

    // About to expire: one asks the OAuth server, the other looks whether somebody has before it does.
    one.log_in(user, "canary-b3", 10).await?;
    let exchanges = "oauth_token_store_exchanges_total";
    let before = one.metric(exchanges).await?;
    within(TIME_TO_LIVE, &other, user, |answer| answer.access_token() != Some("canary-b2")).await?;
    let refreshed = other.get(user).await?;
    assert!(is_refreshed(&refreshed), "{refreshed:?}");
    assert_eq!(one.get(user).await?.access_token(), refreshed.access_token());
    assert_eq!(one.metric(exchanges).await?, before, "one has exchanged what the other had");
    Ok(())
}

pub(crate) async fn a_token_that_an_api_has_refused_is_read_anew(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-refused";
    one.log_in(user, "canary-u", 3600).await?;
    assert_served(&other.get(user).await?, "canary-u");
    one.log_in(user, "canary-u2", 3600).await?;
    assert_served(&other.get_anew(user).await?, "canary-u2");
    Ok(())
}

pub(crate) async fn a_logout_through_one_is_seen_by_the_other(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-leaving";
    one.log_in(user, "canary-l", 3600).await?;
    assert_served(&other.get(user).await?, "canary-l");
    assert_eq!(one.delete(user).await?.status, 204);
    assert_eq!(one.get(user).await?.status, 404);
    within(TIME_TO_LIVE, &other, user, |answer| answer.status == 404).await?;
    assert_eq!(other.delete(user).await?.status, 204, "what is gone is no failure");
    Ok(())
}

pub(crate) async fn each_failure_has_its_status(deployment: &Deployment) -> TestResult {
    let [one, _] = deployment.replicas().await?;
    for (secret, user, body, status, error) in [
        ("", "canary-x", "", 401, "unauthorized"),
        ("canary-0123456789abcdef0123456789abcdeX", "canary-x", "", 401, "unauthorized"),
        (SERVICE_SECRET, "", "", 400, "x_user_is_percent_encoded_utf_8"),
        (SERVICE_SECRET, "canary-%FF", "", 400, "x_user_is_percent_encoded_utf_8"),
        (SERVICE_SECRET, "canary-%00", "", 400, "invalid"),
        (SERVICE_SECRET, "canary-x", "canary", 400, "body_is_no_token_response"),
        (SERVICE_SECRET, "canary-x", r#"{"error": "canary"}"#, 400, "body_is_no_token_response"),
    ] {
        let method = if body.is_empty() { Method::GET } else { Method::PUT };
        let answer = one.ask(method, user, secret, body.to_owned()).await?;
        assert_eq!((answer.status, answer.body), (status, json!({ "error": error })), "{user} {body}");
    }
    // The OAuth server refuses a refresh token that has been spent.
    for user in ["canary-first", "canary-second"] {
        one.log_in(user, "canary-spent", 0).await?;
    }
    assert_eq!(one.get("canary-first").await?.status, 200);
    let refused = one.get("canary-second").await?;
    assert_eq!(refused.status, 502, "{refused:?}");
    assert_eq!(refused.body, json!({ "error": "refused_by_oauth_server", "oauth_error": "invalid_grant" }));
    // And nothing but a login helps where there is no refresh token at all.
    let no_refresh_token = json!({ "access_token": "canary-n", "expires_in": 0 }).to_string();
    assert_eq!(one.put("canary-third", no_refresh_token).await?.status, 204);
    assert_eq!(one.get("canary-third").await?.status, 404);
    Ok(())
}

pub(crate) async fn a_replica_that_is_cut_off_harms_nobody_and_comes_back(
    deployment: &Deployment,
) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-cut-off";
    one.log_in(user, "canary-c", 3600).await?;
    deployment.cut_off("replica-1").await?;
    assert!(one.get(user).await.is_err(), "it was to be cut off");
    // It lives, but nobody hears it.
    deployment.asks_itself("replica-1").await?;
    assert_served(&other.get(user).await?, "canary-c");
    other.log_in(user, "canary-c2", 3600).await?;
    assert_served(&other.get(user).await?, "canary-c2");
    deployment.connect("replica-1").await?;
    let one = deployment.until_ready("replica-1").await?;
    // What it had in memory is past its time to live by now, or soon.
    within(TIME_TO_LIVE, &one, user, |answer| served(answer, "canary-c2")).await
}

pub(crate) async fn a_replica_that_is_stopped_and_started_harms_nobody(
    deployment: &Deployment,
) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-stopped";
    one.log_in(user, "canary-s", 3600).await?;
    deployment.terminate("replica-1").await?;
    assert_eq!(deployment.exit_code("replica-1").await?, "0");
    assert!(one.get(user).await.is_err(), "it was to be stopped");
    assert_served(&other.get(user).await?, "canary-s");
    other.log_in(user, "canary-s2", 3600).await?;
    let one = deployment.start_again("replica-1").await?;
    assert_served(&one.get(user).await?, "canary-s2");
    Ok(())
}

pub(crate) async fn an_outage_of_secrets_manager_stops_no_token_that_is_in_memory(
    deployment: &Deployment,
) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-outage";
    one.log_in(user, "canary-o", 3600).await?;
    for replica in [&one, &other] {
        assert_served(&replica.get(user).await?, "canary-o");
    }
    in_an_outage(deployment, during_the_outage(one.clone(), other.clone(), user)).await?;
    // Nothing has to be restarted.
    let unknown = async || one.get("canary-unknown").await.ok().filter(|answer| answer.status == 404);
    until("it is told again that there is no token", unknown).await?;
    let saved = async || one.log_in("canary-unknown", "canary-o2", 3600).await.ok();
    until("a token is saved again", saved).await
}

/// While Secrets Manager answers nothing. In a task of its own, whose panic does not leave it paused.
async fn in_an_outage(
    deployment: &Deployment,
    during: impl Future<Output = TestResult> + Send + 'static,
) -> TestResult {
    deployment.pause("localstack").await?;
    let during = tokio::spawn(during).await;
    deployment.unpause("localstack").await?;
    during?
}

async fn during_the_outage(one: Replica, other: Replica, user: &str) -> TestResult {
    // All that was loaded before the outage is past its time to live from here on.
    sleep_until(Instant::now() + TIME_TO_LIVE).await;
    for replica in [&one, &other] {
        assert_served(&replica.get(user).await?, "canary-o");
        let stale = replica.metric("oauth_token_store_stale_reads_total").await?;
        assert!(stale > 0.0, "{stale} stale reads");
        let unknown = replica.get("canary-unknown").await?;
        assert_eq!((unknown.status, unknown.retry_after.as_deref()), (503, Some("1")), "{unknown:?}");
        // Taken away from their callers, the replicas could not even serve that.
        assert_eq!(replica.status("/readyz").await?, 200);
        assert_eq!(replica.status("/healthz").await?, 200);
    }
    Ok(())
}

pub(crate) async fn what_is_under_way_at_a_stop_is_answered(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-waits";
    let (waiting, refreshes) = held_refresh(deployment, &one, user).await?;
    stop_accepting(deployment, &one).await?;
    assert!(!waiting.is_finished(), "it cannot have been answered yet");
    refreshes.release().await?;
    let answer = waiting.await??;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(deployment.exit_code("replica-1").await?, "0");
    assert_eq!(other.get(user).await?.access_token(), answer.access_token());
    deployment.start_again("replica-1").await.map(drop)
}

pub(crate) async fn what_nobody_waits_for_at_a_stop_is_saved(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-hangs-up";
    let (waiting, refreshes) = held_refresh(deployment, &one, user).await?;
    waiting.abort();
    assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
    stop_accepting(deployment, &one).await?;
    refreshes.release().await?;
    assert_eq!(deployment.exit_code("replica-1").await?, "0");
    has_what_was_saved(deployment, &other, user).await?;
    deployment.start_again("replica-1").await.map(drop)
}

pub(crate) async fn what_could_not_be_saved_is_saved_before_a_stop(deployment: &Deployment) -> TestResult {
    let [one, other] = deployment.replicas().await?;
    let user = "canary-not-saved";
    let (waiting, refreshes) = held_refresh(deployment, &one, user).await?;
    let answered = async move {
        refreshes.release().await?;
        let answer = waiting.await??;
        assert!(is_refreshed(&answer), "{answer:?}");
        Ok(())
    };
    in_an_outage(deployment, answered).await?;
    stop_accepting(deployment, &one).await?;
    assert_eq!(deployment.exit_code("replica-1").await?, "0");
    let told = refreshes_told(deployment, "replica-1").await?;
    // The save without an answer lands when LocalStack goes on; in an outage it does not.
    assert!(told.contains("served, but not saved") && told.contains("saved after all"), "{told}");
    has_what_was_saved(deployment, &other, user).await?;
    deployment.start_again("replica-1").await.map(drop)
}

/// A refresh token was spent for it, and the OAuth server takes that only once.
async fn has_what_was_saved(deployment: &Deployment, other: &Replica, user: &str) -> TestResult {
    let exchanges = "oauth_token_store_exchanges_total";
    let before = other.metric(exchanges).await?;
    let saved = other.get(user).await?;
    let told = refreshes_told(deployment, "replica-1").await?;
    assert!(is_refreshed(&saved), "{saved:?}\n{told}");
    assert_eq!(other.metric(exchanges).await?, before, "the other had to do it again\n{told}");
    Ok(())
}

fn is_refreshed(answer: &Answer) -> bool {
    answer.access_token().is_some_and(|token| token.starts_with("access-token-"))
}

/// What a replica has logged of refreshes and stops.
async fn refreshes_told(deployment: &Deployment, service: &str) -> Result<String, Failure> {
    let log = deployment.log(service).await?;
    let is_told = |line: &&str| ["refresh", "saved", "stop"].iter().any(|word| line.contains(word));
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("TRACE")).filter(is_told).collect();
    Ok(lines.join("\n"))
}

pub(crate) async fn probes_and_scrapes_ask_secrets_manager_for_nothing(
    deployment: &Deployment,
) -> TestResult {
    let [one, _] = deployment.replicas().await?;
    let requests = async || {
        let metrics = one.metrics().await?;
        let counts = metrics.lines().filter(|line| line.starts_with("oauth_token_store_requests_total{"));
        let counts: Vec<String> = counts.map(str::to_owned).collect();
        if counts.is_empty() {
            Err("it has looked once, to be ready".into())
        } else {
            Ok::<_, Failure>(counts)
        }
    };
    let before = requests().await?;
    for _ in 0..100 {
        assert_eq!(one.status("/readyz").await?, 200);
        assert_eq!(one.status("/healthz").await?, 200);
    }
    assert_eq!(requests().await?, before);
    Ok(())
}

/// A request for a token that has to be refreshed, and the OAuth server that makes it wait.
async fn held_refresh(
    deployment: &Deployment,
    replica: &Replica,
    user: &'static str,
) -> Result<(JoinHandle<Result<Answer, Failure>>, OAuthServer), Failure> {
    let oauth_server = deployment.oauth_server().await?;
    replica.log_in(user, &format!("{user}-old"), 10).await?;
    oauth_server.hold().await?;
    let one = replica.clone();
    let waiting = tokio::spawn(async move { one.get(user).await });
    until("the refresh is under way", async || (oauth_server.waiting().await.ok()? == 1).then_some(()))
        .await?;
    Ok((waiting, oauth_server))
}

/// SIGTERM, and what follows at once.
async fn stop_accepting(deployment: &Deployment, one: &Replica) -> TestResult {
    deployment.terminate("replica-1").await?;
    until("nothing new is accepted", async || one.status("/healthz").await.is_err().then_some(())).await
}

pub(crate) async fn logs_and_metrics_tell_of_requests_and_of_nobody(deployment: &Deployment) -> TestResult {
    let [one, _] = deployment.replicas().await?;
    one.log_in("canary-logged", "canary-logged", 0).await?;
    assert_eq!(one.get("canary-logged").await?.status, 200);
    assert_eq!(one.get("canary-nobody").await?.status, 404);
    assert_eq!(one.status("/canary").await?, 404);

    let metrics = one.metrics().await?;
    for told in [
        r#"oauth_token_store_requests_total{operation="GetSecretValue",outcome="not_found"} "#,
        r#"oauth_token_store_request_duration_seconds_bucket{operation="PutSecretValue",le="0.5"} "#,
        "oauth_token_store_hits_total ",
        "oauth_token_store_cached_tokens ",
        r#"http_requests_total{method="GET",route="/token",status="200"} "#,
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(told)), "no {told} in {metrics}");
    }
    assert_shows_nothing("the metrics", &metrics);
    for service in ["replica-1", "replica-2"] {
        let log = deployment.log(service).await?;
        for line in log.lines() {
            let event: Value = serde_json::from_str(line).map_err(|error| format!("{error} in {line}"))?;
            for member in ["timestamp", "level", "target"] {
                assert!(event[member].is_string(), "no {member} in {line}");
            }
        }
        for told in [r#""message":"ready""#, r#""route":"/token""#, r#""operation":"GetSecretValue""#] {
            assert!(log.contains(told), "no {told} in {log}");
        }
        assert_shows_nothing("the log", &log);
    }
    Ok(())
}

/// No user and no token of these tests, nor any of the OAuth server's, nor what the replicas are trusted by.
#[track_caller]
fn assert_shows_nothing(what: &str, text: &str) {
    for secret in [CANARY, "access-token-", "refresh-token-", "only-for-trying-out"] {
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            panic!("{what} shows {secret}: {line}");
        }
    }
}
