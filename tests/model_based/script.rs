//! Scripts: what is done, in words and as strategies that shrink.
//!
//! Small domains, so that tokens meet: two users, two clients, two ids of the application's own, a few values of each
//! token, the ids of every record that these can make.

use std::fmt;
use std::time::{Duration, SystemTime};

use oauth_token_store::embedded::{Fault, Operation};
use oauth_token_store::{OAuthToken, OAuthTokenBuilder, TokenId};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use crate::contract::Key;

/// The processes: without a cache, with the one that everybody has, and with one that forgets soon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Who {
    Anna,
    Ben,
    Carl,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Anna, Self::Ben, Self::Carl];
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["anna", "ben", "carl"][*self as usize])
    }
}

/// When an access token expires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expiry {
    LongAgo(u64),
    InAnHour,
    InTenYears,
}

impl Expiry {
    fn at(self, began: SystemTime) -> SystemTime {
        match self {
            Self::LongAgo(seconds) => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            Self::InAnHour => began + Duration::from_secs(3_600),
            Self::InTenYears => began + Duration::from_secs(10 * 365 * 86_400),
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongAgo(seconds) => write!(f, "{seconds} s after 1970"),
            Self::InAnHour => f.write_str("in an hour"),
            Self::InTenYears => f.write_str("in ten years"),
        }
    }
}

/// An id: the application's own, or the one that the store gives to the record of this key.
#[derive(Clone, Debug)]
pub(crate) enum Id {
    Own(&'static str),
    Of(Key),
}

impl Id {
    pub(crate) fn token_id(&self) -> TokenId {
        match self {
            Self::Own(id) => TokenId::new(*id),
            Self::Of(key) => TokenId::new(key.name()),
        }
        .expect("valid")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(id) => write!(f, "\"{id}\""),
            Self::Of(Key::Id(id)) => write!(f, "id_of_own_id({id})"),
            Self::Of(Key::User(user)) => write!(f, "id_of_user({user})"),
            Self::Of(Key::Grant(client, token)) => write!(f, "id_of_grant({client}, {token})"),
            Self::Of(Key::Refresh(client, token)) => write!(f, "id_of_refresh({client}, {token})"),
            Self::Of(Key::Access(token)) => write!(f, "id_of_access({token})"),
        }
    }
}

/// A token as a script says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) id: Option<Id>,
    pub(crate) user: Option<&'static str>,
    pub(crate) client: Option<&'static str>,
    pub(crate) client_secret: Option<&'static str>,
    pub(crate) refresh: Option<&'static str>,
    pub(crate) access: Option<&'static str>,
    pub(crate) grant: Option<&'static str>,
    pub(crate) scope: Option<&'static str>,
    pub(crate) x: Option<&'static str>,
    pub(crate) expiry: Option<Expiry>,
}

impl Said {
    pub(crate) fn build(&self, began: SystemTime) -> OAuthToken {
        self.over(OAuthToken::builder(), began)
    }

    /// What is said written over what a builder has already.
    pub(crate) fn over(&self, mut builder: OAuthTokenBuilder, began: SystemTime) -> OAuthToken {
        type Set = fn(OAuthTokenBuilder, &'static str) -> OAuthTokenBuilder;
        let texts: [(Option<&'static str>, Set); 8] = [
            (self.user, |builder, text| builder.user_name(text)),
            (self.client, |builder, text| builder.client_id(text)),
            (self.client_secret, |builder, text| builder.client_secret(text)),
            (self.refresh, |builder, text| builder.refresh_token(text)),
            (self.access, |builder, text| builder.access_token(text)),
            (self.grant, |builder, text| builder.grant_token(text)),
            (self.scope, |builder, text| builder.scope(text)),
            (self.x, |builder, text| builder.extra("x", text)),
        ];
        for (text, set) in texts {
            if let Some(text) = text {
                builder = set(builder, text);
            }
        }
        if let Some(id) = &self.id {
            builder = builder.id(id.token_id());
        }
        if let Some(expiry) = self.expiry {
            builder = builder.expiry_time(expiry.at(began));
        }
        builder.build().expect("valid")
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.id.as_ref().map(|id| format!("id: {id}")));
        let texts = [
            ("user", self.user),
            ("client", self.client),
            ("client_secret", self.client_secret),
            ("refresh", self.refresh),
            ("access", self.access),
            ("grant", self.grant),
            ("scope", self.scope),
            ("x", self.x),
        ];
        words.extend(texts.into_iter().filter_map(|(name, text)| Some(format!("{name}: {}", text?))));
        words.extend(self.expiry.map(|expiry| format!("expires: {expiry}")));
        write!(f, "{{{}}}", words.join(", "))
    }
}

/// What an OAuth server answers to an exchange.
#[derive(Clone, Debug)]
pub(crate) enum Exchange {
    /// This, laid over the token that it was asked with; or, if bare, alone.
    Gives {
        said: Said,
        is_bare: bool,
    },
    Refuses,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gives { said, is_bare: false } => write!(f, "current with {said}"),
            Self::Gives { said, is_bare: true } => write!(f, "{said}"),
            Self::Refuses => f.write_str("refused"),
        }
    }
}

