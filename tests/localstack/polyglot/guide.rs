//! What `examples/other-programs.md` and the guides of the library show, run as it stands there.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use oauth_token_store::{OAuthToken, TokenStore};
use serde_json::Value;

use crate::{TestResult, context::Context};

use super::python::{command, repository};
use super::{Failure, access_token, refresh_token};

const PREFIX: &str = "oauth-tokens";
const USER: &str = "bob@example.com";

/// The blocks of this language, in order.
fn blocks(language: &str) -> Result<Vec<String>, Failure> {
    blocks_of("examples/other-programs.md", language)
}

fn blocks_of(file: &str, language: &str) -> Result<Vec<String>, Failure> {
    let guide = std::fs::read_to_string(repository(file))?;
    let begin = format!("```{language}\n");
    let blocks = guide.split(&begin).skip(1).filter_map(|rest| rest.split_once("```\n"));
    Ok(blocks.map(|(block, _)| block.to_owned()).collect())
}

async fn save_bob(context: &Context) -> TestResult {
    let bob = OAuthToken::builder()
        .user_name(USER)
        .client_id("1000.ABC")
        .refresh_token("1000.refresh")
        .access_token("the access token")
        .expiry_time(SystemTime::now() + Duration::from_secs(3600));
    context.store(PREFIX).await.save_token(&bob.build()?).await?;
    Ok(())
}

pub(crate) async fn the_shell_commands_of_the_guide_do_what_it_says(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    save_bob(&context).await?;
    store.save_token(&OAuthToken::builder().user_name("eve").refresh_token("r").build()?).await?;
    context.client().create_secret().name("oauth-tokens/config").secret_string("theirs").send().await?;

    const LOGOUT: &str = "delete-secret";
    let (logout, others): (Vec<_>, Vec<_>) =
        blocks("sh")?.into_iter().partition(|block| block.contains(LOGOUT));
    // One shell, since later blocks use what earlier ones set; the logout last.
    let script = others.iter().chain(&logout).map(|block| format!("{block}printf '\\036'\n"));
    let mut shell = command(&context, "bash")?;
    shell.args(["-euo", "pipefail", "-c", &script.collect::<String>()]).current_dir(repository(""));
    let output = shell.output().await?;
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout)?;
    let printed: Vec<&str> = printed.split('\u{1e}').map(str::trim).collect();
    let [name, access_token, is_fresh, names, by_refresh_token, value_from, refresh_token, "", ""] =
        printed[..]
    else {
        return Err(format!("{printed:?}").into());
    };
    assert_eq!(name, "oauth-tokens/u_52rqhupjinfczuwzz6qnyv2s6a");
    assert_eq!((access_token, is_fresh, refresh_token), ("the access token", "true", "1000.second"));
    assert_eq!(names.lines().count(), 2, "{names}");
    assert!(names.lines().any(|line| line == name), "{names}");
    assert_eq!(by_refresh_token, name);
    assert!(value_from.contains(name) && value_from.ends_with(":access_token::"), "{value_from}");
    assert!(store.find_by_user(USER).await?.is_none(), "still logged in");
    assert!(store.find_by_user("eve").await?.is_some());
    Ok(())
}

/// After a first deployment: what is stored, by name and tags, without a name of anybody.
pub(crate) async fn the_shell_commands_of_the_librarys_guides_show_fingerprints_only(
    context: Context,
) -> TestResult {
    let mut script = String::new();
    for guide in ["src/guide/first_deployment.md", "src/guide/privacy.md"] {
        let blocks = blocks_of(guide, "sh")?;
        assert!(!blocks.is_empty(), "{guide}");
        script.extend(blocks);
    }
    let prefix = script.lines().find_map(|line| line.strip_prefix("export OAUTH_TOKEN_STORE_PREFIX="));
    let bob = OAuthToken::builder().user_name(USER).client_id("1000.ABC").refresh_token("1000.refresh");
    context.store(prefix.ok_or("no prefix")?).await.save_token(&bob.build()?).await?;

    let output = command(&context, "bash")?.args(["-euo", "pipefail", "-c", &script]).output().await?;
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(printed.matches("prod/crm/tokens/u_52rqhupjinfczuwzz6qnyv2s6a").count(), 2, "{printed}");
    assert!(printed.contains("igqluxon3kkgw3mtfrl4lmc2v4"), "no tag with the refresh token: {printed}");
    assert!(!printed.contains(USER) && !printed.contains("1000."), "{printed}");
    Ok(())
}

