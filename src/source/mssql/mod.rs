//! Microsoft SQL Server.
//!
//! | file | its one question |
//! | --- | --- |
//! | `address.rs` | what does the URL or connection string say? |
//! | `link.rs` | how does a connection begin, and how is what it does ended? |
//! | `run.rs` | how does a query run? |
//! | `describe.rs` | which columns does a result have, and which must be asked for in another type? |
//! | `params.rs` | how are parameters bound? |
//! | `decode.rs`, `time.rs` | how does a value become an Arrow value, or exact text? |
//! | `snapshot.rs` | does a report read one snapshot, and what is said where it does not? |
//! | `readonly.rs` | would this SQL write? |
//! | `failure.rs` | what went wrong, in one sentence? |
//! | `catalogue.rs` | which tables and views are there? |
//! | `check.rs` | what works, step by step? |

mod address;
mod catalogue;
mod check;
mod decode;
mod describe;
mod failure;
mod link;
mod params;
pub(super) mod readonly;
mod run;
mod snapshot;
#[cfg(test)]
mod tests;
mod time;

use async_trait::async_trait;

use super::failure::{Address, CONNECT};
use super::job::{Limits, Listener};
use super::server::{Remote, Server};
use super::steps::Steps;
use super::{Query, SourceError};
use crate::report::{Catalogue, Dialect};
use crate::workspace::SourceConfig;
use address::Settings;
use link::Link;

/// A SQL Server.
pub(super) struct MsSql {
    settings: Settings,
    address: Address,
}

/// Reads the URL; connects to nothing yet.
pub(super) fn open(config: &SourceConfig) -> Result<Remote<MsSql>, SourceError> {
    let (settings, address) = address::read(config)?;
    // What each query begins with is in the entry key: an entry must mean the same whatever a login's language or a
    // server's defaults are today.
    let mut session: Vec<(&str, &str)> = link::SESSION.to_vec();
    session.push(("isolation", "snapshot where allowed"));
    if settings.reads_replica {
        session.push(("application intent", "read only"));
    }
    let server = MsSql { settings, address };
    Ok(Remote::new(server, "mssql", &session, config))
}

/// A connection, with nothing begun.
pub(super) async fn client(
    config: &SourceConfig,
) -> Result<tiberius::Client<tokio_util::compat::Compat<tokio::net::TcpStream>>, SourceError> {
    let (settings, address) = address::read(config)?;
    match tokio::time::timeout(CONNECT, Link::open(&settings)).await {
        Ok(Ok(link)) => Ok(link.client),
        Ok(Err(error)) => Err(failure::unreachable(&address, &error)),
        Err(_) => Err(SourceError::Connect(address.silent())),
    }
}

#[async_trait]
impl Server for MsSql {
    type Connection = Link;
    type Statement = params::Statement;
    /// The session's number, `@@SPID`.
    type Number = i32;

    const DIALECT: Dialect = Dialect::MsSql;

    fn address(&self) -> &Address {
        &self.address
    }

    fn statement(&self, query: &Query) -> Result<params::Statement, SourceError> {
        params::Statement::new(query)
    }

    async fn connect(&self) -> Result<Link, SourceError> {
        Link::open(&self.settings)
            .await
            .map_err(|error| failure::unreachable(&self.address, &error))
    }

    async fn begin(&self, link: &mut Link, limits: &Limits) -> Result<i32, SourceError> {
        link.begin(limits)
            .await
            .map_err(|error| failure::unreachable(&self.address, &error))
    }

    async fn stream(
        &self,
        link: &mut Link,
        statement: &mut params::Statement,
        limits: &Limits,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        run::stream(&self.address, link, statement, limits, listener).await
    }

    async fn reset(&self, link: &mut Link, _: &params::Statement) -> bool {
        // What was read to its end leaves nothing but a transaction; SET, temporary tables and locks of the session
        // are refused before a report runs.
        !link.is_busy() && link.end().await.is_ok()
    }

    async fn interrupt(&self, running: Link) -> bool {
        running.stop().await
    }

    async fn kill(&self, mut link: Link, number: i32) -> Result<bool, SourceError> {
        link.is_gone_after_kill(number)
            .await
            .map_err(|error| failure::lost(&self.address, &error))
    }

    async fn catalogue(&self, link: Link) -> Result<Catalogue, SourceError> {
        catalogue::read(link)
            .await
            .map_err(|error| failure::catalogue_unread(&self.address, &error))
    }

    async fn look(&self, link: Link, steps: &mut Steps<'_>) -> Result<(), SourceError> {
        check::look(&self.address, &self.settings, link, steps)
            .await
            .map_err(|error| failure::refused(&self.address, &error))
    }
}
