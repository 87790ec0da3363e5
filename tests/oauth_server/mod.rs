//! An OAuth server on a port of its own that behaves as Zoho's does, with an API that takes its access tokens.
//!
//! Its time stands still but for [`OAuthServer::advance`]: no test depends on how fast a machine is.
#![allow(dead_code, unused_imports, reason = "each crate that includes this module uses a part of it")]

mod application;
mod gate;
mod http;
mod ledger;
mod refusal;
mod rules;

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use application::{Answer, Application};
pub(crate) use gate::Hold;
pub(crate) use rules::{ErrorStyle, Rules};

use gate::GateSlot;
use ledger::Ledger;

/// The one client that the server knows.
pub(crate) const CLIENT_ID: &str = "1000.TESTCLIENT";
/// The secret of [`CLIENT_ID`].
pub(crate) const CLIENT_SECRET: &str = "hush-client-secret";
/// The `api_domain` of every answer; the API itself is at [`OAuthServer::api_url`].
pub(crate) const API_DOMAIN: &str = "https://www.zohoapis.eu";

/// What goes wrong with an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeFault {
    /// HTTP 500; nothing is carried out.
    ServerError,
    /// The exchange is carried out, the refresh token spent; then the connection is cut without an answer.
    LostAnswer,
}

/// An exchange that gave tokens, whether or not the answer arrived.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// The request's parameters, those that mean nothing to the server included.
    pub(crate) form: HashMap<String, String>,
    /// The token response.
    pub(crate) tokens: Value,
}

/// A running server. Dropping it closes its port; connections that are open live on.
pub(crate) struct OAuthServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl OAuthServer {
    /// Starts a server on a free port.
    pub(crate) async fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::new(rules));
        let routes = http::routes(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("axum serves until it is stopped");
        });
        Self { shared, address, serving }
    }

    /// Where tokens are exchanged.
    pub(crate) fn token_url(&self) -> String {
        format!("http://{}/oauth/v2/token", self.address)
    }

    /// Where an access token is good for something: `{"user": …}`.
    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/api/me", self.address)
    }

    /// An application that talks to this server.
    pub(crate) fn application(&self) -> Application {
        Application::new(self.token_url(), self.api_url())
    }

    /// Logs the user in, and returns the token response's body. Each login starts a family of refresh tokens of its own.
    pub(crate) fn login(&self, user: &str) -> String {
        self.shared.state().ledger.log_in(user).to_string()
    }

    /// The first half of a login: a grant token for `grant_type=authorization_code`, good once and for three minutes.
    pub(crate) fn authorize(&self, user: &str) -> String {
        self.shared.state().ledger.authorize(user)
    }

    /// Lets time pass at the server.
    pub(crate) fn advance(&self, by: Duration) {
        self.shared.state().ledger.advance(by);
    }

    /// The lifetime of access tokens issued from now on.
    pub(crate) fn set_expires_in(&self, lifetime: Duration) {
        self.shared.state().ledger.set_expires_in(lifetime);
    }

    /// Makes the user's access tokens worthless. The refresh tokens stay good.
    pub(crate) fn revoke_access_tokens(&self, user: &str) {
        self.shared.state().ledger.revoke_access_tokens(user);
    }

    /// Makes all tokens of the user worthless, as when the user withdraws the consent.
    pub(crate) fn revoke_logins(&self, user: &str) {
        self.shared.state().ledger.revoke_logins(user);
    }

    /// How many exchanges gave tokens, whether or not the answer arrived.
    pub(crate) fn exchanges(&self) -> usize {
        self.shared.state().granted.len()
    }

    /// The exchanges that gave tokens, whether or not the answer arrived.
    pub(crate) fn grants(&self) -> Vec<Grant> {
        self.shared.state().granted.clone()
    }

    /// How many exchanges got an OAuth error.
    pub(crate) fn refused_exchanges(&self) -> usize {
        self.shared.state().refused
    }

    /// How many exchanges got HTTP 500.
    pub(crate) fn failed_exchanges(&self) -> usize {
        self.shared.state().failed
    }

    /// Lets the next exchange that has no fault yet go wrong.
    pub(crate) fn inject(&self, fault: ExchangeFault) {
        self.shared.state().faults.push_back(fault);
    }

    /// Holds exchanges that arrive from now on, before anything is carried out.
    pub(crate) fn hold(&self) -> Hold {
        self.shared.before.close()
    }

    /// Carries out exchanges that arrive from now on, and holds their answers.
    pub(crate) fn hold_answers(&self) -> Hold {
        self.shared.after.close()
    }
}

impl Drop for OAuthServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the test and the requests' handlers share.
struct Shared {
    state: Mutex<State>,
    before: GateSlot,
    after: GateSlot,
}

/// What changes with each exchange.
struct State {
    ledger: Ledger,
    faults: VecDeque<ExchangeFault>,
    granted: Vec<Grant>,
    refused: usize,
    failed: usize,
}

impl Shared {
    fn new(rules: Rules) -> Self {
        let ledger = Ledger::new(rules);
        let state = State { ledger, faults: VecDeque::new(), granted: Vec::new(), refused: 0, failed: 0 };
        Self { state: Mutex::new(state), before: GateSlot::default(), after: GateSlot::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }

    /// Carries out one exchange, or the fault that it has.
    fn exchange(&self, form: &HashMap<String, String>) -> http::TokenAnswer {
        let mut state = self.state();
        let fault = state.faults.pop_front();
        if fault == Some(ExchangeFault::ServerError) {
            state.failed += 1;
            return http::TokenAnswer::ServerError;
        }
        let outcome = state.ledger.exchange(form);
        match &outcome {
            Ok(tokens) => state.granted.push(Grant { form: form.clone(), tokens: tokens.clone() }),
            Err(_) => state.refused += 1,
        }
        match (fault, outcome) {
            (Some(_), _) => http::TokenAnswer::Lost,
            (None, Ok(tokens)) => http::TokenAnswer::Granted(tokens),
            (None, Err(refusal)) => http::TokenAnswer::Refused(refusal, state.ledger.rules().errors),
        }
    }
}
