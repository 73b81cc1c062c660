//! The shop goes on: new orders, one transaction each, at the rate the user sets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{Mutex, watch};

use super::{DemoError, data};

/// Inserts orders. Dropping it ends the task that does so at a rate.
pub(super) struct Writer {
    inner: Arc<Inner>,
    rate: watch::Sender<u32>,
    task: tokio::task::JoinHandle<()>,
}

struct Inner {
    path: PathBuf,
    connection: Mutex<SqliteConnection>,
    inserted: AtomicU64,
    /// How many customers and parts there are: their keys run from 1.
    customers: i64,
    parts: i64,
}

struct Line {
    part: i64,
    supplier: i64,
    quantity: i64,
    /// Quantity times the part's price, in cents.
    price: i64,
    /// Percent.
    discount: i64,
    /// Percent.
    tax: i64,
    ship_days: u64,
    commit_days: u64,
    receipt_days: u64,
}

impl Writer {
    /// Opens its own connection to the data file and begins at `rate` orders a minute.
    pub(super) async fn start(path: &Path, rate: u32) -> Result<Self, DemoError> {
        let failed = |error: sqlx::Error| data::explain(path, &error);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            // A refresh reads for long, but never blocks a writer; another demo on the same file may, for moments.
            .busy_timeout(Duration::from_secs(10));
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(failed)?;
        let (customers, parts) = sqlx::query_as::<_, (i64, i64)>(
            "SELECT (SELECT max(c_custkey) FROM customer), (SELECT max(p_partkey) FROM part)",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        let inner = Arc::new(Inner {
            path: path.to_owned(),
            connection: Mutex::new(connection),
            inserted: AtomicU64::new(0),
            customers,
            parts,
        });
        let (sender, receiver) = watch::channel(rate);
        let task = tokio::spawn(write(Arc::clone(&inner), receiver));
        Ok(Self {
            inner,
            rate: sender,
            task,
        })
    }

    pub(super) fn set_rate(&self, rate: u32) {
        self.rate.send_replace(rate);
    }

    pub(super) fn rate(&self) -> u32 {
        *self.rate.borrow()
    }

    pub(super) fn inserted(&self) -> u64 {
        self.inner.inserted.load(Ordering::Relaxed)
    }

    pub(super) async fn insert(&self) -> Result<(i64, DateTime<Utc>), DemoError> {
        self.inner.insert().await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn write(inner: Arc<Inner>, mut rate: watch::Receiver<u32>) {
    loop {
        let per_minute = *rate.borrow_and_update();
        let next = async {
            if per_minute == 0 {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_mins(1) / per_minute).await;
        };
        tokio::select! {
            changed = rate.changed() => if changed.is_err() { return },
            () = next => if let Err(error) = inner.insert().await {
                tracing::warn!("the demo's writer could not insert an order: {error}");
            },
        }
    }
}

impl Inner {
    async fn insert(&self) -> Result<(i64, DateTime<Utc>), DemoError> {
        let mut connection = self.connection.lock().await;
        let order = self.insert_in(&mut connection).await;
        if order.is_err() {
            // There may be no transaction to roll back, and then that is an error of no consequence.
            let _ = connection.execute("ROLLBACK").await;
        }
        let key = order.map_err(|error| data::explain(&self.path, &error))?;
        self.inserted.fetch_add(1, Ordering::Relaxed);
        Ok((key, Utc::now()))
    }

    async fn insert_in(&self, connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
        let (customer, lines) = self.choose(connection).await?;
        let today = Utc::now().date_naive();
        let total: i64 = lines.iter().map(Line::total).sum();
        connection.execute("BEGIN IMMEDIATE").await?;
        let key = sqlx::query_scalar::<_, i64>(
            "INSERT INTO orders SELECT max(o_orderkey) + 1, ?, 'O', ?, ?, '3-MEDIUM', 'Clerk#000000001', 0, 'placed during the demo' \
             FROM orders RETURNING o_orderkey",
        )
        .bind(customer)
        .bind(total)
        .bind(today.to_string())
        .fetch_one(&mut *connection)
        .await?;
        for (number, line) in (1i64..).zip(&lines) {
            sqlx::query(
                "INSERT INTO lineitem VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'N', 'O', ?, ?, ?, 'DELIVER IN PERSON', 'AIR', \
                 'placed during the demo')",
            )
            .bind(key)
            .bind(line.part)
            .bind(line.supplier)
            .bind(number)
            .bind(line.quantity)
            .bind(line.price)
            .bind(line.discount)
            .bind(line.tax)
            .bind(after(today, line.ship_days))
            .bind(after(today, line.commit_days))
            .bind(after(today, line.receipt_days))
            .execute(&mut *connection)
            .await?;
        }
        connection.execute("COMMIT").await?;
        Ok(key)
    }

    /// A customer, and one to seven lines of parts with the price and a supplier that the shop has for each.
    async fn choose(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(i64, Vec<Line>), sqlx::Error> {
        let customer = rand::random_range(1..=self.customers);
        let mut lines = Vec::new();
        for _ in 0..rand::random_range(1..=7) {
            let part = rand::random_range(1..=self.parts);
            let (price, supplier) = sqlx::query_as::<_, (i64, i64)>(
                "SELECT p_retailprice, ps_suppkey FROM part JOIN partsupp ON ps_partkey = p_partkey \
                 WHERE p_partkey = ? ORDER BY random() LIMIT 1",
            )
            .bind(part)
            .fetch_one(&mut *connection)
            .await?;
            let quantity = rand::random_range(1..=50);
            let ship_days = rand::random_range(1..=121);
            lines.push(Line {
                part,
                supplier,
                quantity,
                price: quantity * price,
                discount: rand::random_range(0..=10),
                tax: rand::random_range(0..=8),
                ship_days,
                commit_days: rand::random_range(30..=90),
                receipt_days: ship_days + rand::random_range(1..=30),
            });
        }
        Ok((customer, lines))
    }
}

impl Line {
    /// What the customer pays for it in cents, as TPC-H computes an order's total.
    fn total(&self) -> i64 {
        self.price * (100 - self.discount) * (100 + self.tax) / 10_000
    }
}

fn after(day: NaiveDate, days: u64) -> String {
    day.checked_add_days(Days::new(days))
        .unwrap_or(day)
        .to_string()
}
