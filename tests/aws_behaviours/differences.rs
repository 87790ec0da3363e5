//! Where LocalStack 4.14 does not do what AWS does, by whose word, and what is seen instead.
//!
//! The embedded backend has no entry: what it did otherwise was mended. AWS's word stands beside the behaviour.

use crate::behaviour::{Behaviour, Runs, Source};
use crate::suite;

/// Who is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deviates {
    /// AWS's documentation, or an answer of AWS that was recorded, says otherwise.
    LocalStack,
    /// AWS says nothing: the embedded backend and LocalStack read it differently.
    PerhapsEither,
}

pub(crate) struct Difference {
    /// The behaviour's full name.
    pub(crate) behaviour: &'static str,
    pub(crate) deviates: Deviates,
    /// What LocalStack does instead.
    pub(crate) instead: &'static str,
    /// A part of what the failed behaviour then says.
    pub(crate) seen: &'static str,
}

/// What a behaviour says that wants a refusal and gets none.
const ACCEPTED: &str = "accepted, and should be refused";

const fn localstack(behaviour: &'static str, instead: &'static str, seen: &'static str) -> Difference {
    Difference { behaviour, deviates: Deviates::LocalStack, instead, seen }
}

const fn either(behaviour: &'static str, instead: &'static str, seen: &'static str) -> Difference {
    Difference { behaviour, deviates: Deviates::PerhapsEither, instead, seen }
}