pub(crate) async fn the_python_of_the_guide_saves_what_it_says(context: Context) -> TestResult {
    save_bob(&context).await?;
    let [program] = &blocks("python")?[..] else { return Err("not one program".into()) };
    let output = command(&context, "python")?.args(["-c", program]).output().await?;
    assert!(output.status.success(), "{output:?}");
    let bob = context.store(PREFIX).await.find_by_user(USER).await?.ok_or("bob is gone")?;
    assert_eq!((access_token(&bob), refresh_token(&bob)), ("at-2", "1000.refresh"));
    assert!(bob.expires_within(Duration::from_secs(3601)) && !bob.expires_within(Duration::from_secs(3000)));
    Ok(())
}

/// What ECS puts into the variable: `ARN:json-key:version-stage:version-id`, of which the ARN has seven parts.
async fn resolve(client: &Client, value_from: &str) -> Result<String, Failure> {
    let parts: Vec<&str> = value_from.split(':').collect();
    let [.., json_key, stage, version] = parts[..] else { return Err("too short".into()) };
    assert_eq!(parts.len(), 10, "{value_from}");
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let request = client.get_secret_value().secret_id(parts[..7].join(":"));
    let answer = request.set_version_stage(given(stage)).set_version_id(given(version)).send().await?;
    let value: Value = serde_json::from_str(answer.secret_string().ok_or("no string")?)?;
    Ok(value[json_key].as_str().ok_or("no such key")?.to_owned())
}

pub(crate) async fn the_task_definition_of_the_guide_resolves_to_the_access_token(
    context: Context,
) -> TestResult {
    save_bob(&context).await?;
    let [definition] = &blocks("json")?[..] else { return Err("not one task definition".into()) };
    let definition: Value = serde_json::from_str(definition)?;
    let secret = &definition["containerDefinitions"][0]["secrets"][0];
    let value_from = secret["valueFrom"].as_str().ok_or("no valueFrom")?;
    let of_the_guide =
        "arn:aws:secretsmanager:REGION:ACCOUNT:secret:oauth-tokens/u_52rqhupjinfczuwzz6qnyv2s6a-SUFFIX";
    assert!(value_from.starts_with(of_the_guide), "{value_from}");

    let client = context.client();
    let name = "oauth-tokens/u_52rqhupjinfczuwzz6qnyv2s6a";
    let arn = client.describe_secret().secret_id(name).send().await?.arn.ok_or("no ARN")?;
    let value_from = value_from.replace(of_the_guide, &arn);
    assert_eq!(resolve(client, &value_from).await?, "the access token");

    // Those that name a version: the one before, and by its id.
    let before = client.get_secret_value().secret_id(name).send().await?.version_id.ok_or("no version")?;
    let store = context.store(PREFIX).await;
    store.save_token(&OAuthToken::builder().user_name(USER).access_token("newer").build()?).await?;
    assert_eq!(resolve(client, &value_from).await?, "newer");
    let previous = resolve(client, &format!("{arn}:access_token:AWSPREVIOUS:")).await?;
    let by_id = resolve(client, &format!("{arn}:access_token::{before}")).await?;
    assert_eq!((previous.as_str(), by_id.as_str()), ("the access token", "the access token"));

    // After a logout and a new login it names a secret that is no more.
    store.delete_tokens().await?;
    save_bob(&context).await?;
    resolve(client, &value_from).await.expect_err("the new secret has another suffix");
    Ok(())
}
