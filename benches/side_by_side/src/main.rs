//! What the store costs beside what its users would have instead: AWS's caching client, bare moka, the bare SDK. Ratios of
//! one run, since the machines differ.
//!
//! ```sh
//! cargo run --release --manifest-path benches/side_by_side/Cargo.toml
//! ```

#![forbid(unsafe_code)]

mod cached;
mod contenders;
mod measure;
#[path = "../../tokens/mod.rs"]
mod tokens;
mod uncached;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Not inside of it: what is measured is polled by hand, and there it would have to yield now and then.
    cached::run(&runtime);
    uncached::run(&runtime);
}