#[rustfmt::skip] // a line for each
pub(crate) const DIFFERENCES: &[Difference] = &[
    localstack("putting::a_put_of_text_and_binary_is_refused", "takes one of the two", ACCEPTED),
    localstack("updating::an_update_to_text_and_binary_is_refused", "takes one of the two", ACCEPTED),
    localstack("conditional_writes::create_again_with_the_same_token_and_content_succeeds", "refuses every taken name", "refused with ResourceExistsException"),
    localstack("conditional_writes::create_again_with_the_same_token_succeeds_after_later_puts", "refuses every taken name", "refused with ResourceExistsException"),
    localstack("races::twelve_creates_with_one_token_and_content_are_one", "refuses every taken name", "refused with ResourceExistsException"),
    localstack("conditional_writes::put_again_with_the_same_token_and_content_succeeds", "succeeds, but answers without labels", r#"left: []"#),
    either("conditional_writes::put_again_with_the_previous_token_is_answered_with_its_label", "answers without labels", r#"left: []"#),
    localstack("conditional_writes::a_token_stays_taken_after_its_version_lost_its_labels", "forgets a version that lost its labels by a move", ACCEPTED),
    localstack("conditional_writes::update_again_with_the_same_token_and_content_succeeds_with_that_version", "succeeds, but answers without a version", "left: None"),
    localstack("labels::a_put_takes_a_private_label_from_its_holder", "forgets the version that lost its labels", "refused with ResourceNotFoundException"),
    localstack("labels::labels_are_answered_in_alphabetical_order", "answers them in the order of the request", r#"left: ["one", "two", "three"]"#),
    localstack("labels::a_private_label_on_the_old_current_version_survives_a_put", "a Put takes all labels off the old current version", r#"left: ["AWSPREVIOUS"]"#),
    localstack("labels::a_plain_put_leaves_pending_where_it_is", "a Put takes all labels off the old current version", r#"left: ["AWSPREVIOUS"]"#),
    localstack("labels::moving_current_moves_previous_to_the_former_current", "forgets the version that lost its labels", "refused with ResourceNotFoundException"),
    localstack("labels::moving_a_private_label_without_naming_its_holder_is_refused", "puts the label on both versions", "left: Ok(())"),
    either("labels::attaching_current_where_it_is_changes_nothing", "wants the holder named", r#"nothing to move: "InvalidParameterException""#),
    localstack("labels::current_cannot_be_taken_off", "leaves the secret without a current version", "left: Ok(())"),
    either("labels::a_move_needs_a_version_to_take_from_or_to_give_to", "succeeds and changes nothing", "left: Ok(())"),
    localstack("labels::a_secret_has_at_most_twenty_labels", "has no such limit", "left: Ok(())"),
    localstack("labels::a_put_that_would_make_the_twenty_first_label_is_refused", "has no such limit", ACCEPTED),
    localstack("versions::a_listed_version_names_the_default_key", "names no key", "left: []"),
    localstack("versions::versions_come_in_pages", "lists all versions on one page", "left: [5]"),
    localstack("versions::a_page_of_versions_has_1_to_100", "looks at no MaxResults", ACCEPTED),
    localstack("versions::versions_refuse_a_token_that_was_not_given", "looks at no NextToken", ACCEPTED),
    localstack("versions::a_version_outlives_a_hundred_later_ones_on_its_first_day", "keeps a hundred versions, however young they are", "refused with ResourceNotFoundException"),
    localstack("deletion::a_scheduled_secret_cannot_be_put_to", "puts to it", ACCEPTED),
    localstack("deletion::not_even_a_repetition_is_put_to_a_scheduled_secret", "takes the repetition", ACCEPTED),
    localstack("deletion::no_label_of_a_scheduled_secret_can_be_moved", "moves the label", "left: Ok(())"),
    either("deletion::the_versions_of_a_scheduled_secret_can_still_be_listed", "refuses to list them", "refused with InvalidRequestException"),
    localstack("listing::listings_go_forward_and_backward", "looks at no SortOrder", r#"left: ["b", "c", "a"]"#),
    localstack("listing::listings_are_sorted_by_name", "looks at no SortBy", r#"left: ["b", "c", "a"]"#),
    localstack("listing::an_unknown_sort_key_is_refused", "looks at no SortBy", ACCEPTED),
    localstack("listing::an_unknown_order_is_refused", "looks at no SortOrder", ACCEPTED),
    localstack("filters::an_exclamation_mark_negates_a_tag_key", "finds what has another tag key too", r#"left: ["one", "two"]"#),
    localstack("filters::an_exclamation_mark_negates_a_tag_value", "finds what has another tag value too", r#"left: ["one", "two"]"#),
    localstack("filters::the_filter_all_finds_any_of_its_words", "wants all words in one attribute", "left: []"),
    localstack("filters::the_filter_all_breaks_words_at_punctuation", "breaks words at spaces only", "left: []"),
    either("filters::no_value_after_an_exclamation_mark_may_match", "finds what one of them does not match", r#"left: ["one", "three", "two"]"#),
    localstack("filters::what_is_not_replicated_has_no_primary_region", "finds nothing by its negation either", "left: []"),
    localstack("filters::ten_filters_are_accepted_and_eleven_refused", "has no such limit", "left: Ok(())"),
    localstack("filters::ten_values_are_accepted_and_eleven_refused", "has no such limit", "left: Ok(())"),
    localstack("filters::a_filter_needs_a_value", "has no such limit", "left: Ok(())"),
    localstack("filters::a_filter_value_has_a_set_of_characters", "has no such limit", "left: Ok(())"),
    localstack("filters::a_filter_value_has_at_most_512_characters", "has no such limit", "left: Ok(())"),
    localstack("paging::a_page_of_none_is_refused", "gives all secrets", ACCEPTED),
    localstack("paging::a_page_of_more_than_a_hundred_is_refused", "gives as many", ACCEPTED),
    localstack("paging::a_token_that_was_not_given_is_refused", "answers HTTP 500", r#"left: "InternalError""#),
    either("paging::a_token_of_another_listing_is_refused", "its tokens are numbers, good everywhere", ACCEPTED),
    either("paging::a_token_of_another_operation_is_refused", "its tokens are numbers, good everywhere", ACCEPTED),
    either("paging::paging_survives_deletions_and_creations_in_between", "its tokens count, so a deletion makes it skip one", r#"left: ["d", "e"]"#),
    localstack("batch::what_has_no_value_is_among_the_errors_of_a_batch", "the whole call fails", "refused with ResourceNotFoundException"),
    localstack("batch::a_batch_of_more_than_twenty_ids_is_refused", "has no such limit", ACCEPTED),
    localstack("batch::a_batch_of_nothing_is_refused", "gives an empty batch", ACCEPTED),
    localstack("batch::a_page_of_a_batch_has_1_to_20_secrets", "has no such limit", ACCEPTED),
    localstack("batch::a_batch_by_filters_comes_in_pages_of_twenty", "gives all on one page", "left: [45]"),
    localstack("batch::a_batch_refuses_a_token_that_was_not_given", "answers HTTP 500", r#"left: "InternalError""#),
    localstack("batch::a_scheduled_match_of_a_filter_is_among_the_errors", "the whole call fails", "refused with InvalidRequestException"),
    localstack("tags::a_secret_is_created_with_at_most_fifty_tags", "has no such limit", ACCEPTED),
    localstack("tags::a_secret_has_at_most_fifty_tags", "has no such limit", "left: Ok(())"),
    localstack("tags::a_tag_key_has_1_to_128_characters", "has no such limit", "left: Ok(())"),
    localstack("tags::a_tag_value_has_at_most_256_characters", "has no such limit", "left: Ok(())"),
    localstack("tags::a_reserved_tag_key_is_refused", "reserves none", "left: Ok(())"),
    localstack("tags::a_tag_key_given_twice_is_refused", "takes the last of them", "left: Ok(())"),
    localstack("tags::other_punctuation_in_a_tag_is_refused", "takes all characters", "left: Ok(())"),
    localstack("limits::a_name_has_at_most_512_characters", "has no such limit", "left: Ok(())"),
    localstack("limits::a_text_has_at_most_65536_bytes", "has no such limit", ACCEPTED),
    localstack("limits::the_bytes_of_a_text_count_and_not_its_characters", "has no such limit", ACCEPTED),
    localstack("limits::a_created_text_has_at_most_65536_bytes", "has no such limit", ACCEPTED),
    localstack("limits::an_updated_text_has_at_most_65536_bytes", "has no such limit", ACCEPTED),
    localstack("limits::a_text_is_not_empty", "takes it for no text", r#"left: "InvalidRequestException""#),
    localstack("limits::a_binary_has_at_most_65536_bytes_before_its_encoding", "has no such limit", ACCEPTED),
    localstack("limits::a_refused_value_stands_in_no_message", "refuses no value", ACCEPTED),
    localstack("limits::a_description_has_at_most_2048_characters", "has no such limit", ACCEPTED),
    localstack("limits::a_version_id_has_32_to_64_characters", "looks for it", r#"left: "ResourceNotFoundException""#),
    localstack("limits::a_label_has_1_to_256_characters", "has no such limit", ACCEPTED),
    localstack("limits::a_put_has_at_most_twenty_labels", "has no such limit", "left: Ok(())"),
    localstack("limits::a_put_has_a_label_if_it_has_a_list_of_them", "makes a version without labels", "left: Ok(())"),
    localstack("limits::a_secret_id_is_required", "answers HTTP 500", r#"left: "InternalError""#),
    localstack("limits::a_secret_id_has_at_most_2048_characters", "looks for it", r#"left: "ResourceNotFoundException""#),
    either("limits::a_body_that_is_no_json_object_is_not_understood", "answers HTTP 500", r#"left: (500, "InternalError")"#),
    either("limits::a_member_of_a_wrong_type_is_not_understood", "answers HTTP 500", r#"left: (500, "InternalError")"#),
    either("limits::an_unknown_operation_is_refused", "answers HTTP 500", r#"left: (500, "InternalError")"#),
    either("reading::the_arn_of_another_account_or_service_finds_nothing", "answers HTTP 500 for another service's", r#"left: "InternalError""#),
];

pub(crate) fn of(behaviour: &Behaviour) -> Option<&'static Difference> {
    let name = behaviour.full_name();
    DIFFERENCES.iter().find(|difference| difference.behaviour == name)
}

/// Every entry is of one behaviour that LocalStack runs, and is attributed as its source says.
pub(crate) fn check() {
    for (n, difference) in DIFFERENCES.iter().enumerate() {
        let name = difference.behaviour;
        let behaviour = suite::behaviours().find(|behaviour| behaviour.full_name() == name);
        let behaviour = behaviour.unwrap_or_else(|| panic!("a difference in what is no behaviour: {name}"));
        assert!(behaviour.runs != Runs::PausedClock, "LocalStack does not run {name}");
        assert!(DIFFERENCES[..n].iter().all(|other| other.behaviour != name), "{name} is there twice");
        let undocumented = matches!(behaviour.source, Source::Undocumented(_));
        let undecided = difference.deviates == Deviates::PerhapsEither;
        assert_eq!(undecided, undocumented, "{name}: only AWS's word decides who deviates");
    }
}
