//! Does a typed line hold a password? Such a line is never kept, and shown without it.

use super::line::{shown, split};

/// What stands instead of a password.
const HIDDEN: &[u8] = b"(hidden)";

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
        let shown = shown(words.iter().enumerate().map(|(at, word)| {
            if secret.contains(&at) {
                HIDDEN
            } else {
                word.as_slice()
            }
        }));
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
        if !MAY_HOLD.contains(&first.to_ascii_uppercase().as_str()) {
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

/// Commands that may hold a password.
const MAY_HOLD: &[&str] = &["ACL", "AUTH", "CONFIG", "HELLO", "MIGRATE", "SENTINEL"];

/// Which of the words are passwords.
fn secret_words(words: &[Vec<u8>]) -> Vec<usize> {
    let upper = |at: usize| {
        words
            .get(at)
            .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase())
            .unwrap_or_default()
    };
    let all = words.len();
    let is = |at: usize, text: &str| upper(at) == text;
    match (upper(0).as_str(), upper(1).as_str()) {
        // Of a user and a password, the password; of a single word, that.
        ("AUTH", _) => (if all > 2 { 2 } else { 1 }..all).collect(),
        ("HELLO", _) => (1..all)
            .filter(|&at| is(at, "AUTH"))
            .flat_map(|at| [at + 2])
            .filter(|&at| at < all)
            .collect(),
        ("MIGRATE", _) => (1..all)
            .filter_map(|at| match upper(at).as_str() {
                "AUTH" => Some(at + 1),
                "AUTH2" => Some(at + 2),
                _ => None,
            })
            .filter(|&at| at < all)
            .collect(),
        // A password, its hash, and either taken away again; the rest of the rules are no secret.
        ("ACL", "SETUSER" | "DRYRUN") => (3..all)
            .filter(|&at| {
                words[at]
                    .first()
                    .is_some_and(|first| b"><#!".contains(first))
            })
            .collect(),
        ("CONFIG", "SET") => (2..all)
            .step_by(2)
            .filter(|&at| is_secret_setting(&upper(at)))
            .map(|at| at + 1)
            .filter(|&at| at < all)
            .collect(),
        ("SENTINEL", _) => (1..all)
            .filter(|&at| is_secret_setting(&upper(at)))
            .map(|at| at + 1)
            .filter(|&at| at < all)
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether a setting of the server is a password.
fn is_secret_setting(name: &str) -> bool {
    name.ends_with("PASS") || name.ends_with("AUTH") || name.contains("PASSWORD")
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
