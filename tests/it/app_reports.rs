//! The Reports view.
