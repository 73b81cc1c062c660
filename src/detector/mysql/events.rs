//! What does an event of the log mean? From single events to whole transactions: which tables, where it ends, and when
//! it was committed. No SQL is parsed: what is not told row by row may be a change of anything.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mysql_async::binlog::events::{
    AnonymousGtidEvent, Event, GtidEvent, QueryEvent, RotateEvent, TableMapEvent,
    TransactionPayloadEvent,
};
use mysql_async::binlog::{BinlogChecksumAlg, EventType};

use super::names::Table;
use super::place::{Place, split};

/// MariaDB's own kinds of events, which the library does not know.
mod mariadb {
    pub(super) const ANNOTATE_ROWS: u8 = 160;
    pub(super) const CHECKPOINT: u8 = 161;
    pub(super) const GTID: u8 = 162;
    pub(super) const GTID_LIST: u8 = 163;
    pub(super) const START_ENCRYPTION: u8 = 164;
    pub(super) const QUERY_COMPRESSED: u8 = 165;
    /// Compressed rows: the map of their table comes before them, uncompressed.
    pub(super) const ROWS_COMPRESSED: std::ops::RangeInclusive<u8> = 166..=171;
    /// A transaction of one event, without BEGIN and COMMIT.
    pub(super) const STANDALONE: u8 = 1;
}

/// An event that lies in no file.
const ARTIFICIAL: u16 = 0x20;

/// An event that whoever does not know it may skip.
const IGNORABLE: u16 = 0x80;

/// What a transaction changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Rows of these tables.
    Rows(BTreeSet<Table>),
    /// Anything: a statement, a change of a schema.
    Anything,
}

impl Written {
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Rows(tables), Self::Rows(others)) => tables.extend(others),
            (this, _) => *this = Self::Anything,
        }
    }
}

/// A transaction in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) written: Written,
    /// Behind its last event.
    pub(super) end: Place,
    /// When it was committed; whole seconds where the log has no better.
    pub(super) at: Option<DateTime<Utc>>,
}

/// What reading one more event brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A whole transaction that changed something.
    Commit(Commit),
    /// Up to here everything is read.
    At(Place),
    /// The same, and there was nothing more to read for a while.
    Idle(Place),
    /// The server crashed here: it may have lost commits that the log tells of.
    Crashed,
}

/// Reads events one by one.
pub(super) struct Decoder {
    at: Place,
    /// The server was stopped in order.
    stopped: bool,
    /// Within a transaction that ends with an event of its own.
    open: bool,
    written: Option<Written>,
    /// When the transaction was committed, if it was told at its beginning.
    committed: Option<DateTime<Utc>>,
}

impl Decoder {
    /// Reads from this place on.
    pub(super) fn new(at: Place) -> Self {
        Self {
            at,
            stopped: false,
            open: false,
            written: None,
            committed: None,
        }
    }

    /// Takes one more event. The error is a damaged event, in words.
    pub(super) fn take(&mut self, event: &Event) -> Result<Option<Step>, String> {
        self.check(event)?;
        let header = event.header();
        let kind = header.event_type_raw();
        if kind == EventType::ROTATE_EVENT as u8 {
            return self.rotate(event).map(Some);
        }
        self.at = self.at.advanced(header.log_pos());
        if kind == EventType::HEARTBEAT_EVENT as u8 {
            return Ok((!self.open).then_some(Step::Idle(self.at)));
        }
        self.stopped = kind == EventType::STOP_EVENT as u8;
        let ends = self.event(kind, event);
        if ends {
            self.open = false;
            let told = DateTime::from_timestamp(i64::from(header.timestamp()), 0);
            let at = self.committed.take().or(told);
            if let Some(written) = self.written.take() {
                let end = self.at;
                return Ok(Some(Step::Commit(Commit { written, end, at })));
            }
        }
        Ok((!self.open && self.written.is_none()).then_some(Step::At(self.at)))
    }

