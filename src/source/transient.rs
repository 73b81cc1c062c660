//! Decides which of a database's errors pass with time, by the code that the database documents.
//!
//! The lists name what passes. Every other code is the database's answer to the report, which stays the same until
//! somebody changes the SQL, the schema, the data or the permissions.

/// Whether a PostgreSQL error passes: connection exceptions (08), transaction rollback (40), insufficient resources (53),
/// object not in prerequisite state for locks (55P03), operator intervention (57), system error (58). PostgreSQL manual,
/// appendix A.
pub(super) fn postgres(code: &str) -> bool {
    // A dropped database (57P04) does not come back.
    code == "55P03"
        || code != "57P04" && ["08", "40", "53", "57", "58"].contains(&code.get(..2).unwrap_or(""))
}

/// Whether a MySQL or MariaDB error passes: no memory or disk, too many connections, lock waits and deadlocks, a server
/// that shuts down, network errors. MySQL and MariaDB error references.
pub(super) fn mysql(number: u16) -> bool {
    matches!(
        number,
        1021 // disk full
            | 1037 | 1038 | 1041 // out of memory
            | 1040 | 1203 | 1226 // too many connections, resource limit
            | 1053 | 1077 | 1079 | 1080 // shutting down
            | 1158
            ..=1161 // network errors
            | 1180 // error during commit
            | 1205 | 1206 | 1213 | 1614 // lock wait, lock table full, deadlock, branch rolled back
            | 1317 | 1927 | 1969 | 3024 // interrupted, killed, time limits
            | 1412 // table definition changed while the transaction began
            | 1637 // too many active transactions
            | 2002 | 2003 | 2006 | 2013 | 2055 // connection lost
            | 3168 | 3169 | 4031 // not ready, session killed, idle for too long
    )
}

/// Whether a SQL Server error passes: memory and worker limits, lock time-outs, deadlocks, snapshot conflicts, databases
/// in transition, Azure SQL throttling. Microsoft Learn, database engine events and errors.
pub(super) fn mssql(number: u32) -> bool {
    matches!(
        number,
        701 | 802 | 8628 | 8645 | 8651 | 8657 // memory
            | 1204 | 1205 | 1211 | 1221 | 1222 // locks and deadlocks
            | 3960 | 3961 // snapshot conflicts
            | 596 | 6005 | 6006 | 17142 // session killed, shutting down, paused
            | 922 | 924 | 983 // database in recovery, in use, replica in transition
            | 1101 | 1105 | 9002 // tempdb or log full
            | 4221 | 10928 | 10929 | 10936 | 17809 // no connections or workers left
            | 40143 | 40197 | 40501 | 40540 | 40613 | 49918 | 49919 | 49920 // Azure SQL
    )
}

/// Whether a SQLite error passes, by its primary result code: BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, PROTOCOL,
/// SCHEMA. https://www.sqlite.org/rescode.html
pub(super) fn sqlite(code: i32) -> bool {
    matches!(code & 0xff, 5 | 6 | 7 | 9 | 10 | 13 | 15 | 17)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceError;

    #[test]
    fn missing_objects_and_permissions_are_permanent() {
        for code in ["42P01", "42703", "42501", "42601", "22012", "57P04"] {
            assert!(!postgres(code), "{code}");
        }
        for number in [1054, 1064, 1142, 1143, 1146, 1365] {
            assert!(!mysql(number), "{number}");
        }
        for number in [102, 207, 208, 229, 230, 8134] {
            assert!(!mssql(number), "{number}");
        }
        assert!(!sqlite(1) && !sqlite(26));
    }

    #[test]
    fn deadlocks_and_exhausted_limits_are_transient() {
        for code in ["40P01", "40001", "53300", "57P03", "55P03", "08006"] {
            assert!(postgres(code), "{code}");
        }
        assert!(mysql(1213) && mysql(1205) && mysql(1040));
        assert!(mssql(1205) && mssql(40501));
        assert!(sqlite(5) && sqlite(0x105) && sqlite(13));
    }

    #[test]
    fn error_code_is_read_from_the_message() {
        let code = |message: &str| {
            SourceError::Sql {
                message: message.to_owned(),
                position: None,
            }
            .code()
        };
        assert_eq!(
            code("Table 'a.b' doesn't exist (1146)").as_deref(),
            Some("1146")
        );
        assert_eq!(
            code("no such (thing) (42P01). A hint").as_deref(),
            Some("42P01")
        );
        assert_eq!(code("SQLite: no such table: t"), None);
        assert_eq!(code("f(x) failed"), None);
    }
}
