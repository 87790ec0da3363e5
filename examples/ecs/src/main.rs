//! A service that hands fresh tokens to its own back end.

fn main() {}
