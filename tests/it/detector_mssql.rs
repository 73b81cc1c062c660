//! SQL Server's detectors against a server that says what the documentation lets SQL Server say: how the answers are
//! read, and what is asked. Whether a SQL Server says so is for `source_mssql.rs`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use lookaside::detector::{self, Checkpoint, Detector, Observation, Touched};
use lookaside::report::{Dependencies, Dialect};
use lookaside::source::Source;
use lookaside::workspace::SourceConfig;

use crate::replay::{Manners, Recordings, Replay};

const VERSION: &str = "CHANGE_TRACKING_CURRENT_VERSION()";
const CHANGES: &str = "CHANGE_TRACKING_MIN_VALID_VERSION";
const COUNTERS: &str = "CAST(@@DBTS AS bigint)";
const OBJECTS: &str = "MAX(o.modify_date)";
const TRACKED: &str = "SUM(c.begin_version)";
const MAY_COUNT: &str = "SELECT COUNT(*) FROM sys.dm_db_index_usage_stats";
const OPEN: &str = "sys.dm_tran_database_transactions";

struct Shop {
    replay: Replay,
    config: SourceConfig,
    source: Arc<dyn Source>,
    detector: Box<dyn Detector>,
}

impl Shop {
    /// Two tables, with and without Change Tracking; whether it is on for the database as a whole.
    fn new(on: &str, orders: &str, items: &str) -> Self {
        let manners = Manners {
            describes: false,
            snapshot: true,
        };
        let replay = Replay::start(&Recordings::load(), manners);
        replay.say(
            "SELECT DB_NAME(), USER_NAME()",
            &[&[Some("shop"), Some("reader"), Some(on)]],
        );
        replay.say("recovery_fork_guid", &[&[Some("A-B")]]);
        replay.say(
            "sys.change_tracking_tables",
            &[
                &[
                    Some("dbo"),
                    Some("orders"),
                    Some("1"),
                    Some(orders),
                    Some("1"),
                ],
                &[
                    Some("sales"),
                    Some("items"),
                    Some("0"),
                    Some(items),
                    Some("0"),
                ],
            ],
        );
        replay.say("CHANGETABLE(CHANGES [dbo].[orders], NULL)", &[&[Some("1")]]);
        replay.say(OBJECTS, &[&[Some("2026-01-01"), Some("2"), Some("7")]]);
        replay.say(TRACKED, &[&[Some("2"), Some("7"), Some("0")]]);
        replay.refuse(MAY_COUNT, 300, "VIEW SERVER STATE permission was denied");
        let config = SourceConfig {
            poll_interval: Duration::from_millis(1),
            ..SourceConfig::new("shop", &replay.url())
        };
        let source = lookaside::source::open(&config).unwrap();
        let detector = detector::watch(&config, &source);
        Self {
            replay,
            config,
            source,
            detector,
        }
    }

    fn version(&self, version: &str) {
        self.replay.say(VERSION, &[&[Some(version)]]);
    }

    /// For each table the first version that is still known, and whether it changed.
    fn changes(&self, orders: (&str, &str), items: (&str, &str)) {
        self.replay.say(
            CHANGES,
            &[
                &[Some("orders"), Some(orders.0), Some(orders.1)],
                &[Some("sales.items"), Some(items.0), Some(items.1)],
            ],
        );
    }

