//! Finds passwords in commands: in a line that is typed, which is then never kept and shown without them, and in one
//! that MONITOR or the slow log tells of.

use super::line::{shown, split};

/// What stands instead of a password.
pub(super) const HIDDEN: &[u8] = b"(hidden)";

/// A line with its passwords left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The line, safe to show.
    pub line: String,
    /// Whether the line held a password: then it is not kept.
    pub is_secret: bool,
    /// The passwords, so that an answer that repeats them can be shown without them.
    secrets: Vec<String>,
}

impl Told {
    /// Reads a line as it was typed.
    pub fn new(line: &str) -> Self {
        let Ok(words) = split(line) else {
            return Self::unreadable(line);
        };
        let secret = secret_words(&words);
        if secret.is_empty() {
            return Self {
                line: line.to_owned(),
                ..Self::default()
            };
        }
        let shown = hide(&words, &secret);
        let secrets = secret
            .iter()
            .map(|&at| String::from_utf8_lossy(&words[at]).into_owned())
            .filter(|secret| !secret.is_empty())
            .collect();
        Self {
            line: shown,
            is_secret: true,
            secrets,
        }
    }

    /// A line whose quotes do not close: where its words end is not known, so all but the first may be a password.
    fn unreadable(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let name = first.trim_matches(['"', '\'']).to_ascii_uppercase();
        if !MAY_HOLD.contains(&name.as_str()) {
            return Self {
                line: line.to_owned(),
                ..Self::default()
            };
        }
        Self {
            line: format!("{first} (hidden)"),
            is_secret: true,
            secrets: words.map(str::to_owned).collect(),
        }
    }

    /// A text without the line's passwords.
    pub fn without(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "(hidden)")
        })
    }
}

fn hide<W: AsRef<[u8]>>(words: &[W], secret: &[usize]) -> String {
    shown(words.iter().enumerate().map(|(at, word)| {
        if secret.binary_search(&at).is_ok() {
            HIDDEN
        } else {
            word.as_ref()
        }
    }))
}

/// Commands that may hold a password.
const MAY_HOLD: &[&str] = &[
    "ACL", "AUTH", "COMMAND", "CONFIG", "HELLO", "MIGRATE", "MODULE", "SENTINEL",
];

/// Which of a command's words are passwords, in ascending order. Commands may be renamed on a server, so a subcommand decides where it can.
pub(super) fn secret_words<W: AsRef<[u8]>>(words: &[W]) -> Vec<usize> {
    // Commands inside others are passed by in a loop: a line of MONITOR may hold a million of them, more than a stack.
    let mut start = 0;
    while let Some(from) = inner_command(&words[start..]) {
        start += from;
    }
    let mut secret = secret_words_of(&words[start..]);
    for at in &mut secret {
        *at += start;
    }
    secret.sort_unstable();
    secret.dedup();
    secret
}

/// Where the command begins that a command has as an argument.
fn inner_command<W: AsRef<[u8]>>(words: &[W]) -> Option<usize> {
    let is = |at: usize, name: &str| {
        let word = words.get(at).map(AsRef::as_ref).unwrap_or_default();
        word.eq_ignore_ascii_case(name.as_bytes())
    };
    let from = if is(0, "COMMAND") && (is(1, "GETKEYS") || is(1, "GETKEYSANDFLAGS")) {
        2
    } else if is(0, "ACL") && is(1, "DRYRUN") {
        3
    } else {
        return None;
    };
    (from < words.len()).then_some(from)
}

