//! Refreshing: one exchange per record, however many ask for it, and nothing lost on the way.
//!
//! Why it is right, in the order in which things happen:
//!
//! - *One exchange at a time.* A refresh is a flight registered under the locator of its record, which is the same
//!   however the record was looked up. It leaves the board only after its save has ended. Whoever looks at the board
//!   before that joins it; whoever looks later starts a flight of its own, and that one begins by reading the record
//!   again, past every cache, so it sees what the other has saved and exchanges nothing. The same read sees what other
//!   processes have saved.
//! - *Dropping harms nobody.* The flight is a task of its own. A caller does nothing but look at the board and wait: between
//!   registering a flight and starting its task there is no `await` to be dropped at.
//! - *Nothing hangs.* A task that ends, however it ends, lands its flight or drops the ticket, and then all who wait go on.
//!   Who joined tries again, as long as others come first; who led has its answer, if only that it panicked. So every
//!   caller's closure is called at most once, and each round of the waiting ends the call of one caller.
//! - *Nothing exchanged is lost.* From the exchange's answer on there are two ways out of the flight: what was stored, and
//!   a [`RefreshError`] with the token in it, even if the save panics. Only fields that the exchange changed are given to
//!   the save, which merges them over whatever is stored by then. Nothing is deleted, and what was deleted in the
//!   meantime stays so: the token that is saved was built from a found one, so the save refuses to make a record of it.
//!   What could not be saved is kept, too, and is what the next refresh of the record begins with: the old refresh token is
//!   not exchanged a second time, and a token whose callers have all gone away is not lost. It is saved over the version
//!   that was exchanged and no other, and if it cannot be saved for longer than it is fresh, it is exchanged itself.
//! - *A lost race is no failure.* Where another process has spent the refresh token first, our exchange fails, and one more
//!   read finds what the other has stored. If that is not there yet, the exchange's error is the answer: the next
//!   refresh finds it.
//!
//! | module | one idea |
//! |---|---|
//! | `single_flight` | who leads and who joins |
//! | `flight` | one refresh: read again, exchange, save |
//! | `decision`, `exchanged`, `outcome` | what is to be done: pure functions |
//! | `records` | what it needs of a store |
//! | `unsaved` | what is to be saved before the next exchange |
//! | `error`, `counters` | what is told of it |

mod counters;
mod decision;
mod error;
mod exchanged;
mod flight;
mod outcome;
mod records;
mod single_flight;
mod unsaved;

pub use error::RefreshError;

pub(crate) use records::{Records, Stored};
pub(crate) use single_flight::Refreshes;
