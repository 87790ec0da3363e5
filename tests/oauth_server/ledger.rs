//! Who has which tokens, and what an exchange makes of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::Refusal;
use super::{API_DOMAIN, CLIENT_ID, CLIENT_SECRET, Rules};

/// The span in which refreshes are counted.
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// How long a grant token is good.
const THREE_MINUTES: Duration = Duration::from_secs(180);

/// All tokens that were ever issued.
pub(super) struct Ledger {
    rules: Rules,
    /// The time since the server was started.
    now: Duration,
    families: Vec<Family>,
    /// The family, by index, of each refresh token, good or spent.
    refresh_tokens: HashMap<String, usize>,
    grants: HashMap<String, Grant>,
}

/// All tokens that descend from one login.
struct Family {
    user: String,
    /// The one refresh token that is good; `None` if the family is revoked.
    refresh_token: Option<String>,
    access_tokens: VecDeque<AccessToken>,
    refreshed_at: VecDeque<Duration>,
}

struct AccessToken {
    text: String,
    expires_at: Duration,
}

/// A login that is not finished yet.
struct Grant {
    user: String,
    expires_at: Duration,
}

impl Family {
    fn revoke(&mut self) {
        self.refresh_token = None;
        self.access_tokens.clear();
    }
}

impl Ledger {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            now: Duration::ZERO,
            families: Vec::new(),
            refresh_tokens: HashMap::new(),
            grants: HashMap::new(),
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    pub(super) fn set_expires_in(&mut self, lifetime: Duration) {
        self.rules.expires_in = lifetime;
    }

    pub(super) fn authorize(&mut self, user: &str) -> String {
        let code = new_token();
        let grant = Grant { user: user.to_owned(), expires_at: self.now + THREE_MINUTES };
        self.grants.insert(code.clone(), grant);
        code
    }

    /// Starts a family, and returns its first token response.
    pub(super) fn log_in(&mut self, user: &str) -> Value {
        let family = self.families.len();
        self.families.push(Family {
            user: user.to_owned(),
            refresh_token: None,
            access_tokens: VecDeque::new(),
            refreshed_at: VecDeque::new(),
        });
        let refresh_token = self.issue_refresh_token(family);
        self.token_response(family, Some(refresh_token))
    }

    pub(super) fn revoke_access_tokens(&mut self, user: &str) {
        self.families_of(user).for_each(|family| family.access_tokens.clear());
    }

    pub(super) fn revoke_logins(&mut self, user: &str) {
        self.families_of(user).for_each(Family::revoke);
    }

    /// Whose access token it is, if it is good.
    pub(super) fn user_of(&self, access_token: &str) -> Option<&str> {
        let is_good = |token: &AccessToken| token.text == access_token && token.expires_at > self.now;
        let family = self.families.iter().find(|family| family.access_tokens.iter().any(is_good))?;
        Some(&family.user)
    }

    /// Carries out a request to the token endpoint.
    pub(super) fn exchange(&mut self, form: &HashMap<String, String>) -> Result<Value, Refusal> {
        let parameter = |name| form.get(name).map_or("", String::as_str);
        if parameter("client_id") != CLIENT_ID {
            return Err(Refusal::UnknownClient);
        }
        if parameter("client_secret") != CLIENT_SECRET {
            return Err(Refusal::WrongSecret);
        }
        match parameter("grant_type") {
            "refresh_token" => self.refresh(parameter("refresh_token")),
            "authorization_code" => self.redeem(parameter("code")),
            _ => Err(Refusal::UnsupportedGrantType),
        }
    }

    fn redeem(&mut self, code: &str) -> Result<Value, Refusal> {
        let grant = self.grants.remove(code).filter(|grant| grant.expires_at > self.now);
        Ok(self.log_in(&grant.ok_or(Refusal::InvalidGrant)?.user))
    }

    fn refresh(&mut self, presented: &str) -> Result<Value, Refusal> {
        let index = *self.refresh_tokens.get(presented).ok_or(Refusal::InvalidGrant)?;
        let family = &mut self.families[index];
        if family.refresh_token.as_deref() != Some(presented) {
            if self.rules.reuse_detection {
                // One of the two who have it stole it, and nobody can tell which.
                family.revoke();
            }
            return Err(Refusal::InvalidGrant);
        }
        let now = self.now;
        family.refreshed_at.retain(|at| now - *at < TEN_MINUTES);
        if family.refreshed_at.len() >= self.rules.refreshes_in_ten_minutes {
            return Err(Refusal::TooManyRequests);
        }
        family.refreshed_at.push_back(now);
        let next = self.rules.rotation.then(|| self.issue_refresh_token(index));
        Ok(self.token_response(index, next))
    }

    fn families_of(&mut self, user: &str) -> impl Iterator<Item = &mut Family> {
        self.families.iter_mut().filter(move |family| family.user == user)
    }

    /// The family's next refresh token; the one before is spent with it.
    fn issue_refresh_token(&mut self, family: usize) -> String {
        let token = new_token();
        self.refresh_tokens.insert(token.clone(), family);
        self.families[family].refresh_token = Some(token.clone());
        token
    }

    fn token_response(&mut self, family: usize, refresh_token: Option<String>) -> Value {
        let access_token = new_token();
        let issued = AccessToken { text: access_token.clone(), expires_at: self.now + self.rules.expires_in };
        let active = &mut self.families[family].access_tokens;
        active.push_back(issued);
        while active.len() > self.rules.active_access_tokens {
            active.pop_front();
        }
        let mut response = json!({
            "access_token": access_token,
            "api_domain": API_DOMAIN,
            "token_type": "Bearer",
            "expires_in": self.rules.expires_in.as_secs(),
        });
        if let Some(refresh_token) = refresh_token {
            response["refresh_token"] = refresh_token.into();
        }
        response
    }
}

/// A token in the form of Zoho's.
fn new_token() -> String {
    format!("1000.{}.{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
