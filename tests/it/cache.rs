//! The cache against a real redis-server.
