//! The conformance kit. Each rule gets an account of its own, so that none sees another's secrets.

use std::sync::Arc;

use oauth_token_store::conformance::{self, FreshEachTime, InTurn};

use crate::{TestResult, context::Context};

const PREFIX: &str = "app/tokens";

pub(crate) async fn one_store_keeps_every_rule(context: Context) -> TestResult {
    Ok(conformance::check_all(|| async { context.another().cached_store(PREFIX).await }).await?)
}

pub(crate) async fn a_fresh_store_for_each_step_keeps_every_rule(context: Context) -> TestResult {
    let fresh = || async {
        let account = Arc::new(context.another());
        FreshEachTime::new(move || {
            let account = Arc::clone(&account);
            async move { account.store(PREFIX).await }
        })
    };
    Ok(conformance::check_all(fresh).await?)
}

pub(crate) async fn two_stores_in_turn_keep_every_rule(context: Context) -> TestResult {
    let in_turn = || async {
        let account = context.another();
        InTurn::new([account.store(PREFIX).await, account.store(PREFIX).await])
    };
    Ok(conformance::check_all(in_turn).await?)
}
