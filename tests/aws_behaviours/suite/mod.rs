//! All behaviours, by what they are about.

mod batch;
mod conditional_writes;
mod creating;
mod deletion;
mod filters;
mod labels;
mod limits;
mod listing;
mod paging;
mod putting;
mod races;
mod reading;
mod tags;
mod time;
mod updating;
mod versions;

use crate::behaviour::Behaviour;

const GROUPS: &[&[Behaviour]] = &[
    creating::BEHAVIOURS,
    reading::BEHAVIOURS,
    putting::BEHAVIOURS,
    updating::BEHAVIOURS,
    conditional_writes::BEHAVIOURS,
    races::BEHAVIOURS,
    labels::BEHAVIOURS,
    versions::BEHAVIOURS,
    deletion::BEHAVIOURS,
    listing::BEHAVIOURS,
    filters::BEHAVIOURS,
    paging::BEHAVIOURS,
    batch::BEHAVIOURS,
    tags::BEHAVIOURS,
    limits::BEHAVIOURS,
    time::BEHAVIOURS,
];

pub(crate) fn behaviours() -> impl Iterator<Item = &'static Behaviour> {
    GROUPS.iter().copied().flatten()
}
