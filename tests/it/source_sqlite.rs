//! SQLite as a source.
