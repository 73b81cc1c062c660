//! A SQL Server of one's own: none can be started here, so the environment names one.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::TryStreamExt;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;
use url::Url;

/// What names it.
const VARIABLE: &str = "LOOKASIDE_TEST_MSSQL_URL";

/// The server that the environment names. Its user must be able to make databases and tables.
pub(crate) struct MsSql(Url);

impl MsSql {
    /// The server, where there is one; else it is said that the test was skipped, and why.
    pub(crate) fn given() -> Option<Self> {
        match std::env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => {
                let shape = "it is written mssql://user:password@host/database";
                let url =
                    Url::parse(&url).unwrap_or_else(|error| panic!("{VARIABLE}: {error}; {shape}"));
                Some(Self(url))
            }
            _ => {
                eprintln!(
                    "skipped: no SQL Server to test against; {VARIABLE}=mssql://user:password@host/database names one"
                );
                None
            }
        }
    }

    /// The URL that the environment gives.
    pub(crate) fn url(&self) -> String {
        self.0.to_string()
    }

    /// The URL of another database on it.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let mut url = self.0.clone();
        url.set_path(&format!("/{database}"));
        url.to_string()
    }

    /// The URL with another password.
    pub(crate) fn url_with(&self, password: &str) -> String {
        let mut url = self.0.clone();
        url.set_password(Some(password)).unwrap();
        url.to_string()
    }

    /// The name of the URL's database.
    pub(crate) fn database(&self) -> String {
        self.0.path().trim_start_matches('/').to_owned()
    }

    /// A name that no other test has, of this process or of another.
    pub(crate) fn fresh(what: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("lookaside_{}_{number}_{what}", std::process::id())
    }

    /// Makes a new empty database, which goes away with what is returned.
    pub(crate) fn fresh_database(&self) -> Database<'_> {
        let name = Self::fresh("db");
        self.client(&self.database(), &format!("CREATE DATABASE {name}"));
        Database { server: self, name }
    }

    /// What the server answers, a line for each row, by the driver alone and not by the source under test.
    pub(crate) fn client(&self, database: &str, sql: &str) -> String {
        self.try_client(database, sql).unwrap_or_else(|error| {
            panic!("this server lacks what the test needs, or the test is wrong: {sql}: {error}")
        })
    }

    /// The same, where the server may not know the statement.
    pub(crate) fn try_client(
        &self,
        database: &str,
        sql: &str,
    ) -> Result<String, tiberius::error::Error> {
        // A runtime of its own: tests that have one and tests that have none call this.
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.unwrap().block_on(self.ask(database, sql))
            });
            asking.join().unwrap()
        })
    }

    /// How many queries with this text run. A server that is PostgreSQL beneath may know no other list than that one's.
    pub(crate) fn running(&self, database: &str, mark: &str) -> String {
        let requests = format!(
            "SELECT COUNT(*) FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t WHERE \
             r.session_id <> @@SPID AND t.text LIKE '%{mark}%'"
        );
        let activity = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark}%' AND query NOT LIKE \
             '%pg_stat_activity%'"
        );
        self.try_client(database, &requests)
            .or_else(|error| {
                self.try_client(database, &activity)
                    .map_err(|_| error)
            })
            .unwrap_or_else(|error| {
                panic!(
                    "this server does not tell which queries run, so nobody can see whether a cancelled one ends: {error}"
                )
            })
    }

    async fn ask(&self, database: &str, sql: &str) -> Result<String, tiberius::error::Error> {
        let config = self.config(database);
        let stream = TcpStream::connect(config.get_addr()).await?;
        let mut client = Box::pin(Client::connect(config, stream.compat_write())).await?;
        let mut answer = client.simple_query(sql).await?;
        let mut text = String::new();
        while let Some(item) = answer.try_next().await? {
            if let QueryItem::Row(row) = item {
                let cells: Vec<String> = row.cells().map(|(_, cell)| plain(cell)).collect();
                text += &cells.join("\t");
                text.push('\n');
            }
        }
        Ok(text)
    }

    fn config(&self, database: &str) -> Config {
        let url = &self.0;
        let option = |wanted: &str| {
            url.query_pairs()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.to_lowercase())
        };
        let decoded = |text: &str| {
            let text = format!("x={}", text.replace('+', "%2B"));
            let mut pairs = url::form_urlencoded::parse(text.as_bytes());
            pairs.next().unwrap().1.into_owned()
        };
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut config = Config::new();
        config.host(url.host_str().unwrap());
        config.port(url.port().unwrap_or(1433));
        config.database(database);
        config.authentication(AuthMethod::sql_server(
            decoded(url.username()),
            decoded(url.password().unwrap_or_default()),
        ));
        config.encryption(match option("encrypt").as_deref() {
            Some("none") => EncryptionLevel::NotSupported,
            Some("off" | "false") => EncryptionLevel::Off,
            Some("strict") => EncryptionLevel::Strict,
            _ => EncryptionLevel::Required,
        });
        if option("trustservercertificate").as_deref() == Some("true") {
            config.trust_cert();
        }
        config
    }
}

fn plain(cell: &ColumnData<'_>) -> String {
    match cell {
        ColumnData::I32(Some(number)) => number.to_string(),
        ColumnData::I64(Some(number)) => number.to_string(),
        ColumnData::String(Some(text)) => text.to_string(),
        other => format!("{other:?}"),
    }
}

/// A database of one test.
pub(crate) struct Database<'a> {
    server: &'a MsSql,
    pub(crate) name: String,
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        // Not every server knows the first; what is left behind is empty of others' data.
        for sql in [
            format!("ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"),
            format!("DROP DATABASE {name}"),
        ] {
            let _ = self.server.try_client(&self.server.database(), &sql);
        }
    }
}
