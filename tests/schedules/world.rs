//! The world that a schedule takes place in: the service, the way there, and the record of all that happens.
//!
//! Each process has a [`Wire`] of its own to the embedded backend. A request waits on it for a random time before it is
//! carried out and its answer for another one after, so that requests and answers overtake each other; some of them are
//! refused or lost, some reads are answered from the past. What is refused is refused by the backend's own faults.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use oauth_token_store::Clock;
use oauth_token_store::aws_sdk_secretsmanager::config::http::{HttpRequest, HttpResponse};
use oauth_token_store::embedded::{EmbeddedSecretsManager, Fault, Operation};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::history::{
    Action, Answer, Call, Fields, History, Intent, Moment, Name, Outcome, Reading, Request, Stamp, State,
    Version,
};

/// How bad the days are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// How long a request or answer may be on its way, in milliseconds, and now and then.
    pub(crate) latency: u64,
    pub(crate) slow: u64,
    /// Of a hundred requests, how many fail, and how many reads show the past.
    pub(crate) failing: u64,
    pub(crate) stale: u64,
}

impl Weather {
    pub(crate) const FAIR: Self = Self { latency: 0, slow: 0, failing: 0, stale: 0 };
}

pub(crate) struct World {
    pub(crate) backend: EmbeddedSecretsManager,
    pub(crate) clocks: Vec<ProcessClock>,
    origin: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    history: History,
    weather: Weather,
    dice: Dice,
    /// Until when nothing gets through, by process.
    outages: Vec<Instant>,
}

/// The two clocks of a process. The wall clock jumps ahead when the process is frozen.
#[derive(Clone)]
pub(crate) struct ProcessClock {
    origin: Instant,
    ahead: Arc<Mutex<Duration>>,
}

/// Later than any real clock says: what expires by this clock has not expired by the system's.
const EPOCH: Duration = Duration::from_secs(4_000_000_000);

impl ProcessClock {
    fn new(origin: Instant) -> Self {
        Self { origin, ahead: Arc::default() }
    }

    pub(crate) fn freeze(&self, time: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }

    pub(crate) fn reading(&self) -> Reading {
        let monotonic = self.origin.elapsed();
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        Reading { monotonic, wall: EPOCH + monotonic + ahead }
    }
}

impl Clock for ProcessClock {
    fn monotonic(&self) -> Duration {
        self.reading().monotonic
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.reading().wall
    }
}

