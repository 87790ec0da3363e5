//! A thread that asks for all records by all their keys.

use oauth_token_store::OAuthToken;

use crate::dice::Dice;
use crate::register::Way;
use crate::world::{CLIENT, User, World};

/// How often one user is asked for in a row: what the first find has brought, the next ones find in memory.
const IN_A_ROW: usize = 32;

pub(crate) fn read(world: &World, mut dice: Dice) {
    while !world.is_over() {
        let user = &world.users[dice.below(world.users.len() as u64) as usize];
        for _ in 0..IN_A_ROW {
            find(world, user, dice.below(40), dice.below(3));
        }
    }
}

fn find(world: &World, user: &User, way: u64, steps_back: u64) {
    let store = &world.store;
    match way {
        // It costs requests to find nothing by what is gone.
        5 => world.read(user, |published| {
            let step = published.saturating_sub(steps_back);
            let token = user.access_token(step);
            (Way::SearchForStep(step), async move { store.find_by_access_token(&token).await })
        }),
        _ => find_by_what_stays(world, user, way % 5),
    }
}

fn find_by_what_stays(world: &World, user: &User, way: u64) {
    let store = &world.store;
    match way {
        0 => world.read(user, |_| (Way::Name, store.find_by_user(&user.name))),
        1 => world.read(user, |_| (Way::Name, store.find_token_by_id(&user.assigned_id))),
        2 => world.read(user, |_| (Way::Search, store.find_token_by_id(&user.own_id))),
        3 => {
            world.read(user, |_| (Way::Search, store.find_by_refresh_token(CLIENT, &user.refresh_token)));
        }
        _ => {
            let partial = OAuthToken::builder().user_name(&user.name).build().expect("valid");
            world.read(user, |_| (Way::Name, store.find_token(&partial)));
        }
    }
}
