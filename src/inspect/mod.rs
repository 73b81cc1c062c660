//! The keyspace of any Redis: scan, analysis, value readers; read only, bounded, harmless.
