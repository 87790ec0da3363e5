//! A thread that changes the records of some users, which nobody else does.

use oauth_token_store::TokenStore;

use crate::dice::Dice;
use crate::register::{Way, is_there};
use crate::world::{User, World};

/// Takes so many steps with the users whose number is `share` modulo `shares`.
pub(crate) fn write(world: &World, mut dice: Dice, share: usize, shares: usize, steps: u64) {
    let own: Vec<_> = world.users.iter().skip(share).step_by(shares).collect();
    for _ in 0..steps {
        if world.is_over() {
            return;
        }
        let user = own[dice.below(own.len() as u64) as usize];
        if let Err(problem) = take_a_step(world, &mut dice, user) {
            return world.report(format!("{}: {problem}", user.name));
        }
        forget(world, &mut dice);
    }
}

fn take_a_step(world: &World, dice: &mut Dice, user: &User) -> Result<(), String> {
    let step = user.register.begin();
    if is_there(step) {
        let saved = world.runtime.block_on(world.store.save_token(&user.token(step)));
        let saved = saved.map_err(|error| format!("a save fails: {error}"))?;
        let shown = user.step_of(&saved)?;
        if shown != step {
            return Err(format!("the save of step {step} has saved step {shown}"));
        }
    } else {
        let id = if dice.below(2) == 0 { &user.own_id } else { &user.assigned_id };
        let deleted = world.runtime.block_on(world.store.delete_token(id));
        deleted.map_err(|error| format!("a deletion fails: {error}"))?;
    }
    user.register.publish(step);
    Ok(())
}

/// Now and then, somebody's record is forgotten or loaded again.
fn forget(world: &World, dice: &mut Dice) {
    let user = &world.users[dice.below(world.users.len() as u64) as usize];
    match dice.below(24) {
        0 => world.store.invalidate(&user.own_id),
        1 => world.store.invalidate(&user.assigned_id),
        2 => world.store.invalidate_all(),
        3..6 => world.read(user, |_| (Way::Name, world.store.reload(&user.assigned_id))),
        _ => {}
    }
}
