//! What is answered to which statement? What was recorded; what a test told the server to say; and, where a test asks
//! for it, nothing, or half of it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::bulk::Table;
use super::recordings::{MANY_ROWS, Recordings};
use super::socket::{Socket, Tls};
use super::wire;

/// A statement that the server never answers, until it is told to stop.
pub(crate) const HANGS: &str = "SELECT 1 AS hangs";
/// The same, and it does not listen either.
pub(crate) const DEAF: &str = "SELECT 1 AS deaf";
/// Rows without an end.
pub(crate) const ENDLESS: &str = "SELECT 1 AS endless";
/// The connection ends in the middle of rows.
pub(crate) const BREAKS: &str = "SELECT 1 AS breaks";
/// An amount of money and a text, in a column's fixed-length types as SQL Server sends them where NULL cannot be.
pub(crate) const FIXED: &str = "SELECT 1 AS fixed";
/// A hierarchyid.
pub(crate) const CLR: &str = "SELECT 1 AS clr";

/// A database that is not there.
pub(crate) const ABSENT: &str = "no_such_database";

/// What a server is like.
#[derive(Clone, Copy)]
pub(crate) struct Manners {
    /// Whether it tells a statement's columns before it runs.
    pub(crate) describes: bool,
    /// Whether it lets a transaction read a snapshot.
    pub(crate) snapshot: bool,
}

/// The server. It ends with the test: its threads hold no more than their sockets.
pub(crate) struct Replay {
    port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    recordings: Arc<Recordings>,
    manners: Manners,
    /// Statements that were sent, in order.
    heard: Mutex<Vec<String>>,
    attentions: AtomicUsize,
    /// Tables that were made while it took statements that write, and what was inserted; else it knows none.
    tables: Mutex<Option<Vec<Table>>>,
    /// Of each sign-in, whether it said that it only reads.
    only_reads: Mutex<Vec<bool>>,
    /// What it was told to say to statements with a text in them, and whether the connection ends with it; the last word
    /// counts.
    told: Mutex<Vec<(String, Vec<u8>, bool)>>,
    /// What is refused in a snapshot alone.
    not_in_snapshot: Mutex<Option<(String, Vec<u8>)>>,
    tls: Option<Tls>,
}

impl Replay {
    pub(crate) fn start(recordings: &Arc<Recordings>, manners: Manners) -> Self {
        Self::begin(recordings, manners, None)
    }

    /// A server with a certificate, which says `level` of encryption: 0 for the sign-in alone, 1 on, 3 required.
    pub(crate) fn start_tls(certificate: &Path, key: &Path, level: u8) -> Self {
        let manners = Manners {
            describes: true,
            snapshot: true,
        };
        let tls = Tls::new(certificate, key, level);
        Self::begin(&Recordings::load(), manners, Some(tls))
    }

