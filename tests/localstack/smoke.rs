//! What these tests rely on, shown with the bare SDK client: when these fail, look at LocalStack first.
//!
//! What the store relies on is in `tests/aws_behaviours`.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;

use crate::{TestResult, context::Context};

const NAME: &str = "oauth-tokens/u_52rqhupjinfczuwzz6qnyv2s6a";

pub(crate) async fn accounts_see_nothing_of_each_other(context: Context) -> TestResult {
    let other = context.another();
    create(context.client(), "mine").await?;
    let seen = other.client().list_secrets().send().await?;
    assert!(seen.secret_list().is_empty(), "{seen:?}");
    create(other.client(), "theirs").await?;
    assert_eq!(content(context.client()).await?, "mine");
    Ok(())
}

pub(crate) async fn a_child_process_finds_the_account_by_its_environment(context: Context) -> TestResult {
    create(context.client(), "for the child").await?;
    let output = context.child("smoke::print_secret")?.arg(NAME).output().await?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout)?, "for the child");
    Ok(())
}

/// A child process: prints the secret of that name.
pub(crate) async fn print_secret(arguments: Vec<String>) -> TestResult {
    let [name] = arguments.as_slice() else {
        return Err("takes the name of a secret".into());
    };
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let secret = client.get_secret_value().secret_id(name).send().await?;
    print!("{}", secret.secret_string().ok_or("no string")?);
    Ok(())
}

async fn create(client: &Client, content: &str) -> TestResult {
    client.create_secret().name(NAME).secret_string(content).send().await?;
    Ok(())
}

async fn content(client: &Client) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let secret = client.get_secret_value().secret_id(NAME).send().await?;
    Ok(secret.secret_string().ok_or("no string")?.to_owned())
}