fn secret_words_of<W: AsRef<[u8]>>(words: &[W]) -> Vec<usize> {
    let word = |at: usize| words.get(at).map(AsRef::as_ref).unwrap_or_default();
    let upper = |at: usize| String::from_utf8_lossy(word(at)).to_ascii_uppercase();
    let all = words.len();
    let behind = |names: &[(&str, usize)]| -> Vec<usize> {
        let places = (1..all).filter_map(|at| {
            let name = upper(at);
            let found = names.iter().find(|(known, _)| *known == name)?;
            Some(at + found.1)
        });
        places.filter(|&at| at < all).collect()
    };
    match (upper(0).as_str(), upper(1).as_str()) {
        // Of a user and a password, the password; of a single word, that.
        ("AUTH", _) => (if all > 2 { 2 } else { 1 }..all).collect(),
        ("HELLO", _) => behind(&[("AUTH", 2)]),
        ("MIGRATE", _) => behind(&[("AUTH", 1), ("AUTH2", 2)]),
        // Its arguments are the module's own, and may be anything.
        ("MODULE", "LOAD" | "LOADEX") => (3..all).collect(),
        // A password, its hash, and either taken away again; the rest of the rules are no secret.
        (_, "SETUSER") => (3..all).filter(|&at| is_password_rule(word(at))).collect(),
        ("SENTINEL", _) => (1..all)
            .filter(|&at| is_secret_setting(&upper(at)))
            .map(|at| at + 1)
            .filter(|&at| at < all)
            .collect(),
        (_, "SET") => (2..all)
            .step_by(2)
            .filter(|&at| is_secret_setting(&upper(at)))
            .map(|at| at + 1)
            .filter(|&at| at < all)
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether a rule of ACL SETUSER or ACL LIST is a password, its hash, or either taken away again.
pub(super) fn is_password_rule(rule: &[u8]) -> bool {
    rule.first().is_some_and(|first| b"><#!".contains(first))
}

/// Whether a setting's name says that its value is a secret, or half of one: an account's name.
pub(super) fn is_secret_setting(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "pass",
        "auth",
        "secret",
        "token",
        "credential",
        "private-key",
        "api-key",
        "apikey",
    ];
    const NAMES: &[&str] = &["masteruser", "primaryuser", "sentinel-user", "hash-seed"];
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str())
        || !name.starts_with("tls-auth-clients") && PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_or_kept() {
        for (line, shown) in [
            ("AUTH geheim", "AUTH (hidden)"),
            ("auth ann geheim", "auth ann (hidden)"),
            (
                "HELLO 3 AUTH ann geheim SETNAME x",
                "HELLO 3 AUTH ann (hidden) SETNAME x",
            ),
            (
                "ACL SETUSER ann on >geheim ~* +@all",
                "ACL SETUSER ann on (hidden) ~* +@all",
            ),
            ("ACL SETUSER ann \"<geheim\"", "ACL SETUSER ann (hidden)"),
            (
                "config set maxmemory 1 requirepass 'geheim'",
                "config set maxmemory 1 requirepass (hidden)",
            ),
            (
                "CONFIG SET masterauth geheim",
                "CONFIG SET masterauth (hidden)",
            ),
            (
                "CONFIG SET tls-key-file-pass geheim",
                "CONFIG SET tls-key-file-pass (hidden)",
            ),
            (
                "MIGRATE h 1 k 0 5 AUTH geheim KEYS a",
                "MIGRATE h 1 k 0 5 AUTH (hidden) KEYS a",
            ),
            (
                "MIGRATE h 1 k 0 5 AUTH2 ann geheim",
                "MIGRATE h 1 k 0 5 AUTH2 ann (hidden)",
            ),
            (
                "SENTINEL SET m auth-pass geheim",
                "SENTINEL SET m auth-pass (hidden)",
            ),
            ("AUTH \"geheim", "AUTH (hidden)"),
            (
                "CONFIG SET \"require\\x70ass\" geheim",
                "CONFIG SET requirepass (hidden)",
            ),
            (
                "XCONFIG set search-oss-global-password geheim",
                "XCONFIG set search-oss-global-password (hidden)",
            ),
            (
                "CONFIG SET x-api-key geheim",
                "CONFIG SET x-api-key (hidden)",
            ),
            ("XACL setuser ann >geheim", "XACL setuser ann (hidden)"),
            (
                "COMMAND GETKEYS CONFIG SET requirepass geheim",
                "COMMAND GETKEYS CONFIG SET requirepass (hidden)",
            ),
            (
                "ACL DRYRUN ann AUTH ann geheim",
                "ACL DRYRUN ann AUTH ann (hidden)",
            ),
            ("MODULE LOAD /m.so geheim", "MODULE LOAD /m.so (hidden)"),
            (
                "SENTINEL CONFIG SET sentinel-pass geheim",
                "SENTINEL CONFIG SET sentinel-pass (hidden)",
            ),
        ] {
            let told = Told::new(line);
            assert_eq!(told.line, shown);
            assert!(told.is_secret, "{line}");
            let answer = told.without(&format!(
                "ERR no {}",
                line.rsplit(' ').next().unwrap_or_default()
            ));
            assert!(!answer.contains("geheim"), "{answer}");
        }
        let nested = format!("{}AUTH geheim", "COMMAND GETKEYS ".repeat(100_000));
        assert!(Told::new(&nested).line.ends_with("GETKEYS AUTH (hidden)"));
        for line in [
            "GET k",
            "SET auth geheim",
            "CONFIG SET maxmemory 1",
            "AUTH",
            "ACL LIST",
        ] {
            let told = Told::new(line);
            assert_eq!(told.line, line);
            assert!(!told.is_secret, "{line}");
        }
    }
}
