//! What is answered to which statement? What was recorded; what a test told the server to say; and, where a test asks
//! for it, nothing, or half of it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::Value;

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

/// One recording.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) sql: String,
    pub(crate) expected: Value,
    response: Vec<u8>,
}

/// Every recording, and the sign-in.
pub(crate) struct Recordings {
    pub(crate) all: Vec<Recording>,
    handshake: HashMap<String, Vec<u8>>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tds")
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

impl Recordings {
    pub(crate) fn load() -> Arc<Self> {
        let index: Value = serde_json::from_slice(&read("index.json")).unwrap();
        let handshake = index["handshake"].as_object().unwrap();
        let handshake = handshake
            .iter()
            .filter(|(name, _)| name.ends_with("_response"))
            .map(|(name, file)| (name.clone(), read(file.as_str().unwrap())))
            .collect();
        let recordings = index["recordings"].as_array().unwrap();
        let all = recordings
            .iter()
            .map(|recording| {
                let text = |key: &str| recording[key].as_str().unwrap_or_default().to_owned();
                let name = text("name");
                Recording {
                    expected: serde_json::from_slice(&read(&format!("expected/{name}.json")))
                        .unwrap(),
                    response: read(&format!("responses/{name}.bin")),
                    kind: text("kind"),
                    sql: text("sql"),
                    name,
                }
            })
            .collect();
        Arc::new(Self { all, handshake })
    }

    fn find(&self, kind: &str, sql: &str) -> Option<&Recording> {
        let found = |kind: &str| {
            self.all
                .iter()
                .find(|recording| recording.kind == kind && recording.sql == sql)
        };
        // Every report goes by sp_executesql; how an answer ends is all that differs.
        found(kind).or_else(|| found("batch"))
    }
}

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
    /// What it was told to say to statements with a text in them; the last word counts.
    told: Mutex<Vec<(String, Vec<u8>)>>,
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
            told: Mutex::default(),
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

    /// From now on each statement with this part in it is refused.
    pub(crate) fn refuse(&self, part: &str, number: u32, text: &str) {
        self.tell(part, wire::error(number, text));
    }

    fn tell(&self, part: &str, answer: Vec<u8>) {
        self.inner.told.lock().push((part.to_owned(), answer));
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

    pub(crate) fn heard(&self) -> Vec<String> {
        self.inner.heard.lock().clone()
    }
}

impl Inner {
    fn serve(&self, mut stream: Socket) -> std::io::Result<()> {
        let told = |name: &str| self.recordings.handshake[name].clone();
        let strict = self
            .tls
            .as_ref()
            .filter(|_| stream.begins_encrypted().is_ok_and(|yes| yes));
        if let Some(tls) = strict {
            stream.encrypt(tls, false)?;
        }
        loop {
            let (kind, payload) = message(&mut stream)?;
            let (sql, texts) = match kind {
                0x12 => {
                    let mut answer = told("prelogin_response");
                    if let Some(tls) = &self.tls {
                        wire::encrypting(&mut answer, tls.level);
                    }
                    stream.write_all(&answer)?;
                    if let (Some(tls), None) = (&self.tls, strict) {
                        stream.encrypt(tls, true)?;
                    }
                    continue;
                }
                0x10 => {
                    if strict.is_none() && self.tls.as_ref().is_some_and(|tls| tls.level == 0) {
                        stream.decrypt();
                    }
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
                        stream.write_all(&told("login_ok_response"))?;
                        continue;
                    }
                    stream.write_all(&told("login_failed_response"))?;
                    return Ok(());
                }
                0x06 => {
                    self.attentions.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(&told("attention_response"))?;
                    continue;
                }
                0x01 => (wire::batch(&payload), Vec::new()),
                0x03 => {
                    let mut texts = wire::rpc(&payload);
                    (texts.remove(0), texts)
                }
                _ => return Ok(()),
            };
            self.heard.lock().push(sql.clone());
            match sql.as_str() {
                // The Attention is the next message.
                HANGS => {}
                DEAF => loop {
                    message(&mut stream)?;
                },
                ENDLESS => self.endless(&mut stream)?,
                BREAKS => {
                    let many = self.recordings.find("batch", MANY_ROWS).unwrap();
                    stream.write_all(&many.response[..many.response.len() / 2])?;
                    return Ok(());
                }
                _ => stream.write_all(&self.answer(kind, &sql, &texts))?,
            }
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

    fn answer(&self, kind: u8, sql: &str, texts: &[String]) -> Vec<u8> {
        let kind = if kind == 0x03 { "rpc" } else { "batch" };
        let told = self.told.lock();
        let told = told.iter().rev().find(|(part, _)| sql.contains(part));
        if let Some((_, answer)) = told {
            return answer.clone();
        }
        if let Some(recording) = self.recordings.find(kind, sql) {
            return recording.response.clone();
        }
        let number =
            |value: i32| wire::result(&[("", wire::Type::Int)], &[vec![Some(value.to_string())]]);
        if sql.contains("dm_exec_describe_first_result_set") {
            return self.describe(texts.get(1).map_or("", String::as_str));
        }
        if sql.contains("WITH RESULT SETS") {
            let recording = self.recordings.find(kind, &texts[1]).unwrap();
            return wire::without_money(&recording.response)
                .unwrap_or_else(|| wire::error(11_538, "WITH RESULT SETS is not replayed here"));
        }
        if sql.contains("snapshot_isolation_state") {
            return number(i32::from(self.manners.snapshot));
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
        let recording = self
            .manners
            .describes
            .then(|| self.recordings.find("rpc", sql))
            .flatten();
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

/// Of the recordings, the one with the most rows.
pub(crate) const MANY_ROWS: &str =
    "SELECT id, name, qty, price, ratio, day, at, flag FROM dbo.t_mixed ORDER BY id";

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
