//! The Worker view.
