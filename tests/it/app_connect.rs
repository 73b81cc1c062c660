//! The Connect view.
