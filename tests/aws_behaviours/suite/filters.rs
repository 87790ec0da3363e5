//! The filters of ListSecrets.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType as Key};

use crate::behaviour::Source::{Api, Guide, Recorded, Undocumented};
use crate::behaviour::behaviours;
use crate::service::*;
use crate::suite::tags::tag;

behaviours! { filters:
    a_name_filter_finds_every_name_that_begins_so: Api("Filter", "Key, name");
    a_name_filter_is_case_sensitive: Api("Filter", "Key, name");
    a_name_filter_does_not_look_inside_of_names: Recorded("test_list_secrets_filtering");
    a_tag_key_filter_finds_every_key_that_begins_so: Api("Filter", "Key, tag-key");
    a_tag_value_filter_finds_every_value_that_begins_so: Api("Filter", "Key, tag-value");
    tag_filters_are_case_sensitive: Api("Filter", "Key, tag-key and tag-value");
    tag_key_and_tag_value_need_not_be_of_one_tag: Undocumented("filters know nothing of each other");
    several_values_of_a_filter_are_alternatives: Undocumented("values are ORed");
    several_filters_must_all_match: Recorded("test_list_secrets_filtering");
    an_exclamation_mark_negates_a_name: Recorded("test_list_secrets_filtering");
    an_exclamation_mark_negates_a_tag_key: Api("Filter", "Values");
    an_exclamation_mark_negates_a_tag_value: Api("Filter", "Values");
    an_exclamation_mark_negates_a_word_of_a_description: Recorded("test_list_secrets_filtering");
    a_description_filter_is_not_case_sensitive: Api("Filter", "Key, description");
    a_description_filter_finds_any_word_that_begins_so: Recorded("test_list_secrets_filtering");
    a_description_filter_does_not_look_inside_of_words: Recorded("test_list_secrets_filtering");
    the_words_of_a_description_filter_each_begin_some_word: Recorded("test_list_secrets_filtering");
    the_words_of_a_description_filter_may_be_apart: Guide("manage_search-secret", "Search filters, Description");
    the_filter_all_searches_names_descriptions_and_tags: Api("Filter", "Key, all");
    the_filter_all_is_not_case_sensitive: Api("Filter", "Key, all");
    the_filter_all_finds_any_of_its_words: Guide("manage_search-secret", "Search filters");
    the_filter_all_breaks_words_at_punctuation: Guide("manage_search-secret", "first paragraph");
    no_value_after_an_exclamation_mark_may_match: Undocumented("negated values are not alternatives");
    nothing_has_an_owning_service: Api("Filter", "Key, owning-service");
    what_is_not_replicated_has_no_primary_region: Api("Filter", "Key, primary-region");
    a_filter_without_a_match_finds_nothing: Undocumented("an empty list");
    ten_filters_are_accepted_and_eleven_refused: Api("ListSecrets", "Filters, Array Members");
    ten_values_are_accepted_and_eleven_refused: Api("Filter", "Values, Array Members");
    a_filter_needs_a_value: Api("Filter", "Values, Array Members");
    a_filter_value_has_a_set_of_characters: Api("Filter", "Values, Pattern");
    a_filter_value_has_at_most_512_characters: Api("Filter", "Values, Length Constraints");
    an_unknown_filter_key_is_refused: Api("Filter", "Key, Valid Values");
}

async fn named(aws: &Service, names: &[&str]) {
    for name in names {
        aws.create_empty(name).await;
    }
}

/// A filter by the beginning of a name, relative to the behaviour's own prefix.
fn by_name(aws: &Service, prefix: &str) -> Filter {
    filter(Key::Name, &[&aws.id(prefix)])
}

async fn a_name_filter_finds_every_name_that_begins_so(aws: Service) {
    named(&aws, &["user-1", "user-10", "user-2"]).await;
    aws.finds(&[by_name(&aws, "user-1")], &["user-1", "user-10"]).await;
}

async fn a_name_filter_is_case_sensitive(aws: Service) {
    named(&aws, &["user-1", "User-1"]).await;
    aws.finds(&[by_name(&aws, "user")], &["user-1"]).await;
}

async fn a_name_filter_does_not_look_inside_of_names(aws: Service) {
    named(&aws, &["user-1", "my/user-1"]).await;
    aws.finds(&[by_name(&aws, "user")], &["user-1"]).await;
    aws.finds(&[filter(Key::Name, &["user"])], &[]).await;
}