/// A find by one key alone.
#[derive(Clone, Debug)]
pub(crate) enum ByKey {
    Id(Id),
    User(&'static str),
    Grant(&'static str, &'static str),
    Refresh(&'static str, &'static str),
    Access(&'static str),
}

impl fmt::Display for ByKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "find_token_by_id({id})"),
            Self::User(user) => write!(f, "find_by_user({user})"),
            Self::Grant(client, token) => write!(f, "find_by_grant_token({client}, {token})"),
            Self::Refresh(client, token) => write!(f, "find_by_refresh_token({client}, {token})"),
            Self::Access(token) => write!(f, "find_by_access_token({token})"),
        }
    }
}

/// What a store is asked to do. Tokens held are those that any store has returned, counted from the last one.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Find(Said),
    FindBy(ByKey),
    Save(Said),
    FindChangeSave(Id, Said),
    SaveHeld { held: usize, change: Said },
    SaveDetached { held: usize },
    SaveAgain { failed: usize },
    Delete(Id),
    GetTokens,
    StreamTokens,
    DeleteTokens,
    Invalidate(Id),
    InvalidateAll,
    Reload(Id),
    Refresh { partial: Said, leeway: u64, exchange: Exchange },
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Find(partial) => write!(f, "find_token({partial})"),
            Self::FindBy(key) => write!(f, "{key}"),
            Self::Save(token) => write!(f, "save_token({token})"),
            Self::FindChangeSave(id, change) => write!(f, "find_token_by_id({id}), save it with {change}"),
            Self::SaveHeld { held, change } => write!(f, "save_token(held[{held}] with {change})"),
            Self::SaveDetached { held } => write!(f, "save_token(held[{held}].detached())"),
            Self::SaveAgain { failed } => write!(f, "save_token(failed[{failed}].token())"),
            Self::Delete(id) => write!(f, "delete_token({id})"),
            Self::GetTokens => f.write_str("get_tokens()"),
            Self::StreamTokens => f.write_str("tokens()"),
            Self::DeleteTokens => f.write_str("delete_tokens()"),
            Self::Invalidate(id) => write!(f, "invalidate({id})"),
            Self::InvalidateAll => f.write_str("invalidate_all()"),
            Self::Reload(id) => write!(f, "reload({id})"),
            Self::Refresh { partial, leeway, exchange } => {
                write!(f, "refresh_with({partial}, leeway {leeway} s, {exchange})")
            }
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mishap {
    Throttling,
    ServerError,
    LostAnswer,
    LostAnswerHang,
    Unreachable,
    Hang,
    Slow,
    TooSlow,
    AccessDenied,
}

/// A mishap for some of the requests that one operation of a store makes.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) mishap: Mishap,
    pub(crate) on: Option<Operation>,
    skip: usize,
    times: usize,
}

impl Trouble {
    pub(crate) fn fault(&self) -> Fault {
        let fault = match self.mishap {
            Mishap::Throttling => Fault::throttling(),
            Mishap::ServerError => Fault::server_error(),
            Mishap::LostAnswer => Fault::lost_answer(),
            Mishap::LostAnswerHang => Fault::lost_answer_hang(),
            Mishap::Unreachable => Fault::unreachable(),
            Mishap::Hang => Fault::hang(),
            Mishap::Slow => Fault::latency(Duration::from_secs(1)),
            Mishap::TooSlow => Fault::latency(Duration::from_secs(12)),
            Mishap::AccessDenied => Fault::access_denied(),
        };
        let fault = fault.skip(self.skip);
        let fault = if self.times == 0 { fault } else { fault.times(self.times) };
        self.on.map_or(fault.clone(), |operation| fault.on(operation))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.mishap {
            Mishap::Throttling => "throttled",
            Mishap::ServerError => "answered with 500",
            Mishap::LostAnswer => "carried out, its answer lost",
            Mishap::LostAnswerHang => "carried out and never answered",
            Mishap::Unreachable => "not connected",
            Mishap::Hang => "neither carried out nor answered",
            Mishap::Slow => "a second late",
            Mishap::TooSlow => "twelve seconds late",
            Mishap::AccessDenied => "denied",
        };
        let which = match (self.skip, self.times) {
            (0, 0) => "every".to_owned(),
            (skip, 0) => format!("all but the first {skip}"),
            (0, times) => format!("the first {times}"),
            (skip, times) => format!("after {skip} the next {times}"),
        };
        write!(f, "{which} {} {what}", self.on.map_or("request", Operation::name))
    }
}

