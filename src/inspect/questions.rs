//! What is asked of each key, and what the answers mean.
//!
//! By one script for many keys where the server allows it (`bundle.rs`), else in two rounds: what every key is asked, and then what only its data structure has, or what the server counts instead
//! of what it was asked for. A question that the account may not ask is noted once and left out from then on.

use std::vec::IntoIter;

use redis::{Pipeline, ServerErrorKind, Value};

use super::connection::is_about_a_key;
use super::{Key, Kind, Server, Ttl, display};

/// MEMORY USAGE looks at this many elements of a collection and extrapolates: bounded work on the server. The list of keys
/// and a single key ask alike, so that the figure is the same in both, and exact for a collection of no more elements,
/// such as the header of an entry.
pub(super) const SAMPLES: usize = 50;

/// No key is larger (a terabyte), whatever a server says: sums of many must not run over.
pub(super) const LARGEST: u64 = 1 << 40;

/// No server's name of a type or an encoding is longer.
pub(super) const LONGEST_WORD: usize = 64;

/// SCAN names every key, also those that the account may not look at.
const OUTSIDE: &str = "Some keys are known by their names alone: the account may not look at them; allow it with ACL SETUSER ... ~PATTERN.";

/// The questions of the first round, in this order.
const QUESTIONS: [&str; 5] = [
    "TYPE",
    "PTTL",
    "OBJECT ENCODING",
    "OBJECT IDLETIME",
    "MEMORY USAGE",
];
const USE: usize = 3;

/// Which questions are asked now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    first: [bool; QUESTIONS.len()],
    /// The server counts frequencies instead of idle times.
    pub(super) frequency: bool,
    pub(super) elements: bool,
    /// The server runs our script, as far as is known.
    script: bool,
}

/// What is asked, and what could not be learned.
pub(super) struct Questions {
    /// Which questions are asked now.
    pub(super) ask: Ask,
    /// What could not be learned and why, each one sentence.
    pub(super) notes: Vec<String>,
}

/// A key that answered the first round.
pub(super) struct Answered {
    name: Vec<u8>,
    kind: Kind,
    type_name: String,
    ttl: Ttl,
    encoding: String,
    bytes: Option<u64>,
    elements: Option<u32>,
    idle: Option<u32>,
    frequency: Option<u8>,
}

impl Ask {
    /// Whether keys are asked about in bundles: where every question may be asked, and our script too.
    pub(super) fn bundles(self) -> bool {
        self.script && self.first.iter().all(|asked| *asked)
    }

    /// Adds the first round's questions about a key; how many.
    pub(super) fn first(self, pipe: &mut Pipeline, name: &[u8]) {
        for (question, _) in QUESTIONS.iter().zip(self.first).filter(|(_, asked)| *asked) {
            match *question {
                "TYPE" | "PTTL" => pipe.cmd(question).arg(name),
                "OBJECT ENCODING" => pipe.cmd("OBJECT").arg("ENCODING").arg(name),
                "OBJECT IDLETIME" if self.frequency => pipe.cmd("OBJECT").arg("FREQ").arg(name),
                "OBJECT IDLETIME" => pipe.cmd("OBJECT").arg("IDLETIME").arg(name),
                _ => pipe
                    .cmd("MEMORY")
                    .arg("USAGE")
                    .arg(name)
                    .arg("SAMPLES")
                    .arg(SAMPLES),
            };
        }
    }

    /// Adds the second round's questions about a key.
    pub(super) fn second(self, pipe: &mut Pipeline, key: &Answered) {
        if let Some(length) = self.length(key) {
            pipe.cmd(length).arg(&key.name);
        }
        if self.wants_frequency(key) {
            pipe.cmd("OBJECT").arg("FREQ").arg(&key.name);
        }
    }

    /// Whether the second round asks anything about a key.
    pub(super) fn has_second(self, key: &Answered) -> bool {
        self.length(key).is_some() || self.wants_frequency(key)
    }

