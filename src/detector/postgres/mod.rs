//! What does a PostgreSQL server's log say, or its counters? The best of these that the account may use.
//!
//! | file | its one question |
//! | --- | --- |
//! | `probe.rs` | what do the server, the account and the publication allow, and what would enable more? |
//! | `stream.rs` | which tables changed, as the log tells, and from when on can everybody see it? |
//! | `session.rs` | what comes over the replication connection? |
//! | `poll.rs` | did anybody commit anything on this server? |
//! | `catalogue.rs` | what decides an answer besides rows of tables? |
//! | `look.rs` | which transactions are visible now, how far is the log, and is the catalogue the same? |
//! | `relations.rs` | what are the tables called, and which of them does nobody see change? |
//! | `link.rs` | how is the server reached, over SQL and for replication? |
//! | `vendor.rs` | who runs the server, and what is its way to the settings? |
//! | `publication.rs` | how does a publication of ours come into the database, and out again? |

use std::sync::Arc;

use crate::source::Source;
use crate::workspace::SourceConfig;

use super::{Blind, Detector, best};
use link::Link;
use probe::Verdict;

mod catalogue;
mod link;
mod look;
mod poll;
mod probe;
mod publication;
mod relations;
mod session;
mod stream;
mod vendor;

/// What decides answers and is in no catalogue.
const OUTSIDE: &str = "files of the server that no catalogue lists (time zone and collation data, text search \
                       dictionaries), and a text in a column that says 'now' where a report casts it to a date";

/// The oldest version with `pg_current_snapshot`, which the fallback rests on.
const OLDEST: i32 = 130_000;

/// The best detector for this server and account.
pub(super) async fn choose(
    config: &SourceConfig,
    _source: &Arc<dyn Source>,
) -> Result<Box<dyn Detector>, Blind> {
    let link = Link::new(config)?;
    let mut side = link.connect().await?;
    let verdict = probe::probe(&link, &mut side, config).await?;
    link::close(side).await;
    match verdict {
        Verdict::Log(log) => Ok(Box::new(stream::Log::new(config, link, &log))),
        Verdict::Poll(better_by) => Ok(Box::new(poll::Poll::new(config, link, better_by, false))),
        Verdict::Standby(better_by) => Ok(Box::new(poll::Poll::new(config, link, better_by, true))),
        Verdict::Nothing(remedy) => Err(best::nothing(config, &remedy)),
    }
}

/// Takes out what was put into the database; see [`super::remove`].
pub(super) async fn remove(config: &SourceConfig) -> Result<usize, Blind> {
    publication::remove(&Link::new(config)?).await
}
