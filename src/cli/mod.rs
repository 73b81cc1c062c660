//! The commands, one file each. Errors become exit statuses in one place.

pub mod demo;
