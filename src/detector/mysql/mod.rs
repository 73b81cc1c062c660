//! What does a MySQL or MariaDB server's log say, or its counters? The best of these that the account may use.
//!
//! | file | its one question |
//! | --- | --- |
//! | `binlog.rs` | what does the log say? |
//! | `poll.rs` | has anything been committed, for an account that may not read the log? |
//! | `server.rs` | what does the server say of itself and its log? |
//! | `stream.rs` | how does the log come in? |
//! | `events.rs` | what does an event of the log mean? |
//! | `names.rs` | which tables are meant, and which change with them? |
//! | `place.rs` | where in which log is something? |

use std::sync::Arc;
use std::time::Duration;

use crate::source::Source;
use crate::workspace::SourceConfig;

use super::{About, Blind, Detector, best};
use binlog::Binlog;
use poll::Poll;
use server::{Facts, Failure, Product, Server, Status};
use stream::Stream;

mod binlog;
mod events;
mod names;
mod place;
mod poll;
mod server;
mod stream;

/// From commit to detection by the log, while all is well: the stream wakes it, and commits that come close together
/// wait for each other.
const DELAY: Duration = Duration::from_millis(100);

/// What the log would bring, in words that follow on what enables it.
const BRINGS: &str = "lets the server's log tell which tables each commit changed, at once";

/// The best detector for this server and account. What is allowed is found out by trying.
pub(super) async fn choose(
    config: &SourceConfig,
    _source: &Arc<dyn Source>,
) -> Result<Box<dyn Detector>, Blind> {
    let mut server = Server::new(config)?;
    let facts = server
        .facts()
        .await
        .map_err(|failure| failure.blind("give the account the right to sign in"))?;
    let name = facts.name();
    if let Some(sentence) = unlogged(&facts, name) {
        return Err(best::nothing(config, &sentence));
    }
    let mut filters = None;
    let better = match read(&mut server, &facts).await {
        Ok(status) => {
            if let Some(sentence) = filtered(&status, server.access.database()) {
                return Err(best::nothing(config, &sentence));
            }
            let spots = blind_spots(&facts, Some(&status));
            filters = Some(status);
            if facts.format.eq_ignore_ascii_case("ROW") {
                let better_by = match facts.product {
                    Product::MySql { gtid: false, .. } => Some(
                        "gtid_mode = ON (with enforce_gtid_consistency = ON) lets us wait until a commit in the log \
                         can be seen"
                            .to_owned(),
                    ),
                    _ => None,
                };
                let about = About {
                    name: format!("{name} binary log"),
                    delay: DELAY,
                    blind_spots: spots,
                    better_by,
                };
                return Ok(Box::new(Binlog::new(server, facts, about)));
            }
            format!(
                "SET GLOBAL binlog_format = ROW (and binlog_format = ROW in the [mysqld] part of the configuration) \
                 {BRINGS}"
            )
        }
        Err(Failure::Denied(_)) => format!("{} {BRINGS}", facts.grant()),
        // The words of whatever stands in the way are all there is to go by.
        Err(Failure::Gone(words) | Failure::Other(words)) => {
            format!("the server's log, which cannot be read now ({words}), {BRINGS}")
        }
    };
    if matches!(facts.product, Product::MySql { gtid: false, .. }) {
        return Err(best::nothing(
            config,
            &format!("{better}; or set gtid_mode = ON, by which commits can be counted"),
        ));
    }
    let mut spots =
        vec!["which table: any commit to the server counts as a change of every table".to_owned()];
    spots.extend(blind_spots(&facts, filters.as_ref()));
    let about = About {
        name: match facts.product {
            Product::MariaDb => "MariaDB log position".to_owned(),
            Product::MySql { .. } => "MySQL gtid_executed".to_owned(),
        },
        delay: config.poll_interval,
        blind_spots: spots,
        better_by: Some(better),
    };
    let poll = config.poll_interval;
    Ok(Box::new(Poll::new(server, facts, poll, about)))
}

/// Tries all that reading the log takes.
async fn read(server: &mut Server, facts: &Facts) -> Result<Status, Failure> {
    let status = server.status(facts.product).await?;
    let base = server.base().await?;
    let end = server.end(facts.product).await?;
    Stream::open(&server.access, facts, &base, end).await?;
    Ok(status)
}