/// Two secrets with tags: `one` (env=prod, team=blue) and `two` (env=test, prod=yes).
async fn tagged(aws: &Service) {
    for (name, tags) in
        [("one", [("env", "prod"), ("team", "blue")]), ("two", [("env", "test"), ("prod", "yes")])]
    {
        let tags = tags.map(|(key, value)| tag(key, value));
        answer(aws.creation_of_nothing(name).set_tags(Some(tags.into())).send().await);
    }
}

async fn a_tag_key_filter_finds_every_key_that_begins_so(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::TagKey, &["te"])], &["one"]).await;
    aws.finds(&[filter(Key::TagKey, &["env"])], &["one", "two"]).await;
}

async fn a_tag_value_filter_finds_every_value_that_begins_so(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::TagValue, &["te"])], &["two"]).await;
    aws.finds(&[filter(Key::TagValue, &["prod"])], &["one"]).await;
}

async fn tag_filters_are_case_sensitive(aws: Service) {
    tagged(&aws).await;
    aws.all_listed(2).await;
    aws.finds(&[filter(Key::TagKey, &["Env"])], &[]).await;
    aws.finds(&[filter(Key::TagValue, &["Prod"])], &[]).await;
}

async fn tag_key_and_tag_value_need_not_be_of_one_tag(aws: Service) {
    tagged(&aws).await;
    // No tag of `two` is env=yes.
    aws.finds(&[filter(Key::TagKey, &["env"]), filter(Key::TagValue, &["yes"])], &["two"]).await;
}

async fn several_values_of_a_filter_are_alternatives(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::TagValue, &["blue", "yes"])], &["one", "two"]).await;
}

async fn several_filters_must_all_match(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::TagValue, &["blue", "yes"]), by_name(&aws, "one")], &["one"]).await;
    aws.finds(&[filter(Key::TagValue, &["blue"]), by_name(&aws, "two")], &[]).await;
}

async fn an_exclamation_mark_negates_a_name(aws: Service) {
    named(&aws, &["one", "two"]).await;
    aws.finds(&[filter(Key::Name, &[&format!("!{}", aws.id("one"))])], &["two"]).await;
}

async fn an_exclamation_mark_negates_a_tag_key(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::TagKey, &["!prod"])], &["one"]).await;
}

async fn an_exclamation_mark_negates_a_tag_value(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::TagValue, &["!blue"])], &["two"]).await;
}

/// Four secrets with descriptions.
async fn described(aws: &Service) {
    let descriptions = [("1", "a secret"), ("2", "an secret"), ("3", "asecret"), ("4", "the Secret")];
    for (name, description) in descriptions {
        answer(aws.creation_of_nothing(name).description(description).send().await);
    }
}

fn by_description(words: &str) -> Filter {
    filter(Key::Description, &[words])
}

async fn an_exclamation_mark_negates_a_word_of_a_description(aws: Service) {
    described(&aws).await;
    aws.finds(&[by_description("!a")], &["4"]).await;
    aws.finds(&[by_description("!c")], &["1", "2", "3", "4"]).await;
}

async fn a_description_filter_is_not_case_sensitive(aws: Service) {
    described(&aws).await;
    aws.finds(&[by_description("THE")], &["4"]).await;
    aws.finds(&[by_description("secret")], &["1", "2", "4"]).await;
}

async fn a_description_filter_finds_any_word_that_begins_so(aws: Service) {
    described(&aws).await;
    aws.finds(&[by_description("a")], &["1", "2", "3"]).await;
    aws.finds(&[by_description("sec")], &["1", "2", "4"]).await;
}

async fn a_description_filter_does_not_look_inside_of_words(aws: Service) {
    described(&aws).await;
    aws.all_listed(4).await;
    aws.finds(&[by_description("ecret")], &[]).await;
}

async fn the_words_of_a_description_filter_each_begin_some_word(aws: Service) {
    described(&aws).await;
    aws.finds(&[by_description("a secret")], &["1", "2"]).await;
}

async fn the_words_of_a_description_filter_may_be_apart(aws: Service) {
    for (name, description) in
        [("1", "My basic description"), ("2", "Description of my secret"), ("3", "my secret")]
    {
        answer(aws.creation_of_nothing(name).description(description).send().await);
    }
    aws.finds(&[by_description("My Description")], &["1", "2"]).await;
}

