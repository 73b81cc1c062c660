//! Redis down, full, read-only, loading; damaged and hostile payloads.
