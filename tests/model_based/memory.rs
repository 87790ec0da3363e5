//! `MemoryTokenStore` in the state that the secrets are in, and what it makes of each operation: it is the model that the
//! library offers, so it has to keep the contract as it is written down here.

use std::collections::BTreeMap;
use std::sync::Arc;

use oauth_token_store::{
    ErrorKind, MemoryTokenStore, OAuthToken, OAuthTokenBuilder, StoreError, TokenId, TokenStore,
};

use crate::contract::{Asked, Content, Key, content_of};
use crate::judge::{Reached, Saving, View};
use crate::script::tokens_that_name_records;
use crate::truth::{Secret, Secrets, Truth};

/// The model, which follows the truth.
#[derive(Default)]
pub(crate) struct Memory {
    store: MemoryTokenStore,
}

impl Memory {
    /// Brings it into the state of the secrets. `false` if a lagging search has let two records of one id come about, which
    /// the contract has no word for.
    pub(crate) async fn follow(&mut self, truth: &Truth) -> bool {
        if self.contents().await == contents(&truth.now) {
            return true;
        }
        self.store = MemoryTokenStore::new();
        // Those that tokens name first, and as they were born: later ones may hold the same tokens.
        let mut born = Vec::new();
        for pass in ["rga", "i", "u"] {
            for (name, secret) in truth.now.iter().filter(|(name, _)| pass.contains(&name[..1])) {
                match self.store.save_token(&first_token(name, &secret.content)).await {
                    Ok(token) => born.push((token, &secret.content)),
                    Err(_) => return false,
                }
            }
        }
        for (token, content) in born {
            let token = filled(token.to_builder(), content);
            if self.store.save_token(&token).await.is_err() {
                return false;
            }
        }
        self.contents().await == contents(&truth.now)
    }

    async fn contents(&self) -> BTreeMap<String, Content> {
        let tokens = self.store.get_tokens().await.expect("listed");
        tokens.iter().map(|token| (name_of(token), content_of(token))).collect()
    }

    pub(crate) async fn finds(&self, truth: &Truth, partial: &OAuthToken) -> Result<(), String> {
        let found = self.store.find_token(partial).await;
        let reached = View { truth, knowledge: None }.finds(&Asked::new(partial, None));
        judge_find(&found, &reached).map_err(|reason| format!("MemoryTokenStore: {reason}"))
    }

    pub(crate) async fn saves(&self, truth: &Truth, token: &OAuthToken, asked: &Asked) -> Result<(), String> {
        let outcome = self.store.save_token(token).await;
        let mut after = truth.now.clone();
        for (name, content) in self.contents().await {
            if after.get(&name).is_none_or(|secret| secret.content != content) {
                let secret = Secret {
                    arn: "memory".into(),
                    version: "new".into(),
                    created: 0,
                    content,
                    tags: BTreeMap::new(),
                };
                after.insert(name, Arc::new(secret));
            }
        }
        let view = View { truth, knowledge: None };
        let saving = Saving::new(&view, asked, None, true);
        let wrote = saving.has_left(&after);
        let judged = match (&outcome, wrote) {
            (_, Err(reason)) => Err(reason),
            (Ok(token), Ok(wrote)) => {
                saving.may_return(&name_of(token), &content_of(token), wrote.as_deref(), &after)
            }
            (Err(error), Ok(None)) if saving.may_be_refused(error.kind()) => Ok(()),
            (Err(error), Ok(_)) => Err(format!("refused with {}", error.kind())),
        };
        judged.map_err(|reason| format!("MemoryTokenStore: {} {reason}", shown_save(&outcome)))
    }

    pub(crate) async fn deletes(&self, truth: &Truth, id: &TokenId) -> Result<(), String> {
        self.store.delete_token(id).await.map_err(|error| error.to_string())?;
        let mut left = contents(&truth.now);
        let key = Key::Id(id.as_str().to_owned());
        left.retain(|name, content| !key.is_held_by(name, content));
        if self.contents().await == left {
            Ok(())
        } else {
            Err("MemoryTokenStore: deleted something else".into())
        }
    }

    /// What the model holds, as it hands it out.
    pub(crate) fn store(&self) -> &MemoryTokenStore {
        &self.store
    }
}

