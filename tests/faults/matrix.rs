//! Each fault at each request of each operation: the right error or success, in bounded time, with a bounded number of
//! requests, and a store that is right afterwards.
//!
//! Of each run is checked: how it ends, against [`foretold`](crate::foretold); what the error tells; what is stored then,
//! as another process sees it; that the store under test sees the same; that the operation, done again as its error
//! says, leaves what it leaves where nothing goes wrong; and that nothing of the fault is left an hour later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oauth_token_store::OAuthToken;
use oauth_token_store::embedded::Operation;
use tokio::time::{Instant, sleep, timeout};

use crate::action::{Action, Failed, Outcome};
use crate::cases::{Case, all};
use crate::fault::{Frequency, Kind, inject};
use crate::foretold::{Foretold, foretell};
use crate::report::{Report, seed, simulated};
use crate::state::State;
use crate::verdict::{Verdict, verdict_of};
use crate::world::{ClientKind, Stored, World};

/// One run.
#[derive(Clone, Copy)]
struct Run<'a> {
    case: &'a Case,
    position: usize,
    kind: Kind,
    frequency: Frequency,
    client: ClientKind,
}

impl std::fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, position, kind, frequency, client } = self;
        let operation = case.steps[*position].operation;
        write!(
            f,
            "{}: {kind:?} {frequency:?} at request {position}, {operation}, client {client:?}",
            case.name
        )
    }
}

/// Every run that there is with this client, in an order that stays.
fn runs(cases: &[Case], client: ClientKind) -> impl Iterator<Item = Run<'_>> {
    cases.iter().flat_map(move |case| {
        case.positions().flat_map(move |position| {
            let concerns = move |kind: &Kind| kind.concerns(case.steps[position].operation);
            Kind::ALL.into_iter().filter(concerns).flat_map(move |kind| {
                Frequency::ALL.map(|frequency| Run { case, position, kind, frequency, client })
            })
        })
    })
}

/// What an operation leaves where nothing goes wrong.
pub(crate) struct Undisturbed {
    pub(crate) before: Stored,
    pub(crate) stored: Stored,
    found: Vec<Arc<OAuthToken>>,
}

pub(crate) async fn undisturbed(case: &Case) -> Undisturbed {
    let mut world = World::new(ClientKind::Own).await;
    let action = prepared(case, &mut world).await;
    let before = world.stored().await;
    let outcome = action.start(&world.store).await;
    let steps = Vec::from_iter(case.steps.iter().map(|step| step.operation));
    assert_eq!(world.wire.sent(), steps, "the requests of {}", case.name);
    assert_eq!(verdict_of(&outcome), case.undisturbed, "{}", case.name);
    let stored = world.stored().await;
    if let Some(after) = case.after {
        assert_eq!(stored.to_string(), after, "what {} leaves", case.name);
    }
    Undisturbed { before, stored, found: sorted(outcome.tokens) }
}

pub(crate) async fn prepared(case: &Case, world: &mut World) -> Action {
    case.state.make(world, &case.first, &case.asked).await;
    world.wire.clear();
    world.exchanges_before = world.exchanges.load(Ordering::SeqCst);
    (case.action)(world)
}

fn sorted(mut tokens: Vec<Arc<OAuthToken>>) -> Vec<Arc<OAuthToken>> {
    tokens.sort_by_key(|token| token.assigned_id().map(|id| id.as_str().to_owned()));
    tokens
}

/// How long another process may take while an exchange is under way.
const WAITED_FOR: Duration = Duration::from_secs(20);