async fn the_filter_all_searches_names_descriptions_and_tags(aws: Service) {
    named(&aws, &["zebra"]).await;
    answer(aws.creation_of_nothing("b").description("a zebra").send().await);
    answer(aws.creation_of_nothing("c").tags(tag("zebra", "")).send().await);
    answer(aws.creation_of_nothing("d").tags(tag("k", "zebra")).send().await);
    named(&aws, &["e"]).await;
    aws.finds(&[filter(Key::All, &["zebra"])], &["b", "c", "d", "zebra"]).await;
}

async fn the_filter_all_is_not_case_sensitive(aws: Service) {
    tagged(&aws).await;
    aws.finds(&[filter(Key::All, &["BLUE"])], &["one"]).await;
}

async fn the_filter_all_finds_any_of_its_words(aws: Service) {
    tagged(&aws).await;
    named(&aws, &["three"]).await;
    aws.finds(&[filter(Key::All, &["blue yes"])], &["one", "two"]).await;
}

async fn the_filter_all_breaks_words_at_punctuation(aws: Service) {
    tagged(&aws).await;
    named(&aws, &["three"]).await;
    aws.finds(&[filter(Key::All, &["blue_yes"])], &["one", "two"]).await;
}

async fn nothing_has_an_owning_service(aws: Service) {
    tagged(&aws).await;
    aws.all_listed(2).await;
    aws.finds(&[filter(Key::OwningService, &["a"])], &[]).await;
}

async fn what_is_not_replicated_has_no_primary_region(aws: Service) {
    tagged(&aws).await;
    aws.all_listed(2).await;
    aws.finds(&[filter(Key::PrimaryRegion, &["us"])], &[]).await;
    aws.finds(&[filter(Key::PrimaryRegion, &["!us"])], &["one", "two"]).await;
}

async fn no_value_after_an_exclamation_mark_may_match(aws: Service) {
    named(&aws, &["one", "two", "three"]).await;
    let neither = [format!("!{}", aws.id("one")), format!("!{}", aws.id("two"))];
    aws.finds(&[filter(Key::Name, &[&neither[0], &neither[1]])], &["three"]).await;
}

async fn a_filter_without_a_match_finds_nothing(aws: Service) {
    tagged(&aws).await;
    aws.all_listed(2).await;
    aws.finds(&[filter(Key::TagValue, &["nothing"])], &[]).await;
}

async fn list(aws: &Service, filters: Vec<Filter>) -> Result<(), String> {
    outcome(aws.client().list_secrets().set_filters(Some(filters)).send().await)
}

async fn ten_filters_are_accepted_and_eleven_refused(aws: Service) {
    assert_eq!(list(&aws, vec![by_name(&aws, "a"); 10]).await, Ok(()));
    assert_eq!(list(&aws, vec![by_name(&aws, "a"); 11]).await, Err(VALIDATION.to_owned()));
}

async fn ten_values_are_accepted_and_eleven_refused(aws: Service) {
    assert_eq!(list(&aws, vec![filter(Key::Name, &["a"; 10])]).await, Ok(()));
    assert_eq!(list(&aws, vec![filter(Key::Name, &["a"; 11])]).await, Err(VALIDATION.to_owned()));
}

async fn a_filter_needs_a_value(aws: Service) {
    assert_eq!(list(&aws, vec![filter(Key::Name, &[])]).await, Err(VALIDATION.to_owned()));
    let none = Filter::builder().key(Key::Name).build();
    assert_eq!(list(&aws, vec![none]).await, Err(VALIDATION.to_owned()));
}

async fn a_filter_value_has_a_set_of_characters(aws: Service) {
    assert_eq!(list(&aws, vec![filter(Key::Name, &["Az09 :_@/+=.-!"])]).await, Ok(()));
    assert_eq!(list(&aws, vec![filter(Key::Name, &["a*"])]).await, Err(VALIDATION.to_owned()));
}

async fn a_filter_value_has_at_most_512_characters(aws: Service) {
    assert_eq!(list(&aws, vec![filter(Key::Name, &[&"a".repeat(512)])]).await, Ok(()));
    let longer = vec![filter(Key::Name, &[&"a".repeat(513)])];
    assert_eq!(list(&aws, longer).await, Err(VALIDATION.to_owned()));
}

async fn an_unknown_filter_key_is_refused(aws: Service) {
    assert_eq!(list(&aws, vec![filter("colour".into(), &["a"])]).await, Err(VALIDATION.to_owned()));
}