    fn length(self, key: &Answered) -> Option<&'static str> {
        match key.kind {
            _ if !self.elements => None,
            Kind::Hash => Some("HLEN"),
            Kind::List => Some("LLEN"),
            Kind::Set => Some("SCARD"),
            Kind::ZSet => Some("ZCARD"),
            Kind::Stream => Some("XLEN"),
            Kind::String | Kind::Json | Kind::Other => None,
        }
    }

    /// The key was asked for its idle time before it was known that the server counts frequencies.
    fn wants_frequency(self, key: &Answered) -> bool {
        self.frequency && self.first[USE] && key.frequency.is_none()
    }
}

impl Questions {
    /// All of them. Counting elements is use of a key to a server that does not know CLIENT NO-TOUCH, so there they
    /// are counted only with `anyway`.
    pub(super) fn new(server: &Server, anyway: bool) -> Self {
        let elements = server.untouched || anyway;
        let mut questions = Self {
            ask: Ask {
                first: [true; QUESTIONS.len()],
                frequency: false,
                elements,
                script: true,
            },
            notes: Vec::new(),
        };
        if !elements && server.touch_denied {
            questions.note(
                "Elements are not counted: that would be use of every key, and the account may not run CLIENT NO-TOUCH; allow it with ACL SETUSER ... +client|no-touch.",
            );
        } else if !elements {
            let version = format!("{} {}", server.product, server.version);
            questions.note(&format!(
                "Elements are not counted: to {} that would be use of every key; Redis 7.2 and later can be asked without.",
                version.trim()
            ));
        }
        questions
    }

    /// Takes in the first round's answers about `names`, asked as `ask`: the keys, and the names of those that are gone.
    /// What another node of a cluster has now is neither.
    pub(super) fn answered(
        &mut self,
        ask: Ask,
        names: Vec<Vec<u8>>,
        answers: &mut IntoIter<Value>,
        now: i64,
    ) -> (Vec<Answered>, Vec<Vec<u8>>) {
        let mut keys = Vec::with_capacity(names.len());
        let mut gone = Vec::new();
        for name in names {
            let mut answer: [Option<Value>; QUESTIONS.len()] = Default::default();
            for (slot, _) in answer.iter_mut().zip(ask.first).filter(|(_, asked)| *asked) {
                *slot = answers.next();
            }
            let [kind, ttl, encoding, used, bytes] = answer;
            let type_name = match kind {
                Some(Value::SimpleString(name)) => beginning(&name, LONGEST_WORD).to_owned(),
                Some(Value::ServerError(error)) if is_elsewhere(&error) => continue,
                Some(Value::ServerError(error)) => {
                    self.refused(0, &error);
                    "unknown".into()
                }
                _ => "unknown".into(),
            };
            let ttl = self.number(1, ttl);
            if type_name == "none" || ttl == Some(-2) {
                // It expired or was deleted since its name was heard.
                gone.push(name);
                continue;
            }
            let encoding = match encoding {
                Some(Value::BulkString(name)) => {
                    beginning(&String::from_utf8_lossy(&name), LONGEST_WORD).to_owned()
                }
                Some(Value::SimpleString(name)) => beginning(&name, LONGEST_WORD).to_owned(),
                Some(Value::ServerError(error)) => {
                    self.refused(2, &error);
                    String::new()
                }
                _ => String::new(),
            };
            let used = self.number(USE, used);
            let bytes = self.number(4, bytes);
            keys.push(Answered {
                name,
                kind: Kind::from_type(&type_name),
                type_name,
                ttl: match ttl {
                    Some(ttl) if ttl >= 0 => Ttl::At(now.saturating_add(ttl)),
                    Some(_) => Ttl::Never,
                    None => Ttl::Unknown,
                },
                encoding,
                bytes: bytes
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .map(|bytes| bytes.min(LARGEST)),
                elements: None,
                idle: used
                    .filter(|_| !ask.frequency)
                    .map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
                frequency: used.filter(|_| ask.frequency).map(frequency),
            });
        }
        (keys, gone)
    }

    /// The server does not run our script: an old one, or an account without the right to EVAL_RO. Nothing is lost by it
    /// but time.
    pub(super) fn without_script(&mut self) {
        self.ask.script = false;
    }

