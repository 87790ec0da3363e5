//! What is there when an operation begins, and what the store under test knows of it.

use std::time::Duration;

use oauth_token_store::embedded::{Fault, Operation};
use oauth_token_store::{ErrorKind, OAuthToken, OAuthTokenBuilder, TokenStore};

use crate::scene::roll_back;
use crate::support::{current_version, extra, id_of, name_of, token};
use crate::world::World;

/// The state of one record, bob's unless something else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is none, and the store knows nothing.
    Nothing,
    /// There is none, and the store has just looked.
    KnownToBeMissing,
    /// There is one, and the store knows nothing.
    Cold,
    /// The store has it in memory.
    InMemory,
    /// The store has had it in memory for longer than its time to live.
    StaleInMemory,
    /// Somebody has scheduled it for deletion; the store knows nothing.
    Scheduled,
    /// The same, and the store has it in memory.
    ScheduledSince,
    /// Another process has changed it since the store has it in memory.
    ChangedSince,
    /// Another process has created it since the store has looked.
    CreatedSince,
    /// Another process has deleted it since the store has it in memory.
    DeletedSince,
    /// The store has deleted it itself, and not every replica has heard of it.
    DeletedByItself,
    /// Another process has deleted it and made it anew since the store has it in memory.
    ReplacedSince,
    /// Somebody has moved it back by hand to the version before, which the store has in memory.
    RolledBack,
    /// A change has landed, and the store has got no answer.
    PutLanded,
    /// The same, and another process has changed it since.
    PutLandedAndChanged,
    /// A change was sent and has not arrived.
    PutNotArrived,
    /// It was created, and the store has got no answer.
    CreateLanded,
    /// It was to be created, and the request has not arrived.
    CreateNotArrived,
    /// There are others: 21, in two batches.
    Many,
    /// The store has made them itself, a moment ago.
    ManyOfItsOwn,
    /// The store holds what an exchange gave and could not be saved.
    ExchangedAndNotSaved,
}

pub(crate) const MANY: usize = 21;
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn built(token: OAuthTokenBuilder) -> OAuthToken {
    token.build().expect("valid")
}

/// The record that an operation is about, as it was first saved.
pub(crate) fn bob() -> OAuthToken {
    let bob = token().user_name("bob").client_id("c").client_secret("hush");
    built(bob.refresh_token("r").grant_token("g").access_token("a"))
}

/// Gives bob a mark, which is in no tag.
pub(crate) fn change() -> OAuthToken {
    extra("bob", "mine", "1")
}

/// Gives bob a new access token, whose fingerprint is in a tag.
pub(crate) fn rotation() -> OAuthToken {
    built(change().to_builder().access_token("a2"))
}

