//! The demo's data, sample keys and private server.
