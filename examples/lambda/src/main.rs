//! A Lambda function that calls an API on behalf of many users.

fn main() {}