/// Longer than anything may take.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Makes a run, and returns what is wrong.
async fn made(run: Run<'_>, undisturbed: &Undisturbed) -> Result<(), String> {
    let Run { case, position, kind, frequency, client } = run;
    let mut world = World::new(client).await;
    let action = prepared(case, &mut world).await;
    let before = &undisturbed.before;
    let requests = Vec::from_iter(case.steps.iter().map(|step| step.operation));
    let (backend, wire) = (world.backend.clone(), world.wire.clone());
    let strike = move |requests: &[Operation], position| {
        inject(&backend, &wire, (kind, frequency), requests, position);
    };
    match case.another_process_after {
        Some(begin) if position >= begin => {
            let strike: Box<dyn FnOnce() + Send> =
                Box::new(move || strike(&requests[begin..], position - begin));
            *world.armed.lock().expect("no panic while it is held") = Some(strike);
        }
        _ => strike(&requests, position),
    }
    let foretold = foretell(&case.steps, &case.undisturbed, client, (kind, frequency), position);

    let start = Instant::now();
    let outcome = timeout(AN_HOUR, action.start(&world.store)).await.map_err(|_| "it hangs")?;
    let (took, sent) = (start.elapsed(), world.wire.sent());
    world.backend.clear_faults();
    world.wire.clear();

    ends_as_foretold(run, &action, &foretold, &outcome)?;
    check(foretold.requests.contains(&sent.len()), || {
        format!("{} requests instead of {:?}: {}", sent.len(), foretold.requests, counted(&sent))
    })?;
    let longest = foretold.longest + case.another_process_after.map_or(Duration::ZERO, |_| WAITED_FOR);
    check(took <= longest, || format!("it took {took:?}, not at most {longest:?}"))?;

    let succeeded = verdict_of(&outcome) == case.undisturbed;
    let mut stored = world.stored().await;
    stores_what_it_says(case, &action, &foretold, succeeded, &stored, undisturbed)?;
    if !case.is_known_late() || (succeeded && outcome.error.is_none()) {
        sees_what_is_stored(&world, before, &stored).await?;
    }
    if succeeded && !changes(&action) {
        check(sorted(outcome.tokens) == undisturbed.found, || "something else is found".to_owned())?;
    }
    // What has landed is not to be written again, whoever has written since.
    let has_landed = !succeeded && foretold.has_landed == Some(true);
    let newest = match &action {
        Action::Save(_) | Action::Refresh(..) if has_landed => Some(world.goes_on_elsewhere(&stored).await),
        _ => None,
    };
    if !succeeded {
        let again = again(case, &action, outcome.error.as_ref(), position);
        let outcome =
            timeout(AN_HOUR, again.start(&world.store)).await.map_err(|_| "done again, it hangs")?;
        // A token saved on its own is no refresh that could fail.
        check(verdict_of(&outcome) == case.undisturbed, || {
            format!("done again, it ends with {}", shown(&outcome))
        })?;
        stored = world.stored().await;
    }
    match &newest {
        Some(newest) => check(stored.tokens == [Arc::clone(newest)], || {
            format!("in the end [{stored}] is stored instead of what another process has saved since")
        })?,
        None => check(stored == undisturbed.stored, || {
            format!("in the end [{stored}] is stored instead of [{}]", undisturbed.stored)
        })?,
    }
    sleep(AN_HOUR).await;
    sees_what_is_stored(&world, before, &stored).await?;
    let exchanges = world.exchanges.load(Ordering::SeqCst);
    check(exchanges == case.exchanges, || format!("{exchanges} exchanges instead of {}", case.exchanges))
}

fn check(holds: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(complaint()) }
}

fn counted(requests: &[Operation]) -> String {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.name()).or_insert(0) += 1;
    }
    format!("{counts:?}")
}

pub(crate) fn shown(outcome: &Outcome) -> String {
    outcome.error.as_ref().map_or_else(|| "an answer".to_owned(), |error| error.shown.clone())
}

pub(crate) fn changes(action: &Action) -> bool {
    matches!(action, Action::Save(_) | Action::Delete(_) | Action::DeleteAll | Action::Refresh(..))
}

