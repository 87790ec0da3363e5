//! What the store relies on, shown with the bare SDK client: when these fail, look at LocalStack first.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::put_secret_value::{PutSecretValueError, PutSecretValueOutput},
};
use uuid::Uuid;

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

pub(crate) async fn one_request_token_takes_one_content(context: Context) -> TestResult {
    let client = context.client();
    create(client, "0").await?;
    let slot = Uuid::new_v4();
    put(client, NAME, slot, "1").await?;
    assert_slot_taken(put(client, NAME, slot, "other").await);
    let again = put(client, NAME, slot, "1").await?;
    assert_eq!(again.version_id(), Some(slot.to_string().as_str()));
    assert_eq!(content(client).await?, "1");
    Ok(())
}

pub(crate) async fn a_put_into_a_past_slot_changes_nothing(context: Context) -> TestResult {
    let client = context.client();
    create(client, "0").await?;
    let past = Uuid::new_v4();
    put(client, NAME, past, "1").await?;
    put(client, NAME, Uuid::new_v4(), "2").await?;
    assert_slot_taken(put(client, NAME, past, "other").await);
    assert_eq!(content(client).await?, "2");
    put(client, NAME, past, "1").await?;
    assert_eq!(content(client).await?, "2", "brought back by its own content");
    Ok(())
}

pub(crate) async fn of_twelve_writers_of_one_slot_one_wins(context: Context) -> TestResult {
    const WRITERS: usize = 12;
    let client = context.client();
    create(client, "0").await?;
    for _ in 0..5 {
        let slot = Uuid::new_v4();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let client = client.clone();
            writers.spawn(async move {
                let content = format!("of writer {writer}");
                let answer = put(&client, NAME, slot, &content).await;
                (content, answer)
            });
        }
        let mut winners = Vec::new();
        for (content, answer) in writers.join_all().await {
            match answer {
                Ok(_) => winners.push(content),
                refused => assert_slot_taken(refused),
            }
        }
        assert_eq!(winners, [content(client).await?]);
    }
    Ok(())
}

pub(crate) async fn a_name_created_again_has_another_arn(context: Context) -> TestResult {
    let client = context.client();
    let old = create(client, "old").await?;
    client.delete_secret().secret_id(&old).force_delete_without_recovery(true).send().await?;
    let new = create(client, "new").await?;
    assert_ne!(old, new);
    let refused = put(client, &old, Uuid::new_v4(), "back again").await;
    let error = refused.expect_err("a put to the deleted one").into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert_eq!(content(client).await?, "new");
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

/// Returns the ARN.
async fn create(client: &Client, content: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let created = client.create_secret().name(NAME).secret_string(content).send().await?;
    Ok(created.arn().ok_or("no ARN")?.to_owned())
}

async fn put(
    client: &Client,
    id: &str,
    slot: Uuid,
    content: &str,
) -> Result<PutSecretValueOutput, SdkError<PutSecretValueError>> {
    client.put_secret_value().secret_id(id).client_request_token(slot).secret_string(content).send().await
}

async fn content(client: &Client) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let secret = client.get_secret_value().secret_id(NAME).send().await?;
    Ok(secret.secret_string().ok_or("no string")?.to_owned())
}

fn assert_slot_taken(answer: Result<PutSecretValueOutput, SdkError<PutSecretValueError>>) {
    let error = answer.expect_err("the slot is taken").into_service_error();
    assert!(error.is_resource_exists_exception(), "{error:?}");
}
