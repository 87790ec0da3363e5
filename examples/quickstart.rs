//! From a login to a logout, with what each step costs in requests.
//!
//! ```sh
//! cargo run --example quickstart            # on the embedded Secrets Manager: nothing but Rust needed
//! cargo run --example quickstart -- --aws   # on AWS or LocalStack, through the usual AWS_… variables
//! ```
//!
//! With `--aws` everything happens under a prefix of its own, which is emptied at the end.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_secretsmanager::config::{BehaviorVersion, ConfigBag, Intercept, RuntimeComponents};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault};
use oauth_token_store::secrecy::{ExposeSecret, SecretString};
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenId, TokenStore};

/// What an OAuth server answered when these users logged in.
const LOGINS: [(&str, &str); 3] = [
    ("bob@example.com", r#"{"access_token": "at-bob-1", "refresh_token": "rt-bob-1", "expires_in": 3600}"#),
    (
        "bobby@example.com",
        r#"{"access_token": "at-bobby-1", "refresh_token": "rt-bobby-1", "expires_in": "3600"}"#,
    ),
    (
        "o'brien@example.com",
        r#"{"access_token": "at-obrien-1", "refresh_token": "rt-obrien-1", "expires_in": 3600}"#,
    ),
];

const CLIENT_ID: &str = "1000.EXAMPLE";

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            if let Some(source) = error.source() {
                eprintln!("because {source}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let requests = Requests::default();
    let argument = std::env::args().nth(1);
    let client = match argument.as_deref() {
        None => {
            println!("On the embedded Secrets Manager: nothing leaves this process, nothing is kept.\n");
            let backend = EmbeddedSecretsManager::new();
            // A few milliseconds a request, as in a Region, so that the two writers below do meet.
            backend.inject(Fault::latency(Duration::from_millis(5)));
            backend.client()
        }
        Some("--aws") => {
            println!("On the Secrets Manager that the AWS environment points to.\n");
            Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await)
        }
        Some(other) => return Err(format!("unknown argument {other}: there is only --aws").into()),
    };
    let client = Client::from_conf(client.config().to_builder().interceptor(requests.clone()).build());
    let prefix = format!("oauth-token-store-quickstart/{}", uuid::Uuid::new_v4().simple());
    let store = || SecretsManagerTokenStore::builder().prefix(&prefix).client(client.clone()).build();
    let outcome = tour(&store().await?, &store().await?, &client, &prefix, &requests).await;
    if outcome.is_err() {
        // Whatever went wrong, leave no secret behind that costs money.
        store().await?.delete_tokens().await.ok();
    }
    outcome
}

async fn tour(
    store: &SecretsManagerTokenStore,
    other_process: &SecretsManagerTokenStore,
    client: &Client,
    prefix: &str,
    requests: &Requests,
) -> Result<(), Failure> {
    println!("Three users log in. Their token responses are saved, one secret each:");
    for (user, response) in LOGINS {
        let login = OAuthToken::builder().user_name(user).client_id(CLIENT_ID).token_response(response)?;
        let saved = store.save_token(&login.build()?).await?;
        println!("    {user:20} is {:<30}{}", saved.id().map_or("", TokenId::as_str), requests.take());
    }

    println!("\nThey are found by user, by id and by refresh token, here and in another process:");
    let bob = TokenId::of_user("bob@example.com")?;
    let refresh_token = SecretString::from("rt-obrien-1");
    for (times, how_often) in [(1, "once"), (1_000, "a thousand times")] {
        let print = |how: &str| println!("    {:<55}{}", format!("{how}, {how_often}"), requests.take());
        for _ in 0..times {
            other_process.find_by_user("bob@example.com").await?.ok_or("bob is gone")?;
        }
        print("by user, there");
        for _ in 0..times {
            other_process.find_token_by_id(&bob).await?.ok_or("bob is gone")?;
        }
        print("by id, there");
        for _ in 0..times {
            store.find_by_refresh_token(CLIENT_ID, &refresh_token).await?.ok_or("o'brien is gone")?;
        }
        print("by refresh token, here");
    }
    let nobody = store.find_by_user("BOB@example.com").await?;
    println!("    {:<55}{}", format!("by user in another case: {nobody:?}"), requests.take());
    let bob = store.find_by_user("bob@example.com").await?.ok_or("bob is gone")?;
    requests.take();

    println!(
        "\nBob's token is rotated: find, exchange, save what changed. Whoever saves sees it at once, others"
    );
    println!("within their time to live, or when they ask:");
    let response = r#"{"access_token": "at-bob-2", "refresh_token": "rt-bob-2", "expires_in": 3600}"#;
    let rotated = bob.to_builder().token_response(response)?.build()?;
    store.save_token(&rotated).await?;
    println!("    {:<55}{}", "rotated", requests.take());
    let seen = store.find_by_user("bob@example.com").await?;
    println!("    {:<55}{}", format!("here: {}", stage(seen.as_deref())), requests.take());
    let seen = other_process.find_by_user("bob@example.com").await?;
    println!("    {:<55}{}", format!("in the other process: {}", stage(seen.as_deref())), requests.take());
    let reloaded = other_process.reload(&TokenId::of_user("bob@example.com")?).await?;
    println!("    {:<55}{}", format!("reloaded there: {}", stage(reloaded.as_deref())), requests.take());

    println!("\nTwo processes write to Bob's token at the same moment, each a field of its own:");
    let region = OAuthToken::builder().user_name("bob@example.com").extra("region", "eu").build()?;
    let plan = OAuthToken::builder().user_name("bob@example.com").extra("plan", "gold").build()?;
    let (one, two) = tokio::join!(store.save_token(&region), other_process.save_token(&plan));
    one?;
    two?;
    println!("    {:<55}{}", "saved, saved", requests.take());
    let bob = store.reload(&TokenId::of_user("bob@example.com")?).await?.ok_or("bob is gone")?;
    let (region, plan) = (bob.extra("region"), bob.extra("plan"));
    println!("    {:<55}{}", format!("region {region:?}, plan {plan:?}"), requests.take());
    if (region, plan) != (Some("eu"), Some("gold")) {
        return Err("one writer lost the other's change".into());
    }

    println!("\nThis is the secret as Secrets Manager holds it, its contents redacted:");
    show_secret(client, prefix, &bob).await?;
    requests.take();

    println!(
        "\nBob logs out. His credentials are gone, and a copy somebody still holds cannot bring them back:"
    );
    store.delete_token(&TokenId::of_user("bob@example.com")?).await?;
    println!("    {:<55}{}", "deleted", requests.take());
    match store.save_token(&bob).await {
        Ok(_) => return Err("a deleted token came back".into()),
        Err(error) => println!("    {error}"),
    }
    requests.take();

    println!("\nThe others are listed, and all is deleted:");
    println!("    {:<55}{}", format!("{} tokens", store.get_tokens().await?.len()), requests.take());
    store.delete_tokens().await?;
    println!("    {:<55}{}", "deleted", requests.take());
    Ok(())
}

/// Which of Bob's tokens this is, without showing it.
fn stage(token: Option<&OAuthToken>) -> &'static str {
    match token.and_then(OAuthToken::access_token).map(ExposeSecret::expose_secret) {
        Some("at-bob-1") => "the first token",
        Some("at-bob-2") => "the rotated token",
        _ => "no token",
    }
}

