//! A real account, under a prefix that is given for it. Region and credentials come from the environment, as does an
//! endpoint (`AWS_ENDPOINT_URL`), so that this side can be tried on LocalStack.
//!
//! All names are `PREFIX/behaviours-of-RUN/…`: a later run knows by them what an earlier one left behind, and deletes it.
//! They bear no tag, because behaviours are about tags, too.
//! Whatever else stands under the prefix makes the run refuse to start. What a behaviour created is deleted when it
//! ends, however it ends, and when the run is interrupted; the names are kept as they are asked for, because listings lag.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{Config, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretInput;
use aws_sdk_secretsmanager::types::FilterNameStringType as Key;
use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::{Handle, Runtime};
use uuid::Uuid;

use crate::behaviour::{Behaviour, Runs};
use crate::causes::causes;
use crate::environment::interrupted;
use crate::only_aws::Measurement;
use crate::service::{Patience, Service, filter};
use crate::shown::{NotShown, show};

const PREFIX: &str = "OAUTH_TOKEN_STORE_AWS_PREFIX";
/// What a run's names have after the prefix.
const MARK: &str = "behaviours-of-";
const LONGEST_PREFIX: usize = 200;

/// ListSecrets lags by up to five minutes; the rest keeps bursts of twelve writes under 50 a second.
const PATIENCE: Patience =
    Patience { look_again: Duration::from_secs(360), rest: Duration::from_millis(500) };
/// For one behaviour: several looks at a listing that lags.
const DEADLINE: Duration = Duration::from_secs(1_800);

/// The account, and what was created in it so far and is not deleted yet.
pub(crate) struct RealAccount {
    runtime: Handle,
    config: SdkConfig,
    run: String,
    created: Created,
}

impl RealAccount {
    /// Refuses without a prefix, and where something stands under it that no run of this suite has made.
    pub(crate) fn open(runtime: &Runtime) -> Result<Arc<Self>, String> {
        let prefix = checked_prefix()?;
        let run = format!("{prefix}/{MARK}{}", &Uuid::new_v4().simple().to_string()[..8]);
        let account = runtime.block_on(async {
            // The SDK slows down by itself when it is throttled.
            let retries = RetryConfig::adaptive().with_max_attempts(8);
            let config = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries).load().await;
            let account = Self { runtime: Handle::current(), config, run, created: Created::default() };
            account.remove_leftovers(&prefix).await?;
            Ok::<_, String>(Arc::new(account))
        })?;
        println!("on AWS, under {}", account.run);
        let interrupted_account = Arc::clone(&account);
        runtime.spawn(async move {
            let exit_code = interrupted().await;
            if let Err(message) = interrupted_account.delete(&interrupted_account.created).await {
                eprintln!("{message}; the next run deletes them");
            }
            std::process::exit(exit_code);
        });
        Ok(account)
    }

    async fn remove_leftovers(&self, prefix: &str) -> Result<(), String> {
        let client = self.client(&Created::default());
        let own = format!("{prefix}/");
        let list = client.list_secrets().filters(filter(Key::Name, &[&own])).include_planned_deletion(true);
        let mut pages = list.into_paginator().send();
        let (leftovers, mut foreign) = (Created::default(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| format!("the account cannot be listed: {}", causes(&error)))?;
            for secret in page.secret_list() {
                match secret.name() {
                    Some(name) if name.starts_with(&format!("{own}{MARK}")) => leftovers.add(name),
                    Some(name) => foreign.push(name.to_owned()),
                    None => {}
                }
            }
        }
        if let Some(name) = foreign.first() {
            let count = foreign.len();
            return Err(format!("{count} secrets under {own} are not this suite's, such as {name}"));
        }
        let count = leftovers.names().len();
        if count > 0 {
            println!("{count} secrets of earlier runs are deleted");
        }
        self.delete(&leftovers).await
    }

    /// A client that notes the names of its Creates.
    fn client(&self, created: &Created) -> Client {
        let config = Config::from(&self.config).to_builder().interceptor(created.clone()).build();
        Client::from_conf(config)
    }

    /// For one behaviour.
    fn service(&self, part: &str, created: &Created) -> Service {
        Service::new(self.client(created), format!("{}/{part}/", self.run), PATIENCE)
    }

    /// Deletes without recovery; the error tells how many could not be deleted.
    async fn delete(&self, created: &Created) -> Result<(), String> {
        let client = self.client(&Created::default());
        let mut failures = Vec::new();
        for name in created.names() {
            let deletion = client.delete_secret().secret_id(&name).force_delete_without_recovery(true);
            match deletion.send().await {
                Ok(_) => {
                    created.remove(&name);
                    self.created.remove(&name);
                }
                Err(error) => failures.push(format!("{name}: {}", causes(&error))),
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(format!("{} secrets are still there, such as {}", failures.len(), failures[0]))
        }
    }

    /// What behaviours could not delete at their end.
    pub(crate) fn clean_up(&self) -> Result<(), String> {
        self.runtime.block_on(self.delete(&self.created))
    }

    /// Runs something of the suite under a part of the names, and deletes what it has created.
    fn run<T>(
        &self,
        part: &str,
        what: impl FnOnce(Service) -> std::pin::Pin<Box<dyn Future<Output = T>>>,
    ) -> Result<T, Failed> {
        let created = self.created.part(&format!("{}/{part}/", self.run));
        let service = self.service(part, &created);
        let limited = async { tokio::time::timeout(DEADLINE, what(service)).await };
        let shown = show(|| self.runtime.block_on(limited));
        let deleted = self.runtime.block_on(self.delete(&created));
        let shown = shown.map_err(|failure| match failure {
            NotShown::Otherwise(message) => Failed::from(message),
            NotShown::Late => format!("not done after {} s", DEADLINE.as_secs()).into(),
        })?;
        deleted.map_err(|message| Failed::from(format!("it holds, but {message}")))?;
        Ok(shown)
    }
}

