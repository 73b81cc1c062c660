//! What does the server say of its commands? Which only read, by COMMAND; what they are for and take, by COMMAND DOCS.

use std::collections::{BTreeMap, HashMap};

use redis::Value;

use super::arguments::Argument;

/// What the server says of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It only reads.
    pub reads: bool,
    /// It may write, here or on replicas.
    pub writes: bool,
    /// It takes the connection away from its other users for good: it makes the server speak unasked.
    pub holds: bool,
    /// It may wait for something to happen, longer than any other command takes.
    pub waits: bool,
    /// The server counts it among those that may harm others: administration, scripts, slow or dangerous ones.
    pub dangerous: bool,
}

/// The server's commands.
#[derive(Clone, Debug, Default)]
pub struct Table(HashMap<String, Traits>);

impl Table {
    /// Reads the answer of COMMAND. What has another form is left out.
    pub fn read(answer: &Value) -> Self {
        let mut table = HashMap::new();
        if let Value::Array(commands) = answer {
            for command in commands {
                add(&mut table, command);
            }
        }
        Self(table)
    }

    /// Whether anything is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, upper case, `CONFIG|SET` for a subcommand.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the server lists its commands, and this one (upper case) or its subcommand is not among them. A missing
    /// subcommand is another mistake.
    pub fn lacks(&self, name: &str, sub: &str) -> bool {
        if !self.is_empty() && !self.0.contains_key(name) {
            return true;
        }
        let inside = format!("{name}|");
        !sub.is_empty()
            && self.0.keys().any(|known| known.starts_with(&inside))
            && !self.0.contains_key(&format!("{inside}{sub}"))
    }

    /// What the server says of a command (upper case) with this subcommand.
    pub fn traits(&self, name: &str, sub: &str) -> Option<Traits> {
        self.0
            .get(&format!("{name}|{sub}"))
            .or_else(|| self.0.get(name))
            .copied()
    }
}

fn add(table: &mut HashMap<String, Traits>, command: &Value) {
    let Value::Array(parts) = command else { return };
    let Some(name) = parts.first().and_then(text) else {
        return;
    };
    let words = |at: usize| -> Vec<String> {
        match parts.get(at) {
            Some(Value::Array(words) | Value::Set(words)) => {
                words.iter().filter_map(text).collect()
            }
            _ => Vec::new(),
        }
    };
    let (flags, categories) = (words(2), words(6));
    let flag = |wanted: &[&str]| flags.iter().any(|flag| wanted.contains(&flag.as_str()));
    let category = |wanted: &[&str]| {
        categories
            .iter()
            .any(|category| wanted.contains(&category.trim_start_matches('@')))
    };
    let traits = Traits {
        reads: flag(&["readonly"]),
        writes: flag(&["write", "may_replicate"]) || parts.get(8).is_some_and(writes_a_key),
        // PUBLISH and PUBSUB are of that category too, and are answered like anything else.
        holds: category(&["pubsub"]) && name.to_ascii_uppercase().ends_with("SUBSCRIBE"),
        waits: flag(&["blocking"]) || category(&["blocking"]),
        dangerous: flag(&["admin"]) || category(&["dangerous", "scripting", "admin"]),
    };
    table.insert(name.to_ascii_uppercase(), traits);
    if let Some(Value::Array(subcommands)) = parts.get(9) {
        for subcommand in subcommands {
            add(table, subcommand);
        }
    }
}

/// Whether a key specification says that the key is written. PFCOUNT is flagged as a read, and yet may write its cached
/// estimate: only here it is told.
fn writes_a_key(specifications: &Value) -> bool {
    let (Value::Array(all) | Value::Set(all)) = specifications else {
        return false;
    };
    all.iter().flat_map(pairs).any(|(name, flags)| {
        name == "flags"
            && matches!(flags, Value::Array(flags) | Value::Set(flags) if flags.iter().filter_map(text)
                .any(|flag| matches!(flag.as_str(), "RW" | "OW" | "RM")))
    })
}

/// What COMMAND DOCS says of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc {
    /// One sentence.
    pub summary: String,
    /// Since which version.
    pub since: String,
    /// How long it takes, in big O.
    pub complexity: String,
    /// What it takes: `key [EX seconds | PX milliseconds]`.
    pub arguments: Vec<Argument>,
}

/// The documentation of every command by its name, upper case, `CONFIG SET` for a subcommand.
pub(super) fn docs(answer: &Value) -> BTreeMap<String, Doc> {
    let mut docs = BTreeMap::new();
    for (name, doc) in pairs(answer) {
        add_doc(&mut docs, &name, &doc);
    }
    docs
}

fn add_doc(docs: &mut BTreeMap<String, Doc>, name: &str, answer: &Value) {
    let fields: HashMap<String, Value> = pairs(answer).into_iter().collect();
    let field = |name: &str| fields.get(name).and_then(text).unwrap_or_default();
    let doc = Doc {
        summary: field("summary"),
        since: field("since"),
        complexity: field("complexity"),
        arguments: fields
            .get("arguments")
            .map(Argument::read_all)
            .unwrap_or_default(),
    };
    docs.insert(name.replace('|', " ").to_ascii_uppercase(), doc);
    if let Some(subcommands) = fields.get("subcommands") {
        for (name, doc) in pairs(subcommands) {
            add_doc(docs, &name, &doc);
        }
    }
}

/// An answer of names and values, as a map or as a list.
pub(super) fn pairs(answer: &Value) -> Vec<(String, Value)> {
    match answer {
        Value::Map(pairs) => pairs
            .iter()
            .filter_map(|(name, value)| Some((text(name)?, value.clone())))
            .collect(),
        Value::Array(words) => words
            .chunks_exact(2)
            .filter_map(|pair| Some((text(&pair[0])?, pair[1].clone())))
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".into()),
        _ => None,
    }
}
