//! The documented limits: each is a trace, which is there as soon as what the protocol assumes does not hold.

use super::process::Operation::*;
use super::scenes::{login, record};
use super::token::{Content, Field};
use super::world::Scene;

/// The scene holds until `lifted`, and then has this flaw.
fn limit(scene: Scene, lifted: impl FnOnce(&mut Scene), flaw: &str) {
    scene.holds();
    scene.with(lifted).fails(flaw);
}

#[test]
fn a_roll_back_is_undone_by_a_save_based_on_the_version_before_it() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2), Change(Field::Y, 3)]]);
    let scene = scene.with(|scene| scene.judged.roll_backs_stay = true);
    limit(scene, |scene| scene.trouble.roll_backs = 1, "a write has changed X");
}

#[test]
fn a_save_on_top_of_an_edit_is_undone_with_it_by_a_save_based_on_the_version_before() {
    let y = Content::of(&[(Field::User, 1), (Field::Y, 3)]);
    let scene = Scene::new(&[&[Find, Change(Field::X, 2)], &[Save(y)]]);
    limit(scene, |scene| scene.trouble.edits = 1, "of a save that has returned is lost");
}

#[test]
fn a_secret_that_somebody_restores_while_a_save_replaces_it_is_lost() {
    let scene = Scene::new(&[&[Save(login(0))]]).with(|scene| scene.is_scheduled = true);
    limit(scene, |scene| scene.trouble.restorations = 1, "a secret that was not scheduled");
}

#[test]
fn a_whole_token_that_was_not_found_replaces_the_rotated_refresh_token() {
    let scene = Scene::new(&[&[Find, Rotate], &[Find, SaveWhole(Field::Y, 3)]]);
    let knows_nothing = vec![Save(record().with(Field::Y, 3))];
    limit(scene, |scene| scene.processes[1] = knows_nothing, "replaced by the one that it was rotated from");
}

#[test]
fn what_was_changed_of_a_deleted_login_is_merged_into_the_new_one() {
    let scene = Scene::new(&[&[Find, Rotate], &[Delete]]).with(|scene| scene.judged.logins_stay_apart = true);
    let logs_in = vec![Delete, Save(login(1))];
    limit(scene, |scene| scene.processes[1] = logs_in, "of a deleted login is in the new one");
}

#[test]
fn a_crash_between_an_exchange_and_its_save_loses_what_was_handed_out() {
    let scene = Scene::new(&[&[Find, Rotate]]).with(|scene| scene.judged.exchanges_are_kept = true);
    limit(scene, |scene| scene.trouble.crashes = 1, "what the OAuth server handed out is lost");
}

#[test]
fn a_search_that_lags_makes_a_second_record_for_an_own_id() {
    let with_user = login(0).with(Field::OwnId, 1);
    let without = Content::of(&[(Field::OwnId, 1), (Field::Refresh, 3)]);
    let scene = Scene::new(&[&[Save(with_user), Save(without)]]).with(|scene| {
        scene.record = None;
        scene.judged.one_record_for_an_own_id = true;
    });
    let by_two = vec![vec![Save(with_user)], vec![Save(without)]];
    limit(scene, |scene| scene.processes = by_two, "two records for one own id");
}

/// Not so much a limit as an assumption on the way that requests take.
#[test]
fn a_create_that_arrives_after_the_answer_to_its_repetition_brings_back_what_was_deleted_since() {
    let scene = Scene::new(&[&[Save(login(0))], &[Delete]]).with(|scene| {
        scene.record = None;
        scene.trouble.lost_answers = 1;
    });
    limit(scene, |scene| scene.overtaking = true, "a Create has arrived after its save had returned");
}