    fn begin(recordings: &Arc<Recordings>, manners: Manners, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            recordings: recordings.clone(),
            manners,
            heard: Mutex::default(),
            attentions: AtomicUsize::new(0),
            tables: Mutex::default(),
            only_reads: Mutex::default(),
            told: Mutex::default(),
            not_in_snapshot: Mutex::default(),
            tls,
        });
        let accepting = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = accepting.clone();
                std::thread::spawn(move || {
                    // A client that goes away in the middle is the end of its thread.
                    let _ = inner.serve(Socket::new(stream));
                });
            }
        });
        Self { port, inner }
    }

    /// From now on rows of text are the answer to each statement with this part in it.
    pub(crate) fn say(&self, part: &str, rows: &[&[Option<&str>]]) {
        let width = rows.first().map_or(1, |row| row.len());
        let columns = vec![("", wire::Type::Text); width];
        let rows: Vec<Vec<Option<String>>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.map(ToOwned::to_owned)).collect())
            .collect();
        self.tell(part, wire::result(&columns, &rows));
    }

    /// From now on a number is the answer to each statement with this part in it.
    pub(crate) fn say_number(&self, part: &str, number: i32) {
        let row = vec![Some(number.to_string())];
        self.tell(part, wire::result(&[("", wire::Type::Int)], &[row]));
    }

    /// From now on each statement with this part in it is refused.
    pub(crate) fn refuse(&self, part: &str, number: u32, text: &str) {
        self.tell(part, wire::error(number, text));
    }

    /// From now on tables can be made and filled.
    pub(crate) fn take_tables(&self) {
        *self.inner.tables.lock() = Some(Vec::new());
    }

    /// The tables that were made, and what was inserted.
    pub(crate) fn tables(&self) -> Vec<Table> {
        self.inner.tables.lock().take().unwrap_or_default()
    }

    /// From now on each statement with this part in it is refused while its transaction reads a snapshot.
    pub(crate) fn refuse_in_snapshot(&self, part: &str, number: u32, text: &str) {
        let refused = (part.to_owned(), wire::error(number, text));
        *self.inner.not_in_snapshot.lock() = Some(refused);
    }

    /// From now on these bytes are the answer to each statement with this part in it, and the connection ends with them.
    pub(crate) fn end_with(&self, part: &str, bytes: Vec<u8>) {
        self.inner.told.lock().push((part.to_owned(), bytes, true));
    }

    /// From now on a number is the answer to each statement with this part in it, and a transaction is committed behind it.
    pub(crate) fn commit(&self, part: &str) {
        self.tell(part, wire::committing());
    }

    fn tell(&self, part: &str, answer: Vec<u8>) {
        self.inner
            .told
            .lock()
            .push((part.to_owned(), answer, false));
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "mssql://recorded_user:recorded-password@127.0.0.1:{}/recdb?encrypt=none",
            self.port
        )
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How often a client told the server to stop.
    pub(crate) fn attentions(&self) -> usize {
        self.inner.attentions.load(Ordering::SeqCst)
    }

    /// Of each sign-in, whether it said that it only reads.
    pub(crate) fn only_reads(&self) -> Vec<bool> {
        self.inner.only_reads.lock().clone()
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.inner.heard.lock().clone()
    }
}

