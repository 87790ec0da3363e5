//! The embedded backend: a fresh one for each behaviour, on a clock that stands still.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use oauth_token_store::embedded::EmbeddedSecretsManager;

use crate::behaviour::Behaviour;
use crate::service::{Patience, Service};
use crate::shown::{NotShown, show};

/// Virtual time: some behaviours let a month and more pass.
const DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) fn trial(behaviour: &'static Behaviour) -> Trial {
    Trial::test(format!("embedded::{}", behaviour.full_name()), || run(behaviour))
}

fn run(behaviour: &Behaviour) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let service = {
        // The backend follows the clock of the runtime that it is made in.
        let _inside = runtime.enter();
        let backend = EmbeddedSecretsManager::new();
        Service::new(backend.client(), "behaviour/", Patience::NONE)
    };
    let limited = async { tokio::time::timeout(DEADLINE, (behaviour.show)(service)).await };
    show(|| runtime.block_on(limited)).map_err(|failure| match failure {
        NotShown::Otherwise(message) => {
            format!("{message}\nAWS: {}\nMend the backend, not the behaviour.", behaviour.source).into()
        }
        NotShown::Late => "it waits for something that never happens".into(),
    })
}
