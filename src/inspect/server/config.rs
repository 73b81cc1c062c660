//! How is the server set? Passwords end here: what leaves is whether there is one.

use redis::Value;

use super::answer::{line, pairs, text};
use super::explain::{About, about};
use crate::inspect::redact::may_show;

/// Characters of a value that are kept.
const VALUE: usize = 2_000;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Shown,
    /// What it means, where it is known here.
    pub about: &'static str,
    /// The default, where it is known here.
    pub default: Option<&'static str>,
}

/// A value that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The value.
    Text(String),
    /// A secret: only whether there is one.
    Secret {
        /// Whether there is one.
        is_set: bool,
    },
}

impl Shown {
    /// What is shown: the value, `set` or `not set` for a secret, `(empty)`.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) if text.is_empty() => "(empty)",
            Self::Text(text) => text,
            Self::Secret { is_set: true } => "set",
            Self::Secret { is_set: false } => "not set",
        }
    }
}

impl Setting {
    /// Whether it is known to differ from the default.
    pub fn is_changed(&self) -> bool {
        match (&self.value, self.default) {
            (Shown::Secret { is_set }, _) => *is_set,
            (Shown::Text(value), Some(default)) => !is_same(value, default),
            (Shown::Text(_), None) => false,
        }
    }

    /// Whether the name, the value or the explanation contains a text.
    pub fn contains(&self, wanted: &str) -> bool {
        let wanted = wanted.trim().to_lowercase();
        wanted.is_empty()
            || [self.name.as_str(), self.value.text(), self.about]
                .into_iter()
                .any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// Servers write some defaults in two ways: words for numbers of old (`slave`), any blanks.
fn is_same(value: &str, default: &str) -> bool {
    let plain = |text: &str| text.replace("slave ", "replica ").to_ascii_lowercase();
    default.split(" or ").any(|default| {
        plain(value)
            .split_whitespace()
            .eq(plain(default).split_whitespace())
    })
}

/// Whether a name is the old one of a setting that has another now.
fn is_old_name(name: &str, all: &[String]) -> bool {
    let now = name
        .replace("-ziplist-", "-listpack-")
        .replace("min-slaves-", "min-replicas-")
        .replace("slaveof", "replicaof")
        .replace("slave", "replica");
    let other = match name {
        "lua-time-limit" => "busy-reply-threshold",
        _ => now.as_str(),
    };
    other != name && all.iter().any(|known| known == other)
}

/// Reads the answer of CONFIG GET, names in their order, old names left out where the new one is there.
pub(super) fn read(answer: &Value, product: &str, version: &str) -> Vec<Setting> {
    let all = pairs(answer);
    let names: Vec<String> = all
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    let mut settings: Vec<Setting> = all
        .iter()
        .zip(&names)
        .filter(|(_, name)| !is_old_name(name, &names))
        .map(|((_, value), name)| {
            let value = text(value);
            let value = if may_show(name, &value) {
                Shown::Text(line(&value, VALUE))
            } else {
                Shown::Secret {
                    is_set: !value.is_empty(),
                }
            };
            let About { text, default } = about(name, product, version);
            Setting {
                name: line(name, 100),
                value,
                about: text,
                default,
            }
        })
        .collect();
    settings.sort_by(|a, b| a.name.cmp(&b.name));
    settings
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn answer(settings: &[(&str, &str)]) -> Value {
        let word = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let words = settings
            .iter()
            .flat_map(|(name, value)| [word(name), word(value)]);
        Value::Array(words.collect())
    }

    fn of(settings: &[(&str, &str)]) -> Vec<Setting> {
        read(&answer(settings), "Redis", "7.0.15")
    }

    #[test]
    fn a_password_is_never_there_to_be_shown() {
        let secrets = [
            "requirepass",
            "masterauth",
            "masteruser",
            "primaryauth",
            "tls-key-file-pass",
            "tls-client-key-file-pass",
            "search.oss-global-password",
            "RequirePass",
        ];
        for name in secrets {
            let all = of(&[(name, "hunter2")]);
            assert_eq!(all[0].value, Shown::Secret { is_set: true }, "{name}");
            assert!(!format!("{all:?}").contains("hunter2") && !all[0].contains("hunter2"));
            assert_eq!(of(&[(name, "")])[0].value.text(), "not set");
        }
        assert_eq!(of(&[("tls-auth-clients", "yes")])[0].value.text(), "yes");
    }

    #[test]
    fn what_differs_from_the_default_is_marked_where_that_is_known() {
        let all = of(&[
            ("maxmemory", "100"),
            ("maxmemory-policy", "noeviction"),
            ("x-unknown", "1"),
            (
                "client-output-buffer-limit",
                "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
            ),
            ("requirepass", "pw"),
        ]);
        let changed: Vec<_> = all
            .iter()
            .filter(|setting| setting.is_changed())
            .map(|setting| setting.name.as_str())
            .collect();
        assert_eq!(changed, ["maxmemory", "requirepass"]);
    }

    #[test]
    fn old_names_stand_only_where_there_is_no_new_one() {
        let both = of(&[
            ("slave-priority", "100"),
            ("replica-priority", "100"),
            ("hash-max-ziplist-entries", "1"),
            ("hash-max-listpack-entries", "1"),
        ]);
        let names: Vec<_> = both.iter().map(|setting| setting.name.as_str()).collect();
        assert_eq!(names, ["hash-max-listpack-entries", "replica-priority"]);
        assert_eq!(of(&[("slave-priority", "100")]).len(), 1);
    }

    #[test]
    fn odd_answers_leave_nothing_to_obey() {
        assert!(of(&[]).is_empty() && read(&Value::Nil, "", "").is_empty());
        let odd = of(&[("a\u{1b}", "1"), ("logfile", "b\r\nc")]);
        let shown: Vec<_> = odd
            .iter()
            .map(|setting| (setting.name.as_str(), setting.value.text()))
            .collect();
        assert_eq!(shown, [("a\\u{1b}", "1"), ("logfile", "b\\r⏎c")]);
        // What is not known, and no number or switch, may be a secret.
        assert_eq!(of(&[("x-unknown", "hunter2")])[0].value.text(), "set");
        let map = Value::Map(vec![(
            Value::SimpleString("hz".into()),
            Value::SimpleString("50".into()),
        )]);
        assert!(read(&map, "Redis", "7.0")[0].is_changed());
    }
}
