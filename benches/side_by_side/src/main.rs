//! What the store costs beside what its users would have instead: AWS's caching client, bare moka, the bare SDK. Ratios of
//! one run, since the machines differ.
//!
//! ```sh
//! cargo run --release --manifest-path benches/side_by_side/Cargo.toml             # all: about two minutes
//! cargo run --release --manifest-path benches/side_by_side/Cargo.toml -- uncached # one part: cached, uncached
//! ```

#![forbid(unsafe_code)]

mod cached;
mod contenders;
mod measure;
#[path = "../../tokens/mod.rs"]
mod tokens;
mod uncached;

use tokio::runtime::Runtime;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Not inside of it: what is measured is polled by hand, and there it would have to yield now and then.
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let parts: [(&str, fn(&Runtime)); 2] = [("cached", cached::run), ("uncached", uncached::run)];
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run(&runtime);
        }
    }
}
