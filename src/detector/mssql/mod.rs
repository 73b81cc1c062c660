//! What does SQL Server's Change Tracking say, or its counters? The best of these that the account may use.
//!
//! | file | its one question |
//! | --- | --- |
//! | `look.rs` | what do the server's settings and the account allow? |
//! | `schema.rs` | is the schema the same as before? |
//! | `tracking.rs` | which tables does Change Tracking name? |
//! | `counters.rs` | which tables' counters of writes moved? |
//! | `ask.rs` | how is the server asked? |

mod ask;
mod counters;
mod look;
mod schema;
mod tracking;

use std::sync::Arc;

use crate::source::Source;
use crate::workspace::SourceConfig;

use super::{Blind, Detector, best};
use ask::Asker;
use look::Look;

/// The best detector for this server and account.
///
/// Change Tracking where it is on for every table; the counters where some table is without it. Both ask over a
/// connection of their own.
pub(super) async fn choose(
    config: &SourceConfig,
    source: &Arc<dyn Source>,
) -> Result<Box<dyn Detector>, Blind> {
    let asker = Asker::new(config, source);
    let look = Look::take(&asker).await?;
    let poll = config.poll_interval;
    let hidden = schema::hidden(&asker).await?;
    if look.is_tracked() {
        return Ok(Box::new(tracking::Tracking::new(asker, look, poll, hidden)));
    }
    if look.counts {
        return Ok(Box::new(counters::Counters::new(
            asker, &look, poll, hidden,
        )));
    }
    Err(best::nothing(config, &look.remedy()))
}