impl World {
    pub(crate) fn new(backend: EmbeddedSecretsManager, history: History, dice: Dice) -> Arc<Self> {
        let origin = Instant::now();
        let processes = history.processes.len();
        Arc::new(Self {
            backend,
            clocks: vec![(); processes].into_iter().map(|()| ProcessClock::new(origin)).collect(),
            origin,
            inner: Mutex::new(Inner {
                history,
                weather: Weather::FAIR,
                dice,
                outages: vec![origin; processes],
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// Nothing goes wrong any more.
    pub(crate) fn clear_up(&self) {
        let mut inner = self.lock();
        inner.weather = Weather::FAIR;
        let now = Instant::now();
        inner.outages.iter_mut().for_each(|outage| *outage = now);
    }

    pub(crate) fn cut_off(&self, process: usize, time: Duration) {
        let mut inner = self.lock();
        inner.outages[process] = Instant::now() + time;
        let stamp = self.stamp(&mut inner);
        let remark = format!("process {process}           gets no answers for {time:?}");
        inner.history.remarks.push((stamp, remark));
    }

    pub(crate) fn freeze(&self, process: usize, time: Duration) {
        self.clocks[process].freeze(time);
        let mut inner = self.lock();
        let stamp = self.stamp(&mut inner);
        let remark = format!("process {process}           is frozen for {time:?}");
        inner.history.remarks.push((stamp, remark));
    }

    fn stamp(&self, inner: &mut Inner) -> Stamp {
        inner.history.times.push(self.origin.elapsed());
        inner.history.times.len() - 1
    }

    fn moment(&self, inner: &mut Inner, process: usize) -> Moment {
        Moment { stamp: self.stamp(inner), clocks: self.clocks[process].reading() }
    }

    /// A call begins; its number.
    pub(crate) fn begin(&self, process: usize, task: usize, action: Action) -> usize {
        let mut inner = self.lock();
        let begun = self.moment(&mut inner, process);
        inner.history.calls.push(Call { process, task, action, begun, ended: None });
        inner.history.calls.len() - 1
    }

    pub(crate) fn end(&self, call: usize, outcome: Outcome) {
        let mut inner = self.lock();
        let stamp = self.stamp(&mut inner);
        inner.history.calls[call].ended = Some((stamp, outcome));
    }

    /// A number for what is to be saved.
    pub(crate) fn next_intent(&self) -> u32 {
        u32::try_from(self.lock().history.intents.len()).expect("few") + 1
    }

    pub(crate) fn intend(&self, number: u32, intent: Intent) {
        self.lock().history.intents.insert(number, intent);
    }

    /// The fields of a state that the name is in or was in: `back` states before the last one that held something.
    pub(crate) fn recent_fields(&self, name: &str, back: usize) -> Option<Fields> {
        let inner = self.lock();
        let versions = inner.history.states_of(name).iter().rev().filter_map(|state| state.version.as_ref());
        versions.map(|version| version.fields.clone()).nth(back)
    }

    /// The fields of what is there now.
    pub(crate) fn stored(&self, name: &str) -> Option<Fields> {
        let inner = self.lock();
        inner.history.states_of(name).last()?.version.as_ref().map(|version| version.fields.clone())
    }

    pub(crate) fn take_history(&self) -> History {
        std::mem::take(&mut self.lock().history)
    }

    fn send(&self, process: usize, operation: Operation, of: Option<Name>) -> usize {
        let mut inner = self.lock();
        let sent = self.moment(&mut inner, process);
        inner.history.requests.push(Request { process, operation, of, sent, executed: None, answered: None });
        inner.history.requests.len() - 1
    }

    fn answered(&self, request: usize, answer: Answer) {
        let mut inner = self.lock();
        let process = inner.history.requests[request].process;
        let answered = self.moment(&mut inner, process);
        inner.history.requests[request].answered = Some((answered, answer));
    }

    /// How long something is on its way: milliseconds, and turns that others have before it.
    fn way(&self) -> (Duration, u64) {
        let mut inner = self.lock();
        let Weather { latency, slow, .. } = inner.weather;
        let dice = &mut inner.dice;
        let millis = match dice.below(20) {
            _ if latency == 0 => 0,
            0..8 => 0,
            8..15 => 1 + dice.below(4),
            19 if slow > 0 => dice.below(slow),
            _ => dice.below(latency),
        };
        (Duration::from_millis(millis), dice.below(4))
    }

    /// What becomes of a request.
    fn fate(&self, process: usize, operation: Operation) -> Fate {
        let mut inner = self.lock();
        let is_cut_off = Instant::now() < inner.outages[process];
        let Weather { failing, stale, .. } = inner.weather;
        let dice = &mut inner.dice;
        if is_cut_off {
            return Fate::Refused(match dice.below(3) {
                0 => Fault::throttling(),
                1 => Fault::http_status(503),
                _ => Fault::unreachable(),
            });
        }
        if dice.below(100) < failing {
            return match dice.below(14) {
                0 | 1 => Fate::Refused(Fault::throttling()),
                2 | 3 => Fate::Refused(Fault::server_error()),
                4 => Fate::Refused(Fault::unreachable()),
                5 => Fate::Refused(Fault::access_denied()),
                6..12 => Fate::Lost,
                12 => Fate::NeverAnswered,
                _ => Fate::NeverArrives,
            };
        }
        let is_read = matches!(
            operation,
            Operation::GetSecretValue | Operation::DescribeSecret | Operation::BatchGetSecretValue
        );
        if is_read && dice.below(100) < stale { Fate::Stale } else { Fate::Answered }
    }
}

enum Fate {
    Answered,
    /// Answered from the state before the last one.
    Stale,
    Refused(Fault),
    /// It is carried out, and the connection breaks.
    Lost,
    NeverAnswered,
    NeverArrives,
}

/// The way of one process to the service.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) process: usize,
    pub(crate) world: Arc<World>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let service = self.world.backend.http_client().http_connector(settings, components);
        SharedHttpConnector::new(Connection { wire: self.clone(), service })
    }
}

#[derive(Clone, Debug)]
struct Connection {
    wire: Wire,
    service: SharedHttpConnector,
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connection = self.clone();
        HttpConnectorFuture::new(async move { connection.carry(request).await })
    }
}

impl Connection {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let Wire { process, world } = &self.wire;
        let operation = operation_of(&request);
        let asked: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let of = ["SecretId", "Name"].iter().find_map(|member| asked[*member].as_str()).map(name_in);
        let number = world.send(*process, operation, of.clone());
        travel(world.way()).await;

        let fate = world.fate(*process, operation);
        match fate {
            Fate::Stale => world.backend.stale_reads(1),
            Fate::Refused(ref fault) => drop(world.backend.inject(fault.clone().times(1))),
            Fate::NeverArrives => return std::future::pending().await,
            Fate::Answered | Fate::Lost | Fate::NeverAnswered => {}
        }
        // The backend carries it out in one step: nothing else can happen between this and its answer.
        let response = self.service.call(request).await;
        let mut response = match response {
            Ok(response) => response,
            Err(error) => {
                travel(world.way()).await;
                world.answered(number, Answer::Failed { is_passing: true });
                return Err(error);
            }
        };
        let content = ByteStream::new(response.take_body())
            .collect()
            .await
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        let content = content.into_bytes();
        *response.body_mut() = SdkBody::from(content.clone());
        let answered: Value = serde_json::from_slice(&content).unwrap_or(Value::Null);
        let status = response.status().as_u16();
        let mut answer = Answer::Other;
        if matches!(fate, Fate::Refused(_)) {
            let is_denied = answered["__type"].as_str().is_some_and(|code| code.contains("AccessDenied"));
            answer = Answer::Failed { is_passing: !is_denied };
        } else {
            let carried_out =
                CarriedOut { operation, of: of.as_deref(), asked: &asked, status, answered: &answered };
            answer = world.note(number, &carried_out).unwrap_or(answer);
        }
        match fate {
            Fate::NeverAnswered => return std::future::pending().await,
            Fate::Lost => {
                travel(world.way()).await;
                world.answered(number, Answer::Failed { is_passing: true });
                let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                return Err(ConnectorError::io(error.into()));
            }
            _ => {}
        }
        travel(world.way()).await;
        world.answered(number, answer);
        Ok(response)
    }
}

async fn travel((time, turns): (Duration, u64)) {
    if !time.is_zero() {
        sleep(time).await;
    }
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

fn operation_of(request: &HttpRequest) -> Operation {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    match target.rsplit('.').next().unwrap_or_default() {
        "GetSecretValue" => Operation::GetSecretValue,
        "BatchGetSecretValue" => Operation::BatchGetSecretValue,
        "DescribeSecret" => Operation::DescribeSecret,
        "ListSecrets" => Operation::ListSecrets,
        "ListSecretVersionIds" => Operation::ListSecretVersionIds,
        "CreateSecret" => Operation::CreateSecret,
        "PutSecretValue" => Operation::PutSecretValue,
        "TagResource" => Operation::TagResource,
        "DeleteSecret" => Operation::DeleteSecret,
        other => panic!("the store does not use {other}"),
    }
}

/// The locator in a secret's name or ARN.
fn name_in(secret: &str) -> Name {
    let last = secret.rsplit('/').next().unwrap_or_default();
    // A full ARN ends with a dash and six characters; a locator has no dash.
    last.split('-').next().unwrap_or_default().to_owned()
}

/// A request that the service has carried out, and what it answered.
struct CarriedOut<'a> {
    operation: Operation,
    of: Option<&'a str>,
    asked: &'a Value,
    status: u16,
    answered: &'a Value,
}

impl World {
    /// Takes down what a request has changed or shown.
    fn note(&self, number: usize, carried_out: &CarriedOut<'_>) -> Option<Answer> {
        let mut inner = self.lock();
        let stamp = self.stamp(&mut inner);
        let at = self.origin.elapsed();
        let history = &mut inner.history;
        history.requests[number].executed = Some(stamp);
        let CarriedOut { operation, of, asked, status, answered } = carried_out;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if *operation == Operation::BatchGetSecretValue {
            let values = answered["SecretValues"].as_array().cloned().unwrap_or_default();
            let states = values.iter().filter_map(|value| {
                let name = name_in(value["Name"].as_str()?);
                let index = history.index_of(&name, &text(&value["ARN"]), &text(&value["VersionId"]))?;
                Some((name, index))
            });
            return Some(Answer::Batch(states.collect()));
        }
        let name = (*of)?;
        match operation {
            Operation::GetSecretValue if *status == 200 => {
                let index = history.index_of(name, &text(&answered["ARN"]), &text(&answered["VersionId"]));
                Some(Answer::Shows(index.expect("it was seen to land")))
            }
            Operation::GetSecretValue => Some(Answer::ShowsNothing),
            Operation::PutSecretValue | Operation::CreateSecret if *status == 200 => {
                let (arn, id) = (text(&answered["ARN"]), text(&answered["VersionId"]));
                let landed = history.index_of(name, &arn, &id).unwrap_or_else(|| {
                    let fields = fields_of(asked["SecretString"].as_str().unwrap_or_default());
                    history.push(name, State { stamp, at, version: Some(Version { arn, id, fields }) })
                });
                Some(Answer::Landed(landed))
            }
            Operation::DeleteSecret if *status == 200 => {
                let last = history.last(name);
                let is_there = history.states_of(name)[last].version.as_ref();
                // By ARN, another secret of the name is not meant.
                let secret = asked["SecretId"].as_str().unwrap_or_default();
                let is_meant = |version: &Version| !secret.starts_with("arn:") || version.arn == secret;
                let index = if is_there.is_some_and(is_meant) {
                    history.push(name, State { stamp, at, version: None })
                } else {
                    last
                };
                Some(Answer::Landed(index))
            }
            _ => None,
        }
    }
}

impl History {
    fn index_of(&self, name: &str, arn: &str, id: &str) -> Option<usize> {
        let is_it = |state: &State| {
            state.version.as_ref().is_some_and(|version| version.arn == arn && version.id == id)
        };
        self.states_of(name).iter().rposition(is_it)
    }

    /// The index of the last state of a name.
    fn last(&mut self, name: &str) -> usize {
        let nothing = || vec![State::default()];
        self.states.entry(name.to_owned()).or_insert_with(nothing).len() - 1
    }

    fn push(&mut self, name: &str, state: State) -> usize {
        let index = self.last(name) + 1;
        self.states.get_mut(name).expect("it was made").push(state);
        index
    }
}

/// The fields in a secret's value.
fn fields_of(value: &str) -> Fields {
    let members: serde_json::Map<String, Value> = serde_json::from_str(value).expect("a flat object");
    let members = members.into_iter().filter(|(name, _)| name != "schema" && name != "save");
    members.map(|(name, value)| (name, value.as_str().expect("text").to_owned())).collect()
}
