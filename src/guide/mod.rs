//! Guides: each answers one question that comes with using the store, and says first what to do and then why.
//!
//! | question | guide |
//! |---|---|
//! | How do I get it into production? | [`first_deployment`] |
//! | Which prefix do I take, and how do I move to another one, or to another OAuth client? | [`prefixes`] |
//! | Which stored token does a lookup or a save mean, and what if a save fails? | [`finding_and_saving`] |
//! | How do I keep access tokens fresh, and what do I do about a 401 or a rotated refresh token? | [`refreshing`] |
//! | How old may a token be that a find shows, and which time to live do I choose? | [`freshness`] |
//! | What happens when Secrets Manager is down? | [`outages`] |
//! | How do I log a user out? | [`logging_out`] |
//! | What do names, tags and logs tell about users, and where does the client secret go? | [`privacy`] |
//! | What does it cost, how fast is it, and how far does it go? | [`costs`] |
//! | How do I test an application that uses it? | [`testing`] |
//! | What is stored, exactly? | [`layout`] |
//! | What does it not promise? | [`limits`] |
//!
//! There is nothing but text in these modules. Their snippets are compiled by the tests, and run on the embedded Secrets Manager
//! where they can be.

// The links stand twice: here for rustdoc, and, after these and so without effect in rustdoc, in the files for those who
// read them in the repository.

/// From nothing to tokens in production, step by step.
///
/// [prefixes]: crate::guide::prefixes
/// [`ErrorKind::AccessDenied`]: crate::ErrorKind::AccessDenied
/// [`SecretsManagerTokenStore::from_env`]: crate::SecretsManagerTokenStore::from_env
/// [privacy]: crate::guide::privacy
/// [outages]: crate::guide::outages
/// [`stats()`]: crate::SecretsManagerTokenStore::stats
/// [`StoreStats`]: crate::StoreStats
/// [costs]: crate::guide::costs
/// [refreshing]: crate::guide::refreshing
///
#[doc = include_str!("first_deployment.md")]
pub mod first_deployment {}

/// Choosing a prefix, and moving to another one or to another OAuth client.
///
/// [`ErrorKind::Conflict`]: crate::ErrorKind::Conflict
/// [privacy]: crate::guide::privacy
/// [`OAuthToken::detached`]: crate::OAuthToken::detached
/// [`delete_tokens`]: crate::TokenStore::delete_tokens
/// [`ErrorKind::NoLookupKey`]: crate::ErrorKind::NoLookupKey
/// [`TokenStore`]: crate::TokenStore
///
#[doc = include_str!("prefixes.md")]
pub mod prefixes {}

/// Which token a lookup or a save means, what a save changes, and what to do when it fails.
///
/// [`to_builder`]: crate::OAuthToken::to_builder
/// [`ErrorKind::Conflict`]: crate::ErrorKind::Conflict
/// [prefixes]: crate::guide::prefixes
/// [`LookupPlan`]: crate::LookupPlan
/// [`OAuthToken::assigned_id`]: crate::OAuthToken::assigned_id
/// [`TokenId::of_user`]: crate::TokenId::of_user
/// [limits]: crate::guide::limits
/// [`StoreError::is_retryable`]: crate::StoreError::is_retryable
/// [`StoreError::service_error`]: crate::StoreError::service_error
/// [`ErrorKind::Deleted`]: crate::ErrorKind::Deleted
/// [logging_out]: crate::guide::logging_out
///
#[doc = include_str!("finding_and_saving.md")]
pub mod finding_and_saving {}

/// Keeping access tokens fresh; a 401 from the API; rotated refresh tokens.
///
/// [`refresh_with`]: crate::SecretsManagerTokenStore::refresh_with
/// [`zoho`]: crate::zoho
/// [outages]: crate::guide::outages
/// [`ErrorKind::Deleted`]: crate::ErrorKind::Deleted
/// [logging_out]: crate::guide::logging_out
/// [finding_and_saving]: crate::guide::finding_and_saving
///
#[doc = include_str!("refreshing.md")]
pub mod refreshing {}

/// How old a token may be that a find shows, and the time to live to choose.
///
/// [`time_to_live`]: crate::SecretsManagerTokenStoreBuilder::time_to_live
/// [`reload`]: crate::SecretsManagerTokenStore::reload
/// [refreshing]: crate::guide::refreshing
/// [logging_out]: crate::guide::logging_out
/// [limits]: crate::guide::limits
///
#[doc = include_str!("freshness.md")]
pub mod freshness {}

/// What goes on while Secrets Manager fails, and what does not.
///
/// [`StoreStats`]: crate::StoreStats
/// [`max_stale`]: crate::SecretsManagerTokenStoreBuilder::max_stale
/// [refreshing]: crate::guide::refreshing
///
#[doc = include_str!("outages.md")]
pub mod outages {}

/// Ending a login, here and in other processes.
///
/// [`TokenId::of_user`]: crate::TokenId::of_user
/// [limits]: crate::guide::limits
/// [`ErrorKind::Deleted`]: crate::ErrorKind::Deleted
/// [`RefreshError::token`]: crate::RefreshError::token
/// [freshness]: crate::guide::freshness
/// [`delete_tokens`]: crate::TokenStore::delete_tokens
/// [privacy]: crate::guide::privacy
///
#[doc = include_str!("logging_out.md")]
pub mod logging_out {}

/// What names, tags and logs tell, what protects the value, and where the client secret goes.
///
/// [`TokenId::of_user`]: crate::TokenId::of_user
/// [`index_access_tokens`]: crate::SecretsManagerTokenStoreBuilder::index_access_tokens
/// [`kms_key_id`]: crate::SecretsManagerTokenStoreBuilder::kms_key_id
/// [`OAuthToken`]: crate::OAuthToken
/// [limits]: crate::guide::limits
/// [prefixes]: crate::guide::prefixes
///
#[doc = include_str!("privacy.md")]
pub mod privacy {}

/// Money, requests, time and memory, and where Secrets Manager stops being the right place.
#[doc = include_str!("costs.md")]
pub mod costs {}

/// Stores for tests: in memory, and the real one on the embedded Secrets Manager.
///
/// [`MemoryTokenStore`]: crate::MemoryTokenStore
///
#[doc = include_str!("testing.md")]
pub mod testing {}

/// Names, values and tags of the secrets, for other programs.
#[doc = include_str!("layout.md")]
pub mod layout {}

/// What is not promised, and what to do about it.
///
/// [`OAuthToken::assigned_id`]: crate::OAuthToken::assigned_id
/// [`ErrorKind::QuotaExceeded`]: crate::ErrorKind::QuotaExceeded
///
#[doc = include_str!("limits.md")]
pub mod limits {}
