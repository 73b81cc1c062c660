//! Arguments, logging, runtime; picks the window or a command.

fn main() {}
