//! The Latency view.
