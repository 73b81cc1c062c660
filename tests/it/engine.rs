//! The engine: every outcome.