    /// What the event adds to the transaction; whether it ends it.
    fn event(&mut self, kind: u8, event: &Event) -> bool {
        use EventType as E;

        if let mariadb::GTID = kind {
            // Behind the number and the domain, 12 bytes, come the flags.
            let flags = event.data().get(12).copied().unwrap_or(0);
            self.open = flags & mariadb::STANDALONE == 0;
            return false;
        }
        if kind == mariadb::QUERY_COMPRESSED {
            self.anything();
            return !self.open;
        }
        if mariadb::ROWS_COMPRESSED.contains(&kind) {
            self.rows();
            return false;
        }
        if let mariadb::ANNOTATE_ROWS
        | mariadb::CHECKPOINT
        | mariadb::GTID_LIST
        | mariadb::START_ENCRYPTION = kind
        {
            return false;
        }
        match E::try_from(kind) {
            Ok(E::TABLE_MAP_EVENT) => {
                self.table(event);
                false
            }
            Ok(
                E::PRE_GA_WRITE_ROWS_EVENT
                | E::PRE_GA_UPDATE_ROWS_EVENT
                | E::PRE_GA_DELETE_ROWS_EVENT
                | E::WRITE_ROWS_EVENT_V1
                | E::UPDATE_ROWS_EVENT_V1
                | E::DELETE_ROWS_EVENT_V1
                | E::WRITE_ROWS_EVENT
                | E::UPDATE_ROWS_EVENT
                | E::DELETE_ROWS_EVENT
                | E::PARTIAL_UPDATE_ROWS_EVENT,
            ) => {
                self.rows();
                false
            }
            Ok(E::QUERY_EVENT) => self.query(event),
            Ok(E::XID_EVENT) => true,
            Ok(E::XA_PREPARE_LOG_EVENT | E::INCIDENT_EVENT) => {
                self.anything();
                true
            }
            Ok(E::EXECUTE_LOAD_QUERY_EVENT) => {
                self.anything();
                !self.open
            }
            Ok(E::GTID_EVENT | E::GTID_TAGGED_LOG_EVENT) => {
                if let Ok(gtid) = event.read_event::<GtidEvent>() {
                    self.begin(&gtid);
                }
                false
            }
            Ok(E::ANONYMOUS_GTID_EVENT) => {
                if let Ok(AnonymousGtidEvent(gtid)) = event.read_event() {
                    self.begin(&gtid);
                }
                false
            }
            Ok(E::TRANSACTION_PAYLOAD_EVENT) => {
                // Its events follow as if they stood in the log themselves, unless it cannot be unpacked.
                self.open = true;
                let damaged = event.read_event::<TransactionPayloadEvent<'_>>().is_err();
                if damaged {
                    self.anything();
                }
                damaged
            }
            // What belongs to a statement that follows, and what changes nothing.
            Ok(
                E::FORMAT_DESCRIPTION_EVENT
                | E::STOP_EVENT
                | E::INTVAR_EVENT
                | E::RAND_EVENT
                | E::USER_VAR_EVENT
                | E::BEGIN_LOAD_QUERY_EVENT
                | E::APPEND_BLOCK_EVENT
                | E::DELETE_FILE_EVENT
                | E::IGNORABLE_EVENT
                | E::ROWS_QUERY_EVENT
                | E::PREVIOUS_GTIDS_EVENT
                | E::TRANSACTION_CONTEXT_EVENT
                | E::VIEW_CHANGE_EVENT,
            ) => false,
            _ if event.header().flags_raw() & IGNORABLE != 0 => false,
            _ => {
                self.anything();
                !self.open
            }
        }
    }

    /// The log goes on in another file.
    fn rotate(&mut self, event: &Event) -> Result<Step, String> {
        let rotate: RotateEvent<'_> = event.read_event().map_err(|error| error.to_string())?;
        let name = rotate.name();
        let (_, file) =
            split(&name).ok_or_else(|| format!("the log goes on in a file named {name}"))?;
        // The last file of a server that was stopped ends with the event that says so; one that was full, with this event.
        let artificial = event.header().flags_raw() & ARTIFICIAL != 0;
        let crashed = file != self.at.file && artificial && !self.stopped;
        self.at = Place {
            file,
            offset: rotate.position(),
        };
        (self.open, self.written, self.committed) = (false, None, None);
        Ok(if crashed {
            Step::Crashed
        } else {
            Step::At(self.at)
        })
    }

    /// MySQL tells the microsecond of the commit at the beginning of the transaction, from 8.0 on.
    fn begin(&mut self, gtid: &GtidEvent) {
        let micros = i64::try_from(gtid.immediate_commit_timestamp()).unwrap_or_default();
        self.committed = DateTime::from_timestamp_micros(micros).filter(|_| micros > 0);
    }

    fn table(&mut self, event: &Event) {
        match event.read_event::<TableMapEvent<'_>>() {
            Ok(map) => {
                let table = (
                    map.database_name().into_owned(),
                    map.table_name().into_owned(),
                );
                self.write(Written::Rows(BTreeSet::from([table])));
            }
            Err(_) => self.anything(),
        }
    }

    /// Rows of a table that was named before.
    fn rows(&mut self) {
        if self.written.is_none() {
            self.anything();
        }
    }

    /// A statement; whether it ends the transaction.
    fn query(&mut self, event: &Event) -> bool {
        let query = event.read_event::<QueryEvent<'_>>();
        let text = query.as_ref().map(QueryEvent::query).unwrap_or_default();
        let first = |words: &str| {
            text.get(..words.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(words))
        };
        if first("BEGIN") && text.len() == 5 {
            self.open = true;
            return false;
        }
        if (first("COMMIT") && text.len() == 6) || (first("ROLLBACK") && text.len() == 8) {
            return true;
        }
        // Within a transaction only; rows that were rolled back to a savepoint stand in the log where their table knows
        // no rollback.
        if self.open
            && (first("SAVEPOINT ") || first("ROLLBACK TO ") || first("RELEASE SAVEPOINT "))
        {
            return false;
        }
        self.anything();
        !self.open
    }

    fn anything(&mut self) {
        self.write(Written::Anything);
    }

    fn write(&mut self, more: Written) {
        match &mut self.written {
            Some(written) => written.merge(more),
            None => self.written = Some(more),
        }
    }

    /// A damaged event must not be read as another one.
    fn check(&self, event: &Event) -> Result<(), String> {
        let footer = event.footer();
        let summed = matches!(
            footer.get_checksum_alg(),
            Ok(Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32))
        ) && footer.get_checksum_enabled();
        let Some(sum) = event.checksum().filter(|_| summed) else {
            return Ok(());
        };
        let counted = event.calc_checksum(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32);
        if u32::from_le_bytes(sum) == counted {
            return Ok(());
        }
        Err(format!(
            "an event behind {} in file {} is damaged",
            self.at.offset, self.at.file
        ))
    }
}
