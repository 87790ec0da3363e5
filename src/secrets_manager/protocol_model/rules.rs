//! The rules of the protocol, each of which can be turned off.

/// Which rules the processes follow. In the code all of them hold.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// A Put's request token is the slot after the version it is based on.
    pub(super) slot_follows_base: bool,
    /// A Put names the secret by the full ARN of its base.
    pub(super) put_names_the_arn: bool,
    /// A Create has a random request token.
    pub(super) create_token_is_random: bool,
    /// Every save writes a new `save` key.
    pub(super) save_key_is_random: bool,
    /// The slot after a taken one is tried only where one answer shows the base as current beside it.
    pub(super) next_slot_needs_current: bool,
    /// What equals the version that the save started from counts as not given over another one.
    pub(super) start_counts_as_not_given: bool,
    /// A write without an answer is sent again, the same.
    pub(super) lost_answer_is_sent_again: bool,
    /// The token in an error remembers what it started from and which write was not answered.
    pub(super) error_remembers: bool,
    /// A deletion is never decided from what is known.
    pub(super) deletion_is_never_from_memory: bool,
    /// A secret scheduled for deletion is deleted at once and made anew, not restored.
    pub(super) scheduled_is_not_restored: bool,
    /// An insert takes the whole token.
    pub(super) insert_takes_the_whole_token: bool,
    /// A token that was found makes no record.
    pub(super) found_token_makes_no_record: bool,
    /// What a save reads is not replaced by a newer version that is known.
    pub(super) own_reads_are_not_filtered: bool,
}

impl Rules {
    pub(super) const ALL: Self = Self {
        slot_follows_base: true,
        put_names_the_arn: true,
        create_token_is_random: true,
        save_key_is_random: true,
        next_slot_needs_current: true,
        start_counts_as_not_given: true,
        lost_answer_is_sent_again: true,
        error_remembers: true,
        deletion_is_never_from_memory: true,
        scheduled_is_not_restored: true,
        insert_takes_the_whole_token: true,
        found_token_makes_no_record: true,
        own_reads_are_not_filtered: true,
    };
}