/// Why the server's log does not tell of every change, as far as its settings say.
fn unlogged(facts: &Facts, name: &str) -> Option<String> {
    if !facts.logs {
        return Some(format!(
            "{name} keeps no log; set log_bin = ON, binlog_format = ROW and a server_id in the [mysqld] part of its \
             configuration and restart it"
        ));
    }
    if !facts.log_engine.is_empty() {
        // Its places are GTIDs alone: none that a snapshot could be compared with.
        return Some(format!(
            "{name} keeps its log within {}, where it cannot be read yet; leave binlog_storage_engine out of the [mysqld] \
             part of its configuration and restart it",
            facts.log_engine
        ));
    }
    (facts.follows && !facts.logs_others).then(|| {
        format!(
            "{name} does not log what another server sends it; set log_slave_updates = ON in the [mysqld] part of its \
             configuration and restart it, or make the other server the source"
        )
    })
}

/// Fails where the server does not log the source's own database, or not what another server sends it: asked whenever the
/// log is opened, for a server may have been started with other settings.
async fn keeps_all(server: &mut Server, facts: &Facts) -> Result<(), Failure> {
    if let Some(sentence) = unlogged(facts, &server.access.place()) {
        return Err(Failure::Other(sentence));
    }
    let status = server.status(facts.product).await?;
    match filtered(&status, server.access.database()) {
        Some(sentence) => Err(Failure::Other(sentence)),
        None => Ok(()),
    }
}

/// Why the log says nothing of the source's own database, if it does not.
fn filtered(status: &Status, database: &str) -> Option<String> {
    let is = |name: &String| name.eq_ignore_ascii_case(database);
    let remedy = "in the [mysqld] part of the server's configuration and restart it";
    if status.without.iter().any(is) {
        return Some(format!(
            "binlog_ignore_db keeps {database} out of the server's log; take that out {remedy}"
        ));
    }
    if !status.only.is_empty() && !status.only.iter().any(is) {
        return Some(format!(
            "binlog_do_db keeps {database} out of the server's log; add binlog_do_db = {database} {remedy}"
        ));
    }
    None
}

/// What no log of this server tells. `status` is `None` where the account may not ask for filters.
fn blind_spots(facts: &Facts, status: Option<&Status>) -> Vec<String> {
    let mut spots = vec![
        "changes by a session that sets sql_log_bin = 0, by hand in the server's files, and of rights by hand in the \
         server's own tables with FLUSH NO_WRITE_TO_BINLOG PRIVILEGES"
            .to_owned(),
    ];
    if !facts.logs_others {
        spots.push(
            "changes that another server sends (replication, Galera), because log_slave_updates is OFF"
                .to_owned(),
        );
    }
    spots.push(
        "a new version of the time zone tables or of a collation, and a TIME column that a report makes a DATETIME of, \
         which takes today's date"
            .to_owned(),
    );
    spots.push("rows that lie elsewhere (FEDERATED, SPIDER, CONNECT tables)".to_owned());
    match status {
        None => spots.push(
            "databases that binlog_do_db or binlog_ignore_db keep out of the log, which this account may not ask for"
                .to_owned(),
        ),
        Some(Status { only, without }) => {
            if !only.is_empty() {
                spots.push(format!(
                    "databases other than {}, because of binlog_do_db",
                    only.join(", ")
                ));
            }
            if !without.is_empty() {
                spots.push(format!(
                    "the databases {}, because of binlog_ignore_db",
                    without.join(", ")
                ));
            }
        }
    }
    if matches!(facts.product, Product::MySql { gtid: false, .. }) {
        spots.push(
            "the moment between a commit's place in the log and its being seen (group commit, semi-synchronous \
             replication): a refresh in it may miss the commit"
                .to_owned(),
        );
    }
    spots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_within_innodb_is_refused_with_its_remedy() {
        let mut facts = Facts {
            product: Product::MariaDb,
            logs: true,
            log_engine: String::new(),
            format: "ROW".to_owned(),
            logs_others: true,
            follows: false,
            identity: String::new(),
            settings: String::new(),
            started: 0,
            exact_names: true,
            encrypted: false,
            account: String::new(),
        };
        assert_eq!(unlogged(&facts, "MariaDB"), None);
        facts.log_engine = "innodb".to_owned();
        let told = unlogged(&facts, "MariaDB").unwrap_or_default();
        assert!(told.contains("binlog_storage_engine"), "{told}");
    }

    #[test]
    fn a_log_without_the_database_is_not_taken() {
        let status = |only: &[&str], without: &[&str]| {
            let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Status {
                only: list(only),
                without: list(without),
            }
        };
        for sees in [
            status(&[], &[]),
            status(&["shop"], &[]),
            status(&[], &["other"]),
        ] {
            assert_eq!(filtered(&sees, "shop"), None);
        }
        let ignored = filtered(&status(&[], &["shop"]), "shop").unwrap_or_default();
        assert!(ignored.contains("binlog_ignore_db"), "{ignored}");
        let others = filtered(&status(&["other"], &[]), "shop").unwrap_or_default();
        assert!(others.contains("binlog_do_db = shop"), "{others}");
    }
}