/// The outcome is one of those foretold, and the error tells what it has to.
fn ends_as_foretold(
    run: Run<'_>,
    action: &Action,
    foretold: &Foretold,
    outcome: &Outcome,
) -> Result<(), String> {
    let is_foretold = foretold.verdicts.iter().any(|verdict| match (verdict, &outcome.error) {
        (Verdict::Answered, None) => true,
        (Verdict::ExchangeFails, Some(error)) => error.kind().is_none(),
        (Verdict::Fails(kinds), Some(error)) => error.kind().is_some_and(|kind| kinds.contains(&kind)),
        _ => false,
    });
    check(is_foretold, || format!("{} instead of {:?}", shown(outcome), foretold.verdicts))?;
    let Some(error) = &outcome.error else {
        return Ok(());
    };
    for secret in ["hush", "jane", "bob"] {
        check(!error.shown.contains(secret), || format!("{secret} is shown: {}", error.shown))?;
    }
    let Some(kind) = error.kind() else {
        return Ok(());
    };
    check(error.is_retryable == kind.is_retryable(), || format!("retryable or not: {}", error.shown))?;
    carries_its_token(run.case, action, foretold, error)?;
    match foretold.fails_at {
        Some(step) if foretold.verdicts.len() == 1 => tells_its_cause(run, step, error),
        _ => Ok(()),
    }
}

/// The token to save again is there where it is promised, and nowhere else.
fn carries_its_token(
    case: &Case,
    action: &Action,
    foretold: &Foretold,
    error: &Failed,
) -> Result<(), String> {
    let is_unanswered =
        case.state.has_left_a_write() || foretold.fails_at.is_some_and(|step| case.steps[step].tells_a_fate);
    let is_promised = match (action, foretold.fails_at) {
        (Action::Save(_), _) => error.is_retryable || is_unanswered,
        // Once something was exchanged.
        (Action::Refresh(..), Some(step)) => {
            let write = case.steps.iter().position(|step| step.operation == Operation::PutSecretValue);
            let was_exchanged_before = case.state == State::ExchangedAndNotSaved && error.is_retryable;
            write.is_some_and(|write| step >= write) || was_exchanged_before
        }
        _ => false,
    };
    check(error.token.is_some() == is_promised, || {
        format!("a token inside: {}, promised: {is_promised}: {}", error.token.is_some(), error.shown)
    })
}

/// The source names the request that failed, and why.
fn tells_its_cause(run: Run<'_>, step: usize, error: &Failed) -> Result<(), String> {
    let operation = run.case.steps[step].operation;
    let store_error = error.store_error.as_ref().expect("the store failed");
    let Some(cause) = store_error.service_error() else {
        // Out of time, or never asked.
        return check(error.is_retryable, || format!("no cause: {}", error.shown));
    };
    check(cause.operation() == operation.name(), || {
        format!("{} failed, not {operation}", cause.operation())
    })?;
    let codes = run.kind.code().unwrap_or_default();
    check(cause.code().map_or(codes.is_empty(), |code| codes.contains(&code)), || {
        format!("the code is {:?}, not one of {codes:?}", cause.code())
    })?;
    let status = run.kind.http_status();
    check(cause.http_status() == status, || {
        format!("the status is {:?}, not {status:?}", cause.http_status())
    })?;
    check(cause.request_id().is_some() == status.is_some(), || {
        format!("no request id, or one: {}", error.shown)
    })?;
    let permission = missing_permission(run.kind, operation);
    check(cause.missing_permission() == permission.as_deref(), || {
        format!("the missing permission is {:?}, not {permission:?}", cause.missing_permission())
    })?;
    let names_no_secret = matches!(operation, Operation::ListSecrets | Operation::BatchGetSecretValue)
        && !matches!(run.kind, Kind::OneOfABatch(_));
    check(store_error.secret_name().is_none() == names_no_secret, || {
        format!("the secret's name: {:?}", store_error.secret_name())
    })
}

fn missing_permission(kind: Kind, operation: Operation) -> Option<String> {
    let reads = matches!(operation, Operation::GetSecretValue | Operation::BatchGetSecretValue);
    match kind {
        // The backend names the action that was asked for.
        Kind::AccessDenied | Kind::OneOfABatch(Kind::AccessDenied) => {
            Some(format!("secretsmanager:{operation}"))
        }
        Kind::KmsAccessDenied | Kind::OneOfABatch(Kind::KmsAccessDenied) => {
            Some(if reads { "kms:Decrypt" } else { "kms:GenerateDataKey or kms:Decrypt" }.to_owned())
        }
        _ => None,
    }
}

