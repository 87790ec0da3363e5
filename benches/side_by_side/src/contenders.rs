//! Who is compared: the store, and what its users would have instead, all with the same tokens from the same backend.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_secretsmanager_caching::SecretsManagerCachingClient;
use futures_util::FutureExt;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenId, TokenStore};
use serde::Deserialize;

use crate::tokens::token;

/// Nothing is to expire while it is measured.
const DAY: Duration = Duration::from_secs(86_400);
const CAPACITY: usize = 10_000;

pub struct Contenders {
    store: SecretsManagerTokenStore,
    aws: SecretsManagerCachingClient,
    moka_sync: moka::sync::Cache<String, Arc<OAuthToken>>,
    moka_future: moka::future::Cache<String, Arc<OAuthToken>>,
}

/// A token, and all that it is asked for by.
pub struct Asked {
    pub user: String,
    pub id: TokenId,
    pub secret_name: String,
}

/// One find that memory answers. It is polled once, by hand, so that no runtime is measured. What it gives is the length
/// of the access token: so everybody has got at it.
pub struct Contender {
    pub name: &'static str,
    pub find: fn(&Contenders, &Asked) -> usize,
}

/// What the others are measured against.
pub const AWS_AND_PARSE: &str = "AWS's cache, parsed";
pub const BY_USER: &str = "by user";
pub const BY_ID: &str = "by id";

pub const ALL: [Contender; 7] = [
    Contender {
        name: BY_USER,
        find: |all, asked| {
            used(&all.store.find_by_user(&asked.user).now_or_never().unwrap().unwrap().unwrap())
        },
    },
    Contender {
        name: BY_ID,
        find: |all, asked| {
            used(&all.store.find_token_by_id(&asked.id).now_or_never().unwrap().unwrap().unwrap())
        },
    },
    Contender {
        name: "by id, dyn TokenStore",
        find: |all, asked| {
            let store: &dyn TokenStore = &all.store;
            used(&store.find_token_by_id(&asked.id).now_or_never().unwrap().unwrap().unwrap())
        },
    },
    Contender { name: "moka::sync", find: |all, asked| used(&all.moka_sync.get(&asked.user).unwrap()) },
    Contender {
        name: "moka::future",
        find: |all, asked| used(&all.moka_future.get(&asked.user).now_or_never().unwrap().unwrap()),
    },
    Contender { name: "AWS's cache", find: |all, asked| aws(all, asked).len() },
    Contender {
        name: AWS_AND_PARSE,
        find: |all, asked| {
            let parsed: Parsed = serde_json::from_str(&aws(all, asked)).unwrap();
            black_box(&parsed).access_token.as_ref().unwrap().len()
        },
    },
];

/// What a user of AWS's cache parses its text into.
#[derive(Deserialize)]
#[allow(dead_code)] // parsed all the same
struct Parsed {
    user_name: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    access_token: Option<String>,
    expiry_time: Option<String>,
    redirect_url: Option<String>,
    api_domain: Option<String>,
    scope: Option<String>,
    token_type: Option<String>,
}

fn used(token: &OAuthToken) -> usize {
    token.access_token().unwrap().expose_secret().len()
}

fn aws(all: &Contenders, asked: &Asked) -> String {
    let found = all.aws.get_secret_value(&asked.secret_name, None, None, false).now_or_never().unwrap();
    found.unwrap().secret_string.unwrap()
}

impl Contenders {
    pub async fn filled(users: &[String]) -> (Self, Vec<Asked>) {
        let backend = EmbeddedSecretsManager::new();
        let client = backend.client();
        let writer = SecretsManagerTokenStore::builder().client(client.clone()).build().await.unwrap();
        let builder = SecretsManagerTokenStore::builder().client(client.clone());
        let store = builder.time_to_live(DAY).build().await.unwrap();
        let capacity = NonZeroUsize::new(CAPACITY).unwrap();
        let aws = SecretsManagerCachingClient::new(client.clone(), capacity, DAY, false).unwrap();
        let moka_sync = moka::sync::Cache::new(CAPACITY as u64);
        let moka_future = moka::future::Cache::new(CAPACITY as u64);
        let mut all_asked = Vec::new();
        for user in users {
            writer.save_token(&token(user)).await.unwrap();
            let id = TokenId::of_user(user).unwrap();
            let asked =
                Asked { secret_name: format!("oauth-tokens/{}", id.as_str()), id, user: user.clone() };
            let token = store.find_by_user(user).await.unwrap().unwrap();
            aws.get_secret_value(&asked.secret_name, None, None, false).await.unwrap();
            // Each its own, for the store looks at how many want a token at once.
            moka_sync.insert(user.clone(), Arc::new(OAuthToken::clone(&token)));
            moka_future.insert(user.clone(), Arc::new(OAuthToken::clone(&token))).await;
            all_asked.push(asked);
        }
        // In an order of no pattern, for a processor must not learn it by heart.
        fastrand::Rng::with_seed(7).shuffle(&mut all_asked);
        (Self { store, aws, moka_sync, moka_future }, all_asked)
    }
}