    /// The tables that the next look names.
    async fn changed(&mut self) -> Vec<String> {
        match self.detector.next().await.unwrap() {
            Observation::Changed {
                tables: Touched::Tables(tables),
                ..
            } => tables.into_iter().collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn change_tracking_names_each_table_and_what_it_forgot() {
    let mut shop = Shop::new("1", "1", "1");
    shop.version("5");
    let Observation::Gap { position, .. } = shop.detector.next().await.unwrap() else {
        panic!("the baseline is a gap");
    };
    assert_eq!(position.as_deref(), Some("00000000000000000005"));
    assert_eq!(shop.detector.about().name, "SQL Server Change Tracking");
    assert_eq!(shop.detector.about().better_by, None);
    let names: Vec<_> = shop
        .detector
        .tells_apart()
        .unwrap()
        .iter()
        .cloned()
        .collect();
    assert_eq!(names, ["orders", "sales.items"]);
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);

    shop.version("6");
    shop.changes(("1", "1"), ("1", "0"));
    assert_eq!(shop.changed().await, ["orders"]);
    let heard = shop.replay.heard();
    let asked = heard
        .iter()
        .rev()
        .find(|sql| sql.contains(CHANGES))
        .unwrap();
    assert!(
        asked.contains("CHANGETABLE(CHANGES [sales].[items], 5)"),
        "{asked}"
    );

    // A table that was truncated, or cleaned up further than we read, has forgotten what changed.
    shop.version("7");
    shop.changes(("1", "0"), ("7", "0"));
    assert_eq!(shop.changed().await, ["sales.items"]);

    // A number is spent by other databases' business too.
    shop.version("8");
    shop.changes(("1", "0"), ("7", "0"));
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);

    // A view was defined anew: no table changed, and reports may answer otherwise.
    shop.replay
        .say(OBJECTS, &[&[Some("2026-01-02"), Some("2"), Some("7")]]);
    let redefined = shop.detector.next().await.unwrap();
    assert!(
        matches!(&redefined, Observation::Gap { why, .. } if why == "the schema changed"),
        "{redefined:?}"
    );
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);

    // Restored from a backup.
    shop.version("3");
    let back = shop.detector.next().await.unwrap();
    assert!(
        matches!(&back, Observation::Gap { why, .. } if why.contains("set back")),
        "{back:?}"
    );

    shop.replay.say(VERSION, &[&[None]]);
    let blind = shop.detector.next().await.unwrap_err();
    assert!(blind.0.contains("switched off for the database"), "{blind}");
}

#[tokio::test]
async fn change_tracking_goes_on_where_a_former_worker_ended() {
    let shop = Shop::new("1", "1", "1");
    shop.version("9");
    shop.changes(("1", "0"), ("1", "1"));
    let resumed = async |log: &str| {
        let mut detector = detector::watch(&shop.config, &shop.source);
        detector.resume(&Checkpoint {
            log: log.to_owned(),
            position: "00000000000000000004".to_owned(),
        });
        detector.next().await.unwrap()
    };
    let seen = resumed("change tracking A-B 2026-01-01/2/7 A-B 2/7/0").await;
    assert!(matches!(seen, Observation::Changed { .. }), "{seen:?}");
    let asked = shop.replay.heard().join("\n");
    assert!(asked.contains("CHANGES [dbo].[orders], 4)"), "{asked}");
    // A restored copy counts in another history, and a view may have been defined anew meanwhile.
    for log in [
        "C-D 2026-01-01/2/7 C-D 2/7/0",
        "A-B 2025-12-31/2/7 A-B 2/7/0",
    ] {
        let seen = resumed(&format!("change tracking {log}")).await;
        assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
    }
}

#[tokio::test]
async fn a_table_that_is_not_tracked_makes_it_blind() {
    let mut shop = Shop::new("1", "1", "1");
    shop.version("5");
    shop.detector.next().await.unwrap();
    let row = |name, tracked| [Some("dbo"), Some(name), Some("1"), Some(tracked), Some("1")];
    shop.replay.say(
        "EXISTS (SELECT 1 FROM sys.change_tracking_tables",
        &[&row("orders", "1"), &row("new", "0")],
    );
    shop.replay
        .say(OBJECTS, &[&[Some("2026-01-02"), Some("3"), Some("9")]]);
    for _ in 0..2 {
        let blind = shop.detector.next().await.unwrap_err();
        assert!(
            blind
                .0
                .contains("ALTER TABLE [dbo].[new] ENABLE CHANGE_TRACKING"),
            "{blind}"
        );
    }
    shop.replay.say(
        "EXISTS (SELECT 1 FROM sys.change_tracking_tables",
        &[&row("orders", "1"), &row("new", "1")],
    );
    shop.replay
        .say("CHANGETABLE(CHANGES [dbo].[new], NULL)", &[&[Some("1")]]);
    let seen = shop.detector.next().await.unwrap();
    assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
    assert!(shop.detector.tells_apart().unwrap().contains("new"));
}