/// What somebody does in the console, to the secret of this number in the order of the names.
#[derive(Clone, Debug)]
pub(crate) enum ByHand {
    RollBack(usize),
    Edit(usize, &'static str),
    Schedule(usize),
    Restore(usize),
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RollBack(n) => write!(f, "by hand: secret {n} back to AWSPREVIOUS"),
            Self::Edit(n, scope) => write!(f, "by hand: secret {n} gets scope {scope}"),
            Self::Schedule(n) => write!(f, "by hand: secret {n} scheduled for deletion"),
            Self::Restore(n) => write!(f, "by hand: secret {n} restored"),
        }
    }
}

/// One line of a script.
#[derive(Clone)]
pub(crate) enum Step {
    Store { who: Who, ask: Ask, troubles: Vec<Trouble>, stale_reads: usize },
    Pass(Duration),
    ReadLag(u64),
    ListLag(u64),
    DeletionsLinger(u64),
    Hand(ByHand),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { who, ask, troubles, stale_reads } => {
                write!(f, "{who}.{ask}")?;
                if *stale_reads > 0 {
                    write!(f, "  // the first {stale_reads} reads stale")?;
                }
                troubles.iter().try_for_each(|trouble| write!(f, "  // {trouble}"))
            }
            Self::Pass(time) => write!(f, "pass {time:?}"),
            Self::ReadLag(seconds) => write!(f, "reads lag by {seconds} s"),
            Self::ListLag(seconds) => write!(f, "lists lag by {seconds} s"),
            Self::DeletionsLinger(seconds) => write!(f, "deletions take {seconds} s"),
            Self::Hand(what) => write!(f, "{what}"),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How bad a case may become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Season {
    /// Nothing but time passes.
    Calm,
    /// Reads and lists lag behind, people work in the console.
    Hazy,
    /// And the service fails.
    Stormy,
}

/// What decides which steps make sense: the reference machine that scripts are drawn from.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) season: Season,
    /// Whether something may have been returned, and have failed, so that it can be saved again.
    has_held: bool,
    has_failed: bool,
}

pub(crate) struct Scripts;

impl ReferenceStateMachine for Scripts {
    type State = Sketch;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Sketch> {
        let seasons =
            prop_oneof![2 => Just(Season::Calm), 3 => Just(Season::Hazy), 3 => Just(Season::Stormy)];
        seasons.prop_map(|season| Sketch { season, has_held: false, has_failed: false }).boxed()
    }

    fn transitions(sketch: &Sketch) -> BoxedStrategy<Step> {
        let is_hazy = u32::from(sketch.season != Season::Calm);
        let store = store_step(sketch);
        one_of([
            (60, store),
            (5, passing().prop_map(Step::Pass).boxed()),
            (is_hazy * 2, select(vec![0, 2, 50]).prop_map(Step::ReadLag).boxed()),
            (is_hazy * 2, select(vec![0, 30, 300]).prop_map(Step::ListLag).boxed()),
            (is_hazy, select(vec![0, 3]).prop_map(Step::DeletionsLinger).boxed()),
            (is_hazy * 3, by_hand().prop_map(Step::Hand).boxed()),
        ])
    }

    fn preconditions(sketch: &Sketch, step: &Step) -> bool {
        match step {
            Step::Store { ask: Ask::SaveHeld { .. } | Ask::SaveDetached { .. }, .. } => sketch.has_held,
            Step::Store { ask: Ask::SaveAgain { .. }, .. } => sketch.has_failed,
            _ => true,
        }
    }

    fn apply(mut sketch: Sketch, step: &Step) -> Sketch {
        if let Step::Store { ask, troubles, stale_reads, .. } = step {
            let may_return = matches!(ask, Ask::Save(_) | Ask::SaveAgain { .. });
            sketch.has_held |= may_return;
            sketch.has_failed |= may_return && !(troubles.is_empty() && *stale_reads == 0);
        }
        sketch
    }
}

