//! Stores that are broken on purpose, one defect each: the kit has to say so, rule by rule.

use std::collections::{BTreeSet, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use oauth_token_store::conformance::{self, RULES, Rule};
use oauth_token_store::secrecy::ExposeSecret;
use oauth_token_store::{
    ErrorKind, LookupKey, LookupPlan, OAuthToken, OAuthTokenBuilder, StoreError, TokenId, TokenStore,
};

/// Every defect, and the rules that have to be seen to break for it (others may break along with them).
const BREAKS: &[(Defect, &[&str])] = &[
    (
        Defect::FindsNothing,
        &[
            "lookup::by_user",
            "lookup::by_id",
            "lookup::by_own_id",
            "lookup::by_own_id_of_a_user",
            "lookup::by_access_token",
        ],
    ),
    (
        Defect::FindsAnybodyWithoutAKey,
        &["lookup::nothing_usable_finds_nothing", "lookup::empty_text_is_absent"],
    ),
    (Defect::FindsAnybodyForAnUnknownId, &["lookup::by_id"]),
    (Defect::FoldsCase, &["lookup::users_are_compared_exactly"]),
    (Defect::ComparesBeginnings, &["lookup::users_are_compared_exactly"]),
    (Defect::NormalizesUnicode, &["lookup::unicode_is_not_normalized"]),
    (Defect::TruncatesUsers, &["lookup::long_users_are_compared_whole"]),
    (Defect::ReadsPatterns, &["lookup::text_is_only_text"]),
    (Defect::ReadsSql, &["lookup::text_is_only_text"]),
    (Defect::DropsOwnIds, &["lookup::by_own_id", "lookup::by_own_id_of_a_user", "delete::by_own_id"]),
    (Defect::AsksForTheIdLast, &["lookup::id_comes_first", "lookup::id_of_a_record_without_user_is_a_hit"]),
    (Defect::AsksForTheIdOnly, &["lookup::id_comes_first"]),
    (Defect::TrustsAnyId, &["lookup::id_of_another_user_is_no_hit"]),
    (Defect::AsksForRefreshBeforeGrant, &["lookup::by_grant_then_refresh_token"]),
    (Defect::IgnoresClientOfTokens, &["lookup::tokens_belong_to_their_client"]),
    (
        Defect::KnowsNamesOnly,
        &[
            "lookup::by_own_id_of_a_user",
            "lookup::by_tokens_of_a_user",
            "lookup::by_rotated_tokens",
            "save::updates_by_own_id_of_a_user",
            "save::updates_by_tokens_of_a_user",
            "identity::the_own_id_of_another_user_is_a_conflict",
        ],
    ),
    (Defect::TrustsNames, &["lookup::former_tokens_are_no_hit"]),
    (Defect::MixesTheQuestionIn, &["lookup::the_question_is_not_in_the_answer"]),
    (Defect::ReturnsTheArgument, &["save::returns_what_is_stored"]),
    (Defect::LosesAField, &["save::every_field_survives"]),
    (Defect::LosesExtras, &["save::extras_survive"]),
    (Defect::Trims, &["save::any_text_survives"]),
    (Defect::KeepsWholeSeconds, &["save::expiry_survives_to_the_millisecond"]),
    (Defect::StoresWithoutAKey, &["save::refuses_without_a_key"]),
    (Defect::StoresEmptyRecords, &["save::refuses_an_empty_record"]),
    (Defect::NeverUpdatesBy("user"), &["save::updates_by_user"]),
    (
        Defect::NeverUpdatesBy("id"),
        &["save::updates_by_id", "save::updates_by_own_id", "save::updates_by_own_id_of_a_user"],
    ),
    (Defect::NeverUpdatesBy("grant"), &["save::updates_by_grant_token"]),
    (Defect::NeverUpdatesBy("refresh"), &["save::updates_by_refresh_token"]),
    (Defect::NeverUpdatesBy("access"), &["save::updates_by_access_token"]),
    (Defect::MatchesTokensOfOthers, &["save::users_with_the_same_tokens_stay_apart"]),
    (Defect::HoldsTen, &["save::an_eleventh_token_works"]),
    (
        Defect::WritesWhatItReadEarlier,
        &[
            "save::rivals_make_one_record_for_a_user",
            "save::rivals_make_one_record_for_a_token",
            "save::rivals_lose_nothing",
        ],
    ),
    (Defect::DeletesOneOfSeveral, &["delete::by_own_id_of_users"]),
    (Defect::NeverReplaces, &["merge::given_fields_replace"]),
    (
        Defect::ErasesAbsentFields,
        &[
            "merge::absent_fields_stay",
            "merge::a_refresh_response_keeps_the_refresh_token",
            "merge::extras_merge_by_name",
        ],
    ),
    (Defect::AddsNoFields, &["merge::new_fields_are_added"]),
    (Defect::ReplacesAllExtras, &["merge::extras_merge_by_name"]),
    (Defect::KeepsTheExpiry, &["merge::a_new_access_token_clears_the_expiry"]),
    (Defect::AlwaysClearsTheExpiry, &["merge::the_same_access_token_keeps_its_expiry"]),
    (Defect::CountsSaves, &["merge::what_is_stored_already_changes_nothing"]),
    (
        Defect::ForgetsWhatWasFound,
        &[
            "merge::an_unmodified_found_token_changes_nothing",
            "merge::two_copies_leave_both_changes",
            "merge::an_old_refresh_token_is_not_put_back",
            "merge::every_returned_token_remembers",
            "delete::deleted_credentials_stay_deleted",
        ],
    ),
    (Defect::ForgetsWhatWasListed, &["merge::every_returned_token_remembers"]),
    (Defect::GivesNewIds, &["identity::ids_are_distinct_and_stay"]),
    (Defect::FindsForAnyClient, &["identity::another_client_is_a_conflict_in_find"]),
    (Defect::SavesForAnyClient, &["identity::another_client_is_a_conflict_in_save"]),
    (Defect::DemandsTheClient, &["identity::an_absent_client_is_no_conflict"]),
    (Defect::AdoptsRecords, &["identity::a_user_for_a_record_without_one_is_a_conflict"]),
    (
        Defect::PassesOverIdsOfOthers,
        &[
            "identity::the_id_of_another_user_is_a_conflict",
            "identity::the_own_id_of_another_user_is_a_conflict",
        ],
    ),
    (Defect::TakesTheGivenId, &["identity::the_stored_id_stays"]),
    (Defect::CreatesUnderAnyId, &["identity::nothing_is_created_under_an_assigned_id"]),
    (Defect::ForgetsNames, &["identity::a_token_rotated_away_is_a_conflict"]),
    (Defect::NumbersRecords, &["identity::the_assigned_id_is_the_locator", "delete::by_assigned_id"]),
    (Defect::MissingIsAnError, &["delete::a_missing_token_is_fine"]),
    (Defect::DeletesNothing, &["delete::a_deleted_token_is_gone"]),
    (Defect::DeletesByNameOnly, &["delete::by_own_id"]),
    (Defect::BringsBackWhatWasFound, &["delete::deleted_credentials_stay_deleted"]),
    (Defect::BringsBackTheDeleted, &["delete::a_deleted_token_can_be_made_anew"]),
    (Defect::EmptyIsAnError, &["list::an_empty_store_is_fine"]),
    (Defect::ListsUsersOnly, &["list::every_kind_of_token_is_listed"]),
    (Defect::ListsTwice, &["list::every_kind_of_token_is_listed"]),
    (Defect::ListsAtMost(20), &["list::more_than_twenty_are_listed"]),
    (Defect::ListsAtMost(100), &["list::more_than_a_hundred_are_listed_and_deleted"]),
    (Defect::DeletesNotAll, &["list::deleting_all_leaves_none"]),
    (Defect::EndsWhenEmptied, &["list::an_emptied_store_works"]),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    FindsNothing,
    FindsAnybodyWithoutAKey,
    FindsAnybodyForAnUnknownId,
    FoldsCase,
    ComparesBeginnings,
    NormalizesUnicode,
    TruncatesUsers,
    ReadsPatterns,
    ReadsSql,
    DropsOwnIds,
    AsksForTheIdLast,
    AsksForTheIdOnly,
    TrustsAnyId,
    AsksForRefreshBeforeGrant,
    IgnoresClientOfTokens,
    KnowsNamesOnly,
    TrustsNames,
    MixesTheQuestionIn,
    ReturnsTheArgument,
    LosesAField,
    LosesExtras,
    Trims,
    KeepsWholeSeconds,
    StoresWithoutAKey,
    StoresEmptyRecords,
    NeverUpdatesBy(&'static str),
    MatchesTokensOfOthers,
    HoldsTen,
    WritesWhatItReadEarlier,
    DeletesOneOfSeveral,
    NeverReplaces,
    ErasesAbsentFields,
    AddsNoFields,
    ReplacesAllExtras,
    KeepsTheExpiry,
    AlwaysClearsTheExpiry,
    CountsSaves,
    ForgetsWhatWasFound,
    ForgetsWhatWasListed,
    GivesNewIds,
    FindsForAnyClient,
    SavesForAnyClient,
    DemandsTheClient,
    AdoptsRecords,
    PassesOverIdsOfOthers,
    TakesTheGivenId,
    CreatesUnderAnyId,
    ForgetsNames,
    NumbersRecords,
    MissingIsAnError,
    DeletesNothing,
    DeletesByNameOnly,
    BringsBackWhatWasFound,
    BringsBackTheDeleted,
    EmptyIsAnError,
    ListsUsersOnly,
    ListsTwice,
    ListsAtMost(usize),
    DeletesNotAll,
    EndsWhenEmptied,
}

#[tokio::test]
async fn every_defect_breaks_its_rules() {
    for &(defect, rules) in BREAKS {
        let store = || async move { Store::new(defect) };
        let chosen = RULES.iter().filter(|rule| rules.contains(&rule.name()));
        let broken = match conformance::check(chosen, store).await {
            Ok(()) => BTreeSet::new(),
            Err(broken) => broken.iter().map(|broken| broken.rule()).collect(),
        };
        let expected: BTreeSet<&str> = rules.iter().copied().collect();
        assert_eq!(broken, expected, "with the defect {defect:?}");
    }
}

/// A new rule without a store that breaks it would prove nothing by being green.
#[test]
fn every_rule_is_broken_by_a_defect() {
    let seen: HashSet<&str> = BREAKS.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    let unseen: Vec<&str> = RULES.iter().map(Rule::name).filter(|rule| !seen.contains(rule)).collect();
    assert!(unseen.is_empty(), "no store is broken in these: {unseen:?}");
}

/// Otherwise the defects might not be what the rules break by.
#[tokio::test]
async fn without_a_defect_every_rule_is_kept() {
    conformance::check_all(|| async { Store::new(Defect::None) }).await.unwrap();
}

#[tokio::test]
async fn a_store_that_numbers_its_records_keeps_the_rules_that_need_no_locators() {
    let rules = RULES.iter().filter(|rule| !rule.needs_locators());
    conformance::check(rules, || async { Store::new(Defect::NumbersRecords) }).await.unwrap();
}

#[tokio::test]
async fn a_store_without_search_keeps_the_rules_that_need_none() {
    let rules = RULES.iter().filter(|rule| !rule.needs_search());
    conformance::check(rules, || async { Store::new(Defect::KnowsNamesOnly) }).await.unwrap();
}

#[tokio::test]
async fn what_broke_is_told_without_what_was_stored() {
    let store = || async { Store::new(Defect::ErasesAbsentFields) };
    let rule = RULES.iter().filter(|rule| rule.name() == "merge::absent_fields_stay");
    let broken = conformance::check(rule, store).await.unwrap_err();
    let shown = format!("{broken} {broken:?}");
    assert!(shown.contains("1 broken rule:\n  merge::absent_fields_stay: "), "{shown}");
    assert!(shown.contains("no refresh_token"), "{shown}");
    assert!(!shown.contains("refresh 1"), "{shown}");
}

#[tokio::test]
async fn an_error_of_the_store_is_told_with_its_kind_and_as_the_source() {
    use std::error::Error;

    let store = || async { Store::new(Defect::MissingIsAnError) };
    let rule = RULES.iter().filter(|rule| rule.name() == "delete::a_missing_token_is_fine");
    let broken = conformance::check(rule, store).await.unwrap_err();
    let broken = broken.iter().next().unwrap();
    assert!(broken.to_string().ends_with("expected no error, got Invalid"), "{broken}");
    assert!(broken.source().unwrap().is::<StoreError>());
    assert!(format!("{broken:?}").contains("no such token"), "{broken:?}");
}

/// A plain store of the contract that has at most one defect.
struct Store {
    defect: Defect,
    records: Mutex<Vec<Arc<OAuthToken>>>,
    deleted: Mutex<Vec<Arc<OAuthToken>>>,
}

/// What a save has decided to do.
enum Write {
    Nothing(Arc<OAuthToken>),
    Update(Arc<OAuthToken>, OAuthToken),
    Insert(OAuthToken),
}

impl Store {
    fn new(defect: Defect) -> Self {
        Self { defect, records: Mutex::default(), deleted: Mutex::default() }
    }

    fn records(&self) -> MutexGuard<'_, Vec<Arc<OAuthToken>>> {
        self.records.lock().unwrap()
    }

    /// The token as this store reads it when it is asked or saved with it.
    fn read(&self, token: &OAuthToken) -> OAuthToken {
        let user = token.user_name().unwrap_or_default();
        let text = |text: Option<&str>| text.unwrap_or_default().trim().to_owned();
        built(match self.defect {
            Defect::NormalizesUnicode => token.to_builder().user_name(user.replace("e\u{301}", "\u{e9}")),
            Defect::TruncatesUsers => {
                token.to_builder().user_name(user.chars().take(255).collect::<String>())
            }
            Defect::DropsOwnIds if token.id().is_some_and(|id| !id.is_store_assigned()) => {
                token.to_builder().id("")
            }
            Defect::Trims => token.to_builder().scope(text(token.scope())),
            Defect::LosesAField => token.to_builder().token_type(""),
            Defect::LosesExtras => without_extras(token),
            Defect::KeepsWholeSeconds => match token.expiry_time() {
                Some(expiry) => {
                    let since = expiry.duration_since(std::time::UNIX_EPOCH).unwrap();
                    let millis = std::time::Duration::from_millis(u64::from(since.subsec_millis()));
                    token.to_builder().expiry_time(expiry - millis)
                }
                None => return token.clone(),
            },
            _ => return token.clone(),
        })
    }

    /// Whether this store would say, as a defect, that a record is what the key means.
    fn mistakes(&self, key: LookupKey<'_>, stored: &OAuthToken) -> bool {
        let stored_user = stored.user_name().unwrap_or_default();
        match (self.defect, key) {
            (Defect::FoldsCase, LookupKey::User(user)) => stored_user.eq_ignore_ascii_case(user),
            (Defect::ComparesBeginnings, LookupKey::User(user)) => stored_user.starts_with(user),
            (Defect::ReadsPatterns, LookupKey::User(user)) => user == "%",
            (Defect::ReadsSql, LookupKey::Id(id)) => id.as_str().contains("or 1=1"),
            (Defect::IgnoresClientOfTokens, LookupKey::Refresh { refresh_token, .. }) => {
                stored.refresh_token().is_some_and(|token| token.expose_secret() == refresh_token)
            }
            (Defect::TrustsNames, key) => stored.assigned_id() == Some(&name_of(key)),
            _ => false,
        }
    }

    /// The records that a key may mean.
    fn candidates(&self, key: LookupKey<'_>) -> Vec<Arc<OAuthToken>> {
        let mut records = self.records().clone();
        if self.defect == Defect::KnowsNamesOnly {
            records.retain(|record| record.assigned_id() == Some(&name_of(key)));
        }
        records
    }

    fn find(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let mut partial = self.read(partial);
        if self.defect == Defect::FindsForAnyClient && partial.client_id().is_some() {
            let any = LookupPlan::of(&partial).keys();
            if any.into_iter().any(|key| matches!(key, LookupKey::Id(_) | LookupKey::User(_))) {
                partial = built(partial.to_builder().client_id(""));
            }
        }
        if self.defect == Defect::TrustsAnyId && partial.id().is_some() {
            partial = built(partial.to_builder().user_name(""));
        }
        let plan = LookupPlan::of(&partial);
        let mut keys: Vec<LookupKey<'_>> = plan.keys().collect();
        match self.defect {
            Defect::FindsNothing => return Ok(None),
            Defect::FindsAnybodyWithoutAKey if keys.is_empty() => {
                return Ok(self.records().first().cloned());
            }
            Defect::AsksForTheIdLast => keys.sort_by_key(|key| matches!(key, LookupKey::Id(_))),
            Defect::AsksForTheIdOnly if partial.id().is_some() => keys.truncate(1),
            Defect::AsksForRefreshBeforeGrant => keys.reverse(),
            _ => {}
        }
        for key in keys {
            let candidates = self.candidates(key);
            if let Some(hit) = candidates.iter().find(|stored| self.mistakes(key, stored)) {
                return Ok(Some(Arc::clone(hit)));
            }
            if let Some(hit) = plan.find_hit(key, candidates)? {
                if self.defect == Defect::DemandsTheClient {
                    demand_client(&partial, &hit)?;
                }
                return Ok(Some(hit));
            }
        }
        Ok(None)
    }

    fn decide(&self, token: &OAuthToken) -> Result<Write, StoreError> {
        let mut asked = token.clone();
        if self.defect == Defect::SavesForAnyClient {
            asked = built(asked.to_builder().client_id(""));
        }
        if self.defect == Defect::AdoptsRecords && asked.id().is_some() {
            asked = built(asked.to_builder().user_name(""));
        }
        if self.defect == Defect::MatchesTokensOfOthers && asked.refresh_token().is_some() {
            asked = built(asked.to_builder().user_name(""));
        }
        let plan = LookupPlan::of(&asked);
        for key in plan.keys() {
            if self.defect == Defect::NeverUpdatesBy(kind_of(key)) {
                continue;
            }
            match plan.save_hit(key, self.candidates(key)) {
                Ok(Some(stored)) => return Ok(self.update(token, stored)),
                Err(_) if self.defect == Defect::PassesOverIdsOfOthers && is_id(key) => {}
                other => drop(other?),
            }
        }
        self.insert(token).map(Write::Insert)
    }

    fn update(&self, token: &OAuthToken, stored: Arc<OAuthToken>) -> Write {
        let update = |merged: Option<OAuthTokenBuilder>| match merged {
            Some(merged) => Write::Update(Arc::clone(&stored), found(merged)),
            None => Write::Nothing(Arc::clone(&stored)),
        };
        let merge = |token: &OAuthToken, stored: &OAuthToken| {
            token.merge_into(stored).map(|merged| merged.to_builder())
        };
        let own_id = stored.id().map(String::from).unwrap_or_default();
        match self.defect {
            Defect::CountsSaves => {
                let count = stored.extra("saves").map_or(0, |count| count.parse().unwrap_or(0));
                let merged = merge(token, &stored).unwrap_or_else(|| stored.to_builder());
                update(Some(merged.extra("saves", format!("{}", count + 1))))
            }
            Defect::NeverReplaces => update(merge(&stored.detached(), token).map(|m| m.id(own_id))),
            Defect::ErasesAbsentFields => update(Some(token.detached().to_builder().id(own_id))),
            Defect::AddsNoFields if stored.client_id().is_none() => {
                update(merge(&built(token.to_builder().client_id("")), &stored))
            }
            Defect::ReplacesAllExtras if token.extras().next().is_some() => {
                update(merge(token, &built(without_extras(&stored))))
            }
            Defect::KeepsTheExpiry => update(merge(token, &stored).map(|merged| {
                match (token.expiry_time(), stored.expiry_time()) {
                    (None, Some(expiry)) => merged.expiry_time(expiry),
                    _ => merged,
                }
            })),
            Defect::AlwaysClearsTheExpiry
                if token.access_token().is_some() && token.expiry_time().is_none() =>
            {
                let merged = token.merge_into(&stored).unwrap_or_else(|| (*stored).clone());
                update(Some(without_expiry(&merged)))
            }
            Defect::GivesNewIds => {
                let number = format!("{}-next", own_id);
                update(merge(token, &stored).map(|merged| merged.id(number)))
            }
            Defect::TakesTheGivenId => update(merge(token, &stored).map(|merged| match token.id() {
                Some(id) => merged.id(id),
                None => merged,
            })),
            _ => update(merge(token, &stored)),
        }
    }

    fn insert(&self, token: &OAuthToken) -> Result<OAuthToken, StoreError> {
        let made = match self.defect {
            Defect::BringsBackWhatWasFound => token.detached().new_record(),
            _ => token.new_record(),
        };
        let stored_anyway = matches!(
            (self.defect, made.as_ref().err().map(StoreError::kind)),
            (Defect::StoresWithoutAKey, Some(ErrorKind::NoLookupKey))
                | (Defect::StoresEmptyRecords, Some(ErrorKind::NothingToStore))
        );
        if stored_anyway {
            return Ok(found(token.detached().to_builder().id("stored anyway")));
        }
        let mut record = made?;
        match self.defect {
            Defect::NumbersRecords => {
                let number = self.records().len() + self.deleted.lock().unwrap().len() + 1;
                // A detached token has no assigned id.
                let plain = record.detached();
                let assigned = plain.id().is_none_or(TokenId::is_store_assigned);
                let plain = plain.to_builder();
                return Ok(found(if assigned { plain.id(number.to_string()) } else { plain }));
            }
            Defect::CreatesUnderAnyId => {
                if let Some(id) = token.id() {
                    record = found(record.to_builder().id(id));
                }
            }
            Defect::BringsBackTheDeleted => {
                let deleted = self.deleted.lock().unwrap();
                if let Some(old) = deleted.iter().find(|old| old.assigned_id() == record.assigned_id()) {
                    record = record.detached().merge_into(old).unwrap_or(record);
                }
            }
            _ => {}
        }
        let named_so = |stored: &Arc<OAuthToken>| stored.assigned_id() == record.assigned_id();
        let rivals_allowed = matches!(
            self.defect,
            Defect::ForgetsNames | Defect::NeverUpdatesBy(_) | Defect::CreatesUnderAnyId
        );
        if !rivals_allowed && self.records().iter().any(named_so) {
            return Err(StoreError::new(ErrorKind::Conflict, "rotated away"));
        }
        Ok(record)
    }

    fn carry_out(&self, write: Write) -> Arc<OAuthToken> {
        let mut records = self.records();
        match write {
            Write::Nothing(stored) => stored,
            Write::Update(old, new) => {
                let new = Arc::new(new);
                // By name, so that a store that writes late overwrites what others have written.
                let same = |record: &&mut Arc<OAuthToken>| record.id() == old.id();
                match records.iter_mut().find(same) {
                    Some(record) => *record = Arc::clone(&new),
                    None => records.push(Arc::clone(&new)),
                }
                new
            }
            Write::Insert(new) => {
                let new = Arc::new(new);
                if self.defect == Defect::HoldsTen && records.len() == 10 {
                    records.pop();
                }
                records.push(Arc::clone(&new));
                new
            }
        }
    }

    fn returned(&self, token: Arc<OAuthToken>) -> Arc<OAuthToken> {
        match self.defect {
            Defect::ForgetsWhatWasFound => Arc::new(token.detached()),
            _ => token,
        }
    }
}

#[async_trait]
impl TokenStore for Store {
    async fn find_token(&self, partial: &OAuthToken) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let hit = self.find(partial)?;
        if self.defect == Defect::MixesTheQuestionIn {
            return Ok(hit.map(|hit| {
                let mixed = partial.detached().merge_into(&hit);
                mixed.map_or(hit, Arc::new)
            }));
        }
        Ok(hit.map(|hit| self.returned(hit)))
    }

    async fn save_token(&self, token: &OAuthToken) -> Result<Arc<OAuthToken>, StoreError> {
        if self.defect == Defect::EndsWhenEmptied && !self.deleted.lock().unwrap().is_empty() {
            return Err(ErrorKind::Unavailable.into());
        }
        let token = self.read(token);
        let write = self.decide(&token)?;
        if matches!(self.defect, Defect::WritesWhatItReadEarlier | Defect::DeletesOneOfSeveral) {
            tokio::task::yield_now().await;
        }
        let stored = self.carry_out(write);
        if self.defect == Defect::ReturnsTheArgument {
            return Ok(Arc::new(token));
        }
        Ok(self.returned(stored))
    }

    async fn delete_token(&self, id: &TokenId) -> Result<(), StoreError> {
        let mut records = self.records();
        let is_meant = |record: &OAuthToken| match self.defect {
            Defect::DeletesByNameOnly => record.assigned_id() == Some(id),
            Defect::KnowsNamesOnly => record.assigned_id() == Some(&name_of(LookupKey::Id(id))),
            Defect::DeletesNothing => false,
            _ => LookupKey::Id(id).is_held_by(record) || self.mistakes(LookupKey::Id(id), record),
        };
        let (mut meant, mut rest): (Vec<_>, Vec<_>) =
            mem::take(&mut *records).into_iter().partition(|record| is_meant(record));
        if self.defect == Defect::DeletesOneOfSeveral && meant.len() > 1 {
            rest.extend(meant.drain(1..));
        }
        *records = rest;
        if self.defect == Defect::MissingIsAnError && meant.is_empty() {
            return Err(StoreError::new(ErrorKind::Invalid, "no such token"));
        }
        self.deleted.lock().unwrap().extend(meant);
        Ok(())
    }

    async fn get_tokens(&self) -> Result<Vec<Arc<OAuthToken>>, StoreError> {
        let mut listed = self.records().clone();
        match self.defect {
            Defect::EmptyIsAnError if listed.is_empty() => {
                return Err(StoreError::new(ErrorKind::Invalid, "no tokens"));
            }
            Defect::ListsUsersOnly => listed.retain(|token| token.user_name().is_some()),
            Defect::ListsTwice => listed.extend(listed.first().cloned()),
            Defect::ListsAtMost(count) => listed.truncate(count),
            Defect::ForgetsWhatWasListed => {
                return Ok(listed.iter().map(|token| Arc::new(token.detached())).collect());
            }
            _ => {}
        }
        Ok(listed.into_iter().map(|token| self.returned(token)).collect())
    }

    async fn delete_tokens(&self) -> Result<(), StoreError> {
        let kept = usize::from(self.defect == Defect::DeletesNotAll);
        let mut records = self.records();
        let kept = kept.min(records.len());
        self.deleted.lock().unwrap().extend(records.drain(kept..));
        Ok(())
    }

    async fn find_token_by_id(&self, id: &TokenId) -> Result<Option<Arc<OAuthToken>>, StoreError> {
        let key = LookupKey::Id(id);
        let records = self.candidates(key);
        let hit = records.iter().find(|record| key.is_held_by(record) || self.mistakes(key, record));
        let hit = match self.defect {
            Defect::FindsAnybodyForAnUnknownId => hit.or(records.first()),
            _ => hit,
        };
        Ok(hit.map(|hit| self.returned(Arc::clone(hit))))
    }
}

fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().unwrap()
}

fn found(token: OAuthTokenBuilder) -> OAuthToken {
    built(token).into_found(None)
}

fn without_extras(token: &OAuthToken) -> OAuthTokenBuilder {
    token.extras().fold(token.to_builder(), |builder, (name, _)| builder.extra(name, ""))
}

/// A copy of the token with all but its expiry, which no setter takes away.
fn without_expiry(token: &OAuthToken) -> OAuthTokenBuilder {
    let secret = |secret: Option<&oauth_token_store::secrecy::SecretString>| {
        secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default()
    };
    OAuthToken::builder()
        .id(token.id().map(String::from).unwrap_or_default())
        .user_name(token.user_name().unwrap_or_default())
        .client_id(token.client_id().unwrap_or_default())
        .refresh_token(secret(token.refresh_token()))
        .access_token(secret(token.access_token()))
        .scope(token.scope().unwrap_or_default())
}

fn demand_client(asked: &OAuthToken, stored: &OAuthToken) -> Result<(), StoreError> {
    if asked.client_id() == stored.client_id() { Ok(()) } else { Err(ErrorKind::Conflict.into()) }
}

fn is_id(key: LookupKey<'_>) -> bool {
    matches!(key, LookupKey::Id(_))
}

fn kind_of(key: LookupKey<'_>) -> &'static str {
    match key {
        LookupKey::Id(_) => "id",
        LookupKey::User(_) => "user",
        LookupKey::Grant { .. } => "grant",
        LookupKey::Refresh { .. } => "refresh",
        LookupKey::Access(_) => "access",
        _ => "unknown",
    }
}

/// The assigned id of the record that a key names.
fn name_of(key: LookupKey<'_>) -> TokenId {
    let token = OAuthToken::builder();
    let token = match key {
        LookupKey::Id(id) if id.is_store_assigned() => return id.clone(),
        LookupKey::Id(id) => token.id(id).access_token("a"),
        LookupKey::User(user) => token.user_name(user).access_token("a"),
        LookupKey::Grant { client_id, grant_token, .. } => {
            token.client_id(client_id).grant_token(grant_token)
        }
        LookupKey::Refresh { client_id, refresh_token, .. } => {
            token.client_id(client_id).refresh_token(refresh_token)
        }
        LookupKey::Access(access_token) => token.access_token(access_token),
        other => panic!("a new kind of key: {other:?}"),
    };
    built(token).new_record().unwrap().assigned_id().unwrap().clone()
}