#[tokio::test]
async fn what_would_enable_more_is_said_in_exact_statements() {
    let shop = Shop::new("0", "0", "0");
    let about = detector::about(&shop.config, &shop.source).await;
    let all = "ALTER DATABASE [shop] SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON); ALTER TABLE \
               [dbo].[orders] ENABLE CHANGE_TRACKING; give [sales].[items] a primary key and ALTER TABLE [sales].[items] \
               ENABLE CHANGE_TRACKING; GRANT VIEW CHANGE TRACKING ON SCHEMA::[dbo] TO [reader]; GRANT VIEW CHANGE TRACKING \
               ON SCHEMA::[sales] TO [reader]";
    let better = about.better_by.unwrap();
    assert_eq!(about.name, "none");
    assert!(better.contains(all), "{better}");
    assert!(better.contains("GRANT VIEW SERVER STATE"), "{better}");

    shop.replay.say(MAY_COUNT, &[&[Some("0")]]);
    shop.replay.say(OPEN, &[&[Some("0")]]);
    let about = detector::about(&shop.config, &shop.source).await;
    assert_eq!(about.name, "SQL Server's counters of writes");
    assert!(about.better_by.unwrap().starts_with(all));
    assert!(about.blind_spots.len() > 2, "{:?}", about.blind_spots);
}

#[tokio::test]
async fn counters_count_again_until_no_writer_is_open() {
    let mut shop = Shop::new("0", "0", "0");
    let replay = &shop.replay;
    let counters = |orders: &str, dbts: &str| {
        replay.say(
            COUNTERS,
            &[&[
                Some("dbo"),
                Some("orders"),
                Some("1"),
                Some(orders),
                Some("10"),
                Some(dbts),
            ]],
        );
    };
    replay.say(MAY_COUNT, &[&[Some("1")]]);
    replay.say(OPEN, &[&[Some("0")]]);
    counters("5", "100");
    let first = shop.detector.next().await.unwrap();
    assert!(matches!(first, Observation::Gap { .. }), "{first:?}");
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);
    // It was counted, and is not committed yet.
    counters("6", "100");
    replay.say(OPEN, &[&[Some("1")]]);
    let mut changed = async |times: usize| {
        for _ in 0..times {
            let seen = shop.detector.next().await.unwrap();
            let Observation::Changed {
                tables: Touched::Tables(tables),
                ..
            } = seen
            else {
                panic!("{seen:?}");
            };
            assert!(tables.contains("orders"));
        }
    };
    changed(3).await;
    replay.say(OPEN, &[&[Some("0")]]);
    changed(1).await;
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);
    // A rowversion moved where no counter did: nobody knows whose.
    counters("6", "101");
    let seen = shop.detector.next().await.unwrap();
    assert!(
        matches!(
            seen,
            Observation::Changed {
                tables: Touched::All,
                ..
            }
        ),
        "{seen:?}"
    );
}

#[tokio::test]
async fn tables_are_found_under_views_and_synonyms_with_the_servers_help_or_without() {
    let shop = Shop::new("1", "1", "1");
    let replay = &shop.replay;
    replay.say(
        "SELECT SCHEMA_NAME(), DB_NAME()",
        &[&[Some("dbo"), Some("shop")]],
    );
    replay.say(
        "FROM sys.tables WHERE is_ms_shipped = 0 AND is_external = 0",
        &[
            &[Some("dbo"), Some("orders")],
            &[Some("sales"), Some("items")],
        ],
    );
    let view = |name: &'static str, sql: &'static str| [Some("dbo"), Some(name), Some(sql)];
    replay.say(
        "LEFT JOIN sys.sql_modules m ON m.object_id = v.object_id",
        &[
            &view(
                "both",
                "CREATE VIEW both AS SELECT o.id FROM orders o JOIN sales.items i ON i.id = o.id",
            ),
            &view(
                "odd",
                "CREATE VIEW odd AS SELECT * FROM orders FOR SYSTEM_TIME ALL WHAT IS THIS",
            ),
            &view(
                "recent",
                "CREATE VIEW recent AS SELECT * FROM orders WHERE day > GETDATE()",
            ),
        ],
    );
    replay.say(
        "FROM sys.synonyms",
        &[
            &[Some("dbo"), Some("things"), Some("[sales].[items]")],
            &[Some("dbo"), Some("far"), Some("[archive].[dbo].[orders]")],
        ],
    );
    let of = async |sql: &str| {
        let catalogue = shop.source.catalogue().await.unwrap();
        let found = Dependencies::of(sql, Dialect::MsSql, &catalogue);
        (found.names().join(" "), found.unseen)
    };
    // The server keeps no list of what views read: their definitions are read.
    replay.say("sys.sql_expression_dependencies", &[]);
    assert_eq!(
        of("SELECT * FROM Orders").await,
        ("orders".to_owned(), None)
    );
    assert_eq!(of("SELECT * FROM shop.dbo.[orders]").await.0, "orders");
    assert_eq!(of("SELECT * FROM both").await.0, "orders sales.items");
    assert_eq!(of("SELECT * FROM things").await.0, "sales.items");
    assert_eq!(of("SELECT * FROM odd").await.0, "*");
    let (tables, unseen) = of("SELECT * FROM far").await;
    assert_eq!(tables, "*");
    assert_eq!(
        unseen.as_deref(),
        Some("archive.dbo.orders, of another database")
    );

    // It keeps one: no definition need be understood, but for the clock in it.
    let reads = |view: &'static str| {
        [
            Some("dbo"),
            Some(view),
            Some("dbo"),
            Some("orders"),
            Some("U"),
        ]
    };
    replay.say(
        "sys.sql_expression_dependencies",
        &[&reads("odd"), &reads("recent")],
    );
    assert_eq!(of("SELECT * FROM odd").await, ("orders".to_owned(), None));
    let (tables, unseen) = of("SELECT * FROM recent").await;
    assert_eq!(
        (tables.as_str(), unseen.as_deref()),
        ("orders", Some("GETDATE"))
    );
}

