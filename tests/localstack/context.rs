//! What a test is given.

use std::env;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use oauth_token_store::SecretsManagerTokenStore;
use tokio::process::Command;

use crate::account::{self, REGION, SECRET_ACCESS_KEY};
use crate::child;

/// An empty account of a LocalStack.
pub(crate) struct Context {
    endpoint: String,
    access_key_id: String,
    client: Client,
}

impl Context {
    pub(crate) fn new(endpoint: &str) -> Self {
        let access_key_id = account::new_access_key_id();
        let client = account::client(endpoint, &access_key_id);
        Self { endpoint: endpoint.to_owned(), access_key_id, client }
    }

    /// Another empty account of the same LocalStack.
    pub(crate) fn another(&self) -> Self {
        Self::new(&self.endpoint)
    }

    /// The same account through another endpoint, such as a proxy's.
    pub(crate) fn client_through(&self, endpoint: &str) -> Client {
        Client::from_conf(self.client.config().to_builder().endpoint_url(endpoint).build())
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A store with a client of its own, under this prefix. Its cache is off: several of them in one test are to see
    /// one another's changes.
    pub(crate) async fn store(&self, prefix: &str) -> SecretsManagerTokenStore {
        store_with(self.another_client(), prefix).await
    }

    /// The same with the cache that everybody has.
    pub(crate) async fn cached_store(&self, prefix: &str) -> SecretsManagerTokenStore {
        let builder = SecretsManagerTokenStore::builder().prefix(prefix).client(self.another_client());
        builder.build().await.expect("a valid prefix")
    }

    fn another_client(&self) -> Client {
        Client::from_conf(self.client.config().to_builder().build())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// This program again, to run the function of that name from `CHILDREN` in a process of its own.
    pub(crate) fn child(&self, name: &str) -> std::io::Result<Command> {
        Ok(self.pointed_here(child::command(name)?))
    }

    /// A program that is pointed at this account the way one in Lambda is: by the environment alone. It dies with the test.
    pub(crate) fn pointed_here(&self, mut command: Command) -> Command {
        // A developer's own profile must not reach it.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", &self.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .kill_on_drop(true);
        command
    }
}

pub(crate) async fn store_with(client: Client, prefix: &str) -> SecretsManagerTokenStore {
    let builder = SecretsManagerTokenStore::builder().prefix(prefix).client(client);
    builder.time_to_live(Duration::ZERO).build().await.expect("a valid prefix")
}