/// What is stored is what it was, or what the operation leaves: as foretold, and never anything else.
fn stores_what_it_says(
    case: &Case,
    action: &Action,
    foretold: &Foretold,
    succeeded: bool,
    stored: &Stored,
    undisturbed: &Undisturbed,
) -> Result<(), String> {
    let before = &undisturbed.before;
    if matches!(action, Action::DeleteAll) && !succeeded {
        let is_left = |token| before.tokens.contains(token);
        return check(stored.tokens.iter().all(is_left), || format!("[{stored}] of [{before}]"));
    }
    // A secret that is scheduled for deletion, and no token any more, may be gone.
    let (was, is) = (stored.tokens == before.tokens, *stored == undisturbed.stored);
    let was = was || case.meanwhile.is_some_and(|meanwhile| stored.to_string() == meanwhile);
    let holds = match foretold.has_landed {
        _ if succeeded => is,
        Some(true) => is,
        Some(false) => was,
        None => was || is,
    };
    check(holds, || {
        let expected = format!("before [{before}], after [{}]", undisturbed.stored);
        format!("[{stored}] is stored; {expected}, landed: {:?}", foretold.has_landed)
    })
}

/// What the store under test finds is what is stored.
pub(crate) async fn sees_what_is_stored(
    world: &World,
    before: &Stored,
    stored: &Stored,
) -> Result<(), String> {
    for id in before.ids().chain(stored.ids()) {
        let found = timeout(AN_HOUR, world.store.find_token_by_id(id)).await;
        let found = found.map_err(|_| "a find hangs")?.map_err(|error| format!("a find fails: {error:?}"))?;
        let there = stored.tokens.iter().find(|token| token.assigned_id() == Some(id));
        check(found.as_ref() == there, || {
            let [found, there] =
                [found.as_ref(), there].map(|token| token.map(|token| crate::world::shown(token)));
            format!("the store finds {found:?}, and {there:?} is stored")
        })?;
    }
    Ok(())
}

/// What the error says is to be done.
fn again(case: &Case, action: &Action, error: Option<&Failed>, position: usize) -> Action {
    let token = error.and_then(|error| error.token.as_ref());
    match (action, token) {
        (Action::Save(_), Some(token)) => Action::Save((**token).clone()),
        // A refresh can be made again, too, if nobody else has saved the record since.
        (Action::Refresh(..), Some(token)) if position % 2 == 1 || case.meanwhile.is_some() => {
            Action::Save((**token).clone())
        }
        _ => action.clone(),
    }
}

/// How many runs with each client a plain `cargo test` makes.
const QUICK: usize = 150;

/// How many there are at least: as many as there were when this was written.
const AT_LEAST: usize = 24_352;

fn each_fault_at_each_request(client: ClientKind) {
    let cases = all();
    let mut undisturbed_cases = HashMap::new();
    let mut report = Report::new("faults", AT_LEAST);
    for run in report.selected(runs(&cases, client).collect(), QUICK) {
        let undisturbed = undisturbed_cases
            .entry(&run.case.name)
            .or_insert_with(|| simulated(seed(), undisturbed(run.case)));
        report.add(&run, simulated(seed(), made(run, undisturbed)));
    }
    report.end();
}

#[test]
fn each_fault_at_each_request_of_each_operation_with_the_stores_own_client() {
    each_fault_at_each_request(ClientKind::Own);
}

#[test]
fn each_fault_at_each_request_of_each_operation_with_a_client_that_the_user_brings() {
    each_fault_at_each_request(ClientKind::Brought);
}

#[test]
fn a_store_is_made_without_a_request() {
    let world = simulated(seed(), World::new(ClientKind::Own));
    assert_eq!(world.wire.sent(), []);
}