fn checked_prefix() -> Result<String, String> {
    let prefix = env::var(PREFIX).unwrap_or_default();
    if prefix.is_empty() {
        return Err(format!("{PREFIX} names no prefix under which secrets may be created and deleted"));
    }
    let usable = prefix.len() <= LONGEST_PREFIX && prefix.chars().all(is_allowed) && !prefix.ends_with('/');
    if usable {
        Ok(prefix)
    } else {
        Err(format!(
            "{PREFIX} is {prefix:?}, and should have at most {LONGEST_PREFIX} of A-Z a-z 0-9 / _ + = . @ - and no / at its end"
        ))
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)
}

/// The names that were asked to be created: noted before the request is sent, so that a lost answer loses none.
#[derive(Clone, Debug, Default)]
struct Created {
    names: Arc<Mutex<BTreeSet<String>>>,
    /// The names that a part notes, the whole knows too.
    whole: Option<Arc<Mutex<BTreeSet<String>>>>,
    under: String,
}

impl Created {
    fn part(&self, under: &str) -> Self {
        Self { names: Arc::default(), whole: Some(Arc::clone(&self.names)), under: under.to_owned() }
    }

    fn add(&self, name: &str) {
        // A name with other characters is refused in a deletion, too.
        if name.starts_with(&self.under) && name.chars().all(is_allowed) {
            for names in std::iter::once(&self.names).chain(&self.whole) {
                names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
            }
        }
    }

    fn remove(&self, name: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn names(&self) -> Vec<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Intercept for Created {
    fn name(&self) -> &'static str {
        "Created"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let input = context.input().downcast_ref::<CreateSecretInput>();
        if let Some(name) = input.and_then(CreateSecretInput::name) {
            self.add(name);
        }
        Ok(())
    }
}

/// Ignored unless asked for.
pub(crate) fn trial(behaviour: &'static Behaviour, account: &Option<Arc<RealAccount>>) -> Option<Trial> {
    if behaviour.runs != Runs::Everywhere {
        return None;
    }
    let account = account.clone();
    let name = behaviour.full_name();
    let trial = Trial::test(format!("aws::{name}"), move || {
        let account = account.ok_or("no account was opened")?;
        account.run(&short(&name), |service| (behaviour.show)(service)).map_err(|failure| {
            let message = failure.message().unwrap_or_default();
            format!("{message}\nexpected by: {}", behaviour.source).into()
        })
    });
    Some(trial.with_ignored_flag(true))
}

/// Ignored unless asked for; prints what was measured.
pub(crate) fn measure(measurement: &'static Measurement, account: &Option<Arc<RealAccount>>) -> Trial {
    let account = account.clone();
    let trial = Trial::ignorable_test(format!("aws::measured::{}", measurement.name), move || {
        let account = account.ok_or("no account was opened")?;
        let measured = account.run(&short(measurement.name), |service| (measurement.measure)(service))?;
        println!("measured: {}: {measured}", measurement.name);
        Ok(Completion::Completed)
    });
    trial.with_ignored_flag(true)
}

/// A part of a name that leaves room for the rest of it.
fn short(name: &str) -> String {
    let part: String = name.replace("::", "-").chars().take(60).collect();
    format!("{part}-{}", &Uuid::new_v4().simple().to_string()[..4])
}
