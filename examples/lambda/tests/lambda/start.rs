//! Starts that fail.

use std::time::Duration;

use crate::TestResult;
use crate::local::Outcome;
use crate::world::{World, answer, bob, good_answer, shows_nothing};

pub(crate) async fn a_missing_or_wrong_setting_is_reported_by_name(world: World) -> TestResult {
    world.log_in(Duration::from_secs(3600)).await?;
    for (variable, value, error_type) in [
        ("OAUTH_TOKEN_URL", "", "BadSetting"),
        ("OAUTH_TOKEN_URL", "accounts.example.com", "BadSetting"),
        ("API_URL", "http://api.example.com/bob@example.com", "BadSetting"),
        ("OAUTH_TOKEN_STORE_PREFIX", "a//b", "StoreFailed"),
        ("AWS_REGION", "", "StoreFailed"),
    ] {
        // Else the SDK asks for a Region where there is no network.
        let changed = [(variable, value), ("AWS_EC2_METADATA_DISABLED", "true")];
        let mut lambda = world.lambda_with(&changed, Duration::from_secs(100))?;
        let outcome = lambda.invoke(&bob()).await?;
        let Outcome::InitError(report) = outcome else { panic!("{variable}={value}: {outcome:?}") };
        assert_eq!(report.error_type, error_type, "{variable}={value}");
        assert!(report.error_message.contains(variable), "{}", report.error_message);
        shows_nothing(&report.error_message);
        shows_nothing(&lambda.log()?);
        // Each invocation is another start; nothing is left of the one that failed.
        let outcome = lambda.invoke(&bob()).await?;
        assert!(matches!(outcome, Outcome::InitError(_)), "{outcome:?}");
        assert_eq!(lambda.starts(), 2);
    }
    assert_eq!(answer(world.lambda()?.invoke(&bob()).await?)?, good_answer());
    Ok(())
}