/// Whether a find may come to this.
pub(crate) fn judge_find(
    found: &Result<Option<Arc<OAuthToken>>, StoreError>,
    reached: &[Reached],
) -> Result<(), String> {
    let is_reached = match found {
        Ok(None) => reached.contains(&Reached::Nothing),
        Ok(Some(token)) => state_of(token, reached).is_some(),
        Err(error) => error.kind() == ErrorKind::Conflict && reached.contains(&Reached::Conflict),
    };
    if is_reached {
        return Ok(());
    }
    Err(format!("{}; it could have come to {}", shown_find(found), shown_reached(reached)))
}

/// The state that a token shows, of those that were reached; the latest.
pub(crate) fn state_of(token: &OAuthToken, reached: &[Reached]) -> Option<Arc<Secret>> {
    let content = content_of(token);
    reached.iter().rev().find_map(|reached| match reached {
        Reached::Record(name, Some(secret)) if *name == name_of(token) && secret.content == content => {
            Some(Arc::clone(secret))
        }
        _ => None,
    })
}

pub(crate) fn name_of(token: &OAuthToken) -> String {
    token.assigned_id().expect("a store has returned it").as_str().to_owned()
}

pub(crate) fn contents(secrets: &Secrets) -> BTreeMap<String, Content> {
    secrets.iter().map(|(name, secret)| (name.clone(), secret.content.clone())).collect()
}

/// A token whose save makes a record of this name, with as little of what it is to hold as possible.
fn first_token(name: &str, content: &Content) -> OAuthToken {
    let get = |field: &str| content.get(field).cloned().unwrap_or_default();
    let builder = OAuthToken::builder();
    let builder = if let Some(key) = tokens_that_name_records().into_iter().find(|key| key.name() == name) {
        match key {
            Key::Grant(client, token) => builder.client_id(client).grant_token(token),
            Key::Refresh(client, token) => builder.client_id(client).refresh_token(token),
            Key::Access(token) => builder.access_token(token),
            Key::Id(_) | Key::User(_) => unreachable!("no token"),
        }
    } else {
        let builder = builder.user_name(get("user_name")).id(get("id")).client_id(get("client_id"));
        let builder = builder.access_token(get("access_token")).refresh_token(get("refresh_token"));
        builder.grant_token(get("grant_token"))
    };
    builder.build().expect("valid")
}

fn filled(mut builder: OAuthTokenBuilder, content: &Content) -> OAuthToken {
    for (field, value) in content {
        builder = match field.as_str() {
            "id" | "user_name" => builder,
            "client_id" => builder.client_id(value),
            "client_secret" => builder.client_secret(value.as_str()),
            "refresh_token" => builder.refresh_token(value.as_str()),
            "access_token" => builder.access_token(value.as_str()),
            "grant_token" => builder.grant_token(value.as_str()),
            "scope" => builder.scope(value),
            "expiry_time" => {
                let millis = value.parse().expect("a number");
                builder.expiry_time(std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis))
            }
            extra => builder.extra(extra, value),
        };
    }
    builder.build().expect("valid")
}

pub(crate) fn shown(content: &Content) -> String {
    let fields: Vec<_> = content.iter().map(|(field, value)| format!("{field}: {value}")).collect();
    format!("{{{}}}", fields.join(", "))
}

fn shown_token(token: &OAuthToken) -> String {
    format!("{} {}", name_of(token), shown(&content_of(token)))
}

pub(crate) fn shown_find(found: &Result<Option<Arc<OAuthToken>>, StoreError>) -> String {
    match found {
        Ok(None) => "found nothing".to_owned(),
        Ok(Some(token)) => format!("found {}", shown_token(token)),
        Err(error) => format!("failed with {}", error.kind()),
    }
}

pub(crate) fn shown_save(outcome: &Result<Arc<OAuthToken>, StoreError>) -> String {
    match outcome {
        Ok(token) => format!("returned {}:", shown_token(token)),
        Err(error) => format!("failed with {}:", error.kind()),
    }
}

pub(crate) fn shown_reached(reached: &[Reached]) -> String {
    let shown: Vec<_> = reached
        .iter()
        .map(|reached| match reached {
            Reached::Record(name, Some(secret)) => format!("{name} {}", shown(&secret.content)),
            Reached::Record(_, None) | Reached::Nothing => "nothing".to_owned(),
            Reached::Conflict => "a conflict".to_owned(),
        })
        .collect();
    shown.join(" or ")
}
