//! The inspector against a real redis-server.
