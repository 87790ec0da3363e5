//! What the function is told of its surroundings.

use std::path::Path;

use tokio::process::Command;

/// Where everything is.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) secrets_manager: String,
    pub(crate) prefix: String,
    pub(crate) token_url: String,
    pub(crate) api_url: String,
}

impl Surroundings {
    /// A process of the function that has nothing but its environment, as in Lambda.
    pub(crate) fn start(&self, function: &Path) -> Command {
        let mut command = Command::new(function);
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.secrets_manager)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "not-checked")
            .env("OAUTH_TOKEN_STORE_PREFIX", &self.prefix)
            .env("OAUTH_TOKEN_URL", &self.token_url)
            .env("API_URL", &self.api_url);
        command
    }
}
