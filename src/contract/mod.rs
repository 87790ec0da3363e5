//! What a token store promises, without any input or output.
//!
//! Everything that decides something lives here as types and pure functions, shared by every store:
//!
//! - [`OAuthToken`], its builder, and what a token endpoint's response turns into;
//! - [`LookupPlan`]: which stored token a partly filled one stands for;
//! - [`OAuthToken::merge_into`] and [`OAuthToken::new_record`]: what a save writes;
//! - [`TokenId`] and the locators behind it;
//! - [`TokenStore`], the six operations, and [`StoreError`].

mod builder;
mod error;
mod fields;
mod json_object;
mod locator;
mod lookup;
mod save;
mod store;
mod token;
mod token_id;
mod token_response;

pub use builder::OAuthTokenBuilder;
pub use error::{ErrorKind, StoreError};
pub use lookup::{LookupKey, LookupPlan};
pub use store::{TokenStore, TokenStoreExt};
pub use token::OAuthToken;
pub use token_id::TokenId;
pub use token_response::TokenResponseError;

pub(crate) use fields::{Extra, Field, Fields, epoch_millis, from_epoch_millis};
pub(crate) use json_object::{Member, Written, parse_object, write_object};
pub(crate) use locator::{Locator, LocatorKind};
pub(crate) use token::UnfinishedSave;