#[tokio::test]
async fn restored_database_is_known_by_its_recovery_fork() {
    let mut shop = Shop::new("1", "1", "1");
    shop.version("5");
    shop.detector.next().await.unwrap();
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);
    // Restored to an earlier time, and written to until it counts as before.
    shop.replay.say("recovery_fork_guid", &[&[Some("ANOTHER")]]);
    let seen = shop.detector.next().await.unwrap();
    assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
    let spots = shop.detector.about().blind_spots.join("; ");
    assert!(!spots.contains("RESTORE"), "{spots}");
}

#[tokio::test]
async fn account_without_recovery_fork_is_told_and_never_resumes() {
    let shop = Shop::new("1", "1", "1");
    shop.replay
        .refuse("recovery_fork_guid", 300, "permission was denied");
    shop.version("9");
    shop.changes(("1", "0"), ("1", "1"));
    let mut detector = detector::watch(&shop.config, &shop.source);
    detector.resume(&Checkpoint {
        log: "change tracking  2026-01-01/2/7  2/7/0".to_owned(),
        position: "00000000000000000004".to_owned(),
    });
    let seen = detector.next().await.unwrap();
    assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
    let spots = detector.about().blind_spots.join("; ");
    assert!(spots.contains("RESTORE"), "{spots}");
}

#[tokio::test]
async fn tables_beyond_change_tracking_are_left_out_and_named() {
    let mut shop = Shop::new("1", "1", "0");
    shop.version("5");
    shop.replay.say(
        "t.is_memory_optimized",
        &[&[
            Some("sales"),
            Some("items"),
            Some("0"),
            Some("memory-optimized"),
        ]],
    );
    shop.detector.next().await.unwrap();
    assert_eq!(shop.detector.about().name, "SQL Server Change Tracking");
    let unseen = shop.detector.cannot_see().unwrap();
    assert!(
        unseen.contains("sales.items") && unseen.contains("*"),
        "{unseen:?}"
    );
    let spots = shop.detector.about().blind_spots.join("; ");
    assert!(spots.contains("sales.items (memory-optimized)"), "{spots}");
}

#[tokio::test]
async fn change_of_rights_or_settings_is_a_gap() {
    let mut shop = Shop::new("1", "1", "1");
    shop.version("5");
    let rights = |sum| [Some("permissions"), Some("3"), Some(sum)];
    shop.replay.say("sys.database_permissions", &[&rights("1")]);
    shop.detector.next().await.unwrap();
    assert_eq!(shop.detector.next().await.unwrap(), Observation::Quiet);
    shop.replay.say("sys.database_permissions", &[&rights("2")]);
    let seen = shop.detector.next().await.unwrap();
    assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
}
