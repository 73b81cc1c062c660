//! What does a PostgreSQL server's log say, or its counters? The best of these that the account may use.

use std::sync::Arc;

use crate::source::Source;
use crate::workspace::SourceConfig;

use super::{Blind, Detector, best};

/// The best detector for this server and account.
#[allow(clippy::unused_async)]
pub(super) async fn choose(
    config: &SourceConfig,
    _source: &Arc<dyn Source>,
) -> Result<Box<dyn Detector>, Blind> {
    Err(best::nothing(
        config,
        "give its account the right to read the log",
    ))
}
