//! The table of all rules.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::{Broken, delete, identity, list, lookup, merge, save};
use crate::contract::TokenStore;

type Verdict<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'a>>;

/// A rule of the contract, with the function that checks it.
pub struct Rule {
    name: &'static str,
    description: &'static str,
    needs_search: bool,
    needs_locators: bool,
    stores_many: bool,
    check: for<'a> fn(&'a dyn TokenStore) -> Verdict<'a>,
}

impl Rule {
    const fn new(
        name: &'static str,
        description: &'static str,
        check: for<'a> fn(&'a dyn TokenStore) -> Verdict<'a>,
    ) -> Self {
        Self { name, description, needs_search: false, needs_locators: false, stores_many: false, check }
    }

    const fn searching(mut self) -> Self {
        self.needs_search = true;
        self
    }

    const fn with_locators(mut self) -> Self {
        self.needs_locators = true;
        self
    }

    const fn with_many(mut self) -> Self {
        self.stores_many = true;
        self
    }

    /// The module and function of the rule, such as `lookup::by_user`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The rule in one line.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// Whether it looks a record up by something that neither names it nor is its store-assigned id: an own id of a
    /// user's record, or a token that the record was not made with.
    ///
    /// [`SecretsManagerTokenStore`](crate::SecretsManagerTokenStore) goes by a tag search there, which is best
    /// effort, and which `tag_search(false)` turns off.
    pub fn needs_search(&self) -> bool {
        self.needs_search
    }

    /// Whether it asks for ids that are locators, such as [`TokenId::of_user`](crate::TokenId::of_user) gives, or
    /// for a record to remember the token that it was named by.
    ///
    /// Leave these out for a store that assigns ids of another form.
    pub fn needs_locators(&self) -> bool {
        self.needs_locators
    }

    /// Whether it stores more than a hundred tokens.
    pub fn stores_many(&self) -> bool {
        self.stores_many
    }

    /// Runs the rule on an empty store.
    ///
    /// # Errors
    /// [`Broken`] if the store breaks the rule, or if it is seen not to be empty: nothing is saved or deleted then.
    pub async fn run(&self, store: &dyn TokenStore) -> Result<(), Broken> {
        // A store that cannot list is told so by the rules that need it to.
        match store.get_tokens().await {
            Ok(tokens) if !tokens.is_empty() => Err(Broken::not_empty(self.name, tokens.len())),
            _ => (self.check)(store).await,
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("needs_search", &self.needs_search)
            .field("needs_locators", &self.needs_locators)
            .field("stores_many", &self.stores_many)
            .finish_non_exhaustive()
    }
}

macro_rules! rule {
    ($module:ident :: $function:ident, $description:literal) => {
        Rule::new(concat!(stringify!($module), "::", stringify!($function)), $description, |store| {
            Box::pin($module::$function(store))
        })
    };
}

