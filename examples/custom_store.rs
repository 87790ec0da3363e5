//! A store of your own on a page, run through the conformance kit.
//!
//! `cargo run --example custom_store`
//!
//! The contract's decisions are pure functions of the library: which stored token is meant ([`LookupPlan`]), and what
//! a save writes ([`OAuthToken::merge_into`], [`OAuthToken::new_record`]). Yours is only where the records lie; here
//! that is a `Vec`, elsewhere a table.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oauth_token_store::{
    ErrorKind, LookupKey, LookupPlan, OAuthToken, StoreError, TokenId, TokenStore, conformance,
};

#[derive(Default)]
struct VecStore {
    records: Mutex<Vec<Arc<OAuthToken>>>,
}

#[async_trait]
impl TokenStore for VecStore {
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let records = self.records.lock().expect("no panic while locked");
        let plan = LookupPlan::of(partial);
        for key in plan.keys() {
            if let Some(hit) = plan.find_hit(key, &*records)? {
                return Ok(Some(hit.clone()));
            }
        }
        Ok(None)
    }

    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        let mut records = self.records.lock().expect("no panic while locked");
        let plan = LookupPlan::of(token);
        for key in plan.keys() {
            if let Some(stored) = plan.save_hit(key, records.iter_mut().map(ByRef))? {
                if let Some(merged) = token.merge_into(stored.0) {
                    *stored.0 = Arc::new(merged);
                }
                return Ok(stored.0.clone());
            }
        }
        let record = Arc::new(token.new_record()?);
        if records.iter().any(|stored| stored.assigned_id() == record.assigned_id()) {
            return Err(StoreError::new(
                ErrorKind::Conflict,
                "the record has rotated away from the token given",
            ));
        }
        records.push(record.clone());
        Ok(record)
    }

    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
        let mut records = self.records.lock().expect("no panic while locked");
        records.retain(|stored| !LookupKey::Id(id).is_held_by(stored));
        Ok(())
    }

    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        Ok(self.records.lock().expect("no panic while locked").clone())
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        self.records.lock().expect("no panic while locked").clear();
        Ok(())
    }

    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        self.find_token(&OAuthToken::builder().id(id).build()?).await
    }
}

/// A record that can be replaced where it stands.
struct ByRef<'a>(&'a mut Arc<OAuthToken>);

impl AsRef<OAuthToken> for ByRef<'_> {
    fn as_ref(&self) -> &OAuthToken {
        self.0
    }
}

#[tokio::main]
async fn main() -> Result<(), conformance::BrokenRules> {
    conformance::check_all(|| async { VecStore::default() }).await?;
    println!("VecStore keeps all {} rules of the contract.", conformance::RULES.len());
    Ok(())
}