/// One of these by weight; none of those that weigh nothing.
fn one_of<T: fmt::Debug + 'static, const N: usize>(
    options: [(u32, BoxedStrategy<T>); N],
) -> BoxedStrategy<T> {
    let options = options.into_iter().filter(|(weight, _)| *weight > 0);
    prop::strategy::Union::new_weighted(options.collect()).boxed()
}

fn store_step(sketch: &Sketch) -> BoxedStrategy<Step> {
    let who = select(Who::ALL.to_vec());
    let asks = ask(sketch);
    let (is_hazy, is_stormy) = (sketch.season != Season::Calm, sketch.season == Season::Stormy);
    let stale_reads = one_of([(8, Just(0).boxed()), (u32::from(is_hazy), (1..=3_usize).boxed())]);
    let troubles = one_of([
        (3, Just(Vec::new()).boxed()),
        (u32::from(is_stormy) * 2, prop::collection::vec(trouble(), 1..=2).boxed()),
    ]);
    (who, asks, troubles, stale_reads)
        .prop_map(|(who, ask, troubles, stale_reads)| Step::Store { who, ask, troubles, stale_reads })
        .boxed()
}

fn ask(sketch: &Sketch) -> BoxedStrategy<Ask> {
    let (held, failed) = (u32::from(sketch.has_held), u32::from(sketch.has_failed));
    let gives = (change(), any::<bool>()).prop_map(|(said, is_bare)| {
        // A bare answer that names somebody else is refused; a server names nobody.
        let said = Said { id: None, user: None, client: None, ..said };
        Exchange::Gives { said, is_bare }
    });
    let exchange = prop_oneof![4 => gives, 1 => Just(Exchange::Refuses)];
    let refresh = (partial(), select(vec![0, 7_200]), exchange)
        .prop_map(|(partial, leeway, exchange)| Ask::Refresh { partial, leeway, exchange });
    one_of([
        (10, partial().prop_map(Ask::Find).boxed()),
        (12, by_key().prop_map(Ask::FindBy).boxed()),
        (14, partial().prop_map(Ask::Save).boxed()),
        (4, (id(), change()).prop_map(|(id, change)| Ask::FindChangeSave(id, change)).boxed()),
        (held * 5, (0..6_usize, change()).prop_map(|(held, change)| Ask::SaveHeld { held, change }).boxed()),
        (held * 2, (0..6_usize).prop_map(|held| Ask::SaveDetached { held }).boxed()),
        (failed * 6, (0..3_usize).prop_map(|failed| Ask::SaveAgain { failed }).boxed()),
        (6, id().prop_map(Ask::Delete).boxed()),
        (2, Just(Ask::GetTokens).boxed()),
        (1, Just(Ask::StreamTokens).boxed()),
        (1, Just(Ask::DeleteTokens).boxed()),
        (1, id().prop_map(Ask::Invalidate).boxed()),
        (1, Just(Ask::InvalidateAll).boxed()),
        (3, id().prop_map(Ask::Reload).boxed()),
        (6, refresh.boxed()),
    ])
}

const USERS: [&str; 2] = ["bob", "eve"];
const CLIENTS: [&str; 2] = ["c", "d"];
const OWN_IDS: [&str; 2] = ["7", "8"];
const REFRESH: [&str; 3] = ["r1", "r2", "r3"];
const ACCESS: [&str; 3] = ["a1", "a2", "a3"];
const GRANTS: [&str; 2] = ["g1", "g2"];

/// A value in one of `in_` cases.
fn maybe(in_: u32, values: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(1.0 / f64::from(in_), select(values))
}

fn client() -> impl Strategy<Value = Option<&'static str>> {
    maybe(2, &["c", "c", "c", "d"])
}

fn expiry() -> impl Strategy<Value = Option<Expiry>> {
    let expiries =
        prop_oneof![(0..3_u64).prop_map(Expiry::LongAgo), Just(Expiry::InAnHour), Just(Expiry::InTenYears),];
    prop::option::weighted(0.35, expiries)
}

