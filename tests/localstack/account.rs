//! Accounts of LocalStack: to it, an access key id of twelve digits names one, and each is empty until used.

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region},
};
use uuid::Uuid;

pub(crate) const REGION: &str = "us-east-1";
/// LocalStack checks no signature.
pub(crate) const SECRET_ACCESS_KEY: &str = "not-checked";

/// The access key id of an empty account: random, so that a LocalStack that outlives the run can be used again.
pub(crate) fn new_access_key_id() -> String {
    const SMALLEST: u128 = 100_000_000_000;
    let account = SMALLEST + Uuid::new_v4().as_u128() % (9 * SMALLEST);
    account.to_string()
}

/// A client for an account.
pub(crate) fn client(endpoint: &str, access_key_id: &str) -> Client {
    let credentials = Credentials::new(access_key_id, SECRET_ACCESS_KEY, None, None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .build();
    Client::from_conf(config)
}
