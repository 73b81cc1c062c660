//! Where in which log is something?
//!
//! A log is a row of numbered files. MySQL and MariaDB give a file no lasting name of its own: after RESET MASTER, or on
//! a server that was set up anew, `binlog.000001` is another file than it was. So a log is known by one of its files
//! together with the second in which that file was begun, which the server sends with the file.

use std::fmt;

/// The bits of an offset that an event tells.
const LOW: u64 = u32::MAX as u64;

/// The end of an event: which file, and where in it. Places order as the log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The number of the file.
    pub(super) file: u64,
    /// How many bytes lie before it.
    pub(super) offset: u64,
}

impl Place {
    /// The position: ten digits each. `None` past 9.9 GB in one file, where the digits end.
    pub(super) fn position(self) -> Option<String> {
        let text = format!("{:010}{:010}", self.file, self.offset);
        (text.len() == 20).then_some(text)
    }

    /// Reads a position.
    pub(super) fn parse(position: &str) -> Option<Self> {
        if position.len() != 20 || !position.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (file, offset) = position.split_at(10);
        Some(Self {
            file: file.parse().ok()?,
            offset: offset.parse().ok()?,
        })
    }

    /// The place an event tells as its end: 32 bits, also in a file of more than 4 GB. Zero, which an event has that
    /// lies in no file, changes nothing; neither does what lies a little before.
    pub(super) fn advanced(self, low: u32) -> Self {
        if low == 0 {
            return self;
        }
        let mut offset = (self.offset & !LOW) | u64::from(low);
        if self.offset > offset && self.offset - offset > LOW / 2 {
            offset += LOW + 1;
        }
        Self {
            offset: offset.max(self.offset),
            ..self
        }
    }
}

/// A file of the log, by name: what stands before the number, and the number.
pub(super) fn split(name: &str) -> Option<(&str, u64)> {
    let (base, number) = name.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
}

/// The name of a file.
pub(super) fn join(base: &str, number: u64) -> String {
    format!("{base}.{number:06}")
}

/// Which log: the server's, in which a certain file was begun at a certain time, for as long as the server runs: between
/// two starts it may have run without its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// What tells this server from others, without blanks.
    pub(super) server: String,
    /// What stands before the number in the names of the files.
    pub(super) base: String,
    /// The number of the file in which watching began.
    pub(super) file: u64,
    /// When that file was begun, in seconds since 1970.
    pub(super) begun: u32,
    /// When the server was started, in seconds since 1970 by its own clock.
    pub(super) started: i64,
}

/// How far apart two looks at the same start may be, in seconds.
const SAME_START: u64 = 1;

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = join(&self.base, self.file);
        write!(f, "{} {} {} {name}", self.server, self.begun, self.started)
    }
}

impl Origin {
    /// Reads what it was written as.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let (server, begun, started, name) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (base, file) = split(name)?;
        Some(Self {
            server: server.to_owned(),
            base: base.to_owned(),
            file,
            begun: begun.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// Whether the server has run all the while.
    pub(super) fn is_same_start(&self, started: i64) -> bool {
        self.started.abs_diff(started) <= SAME_START
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn positions_order_as_the_log_does_and_come_back() {
        let place = |file, offset| Place { file, offset };
        let row = [
            place(1, 4),
            place(1, 999_999),
            place(2, 4),
            place(2, 5_000_000_000),
            place(10, 4),
        ];
        assert!(row.is_sorted());
        let positions: Vec<String> = row.iter().map(|at| at.position().unwrap()).collect();
        assert!(positions.is_sorted(), "{positions:?}");
        for (at, position) in row.iter().zip(&positions) {
            assert_eq!(Place::parse(position), Some(*at));
        }
        assert_eq!(place(1, 10_000_000_000).position(), None);
        assert_eq!(Place::parse("1"), None);
    }

    #[test]
    fn a_file_of_more_than_four_gigabytes_is_counted_on() {
        let mut at = Place { file: 3, offset: 4 };
        for end in [
            2_000_000_000_u32,
            4_000_000_000,
            1_705_032_704,
            3_705_032_704,
        ] {
            at = at.advanced(end);
        }
        assert_eq!(at.offset, 8_000_000_000);
        assert_eq!(at.advanced(0), at, "an event that lies in no file");
        assert_eq!(
            at.advanced(3_705_032_000),
            at,
            "an event within the last one"
        );
    }

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let origin = Origin {
            server: "mariadb:1@db:3306".to_owned(),
            base: "my log.bin".to_owned(),
            file: 1_000_007,
            begun: 1_700_000_000,
            started: 1_690_000_000,
        };
        assert!(origin.is_same_start(1_690_000_001) && !origin.is_same_start(1_690_000_002));
        assert_eq!(
            origin.to_string(),
            "mariadb:1@db:3306 1700000000 1690000000 my log.bin.1000007"
        );
        assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
        assert_eq!(Origin::parse("another log"), None);
        assert_eq!(split("binlog.000012"), Some(("binlog", 12)));
        assert_eq!(join("binlog", 12), "binlog.000012");
    }
}
