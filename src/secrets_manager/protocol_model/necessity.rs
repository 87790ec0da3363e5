//! Each rule is needed: without it there is a trace to a flaw, which is printed, and with it there is none.

use super::process::Operation::*;
use super::rules::Rules;
use super::scenes::login;
use super::token::{Content, Field};
use super::world::Scene;

/// The scene holds with all rules, and has this flaw without one.
fn needed(scene: Scene, without: impl FnOnce(&mut Rules), flaw: &str) {
    scene.holds();
    scene.with(|scene| without(&mut scene.rules)).fails(flaw);
}

fn part(field: Field, value: u8) -> Content {
    Content::of(&[(Field::User, 1), (field, value)])
}

#[test]
fn without_the_slot_of_its_base_a_write_undoes_another() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2)], &[Find, Change(Field::Y, 3)]]);
    needed(scene, |rules| rules.slot_follows_base = false, "a write has changed");
}

#[test]
fn without_the_full_arn_a_write_over_a_deleted_record_lands_in_a_new_login() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2)], &[Delete, Save(login(1))]]);
    needed(scene, |rules| rules.put_names_the_arn = false, "in the one that was created anew");
}

#[test]
fn without_a_random_create_token_a_login_takes_anothers_record_for_its_own() {
    let scene = Scene::new(&[&[Save(login(0))], &[Save(login(1))]]).with(|scene| scene.record = None);
    needed(scene, |rules| rules.create_token_is_random = false, "of a save that has returned is lost");
}

#[test]
fn without_the_random_save_key_a_save_takes_anothers_write_for_its_own() {
    let scene = Scene::new(&[&[Save(part(Field::Y, 3))], &[Save(part(Field::Y, 3))]]);
    let scene = scene.with(|scene| scene.judged.own_writes = true);
    needed(scene, |rules| rules.save_key_is_random = false, "another's write is there");
}

#[test]
fn without_the_random_save_key_a_save_after_a_roll_back_returns_and_is_not_there() {
    let scene = Scene::new(&[&[Save(part(Field::Y, 3))], &[Save(part(Field::Y, 3))]]);
    let scene = scene.with(|scene| scene.trouble.roll_backs = 1);
    needed(scene, |rules| rules.save_key_is_random = false, "of a save that has returned is lost");
}

#[test]
fn without_a_look_at_awscurrent_a_stale_read_undoes_another_write() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2)], &[Find, Change(Field::Y, 3)]]);
    let scene = scene.with(|scene| scene.trouble.stale_reads = 2);
    needed(scene, |rules| rules.next_slot_needs_current = false, "a write has changed");
}

#[test]
fn without_what_it_started_from_a_whole_token_puts_the_old_refresh_token_back() {
    let scene = Scene::new(&[&[Find, Rotate], &[Find, SaveWhole(Field::Y, 3)]]);
    needed(scene, |rules| rules.start_counts_as_not_given = false, "a write has changed Refresh");
}

#[test]
fn without_sending_a_lost_write_again_a_save_writes_twice() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2)], &[Find, Change(Field::X, 3)]]);
    let scene = scene.with(|scene| scene.trouble.lost_answers = 1);
    needed(scene, |rules| rules.lost_answer_is_sent_again = false, "one save has written twice");
}

#[test]
fn without_what_the_error_remembers_a_save_writes_twice() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2), SaveAgain], &[Find, Change(Field::X, 3)]]);
    // With one answer more to lose than there is patience, the save fails.
    let scene = scene.with(|scene| (scene.trouble.lost_answers, scene.patience) = (2, 1));
    needed(scene, |rules| rules.error_remembers = false, "one save has written twice");
}

#[test]
fn decided_from_memory_a_deletion_leaves_what_has_been_saved_since() {
    let scene = Scene::new(&[&[Find, DeleteByOwnId, Delete], &[Save(login(1))]]);
    let scene = scene.with(|scene| scene.record = None);
    needed(scene, |rules| rules.deletion_is_never_from_memory = false, "what it was to delete is there");
}

#[test]
fn restored_for_a_login_a_scheduled_record_comes_back() {
    let scene = Scene::new(&[&[Save(login(0))]]).with(|scene| scene.is_scheduled = true);
    needed(scene, |rules| rules.scheduled_is_not_restored = false, "brought back what was deleted");
}

#[test]
fn without_the_whole_token_an_insert_after_a_deletion_lacks_fields() {
    let scene = Scene::new(&[&[Find, SaveWhole(Field::Refresh, 2)], &[Delete]]);
    needed(scene, |rules| rules.insert_takes_the_whole_token = false, "a new record without the X");
}

#[test]
fn made_from_a_found_token_a_record_comes_back_after_its_deletion() {
    let scene = Scene::new(&[&[Find, Change(Field::X, 2)], &[Delete]]);
    needed(scene, |rules| rules.found_token_makes_no_record = false, "a deleted record has come back");
}

#[test]
fn filtered_by_what_is_known_the_reads_of_a_save_never_show_a_roll_back() {
    let one = [Find, Change(Field::X, 2), Change(Field::Y, 3)];
    let scene = Scene::new(&[&one, &[Find, Change(Field::X, 4)]]).with(|scene| {
        scene.trouble.roll_backs = 1;
        scene.judged.success = true;
        scene.patience = 8;
    });
    needed(scene, |rules| rules.own_reads_are_not_filtered = false, "though nothing was in the way");
}
