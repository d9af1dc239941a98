//! The command line: turns settings into a running process.

fn main() {}