fn id() -> impl Strategy<Value = Id> {
    let mut ids: Vec<Id> = OWN_IDS.into_iter().map(Id::Own).collect();
    ids.extend(OWN_IDS.map(|id| Id::Of(Key::Id(id.into()))));
    // Users' records are those that there are most of.
    for _ in 0..3 {
        ids.extend(OWN_IDS.map(Id::Own));
        ids.extend(USERS.map(|user| Id::Of(Key::User(user.into()))));
    }
    for client in CLIENTS {
        ids.extend(GRANTS.map(|token| Id::Of(Key::Grant(client.into(), token.into()))));
        ids.extend(REFRESH.map(|token| Id::Of(Key::Refresh(client.into(), token.into()))));
    }
    ids.extend(ACCESS.map(|token| Id::Of(Key::Access(token.into()))));
    select(ids)
}

fn change() -> impl Strategy<Value = Said> {
    let who = (maybe(4, &USERS), client(), maybe(8, &["s"]));
    let tokens = (maybe(2, &REFRESH), maybe(2, &ACCESS), maybe(4, &GRANTS));
    let rest = (maybe(3, &["s1", "s2"]), maybe(3, &["x1", "x2"]), expiry());
    (who, tokens, rest).prop_map(
        |((user, client, client_secret), (refresh, access, grant), (scope, x, expiry))| Said {
            id: None,
            user,
            client,
            client_secret,
            refresh,
            access,
            grant,
            scope,
            x,
            expiry,
        },
    )
}

fn partial() -> impl Strategy<Value = Said> {
    (change(), prop::option::weighted(0.25, id()), maybe(2, &USERS)).prop_map(|(said, id, user)| Said {
        id,
        user,
        ..said
    })
}

fn by_key() -> impl Strategy<Value = ByKey> {
    prop_oneof![
        id().prop_map(ByKey::Id),
        select(&USERS[..]).prop_map(ByKey::User),
        (select(&CLIENTS[..]), select(&GRANTS[..])).prop_map(|(client, token)| ByKey::Grant(client, token)),
        (select(&CLIENTS[..]), select(&REFRESH[..]))
            .prop_map(|(client, token)| ByKey::Refresh(client, token)),
        select(&ACCESS[..]).prop_map(ByKey::Access),
    ]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let mishaps = select(vec![
        Mishap::Throttling,
        Mishap::ServerError,
        Mishap::LostAnswer,
        Mishap::LostAnswerHang,
        Mishap::Unreachable,
        Mishap::Hang,
        Mishap::Slow,
        Mishap::TooSlow,
        Mishap::AccessDenied,
    ]);
    let operations = select(vec![
        Operation::GetSecretValue,
        Operation::PutSecretValue,
        Operation::CreateSecret,
        Operation::DeleteSecret,
        Operation::ListSecrets,
        Operation::DescribeSecret,
        Operation::TagResource,
        Operation::BatchGetSecretValue,
        Operation::ListSecretVersionIds,
    ]);
    let times = prop_oneof![1..=4_usize, Just(0)];
    (mishaps, prop::option::weighted(0.8, operations), 0..2_usize, times)
        .prop_map(|(mishap, on, skip, times)| Trouble { mishap, on, skip, times })
}

fn passing() -> impl Strategy<Value = Duration> {
    let millis = prop_oneof![1..2_000_u64, 2_000..70_000_u64, 70_000..400_000_u64, 400_000..10_000_000_u64];
    millis.prop_map(Duration::from_millis)
}

fn by_hand() -> impl Strategy<Value = ByHand> {
    prop_oneof![
        (0..4_usize).prop_map(ByHand::RollBack),
        (0..4_usize, select(vec!["h1", "h2"])).prop_map(|(n, scope)| ByHand::Edit(n, scope)),
        (0..4_usize).prop_map(ByHand::Schedule),
        (0..4_usize).prop_map(ByHand::Restore),
    ]
}

/// Every token of these domains that can name a record.
pub(crate) fn tokens_that_name_records() -> Vec<Key> {
    let mut keys: Vec<Key> = ACCESS.map(|token| Key::Access(token.into())).into();
    for client in CLIENTS {
        keys.extend(GRANTS.map(|token| Key::Grant(client.into(), token.into())));
        keys.extend(REFRESH.map(|token| Key::Refresh(client.into(), token.into())));
    }
    keys
}

/// Everything that can be looked up.
pub(crate) fn all_keys() -> Vec<Key> {
    let mut keys = tokens_that_name_records();
    keys.extend(USERS.map(|user| Key::User(user.into())));
    keys.extend(OWN_IDS.map(|id| Key::Id(id.into())));
    keys.extend(keys.clone().iter().map(|key| Key::Id(key.name())));
    keys
}
