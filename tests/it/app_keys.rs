//! The Keys view.