/// Every rule of the contract. A minor version of this crate may add some.
pub const RULES: &[Rule] = &[
    rule!(lookup::by_user, "user_name: exactly that user, whatever else is given"),
    rule!(
        lookup::users_are_compared_exactly,
        "exactly that user, case-sensitive: bob is neither Bob nor bobby, user-1 is not user-10"
    ),
    rule!(
        lookup::unicode_is_not_normalized,
        "exactly that user, raw UTF-8: composed and decomposed characters differ"
    ),
    rule!(
        lookup::long_users_are_compared_whole,
        "exactly that user: names of 300 characters may differ in the last one"
    ),
    rule!(
        lookup::text_is_only_text,
        "what a user, a token or an id holds is never read as a query, a pattern or a path"
    ),
    rule!(lookup::by_id, "find_token_by_id: one token, or none; the same by an id within a token"),
    rule!(lookup::by_own_id, "an own id leads to the record without a user that was made with it"),
    rule!(lookup::by_own_id_of_a_user, "an own id leads to the user's record that was made with it")
        .searching(),
    rule!(lookup::id_comes_first, "id: the id first, then what the other rows give"),
    rule!(lookup::id_of_another_user_is_no_hit, "a hit by id with another user than the one given is no hit"),
    rule!(
        lookup::id_of_a_record_without_user_is_a_hit,
        "a hit by id counts, whatever user is given, if the stored token has none"
    ),
    rule!(
        lookup::by_access_token,
        "access_token, and no client_id or client_secret: exactly that access token"
    ),
    rule!(
        lookup::by_grant_then_refresh_token,
        "client_id, and grant_token or refresh_token: the grant token, then the refresh token"
    ),
    rule!(
        lookup::tokens_belong_to_their_client,
        "a grant or refresh token is looked up as one of the client given"
    ),
    rule!(
        lookup::by_tokens_of_a_user,
        "a grant, refresh or access token leads to the user's record that holds it"
    )
    .searching(),
    rule!(lookup::by_rotated_tokens, "a record is found by the refresh and access token that it holds now")
        .searching(),
    rule!(
        lookup::former_tokens_are_no_hit,
        "a hit counts only if the stored value holds the token that was asked for"
    ),
    rule!(lookup::nothing_usable_finds_nothing, "nothing usable in the token: none, never somebody's row"),
    rule!(lookup::empty_text_is_absent, "an empty string counts as absent in every field"),
    rule!(
        lookup::the_question_is_not_in_the_answer,
        "find never mixes the fields of its argument into the result"
    ),
    rule!(save::returns_what_is_stored, "save_token returns what is now stored, its id included"),
    rule!(save::every_field_survives, "every field comes back as it was saved"),
    rule!(save::extras_survive, "provider extras come back by name"),
    rule!(save::any_text_survives, "any text but NUL comes back as it was saved, long values too"),
    rule!(
        save::expiry_survives_to_the_millisecond,
        "expiry_time is an absolute instant, truncated to milliseconds"
    ),
    rule!(save::refuses_without_a_key, "nothing usable in the token: NoLookupKey, and nothing is stored"),
    rule!(
        save::refuses_an_empty_record,
        "no record is made without a refresh, grant or access token: NothingToStore"
    ),
    rule!(save::updates_by_user, "save: the record that the user leads to, else a new one"),
    rule!(save::updates_by_id, "save: the record that the returned id leads to"),
    rule!(save::updates_by_own_id, "save: the record without a user that an own id leads to"),
    rule!(save::updates_by_own_id_of_a_user, "save: the user's record that an own id leads to").searching(),
    rule!(save::updates_by_grant_token, "save: the record that the grant token leads to"),
    rule!(save::updates_by_refresh_token, "save: the record that the refresh token leads to"),
    rule!(save::updates_by_access_token, "save: the record that the access token leads to"),
    rule!(
        save::updates_by_tokens_of_a_user,
        "save: the user's record that a grant, refresh or access token leads to"
    )
    .searching(),
    rule!(
        save::users_with_the_same_tokens_stay_apart,
        "user_name: exactly that user, in a save too, whoever else holds the same tokens"
    ),
    rule!(save::an_eleventh_token_works, "an eleventh token works as the first one does"),
    rule!(
        save::rivals_make_one_record_for_a_user,
        "never two records for one user, whoever saves at the same time"
    ),
    rule!(
        save::rivals_make_one_record_for_a_token,
        "never two records for one locator, whoever saves at the same time"
    ),
    rule!(save::rivals_lose_nothing, "saves at the same time lose nothing of each other"),
    rule!(merge::given_fields_replace, "a given field replaces the stored one"),
    rule!(merge::absent_fields_stay, "an absent field keeps the stored one"),
    rule!(merge::new_fields_are_added, "a given field is added where none is stored"),
    rule!(merge::extras_merge_by_name, "provider extras are replaced and kept one by one"),
    rule!(
        merge::a_refresh_response_keeps_the_refresh_token,
        "a refresh response without a refresh token never erases it"
    ),
    rule!(
        merge::a_new_access_token_clears_the_expiry,
        "an access_token that differs, given without expiry_time, clears the old expiry"
    ),
    rule!(
        merge::the_same_access_token_keeps_its_expiry,
        "an access_token that equals the stored one keeps its expiry"
    ),
    rule!(
        merge::what_is_stored_already_changes_nothing,
        "a save of what is stored already changes nothing and returns it"
    ),
    rule!(
        merge::an_unmodified_found_token_changes_nothing,
        "fields that equal what was found count as not given when a token is saved"
    ),
    rule!(
        merge::two_copies_leave_both_changes,
        "saves of different fields from two copies of one found token leave both changes"
    ),
    rule!(
        merge::an_old_refresh_token_is_not_put_back,
        "find, change one field, save never puts an old refresh token back"
    ),
    rule!(
        merge::every_returned_token_remembers,
        "a token remembers what it was found as, whichever operation returned it"
    ),
    rule!(identity::ids_are_distinct_and_stay, "each record has an id of its own, and it stays"),
    rule!(
        identity::another_client_is_a_conflict_in_find,
        "a hit whose client_id differs from the one given is Conflict, whatever the key: in find"
    ),
    rule!(
        identity::another_client_is_a_conflict_in_save,
        "a hit whose client_id differs from the one given is Conflict, and nothing is overwritten"
    ),
    rule!(identity::an_absent_client_is_no_conflict, "a client_id conflicts only with one that is present"),
    rule!(
        identity::a_user_for_a_record_without_one_is_a_conflict,
        "a user given for a stored token without one is Conflict"
    ),
    rule!(
        identity::the_id_of_another_user_is_a_conflict,
        "an id that another user's record holds is Conflict, whether the user has a record or not"
    ),
    rule!(
        identity::the_own_id_of_another_user_is_a_conflict,
        "an own id that another user's record holds is Conflict"
    )
    .searching(),
    rule!(
        identity::the_stored_id_stays,
        "an id that isn't there, where the user's record has another: the stored id stays"
    ),
    rule!(
        identity::nothing_is_created_under_an_assigned_id,
        "no record is ever created under an id of the store-assigned form by asking for it"
    ),
    rule!(
        identity::a_token_rotated_away_is_a_conflict,
        "a save by a token that its record has rotated away from is Conflict"
    )
    .with_locators(),
    rule!(
        identity::the_assigned_id_is_the_locator,
        "a record is named by its user, else its own id, else its token; that locator is its id"
    )
    .with_locators(),
    rule!(delete::a_missing_token_is_fine, "delete_token: a missing one is not an error"),
    rule!(
        delete::a_deleted_token_is_gone,
        "a deleted token is gone from find, find by id and the list, and only it is"
    ),
    rule!(delete::by_own_id, "delete_token by an own id deletes the record without a user"),
    rule!(delete::by_own_id_of_users, "delete_token by an own id deletes every record that holds it")
        .searching(),
    rule!(delete::by_assigned_id, "a logout needs no find: delete_token by the user's assigned id")
        .with_locators(),
    rule!(
        delete::deleted_credentials_stay_deleted,
        "a token found before its record was deleted does not bring it back, changed or not"
    ),
    rule!(
        delete::a_deleted_token_can_be_made_anew,
        "a deleted token can be made anew, with nothing of the old one"
    ),
    rule!(list::an_empty_store_is_fine, "an empty store lists nothing and can be emptied"),
    rule!(list::every_kind_of_token_is_listed, "get_tokens: all tokens, each once and in full"),
    rule!(list::more_than_twenty_are_listed, "get_tokens: all of more than twenty, each once"),
    rule!(
        list::more_than_a_hundred_are_listed_and_deleted,
        "get_tokens and delete_tokens: all of more than a hundred"
    )
    .with_many(),
    rule!(list::deleting_all_leaves_none, "delete_tokens deletes them all"),
    rule!(list::an_emptied_store_works, "after delete_tokens the store works as a new one does"),
];