/// Prints a secret's name, tags and value, with every text in the value that is not public replaced.
async fn show_secret(client: &Client, prefix: &str, token: &OAuthToken) -> Result<(), Failure> {
    let name = format!("{prefix}/{}", token.assigned_id().map_or("", TokenId::as_str));
    let secret = client.get_secret_value().secret_id(&name).send().await?;
    let value: BTreeMap<String, String> = serde_json::from_str(secret.secret_string().unwrap_or_default())?;
    println!("    name   {name}");
    for tag in client.describe_secret().secret_id(&name).send().await?.tags() {
        println!("    tag    {} = {}", tag.key().unwrap_or_default(), tag.value().unwrap_or_default());
    }
    for (key, text) in value {
        let public = ["schema", "expiry_time", "region", "plan"].contains(&key.as_str());
        println!("    value  {key} = {}", if public { text.as_str() } else { "[redacted]" });
    }
    Ok(())
}

/// Counts requests by operation, whatever the client talks to.
#[derive(Clone, Debug, Default)]
struct Requests(Arc<Mutex<BTreeMap<String, usize>>>);

impl Requests {
    /// What was sent since the last call.
    fn take(&self) -> String {
        let counts = std::mem::take(&mut *self.0.lock().expect("no panic while locked"));
        let counts: Vec<_> = counts.iter().map(|(operation, count)| format!("{count} {operation}")).collect();
        if counts.is_empty() { "no requests".to_owned() } else { counts.join(", ") }
    }
}

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Failure> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        *self.0.lock().expect("no panic while locked").entry(operation).or_default() += 1;
        Ok(())
    }
}
