//! What comes over the replication connection? Transactions, each with the tables it changed, in the order of their
//! commits, and how far the log has been read.
//!
//! The slot is temporary: it ends with the connection, so that a worker that died never makes the server keep its log.
//! The price is that nobody can go on where another left off. Nothing is ever read twice, so what has been received is
//! given up at once.
//!
//! Every changed row comes over the connection, for that is what pgoutput sends; only its table is looked at.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use pgwire_replication::client::ReplicationEvent;
use pgwire_replication::{Lsn, PgWireError, ReplicationClient};

use super::link::Link;

/// From 1970 to 2000, in microseconds.
const PG_EPOCH: i64 = 946_684_800_000_000;

/// One committed transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    /// The lower half of its number.
    pub(super) xid: u32,
    /// Where its commit ends in the log.
    pub(super) end: u64,
    pub(super) committed_at: Option<DateTime<Utc>>,
    /// The tables it changed, by number.
    pub(super) tables: BTreeSet<u32>,
}

/// The replication connection.
pub(super) struct Session {
    client: ReplicationClient,
    /// The slot's name.
    pub(super) slot: String,
    /// Which log this is: the cluster's number and its timeline.
    pub(super) log: String,
    /// Up to here every commit has been received.
    pub(super) reached: u64,
    /// The transaction that is being received: its number and its tables.
    open: Option<(u32, BTreeSet<u32>)>,
}

impl Session {
    /// Signs in and asks who answers; no slot yet.
    pub(super) async fn sign_in(
        link: &Link,
        publication: &str,
        encrypted: bool,
    ) -> Result<Self, String> {
        let slot = format!("lookaside_{:016x}", rand::random::<u64>());
        let config = link.replication(publication, &slot, encrypted)?;
        let words = |error: PgWireError| error.to_string();
        let mut client = ReplicationClient::connect_gated(config)
            .await
            .map_err(words)?;
        let system = client.identify_system().await.map_err(words)?;
        Ok(Self {
            client,
            slot,
            log: format!("{}-{}", system.system_id, system.timeline),
            reached: 0,
            open: None,
        })
    }

    /// Makes the slot and begins to receive. Waits for every transaction that is open when it is called.
    pub(super) async fn begin(&mut self) -> Result<(), String> {
        let create = format!(
            "CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT",
            self.slot
        );
        let made = async {
            self.client.simple_query(&create).await?;
            self.client.start().await?;
            self.client.wait_started().await
        };
        made.await.map_err(|error| {
            if error.to_string().contains("55P03") {
                "a transaction is open for so long that the log cannot be begun; end it (pg_stat_activity shows it)"
                    .to_owned()
            } else {
                error.to_string()
            }
        })
    }

    /// Waits for the next event; a transaction once all of it has come. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<Transaction>, String> {
        let event = match self.client.recv().await {
            Ok(Some(event)) => event,
            Ok(None) => return Err("the server ended the replication".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        match event {
            // Sent when everything up to there has been sent.
            ReplicationEvent::KeepAlive { wal_end, .. } => self.reach(wal_end.as_u64()),
            ReplicationEvent::Begin { xid, .. } => self.open = Some((xid, BTreeSet::new())),
            ReplicationEvent::XLogData { data, .. } => {
                if let Some((_, tables)) = &mut self.open {
                    tables_of(&data, tables);
                }
            }
            ReplicationEvent::Commit {
                end_lsn,
                commit_time_micros,
                ..
            } => {
                self.reach(end_lsn.as_u64());
                return Ok(self.open.take().map(|(xid, tables)| Transaction {
                    xid,
                    end: end_lsn.as_u64(),
                    committed_at: DateTime::from_timestamp_micros(commit_time_micros + PG_EPOCH),
                    tables,
                }));
            }
            _ => {}
        }
        Ok(None)
    }

    fn reach(&mut self, lsn: u64) {
        self.reached = self.reached.max(lsn);
    }

    /// Lets the server forget what has been received.
    pub(super) fn confirm(&self) {
        self.client.update_applied_lsn(Lsn::from_u64(self.reached));
    }
}

/// The tables that a message of pgoutput changes.
fn tables_of(message: &[u8], tables: &mut BTreeSet<u32>) {
    let number = |at: usize| {
        let bytes = message.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    match message.first() {
        Some(b'I' | b'U' | b'D') => tables.extend(number(1)),
        // Their count, one byte of options, and each.
        Some(b'T') => {
            let count = number(1).unwrap_or_default() as usize;
            tables.extend((0..count).map_while(|n| number(6 + 4 * n)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_their_tables() {
        let mut tables = BTreeSet::new();
        tables_of(&[b'I', 0, 0, 1, 0, b'N'], &mut tables);
        tables_of(&[b'T', 0, 0, 0, 2, 1, 0, 0, 0, 7, 0, 0, 0, 9], &mut tables);
        tables_of(&[b'R', 0, 0, 0, 5], &mut tables);
        tables_of(b"U", &mut tables);
        // A count that the message does not hold ends with it.
        tables_of(&[b'T', 255, 255, 255, 255, 0], &mut tables);
        assert_eq!(tables, BTreeSet::from([7, 9, 256]));
    }
}