impl Inner {
    fn serve(&self, mut stream: Socket) -> std::io::Result<()> {
        // What is recorded, or what a test put in its place.
        let told = |name: &str| self.told_instead(name);
        let strict = self
            .tls
            .as_ref()
            .filter(|_| stream.begins_encrypted().is_ok_and(|yes| yes));
        if let Some(tls) = strict {
            stream.encrypt(tls, false)?;
        }
        let mut session = Session::default();
        loop {
            let (kind, payload) = message(&mut stream)?;
            let (sql, texts) = match kind {
                0x12 => {
                    let (mut answer, ends) = told("prelogin_response");
                    if let Some(tls) = &self.tls {
                        wire::encrypting(&mut answer, tls.level);
                    }
                    stream.write_all(&answer)?;
                    if ends {
                        return Ok(());
                    }
                    if let (Some(tls), None) = (&self.tls, strict) {
                        stream.encrypt(tls, true)?;
                    }
                    continue;
                }
                0x10 => {
                    if strict.is_none() && self.tls.as_ref().is_some_and(|tls| tls.level == 0) {
                        stream.decrypt();
                    }
                    self.only_reads.lock().push(wire::only_reads(&payload));
                    let (user, password, database) = wire::login(&payload);
                    if database == ABSENT {
                        let text = format!(
                            "Cannot open database \"{ABSENT}\" requested by the login. The login failed."
                        );
                        stream.write_all(&wire::error(4060, &text))?;
                        return Ok(());
                    }
                    let right = user == "recorded_user" && password == "recorded-password";
                    if right {
                        let (answer, ends) = told("login_ok_response");
                        stream.write_all(&answer)?;
                        if ends {
                            return Ok(());
                        }
                        continue;
                    }
                    stream.write_all(&told("login_failed_response").0)?;
                    return Ok(());
                }
                0x06 => {
                    self.attentions.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(&told("attention_response").0)?;
                    continue;
                }
                0x01 => (wire::batch(&payload), Vec::new()),
                0x03 => {
                    let mut texts = wire::rpc(&payload);
                    (texts.remove(0), texts)
                }
                0x07 => {
                    stream.write_all(&self.bulk(&payload))?;
                    continue;
                }
                _ => return Ok(()),
            };
            self.heard.lock().push(sql.clone());
            session.take(&sql);
            match sql.as_str() {
                // The Attention is the next message.
                HANGS => {}
                DEAF => loop {
                    let (kind, _) = message(&mut stream)?;
                    if kind == 0x06 {
                        self.attentions.fetch_add(1, Ordering::SeqCst);
                    }
                },
                ENDLESS => self.endless(&mut stream)?,
                BREAKS => {
                    let many = self.recordings.find("batch", MANY_ROWS).unwrap();
                    stream.write_all(&many.response[..many.response.len() / 2])?;
                    return Ok(());
                }
                _ => {
                    let (answer, ends) = self.answer(kind, &sql, &texts, &session);
                    stream.write_all(&answer)?;
                    if ends {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Takes the rows for the table that was asked for last.
    fn bulk(&self, payload: &[u8]) -> Vec<u8> {
        let heard = self.heard.lock();
        let into = heard.iter().rev().find_map(|sql| {
            let (name, _) = sql.strip_prefix("INSERT BULK ")?.split_once(' ')?;
            Some(name.to_owned())
        });
        let mut tables = self.tables.lock();
        let mut tables = tables.iter_mut().flatten();
        let table = tables.find(|table| Some(&table.name) == into.as_ref());
        match table {
            Some(table) => wire::message(&wire::done(0x10, table.take(payload))),
            None => wire::error(208, "there is no such table"),
        }
    }

    /// Whatever the demo's load sends, where tables can be made.
    fn load(&self, sql: &str) -> Option<Vec<u8>> {
        let mut tables = self.tables.lock();
        let tables = tables.as_mut()?;
        if let Some(made) = Table::made(sql) {
            tables.push(made);
        } else if let Some(name) = sql.strip_prefix("SELECT TOP 0 * FROM ") {
            return tables
                .iter()
                .find(|table| table.name == name)
                .map(Table::columns);
        } else if sql.contains("FROM sys.objects o") {
            let columns = [
                ("", wire::Type::Text),
                ("", wire::Type::Int),
                ("", wire::Type::Int),
            ];
            return Some(wire::result(&columns, &[]));
        } else if sql.contains("DB_NAME() IN") {
            return Some(wire::result(
                &[("", wire::Type::Int)],
                &[vec![Some("0".to_owned())]],
            ));
        } else if sql.starts_with("SELECT") {
            return None;
        }
        Some(wire::message(&wire::done(0, 0)))
    }

    /// A part of the sign-in, and whether the connection ends with it.
    fn told_instead(&self, name: &str) -> (Vec<u8>, bool) {
        let told = self.told.lock();
        match told.iter().rfind(|(part, ..)| part == name) {
            Some((_, bytes, ends)) => (bytes.clone(), *ends),
            None => (self.recordings.handshake[name].clone(), false),
        }
    }

    /// Rows until the client says something.
    fn endless(&self, stream: &mut Socket) -> std::io::Result<()> {
        let mut payload = wire::columns(&[("endless", wire::Type::Int)]);
        stream.tcp.set_nonblocking(true)?;
        let mut number = 0_i32;
        let mut waiting: Vec<u8> = Vec::new();
        let mut seen = [0; 1];
        while matches!(stream.tcp.peek(&mut seen), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        {
            if waiting.is_empty() {
                while payload.len() < 4000 {
                    number += 1;
                    payload.extend(wire::row(&[Some(number.to_string())], &[wire::Type::Int]));
                }
                // A row may begin in one packet and end in the next.
                let rest = payload.split_off(4000);
                waiting = wire::packet(&payload, false);
                payload = rest;
            }
            match stream.tcp.write(&waiting) {
                Ok(sent) => drop(waiting.drain(..sent)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    std::thread::yield_now();
                }
                Err(error) => return Err(error),
            }
        }
        stream.tcp.set_nonblocking(false)?;
        stream.write_all(&waiting)?;
        let (kind, _) = message(stream)?;
        if kind == 0x06 {
            self.attentions.fetch_add(1, Ordering::SeqCst);
        }
        // The row that was begun, then the end, which acknowledges.
        payload.extend(wire::done(0x20, 0));
        stream.write_all(&wire::packet(&payload, true))
    }

    /// What is answered, and whether the connection ends with it.
    fn answer(&self, kind: u8, sql: &str, texts: &[String], session: &Session) -> (Vec<u8>, bool) {
        let refused = self.not_in_snapshot.lock();
        if let Some((_, refused)) = refused.as_ref().filter(|(part, _)| sql == part)
            && session.in_snapshot
        {
            return (refused.clone(), false);
        }
        let told = self.told.lock();
        let told = told.iter().rev().find(|(part, ..)| sql.contains(part));
        match told {
            Some((_, answer, ends)) => (answer.clone(), *ends),
            None => {
                let answer = self.load(sql);
                let answer = answer.unwrap_or_else(|| self.recorded(kind, sql, texts, session));
                (answer, false)
            }
        }
    }

    fn recorded(&self, kind: u8, sql: &str, texts: &[String], session: &Session) -> Vec<u8> {
        let kind = if kind == 0x03 { "rpc" } else { "batch" };
        if let Some(recording) = self.recordings.find(kind, sql) {
            return recording.response.clone();
        }
        let number =
            |value: i32| wire::result(&[("", wire::Type::Int)], &[vec![Some(value.to_string())]]);
        if sql.contains("COUNT(*) FROM sys.dm_exec_describe_first_result_set") {
            return if self.manners.describes {
                number(1)
            } else {
                wire::error(
                    208,
                    "Invalid object name 'sys.dm_exec_describe_first_result_set'.",
                )
            };
        }
        if sql.contains("dm_exec_describe_first_result_set") {
            return self.describe(texts.get(1).map_or("", String::as_str));
        }
        if sql.contains("WITH RESULT SETS") {
            let recording = self.recordings.find(kind, &texts[1]).unwrap();
            return wire::without_money(&recording.response)
                .unwrap_or_else(|| wire::error(11_538, "WITH RESULT SETS is not replayed here"));
        }
        if sql.contains("snapshot_isolation_state") {
            let state = Some(i32::from(self.manners.snapshot).to_string());
            let columns = [("", wire::Type::Int); 2];
            return wire::result(&columns, &[vec![state, Some("0".to_owned())]]);
        }
        if sql == "SELECT CAST(@@TRANCOUNT AS int)" {
            return number(i32::from(session.in_transaction));
        }
        if sql.contains("@@SPID") {
            return number(51);
        }
        match sql {
            FIXED => wire::message(&wire::fixed()),
            CLR => wire::message(&wire::clr()),
            _ if sql.starts_with("SET ")
                || sql.starts_with("IF @@TRANCOUNT")
                || sql.starts_with("KILL ") =>
            {
                wire::message(&wire::done(0, 0))
            }
            _ => wire::error(33_557_097, "this was not recorded"),
        }
    }

    /// What `sys.dm_exec_describe_first_result_set` would say.
    fn describe(&self, sql: &str) -> Vec<u8> {
        let names = [
            "name",
            "system_type_name",
            "user_type_name",
            "collation_name",
        ];
        let columns = names.map(|name| (name, wire::Type::Text));
        let recording = self.recordings.find("rpc", sql);
        let described =
            recording.and_then(|recording| recording.expected["results"][0]["columns"].as_array());
        let rows: Vec<Vec<Option<String>>> = described
            .into_iter()
            .flatten()
            .map(|column| {
                let text = |key: &str| column[key].as_str().map(ToOwned::to_owned);
                vec![text("name"), text("type"), None, None]
            })
            .collect();
        wire::result(&columns, &rows)
    }
}

/// One whole message: its type and its payload, without the packets' headers.
fn message(stream: &mut impl Read) -> std::io::Result<(u8, Vec<u8>)> {
    let mut payload = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let begin = payload.len();
        payload.resize(begin + length - 8, 0);
        stream.read_exact(&mut payload[begin..])?;
        if header[1] & 1 == 1 {
            return Ok((header[0], payload));
        }
    }
}

/// What a connection's statements have made of its transaction.
#[derive(Default)]
struct Session {
    in_transaction: bool,
    in_snapshot: bool,
}

impl Session {
    fn take(&mut self, sql: &str) {
        if sql.contains("BEGIN TRANSACTION") {
            self.in_transaction = true;
            self.in_snapshot = sql.contains("LEVEL SNAPSHOT");
        } else if sql.contains("COMMIT") || sql.contains("ROLLBACK") {
            self.in_transaction = false;
        }
    }
}
