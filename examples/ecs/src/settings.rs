//! What the environment says. The store reads its own variables, and the AWS SDK those of AWS.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use oauth_token_store::secrecy::{ExposeSecret, SecretString};

const LISTEN: &str = "LISTEN";
const SERVICE_SECRET: &str = "SERVICE_SECRET";
const OAUTH_TOKEN_URL: &str = "OAUTH_TOKEN_URL";
const OAUTH_CLIENT_ID: &str = "OAUTH_CLIENT_ID";
const OAUTH_CLIENT_SECRET: &str = "OAUTH_CLIENT_SECRET";
const OAUTH_TIMEOUT_SECONDS: &str = "OAUTH_TIMEOUT_SECONDS";
const REFRESH_LEEWAY_SECONDS: &str = "REFRESH_LEEWAY_SECONDS";
const SHUTDOWN_SECONDS: &str = "SHUTDOWN_SECONDS";

/// What can be guessed is no secret.
const SHORTEST_SECRET: usize = 32;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) service_secret: SecretString,
    pub(crate) oauth: OAuthClient,
    pub(crate) leeway: Duration,
    /// How long what is under way may take to end after SIGTERM.
    pub(crate) shutdown: Duration,
}

/// The application, as the OAuth server knows it. Its secret is not kept with the tokens.
#[derive(Debug)]
pub(crate) struct OAuthClient {
    pub(crate) token_url: String,
    pub(crate) id: String,
    pub(crate) secret: SecretString,
    /// How long the OAuth server may take to answer: everybody who wants the token waits for it.
    pub(crate) timeout: Duration,
}

/// Names a variable, and never shows its value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongVariable(&'static str, &'static str);

impl fmt::Display for WrongVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {} {}", self.0, self.1)
    }
}

impl std::error::Error for WrongVariable {}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, WrongVariable> {
        Self::read(&|name| std::env::var(name).ok())
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, WrongVariable> {
        let required =
            |name| variable(name).filter(|value| !value.is_empty()).ok_or(WrongVariable(name, "is not set"));
        let seconds = |name, default| match variable(name).map(|value| value.parse::<u32>()) {
            None => Ok(Duration::from_secs(default)),
            Some(Ok(seconds)) => Ok(Duration::from_secs(seconds.into())),
            Some(Err(_)) => Err(WrongVariable(name, "must be whole seconds")),
        };
        let service_secret = SecretString::from(required(SERVICE_SECRET)?);
        if service_secret.expose_secret().len() < SHORTEST_SECRET {
            return Err(WrongVariable(SERVICE_SECRET, "must have 32 characters or more"));
        }
        Ok(Self {
            listen: listen_address(variable)?,
            service_secret,
            oauth: OAuthClient {
                token_url: required(OAUTH_TOKEN_URL)?,
                id: required(OAUTH_CLIENT_ID)?,
                secret: required(OAUTH_CLIENT_SECRET)?.into(),
                timeout: seconds(OAUTH_TIMEOUT_SECONDS, 8)?,
            },
            leeway: seconds(REFRESH_LEEWAY_SECONDS, 60)?,
            shutdown: seconds(SHUTDOWN_SECONDS, 25)?,
        })
    }
}

/// Where to listen: on every address of the container, if nothing else is said.
pub(crate) fn listen_address(variable: &dyn Fn(&str) -> Option<String>) -> Result<SocketAddr, WrongVariable> {
    let address = variable(LISTEN).unwrap_or_else(|| "0.0.0.0:8080".to_owned());
    address.parse().map_err(|_| WrongVariable(LISTEN, "must be an address with a port, such as 0.0.0.0:8080"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        (SERVICE_SECRET, "0123456789abcdef0123456789abcdef"),
        (OAUTH_TOKEN_URL, "https://oauth.test/token"),
        (OAUTH_CLIENT_ID, "client"),
        (OAUTH_CLIENT_SECRET, "hush"),
    ];

    fn read_with(name: &str, value: Option<&str>) -> Result<Settings, WrongVariable> {
        Settings::read(&|asked| {
            let good = GOOD.iter().find(|(name, _)| *name == asked).map(|(_, value)| *value);
            if asked == name { value } else { good }.map(str::to_owned)
        })
    }

    #[test]
    fn what_must_be_said_is_asked_for_by_name_and_never_shown() {
        for (name, _) in GOOD {
            for value in [None, Some("")] {
                assert_eq!(read_with(name, value).expect_err("required").0, *name);
            }
        }
        let wrong = [(SERVICE_SECRET, "canary"), (LISTEN, "canary"), (SHUTDOWN_SECONDS, "canary")];
        for (name, value) in wrong {
            let error = read_with(name, Some(value)).expect_err(name);
            assert!(error.0 == name && !error.to_string().contains("canary"), "{error}");
        }
        let shown = format!("{:?}", read_with("", None).expect("nothing is wrong"));
        assert!(!shown.contains("0123456789") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn the_rest_has_defaults() {
        let settings = read_with("", None).expect("nothing is wrong");
        assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
        let Settings { oauth, leeway, shutdown, .. } = settings;
        assert_eq!((oauth.timeout.as_secs(), leeway.as_secs(), shutdown.as_secs()), (8, 60, 25));
        assert_eq!(read_with(LISTEN, Some("127.0.0.1:1")).expect("an address").listen.port(), 1);
    }
}