    /// Takes in the second round's answers about `keys`, asked as `ask`.
    pub(super) fn completed(
        &mut self,
        ask: Ask,
        keys: &mut [Answered],
        answers: &mut IntoIter<Value>,
    ) {
        for key in keys {
            if let Some(length) = ask.length(key) {
                match answers.next() {
                    // A collection that is there is never empty.
                    Some(Value::Int(elements)) if elements > 0 => {
                        key.elements = Some(u32::try_from(elements).unwrap_or(u32::MAX - 1));
                    }
                    Some(Value::ServerError(error))
                        if error.kind() == Some(ServerErrorKind::NoPerm)
                            && !is_about_a_key(error.details()) =>
                    {
                        self.note(&denied("Elements", length));
                    }
                    // Gone, or another type meanwhile.
                    _ => {}
                }
            }
            if ask.wants_frequency(key)
                && let Some(Value::Int(used)) = answers.next()
            {
                key.frequency = Some(frequency(used));
            }
        }
    }

    fn number(&mut self, question: usize, answer: Option<Value>) -> Option<i64> {
        match answer {
            Some(Value::Int(number)) => Some(number),
            Some(Value::ServerError(error)) => {
                self.refused(question, &error);
                None
            }
            _ => None,
        }
    }

    /// A question that the server refuses in principle is not asked again.
    fn refused(&mut self, question: usize, error: &redis::ServerError) {
        if !self.ask.first[question] {
            return;
        }
        let name = match QUESTIONS[question] {
            "OBJECT IDLETIME" if self.ask.frequency => "OBJECT FREQ",
            name => name,
        };
        let what = ["Types", "TTLs", "Encodings", "Idle times", "Bytes"][question];
        let says = |words: &str| error.details().is_some_and(|said| said.contains(words));
        if is_about_a_key(error.details()) {
            // The next key may be one that the account may look at.
            self.note(OUTSIDE);
            return;
        } else if error.kind() == Some(ServerErrorKind::NoPerm) {
            self.note(&denied(what, name));
        } else if question == USE && says("LFU") {
            // It counts the other: frequencies where it was asked for idle times, and the other way round.
            self.ask.frequency = !says("not selected");
            return;
        } else if says("unknown command") {
            self.note(&format!("{what} are not known: this server has no {name}."));
        } else {
            // Perhaps for this moment only, as while a script holds the server: it is asked for the next key.
            let said = format!("{} {}", error.code(), error.details().unwrap_or_default());
            let said = display(said.as_bytes());
            self.note(&format!(
                "{what} of some keys are not known: to {name} the server answered \"{}\".",
                beginning(&said, 80)
            ));
            return;
        }
        self.ask.first[question] = false;
    }

    /// Keeps a sentence, once.
    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }
}

impl Answered {
    /// What the second round told of it.
    pub(super) fn counted(&self) -> (&[u8], Option<u32>, Option<u8>) {
        (&self.name, self.elements, self.frequency)
    }

    /// As it is kept.
    pub(super) fn key(&self) -> Key<'_> {
        Key {
            name: &self.name,
            kind: self.kind,
            type_name: &self.type_name,
            ttl: self.ttl,
            bytes: self.bytes,
            encoding: &self.encoding,
            elements: self.elements,
            idle: self.idle,
            frequency: self.frequency,
        }
    }
}

/// The server says that another node of the cluster has the key.
fn is_elsewhere(error: &redis::ServerError) -> bool {
    matches!(
        error.kind(),
        Some(ServerErrorKind::Moved | ServerErrorKind::Ask)
    )
}

/// The first characters of what a server said, which may be of any length.
fn beginning(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

fn frequency(used: i64) -> u8 {
    u8::try_from(used).unwrap_or(u8::MAX)
}

fn denied(what: &str, command: &str) -> String {
    format!(
        "{what} are not known: the account may not run {command}; allow it with ACL SETUSER ... +{}.",
        command.to_lowercase().replace(' ', "|")
    )
}
