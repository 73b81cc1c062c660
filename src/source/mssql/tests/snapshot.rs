//! Where a report reads no snapshot, whoever runs it is told so; and what a server refuses of a transaction's
//! beginning is done without.

use super::replay::{MANY_ROWS, Manners, Recordings, Replay};
use super::{Outcome, mssql, run};

const NOTE: &str = "no snapshot was read: a report may mix rows from before and after a change made meanwhile; ALTER \
                    DATABASE [recdb] SET ALLOW_SNAPSHOT_ISOLATION ON lets it read one";

fn replay(snapshot: bool) -> Replay {
    let manners = Manners {
        describes: true,
        snapshot,
    };
    Replay::start(&Recordings::load(), manners)
}

fn notes(outcome: &Outcome) -> usize {
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    outcome
        .notices
        .iter()
        .filter(|notice| *notice == NOTE)
        .count()
}

#[tokio::test]
async fn each_run_that_read_no_snapshot_says_so_once() {
    let none = replay(false);
    let server = mssql(&none.url());
    let other = "SELECT 1 AS one";
    for sql in [MANY_ROWS, other, MANY_ROWS] {
        assert_eq!(notes(&run(&server, sql).await), 1, "{sql}");
    }
    // A report that failed showed nobody anything.
    let fails = "SELECT 1/0";
    assert!(run(&server, fails).await.notices.is_empty());

    let one = replay(true);
    assert_eq!(notes(&run(&mssql(&one.url()), MANY_ROWS).await), 0);
}

#[tokio::test]
async fn a_statement_that_reads_a_snapshot_of_its_own_mixes_nothing() {
    let versions = replay(false);
    versions.say("snapshot_isolation_state", &[&[Some("0"), Some("1")]]);
    let server = mssql(&versions.url());
    assert_eq!(notes(&run(&server, MANY_ROWS).await), 0);
    // Two statements have two of them.
    let two = "RAISERROR('low severity %d', 10, 1, 42); SELECT 1 AS a; PRINT N'after rows é東'; SELECT 2 AS b";
    assert_eq!(notes(&run(&server, two).await), 1);
}

#[tokio::test]
async fn what_cannot_be_read_in_a_snapshot_is_read_without_and_said() {
    for number in [3952, 41_332] {
        let replay = replay(true);
        // Refused as long as the transaction is a snapshot: the second time is another.
        replay.refuse_in_snapshot(MANY_ROWS, number, "not in a snapshot");
        let outcome = run(&mssql(&replay.url()), MANY_ROWS).await;
        assert_eq!(outcome.rows().len(), 5000);
        assert_eq!(notes(&outcome), 1);
        let heard = replay.heard();
        let at = |part: &str| heard.iter().rposition(|sql| sql.contains(part));
        assert!(
            at("LEVEL SNAPSHOT") < at("LEVEL READ COMMITTED"),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_knows_none_of_the_settings_still_answers() {
    let replay = replay(true);
    // Everything that is asked around a report, but to begin, to end and to say who we are.
    for part in [
        "SET ",
        "LOCK_TIMEOUT",
        "sys.databases",
        "dm_exec_describe_first_result_set",
        "WITH RESULT SETS",
    ] {
        replay.refuse(part, 33_557_097, "this is not supported here");
    }
    let server = mssql(&replay.url());
    let outcome = run(&server, MANY_ROWS).await;
    assert_eq!(outcome.rows().len(), 5000);
    assert_eq!(notes(&outcome), 1);
    let heard = replay.heard();
    assert!(
        heard
            .iter()
            .any(|sql| sql == "BEGIN TRANSACTION; SELECT CAST(@@SPID AS int)"),
        "{heard:?}"
    );
}