impl State {
    /// Makes it so, for the record that `first` is saved as and that `asked` finds.
    pub(crate) async fn make(self, world: &mut World, first: &OAuthToken, asked: &OAuthToken) {
        match self {
            Self::Nothing => {}
            Self::KnownToBeMissing => is_looked_for(world, asked).await,
            Self::Cold => is_saved(world, first).await,
            Self::InMemory => is_found(world, first, asked).await,
            Self::StaleInMemory => {
                is_found(world, first, asked).await;
                tokio::time::sleep(Duration::from_secs(400)).await;
            }
            Self::Scheduled => {
                is_saved(world, first).await;
                is_scheduled(world, first).await;
            }
            Self::ScheduledSince => {
                is_found(world, first, asked).await;
                is_scheduled(world, first).await;
            }
            Self::ChangedSince => {
                is_found(world, first, asked).await;
                is_changed(world).await;
            }
            Self::CreatedSince => {
                is_looked_for(world, asked).await;
                world.other.save_token(first).await.expect("saved");
                is_changed(world).await;
            }
            Self::DeletedSince => {
                is_found(world, first, asked).await;
                world.other.delete_token(&id_of("bob")).await.expect("deleted");
            }
            Self::DeletedByItself => {
                is_found(world, first, asked).await;
                world.backend.set_deletion_linger(60 * SECOND);
                world.store.delete_token(&id_of("bob")).await.expect("deleted");
                tokio::time::sleep(2 * SECOND).await;
                world.backend.set_list_lag(3 * SECOND);
                world.backend.stale_reads(1);
            }
            Self::ReplacedSince => {
                is_found(world, first, asked).await;
                world.other.delete_token(&id_of("bob")).await.expect("deleted");
                tokio::time::sleep(SECOND).await;
                let anew = built(token().user_name("bob").client_id("c").refresh_token("r9"));
                world.other.save_token(&anew).await.expect("saved");
            }
            Self::RolledBack => {
                is_found(world, first, asked).await;
                let before = current_version(&world.backend, &name_of("bob")).await;
                is_changed(world).await;
                roll_back(&world.backend, &name_of("bob"), &before).await;
            }
            Self::PutLanded => put_is_left(world, first, Fault::lost_answer()).await,
            Self::PutLandedAndChanged => {
                put_is_left(world, first, Fault::lost_answer()).await;
                let theirs = extra("bob", "theirs", "1").to_builder().access_token("a3");
                world.other.save_token(&built(theirs)).await.expect("saved");
            }
            Self::PutNotArrived => put_is_left(world, first, Fault::unreachable()).await,
            Self::CreateLanded => is_left(world, first, Fault::lost_answer()).await,
            Self::CreateNotArrived => is_left(world, first, Fault::unreachable()).await,
            Self::Many => {
                for token in many() {
                    world.other.save_token(&token).await.expect("saved");
                }
            }
            Self::ManyOfItsOwn => {
                for token in many() {
                    world.store.save_token(&token).await.expect("saved");
                }
            }
            Self::ExchangedAndNotSaved => {
                is_saved(world, first).await;
                let fault = world.backend.inject(Fault::access_denied().on(Operation::PutSecretValue));
                let exchange = world.exchange(crate::action::ExchangeKind::Succeeds);
                let refresh = crate::action::Action::Refresh(first.clone(), exchange);
                let outcome = refresh.start(&world.store).await;
                let kind = outcome.error.as_ref().and_then(crate::action::Failed::kind);
                assert_eq!(kind, Some(ErrorKind::AccessDenied));
                world.backend.remove_fault(fault);
            }
        }
        // So that no two dates are the same; a miss is remembered for longer.
        tokio::time::sleep(SECOND / 10).await;
    }

    /// Whether a write has been sent whose fate the store does not know.
    pub(crate) fn has_left_a_write(self) -> bool {
        matches!(
            self,
            Self::PutLanded
                | Self::PutLandedAndChanged
                | Self::PutNotArrived
                | Self::CreateLanded
                | Self::CreateNotArrived
        )
    }

    /// Whether another process has done something that the store need not know yet.
    pub(crate) fn is_known_late(self) -> bool {
        matches!(
            self,
            Self::ScheduledSince
                | Self::ChangedSince
                | Self::CreatedSince
                | Self::DeletedSince
                | Self::ReplacedSince
                | Self::RolledBack
        )
    }
}

fn many() -> impl Iterator<Item = OAuthToken> {
    (0..MANY).map(|n| built(token().user_name(format!("u{n:02}")).refresh_token("r")))
}

async fn is_saved(world: &World, first: &OAuthToken) {
    world.other.save_token(first).await.expect("saved");
    tokio::time::sleep(SECOND).await;
}

async fn is_found(world: &World, first: &OAuthToken, asked: &OAuthToken) {
    is_saved(world, first).await;
    world.store.find_token(asked).await.expect("read").expect("found");
    tokio::time::sleep(SECOND).await;
}

async fn is_looked_for(world: &World, asked: &OAuthToken) {
    assert!(world.store.find_token(asked).await.expect("read").is_none());
}

async fn is_changed(world: &World) {
    world.other.save_token(&extra("bob", "theirs", "1")).await.expect("saved");
}

async fn is_scheduled(world: &World, first: &OAuthToken) {
    let found = world.other.find_token(first).await.expect("read").expect("found");
    let name = format!("{}/{}", crate::support::PREFIX, found.assigned_id().expect("assigned").as_str());
    let delete = world.plain.delete_secret().secret_id(name).recovery_window_in_days(7);
    delete.send().await.expect("scheduled");
}

async fn put_is_left(world: &mut World, first: &OAuthToken, fault: Fault) {
    is_found(world, first, first).await;
    let fault = fault.on(Operation::PutSecretValue);
    leave(world, &rotation(), fault).await;
}

async fn is_left(world: &mut World, first: &OAuthToken, fault: Fault) {
    let fault = fault.on(Operation::CreateSecret);
    leave(world, first, fault).await;
}

/// A save that gets no answer, and what it leaves behind.
async fn leave(world: &mut World, token: &OAuthToken, fault: Fault) {
    let fault = world.backend.inject(fault);
    let error = world.store.save_token(token).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    world.remembered = error.token().cloned();
    assert!(world.remembered.is_some());
    world.backend.remove_fault(fault);
}
