//! Many requests from many processes for one missing entry.
