//! The worker: warm-up, refresh, leadership.
