//! LocalStack: an empty account for each behaviour. A known difference has to be seen.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use libtest_mimic::{Completion, Failed, Trial};

use crate::account;
use crate::behaviour::{Behaviour, Runs};
use crate::differences;
use crate::environment::{Environment, Missing};
use crate::service::{Patience, Service};
use crate::shown::{NotShown, show};

/// For one behaviour. Five hundred Creates take some seconds on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) fn trial(behaviour: &'static Behaviour, environment: &Arc<Environment>) -> Option<Trial> {
    if behaviour.runs == Runs::PausedClock {
        return None;
    }
    let environment = Arc::clone(environment);
    let name = format!("localstack::{}", behaviour.full_name());
    Some(Trial::ignorable_test(name, move || run(behaviour, &environment)))
}

fn run(behaviour: &Behaviour, environment: &Environment) -> Result<Completion, Failed> {
    let endpoint = match environment.endpoint() {
        Ok(endpoint) => endpoint,
        Err(Missing::Unavailable(_)) => return Ok(Completion::ignored_with("no LocalStack")),
        Err(Missing::Broken(message)) => return Err(message.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Each of its errors is to be seen at once, HTTP 500 too.
    let client = account::client(endpoint, &account::new_access_key_id());
    let config = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
    let service = Service::new(Client::from_conf(config), "behaviour/", Patience::NONE);
    let limited = async { tokio::time::timeout(DEADLINE, (behaviour.show)(service)).await };
    let shown = show(|| runtime.block_on(limited));
    match (shown, differences::of(behaviour)) {
        (Ok(()), None) => Ok(Completion::Completed),
        (Err(NotShown::Otherwise(seen)), Some(known)) if seen.contains(known.seen) => {
            Ok(Completion::Completed)
        }
        (Err(NotShown::Otherwise(seen)), Some(known)) => Err(format!(
            "LocalStack was known to deviate ({}), and now it deviates otherwise.\nseen: {seen}\nknown: {}",
            known.instead, known.seen
        )
        .into()),
        (Ok(()), Some(known)) => Err(format!(
            "LocalStack was known to deviate ({}), and now it does as AWS: take it off the differences",
            known.instead
        )
        .into()),
        (Err(NotShown::Otherwise(seen)), None) => Err(format!(
            "{seen}\nAWS: {}\nIf LocalStack is wrong, it belongs in the differences.",
            behaviour.source
        )
        .into()),
        (Err(NotShown::Late), _) => Err(format!("not done after {} s", DEADLINE.as_secs()).into()),
    }
}
