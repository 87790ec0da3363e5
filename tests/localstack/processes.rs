//! Real processes, each with nothing but its environment.

use std::process::Stdio;

use oauth_token_store::{OAuthToken, SecretsManagerTokenStore, TokenId, TokenStore};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{TestResult, context::Context};

const PREFIX: &str = "app/tokens";
const ROUNDS: usize = 100;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A child process that does something for each line it is sent, and says when it has.
pub(crate) struct Worker {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(context: &Context, function: &str, name: &str) -> Result<Self, Failure> {
        let mut command = context.child(function)?;
        command.arg(name).env("OAUTH_TOKEN_STORE_PREFIX", PREFIX);
        Self::run(command)
    }

    pub(crate) fn run(mut command: Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let commands = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        Ok(Self { child, commands, answers })
    }

    pub(crate) async fn send(&mut self, command: &str) -> Result<(), Failure> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        Ok(self.commands.flush().await?)
    }

    pub(crate) async fn answer(&mut self) -> Result<String, Failure> {
        Ok(self.answers.next_line().await?.ok_or("the child process ended")?)
    }

    pub(crate) async fn end(mut self) -> TestResult {
        drop(self.commands);
        let status = self.child.wait().await?;
        if status.success() { Ok(()) } else { Err(format!("a child process: {status}").into()) }
    }
}

/// Sends both the same command at the same moment, and waits for both.
async fn both(workers: &mut [Worker; 2], command: &str) -> Result<(), Failure> {
    for worker in &mut *workers {
        worker.send(command).await?;
    }
    for worker in workers {
        let answer = worker.answer().await?;
        if answer != "saved" {
            return Err(answer.into());
        }
    }
    Ok(())
}

fn two(context: &Context) -> Result<[Worker; 2], Failure> {
    let start = |name| Worker::start(context, "processes::save_on_command", name);
    Ok([start("one")?, start("two")?])
}

pub(crate) async fn two_that_save_the_same_new_user_leave_one_record(context: Context) -> TestResult {
    let mut workers = two(&context)?;
    for round in 0..ROUNDS {
        both(&mut workers, &format!("user-{round} login")).await?;
    }
    for worker in workers {
        worker.end().await?;
    }
    let tokens = context.store(PREFIX).await.get_tokens().await?;
    assert_eq!(tokens.len(), ROUNDS, "one record a user");
    for token in tokens {
        let both = (token.extra("one-login"), token.extra("two-login"));
        assert_eq!(both, (Some("1"), Some("1")), "a process's change is lost");
    }
    Ok(())
}

pub(crate) async fn two_that_change_different_fields_of_one_token_leave_both_changes(
    context: Context,
) -> TestResult {
    let mut workers = two(&context)?;
    for round in 0..ROUNDS {
        both(&mut workers, &format!("bob {round}")).await?;
    }
    for worker in workers {
        worker.end().await?;
    }
    let bob = context.store(PREFIX).await.find_by_user("bob").await?.ok_or("bob is gone")?;
    assert_eq!(bob.extras().count(), 2 * ROUNDS);
    Ok(())
}

/// A child process: for each line `USER FIELD` gives that user a field of its own.
pub(crate) async fn save_on_command(arguments: Vec<String>) -> TestResult {
    let [name] = arguments.as_slice() else { return Err("takes a name".into()) };
    let store = SecretsManagerTokenStore::from_env().await?;
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    while let Some(command) = commands.next_line().await? {
        let (user, field) = command.split_once(' ').ok_or("not a command")?;
        let token = OAuthToken::builder()
            .user_name(user)
            .refresh_token("r")
            .extra(format!("{name}-{field}"), "1")
            .build()?;
        store.save_token(&token).await?;
        println!("saved");
    }
    Ok(())
}

pub(crate) async fn one_that_holds_a_deleted_token_cannot_bring_it_back(context: Context) -> TestResult {
    let store = context.store(PREFIX).await;
    let login = OAuthToken::builder().user_name("bob").client_id("c").refresh_token("old").access_token("a");
    store.save_token(&login.build()?).await?;
    let mut holder = Worker::start(&context, "processes::hold_a_token_and_save_it", "bob")?;
    assert_eq!(holder.answer().await?, "holding");
    store.delete_token(&TokenId::of_user("bob")?).await?;
    holder.send("save").await?;
    assert_eq!(holder.answer().await?, "unchanged: deleted, refreshed: deleted");
    holder.end().await?;
    assert!(store.find_by_user("bob").await?.is_none(), "a deleted token came back");
    assert!(store.get_tokens().await?.is_empty());
    Ok(())
}

/// A child process: finds the user's token, and when told so saves it, as it is and with what a refresh gives.
pub(crate) async fn hold_a_token_and_save_it(arguments: Vec<String>) -> TestResult {
    let [user] = arguments.as_slice() else { return Err("takes a user".into()) };
    let store = SecretsManagerTokenStore::from_env().await?;
    let held = store.find_by_user(user).await?.ok_or("no token")?;
    println!("holding");
    BufReader::new(tokio::io::stdin()).lines().next_line().await?;
    let unchanged = store.save_token(&held).await.expect_err("it was deleted").kind();
    let refreshed = held.to_builder().access_token("newer").refresh_token("newer").build()?;
    let refreshed = store.save_token(&refreshed).await.expect_err("it was deleted").kind();
    println!("unchanged: {unchanged}, refreshed: {refreshed}");
    Ok(())
}
