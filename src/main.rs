//! coffer.
fn main() {}
